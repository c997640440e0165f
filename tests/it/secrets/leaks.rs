//! A secret's value is in the slot's file and in the application's environment, and nowhere else.

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use crate::secrets::hunt::{Watch, environs, files, holds, token};
use crate::support::{APP, Ran, Site, row, until};

const SUITE: &str = "secrets";

/// Prints its secret in several ways while it starts, and dies of it.
const TELLS: &str = r#"
import base64, html, json, os, re, urllib.parse
secret = os.environ["PASSWORD"]
coloured = secret[:5] + "\x1b[36m" + secret[5:9] + "\0" + secret[9:] + "\x1b[0m"
print("coloured", coloured, json.dumps(coloured))
print("html", html.escape(secret), secret.encode().hex(), secret.encode().hex(":").upper())
print("lower", re.sub("%..", lambda code: code[0].lower(), urllib.parse.quote(secret, safe="")))
print("twice", json.dumps({"inside": json.dumps(secret)}))
print("plain", secret)
print("json", json.dumps(secret), repr(secret))
print("url", urllib.parse.quote(secret), urllib.parse.quote_plus(secret))
print("basic", base64.b64encode(("user:" + secret).encode()).decode())
raise RuntimeError("cannot connect with " + coloured)
"#;

const HANGS: &str =
    "import os, time\nprint('hangs with', os.environ['PASSWORD'], flush=True)\ntime.sleep(600)\n";

struct Hunted {
    site: Site,
    token: String,
}

fn hunted() -> Hunted {
    let token = token();
    let mut site = Site::new();
    let secrets = site.host.client_home().join("secret");
    site.extra = format!(
        "[health]\nstart_timeout = \"60s\"\n\n[hooks]\non_failure = [\"env >$HOME/told; cat {}/*/log/gunicorn.log\"]\n\n\
         [secrets]\nPASSWORD = {{ file = \"{}/env\" }}\n",
        site.host.root().display(),
        secrets.display(),
    );
    site.configure();
    site.commit("a secret");
    std::fs::create_dir_all(&secrets).expect("a folder");
    std::fs::write(secrets.join("env"), format!("PASSWORD=\"{token}'\\$x \\\"y&{token}\"\n"))
        .expect("a file");
    Hunted { site, token }
}

impl Hunted {
    /// Nothing on the host, at home or in the repository holds the value but the slots' files, and, where the
    /// application printed it, its own log; each is its owner's alone.
    #[track_caller]
    fn only_in_slots(&self, told_by_itself: bool) {
        let source = self.site.host.client_home().join("secret/env");
        let mut folders = vec![self.site.host.folder().to_path_buf(), self.site.repo.path().to_path_buf()];
        folders.push(self.site.host.client_home());
        for (path, mode) in folders.iter().flat_map(|folder| files(folder, &self.token)) {
            if path == source {
                continue;
            }
            let name = path.strip_prefix(self.site.host.root()).unwrap_or(&path);
            let parts: Vec<_> = name.iter().map(|part| part.to_string_lossy()).collect();
            let own = matches!(&parts[..], [color, etc, env] if ["blue", "green"].contains(&&**color) && etc == "etc" && env == "env");
            let log = told_by_itself
                && matches!(&parts[..], [_, log, file] if log == "log" && file.starts_with("gunicorn.log"));
            assert!(own || log, "{} holds the secret", path.display());
            assert_eq!(mode, 0o600, "{}", path.display());
        }
        let stray: Vec<String> =
            environs(&self.token).into_iter().filter(|arguments| !arguments.contains("gunicorn")).collect();
        assert!(stray.is_empty(), "in the environment of {stray:?}");
    }

    #[track_caller]
    fn not_said(&self, ran: &Ran) {
        let digits: String = self.token.bytes().map(|byte| format!("{byte:02x}")).collect();
        for said in [&ran.stdout, &ran.stderr] {
            let hidden = ["\\u001b[36m", "\u{1b}[36m", "\\u0000", "\0", ":"];
            let bare = hidden.iter().fold(said.clone(), |said, hidden| said.replace(hidden, ""));
            assert!(!holds(bare.as_bytes(), &self.token), "{said}");
            assert!(!holds(bare.to_lowercase().as_bytes(), &digits), "{said}");
        }
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], code: i32) -> Ran {
        let ran = self.site.deployer(arguments);
        assert_eq!(ran.code, code, "{arguments:?}: {}{}", ran.stdout, ran.stderr);
        self.not_said(&ran);
        ran
    }
}

#[test]
fn a_value_is_found_nowhere_else() {
    let hunted = hunted();
    let site = &hunted.site;
    let watch = Watch::start(&hunted.token);
    hunted.run(&["-v", "prod", "deploy"], 0);
    assert!(!files(&site.host.root(), &hunted.token).is_empty(), "the value arrived");
    assert!(!environs(&hunted.token).is_empty(), "the application has it");
    hunted.only_in_slots(false);
    hunted.run(&["--json", "prod", "cutover"], 0);
    row(SUITE, "leaks: deploy, cutover", "ok: only in the 0600 file and the application");

    // Killed in the middle of it, while the new release starts.
    site.write("app.py", HANGS);
    site.commit("hang");
    let mut child = site.start(&["--json", "prod", "deploy"]);
    let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
    lines
        .find(|line| line.as_ref().is_ok_and(|line| line.contains("start gunicorn")))
        .expect("the start")
        .expect("a line");
    until("the application's own word", Duration::from_secs(60), || {
        !files(&site.path("green/log"), &hunted.token).is_empty()
            || !files(&site.path("blue/log"), &hunted.token).is_empty()
    });
    child.kill().and_then(|()| child.wait()).expect("it is killed");
    site.until_free(Duration::from_secs(60));
    hunted.only_in_slots(true);
    row(SUITE, "leaks: client killed", "ok");

    site.write("app.py", TELLS);
    site.commit("tell");
    let ran = hunted.run(&["prod", "deploy"], 1);
    assert!(ran.stderr.contains("cannot connect with [PASSWORD redacted]"), "{}", ran.stderr);
    let ran = hunted.run(&["--json", "-v", "prod", "deploy"], 1);
    assert!(ran.stdout.contains("[PASSWORD redacted]"), "{}", ran.stdout);
    let told = std::fs::read_to_string(site.host.client_home().join("told")).expect("what the hook was told");
    assert!(told.contains("DEPLOYER_ERROR="), "{told}");
    hunted.only_in_slots(true);
    row(SUITE, "leaks: a start that fails and tells it", "ok: redacted, only in its own log");

    site.write("app.py", APP);
    site.commit("behave");
    hunted.run(&["prod", "deploy"], 0);
    hunted.run(&["prod", "cutover"], 0);
    site.change();
    hunted.run(&["prod", "deploy"], 0);
    hunted.run(&["prod", "rollback"], 0);
    hunted.only_in_slots(true);
    watch.end();
    row(SUITE, "leaks: rollback", "ok");
}

#[test]
fn a_rehearsal_leaves_nothing() {
    let hunted = hunted();
    let scratch = tempfile::tempdir().expect("a folder");
    let watch = Watch::start(&hunted.token);
    let mut command = hunted.site.command(&["-v", "rehearse"]);
    let output = command.env("TMPDIR", scratch.path()).output().expect("the binary runs");
    let ran = crate::support::ran(output);
    watch.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    hunted.not_said(&ran);
    assert_eq!(files(scratch.path(), &hunted.token), []);
    assert_eq!(files(Path::new(hunted.site.repo.path()), &hunted.token), []);
    hunted.only_in_slots(false);
    row(SUITE, "leaks: rehearse", "ok: it has the values, and leaves none");
}

/// The processes that name a folder in their arguments or their environment.
fn processes_of(folder: &Path) -> Vec<String> {
    let name = folder.to_str().expect("text");
    let names = |file: &Path| std::fs::read(file).is_ok_and(|bytes| holds(&bytes, name));
    std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| names(&process.join("cmdline")) || names(&process.join("environ")))
        .map(|process| process.display().to_string())
        .collect()
}

#[test]
fn a_rehearsal_that_was_killed_is_tidied_up_by_the_next() {
    let hunted = hunted();
    let scratch = tempfile::tempdir().expect("a folder");
    let host_of = || {
        let mut all = std::fs::read_dir(scratch.path()).expect("a folder").flatten();
        all.find(|entry| entry.file_name().to_string_lossy().starts_with("deployer-rehearsal-"))
    };
    let mut killed = std::process::Command::new("sh");
    let plain = hunted.site.command(&[]);
    killed
        .args(["-c", "umask 000; exec \"$0\" rehearse", env!("CARGO_BIN_EXE_deployer")])
        .current_dir(hunted.site.repo.path())
        .env_clear();
    killed.envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    killed.env("TMPDIR", scratch.path()).stderr(std::process::Stdio::null());
    let mut killed = killed.spawn().expect("it starts");
    until("the secret is on the throwaway host", Duration::from_secs(60), || {
        !files(scratch.path(), &hunted.token).is_empty()
    });
    let folder = host_of().expect("the host's folder").path();
    let mode = std::fs::metadata(&folder).expect("a folder").permissions().mode();
    assert_eq!(mode & 0o777, 0o700, "only its owner can enter");
    killed.kill().and_then(|()| killed.wait()).expect("it is killed");
    let left = processes_of(&folder);
    assert!(left.len() >= 2, "sshd and nginx stay: {left:?}");

    // Neither is a leftover: nobody says whose the one is, and whose the other is, lives.
    let stranger = scratch.path().join("deployer-rehearsal-stranger");
    let alive = scratch.path().join("deployer-rehearsal-alive");
    for folder in [&stranger, &alive] {
        std::fs::create_dir(folder).expect("a folder");
        std::fs::set_permissions(folder, std::fs::Permissions::from_mode(0o700)).expect("a mode");
    }
    let owner = std::fs::File::create(alive.join("owner")).expect("a file");
    owner.lock().expect("a lock");

    let mut next = hunted.site.command(&["rehearse"]);
    let ran = crate::support::ran(next.env("TMPDIR", scratch.path()).output().expect("it runs"));
    assert_eq!(ran.code, 0, "{ran:?}");
    let said = ran.stderr.lines().find(|line| line.contains("was killed")).unwrap_or_default();
    assert!(said.contains(&folder.display().to_string()), "{}", ran.stderr);
    assert!(!folder.exists() && stranger.exists() && alive.exists());
    assert_eq!(processes_of(&folder), Vec::<String>::new());
    assert_eq!(files(scratch.path(), &hunted.token), []);
    row(SUITE, "leaks: rehearse, killed", "ok: the next one ends and removes what is left");
}

#[test]
fn a_rehearsal_can_leave_out_the_processes() {
    let mut site = Site::new();
    site.extra = "[processes]\nworker = \"false\"\nbeat = \"false\"\n".to_string();
    site.configure();
    site.commit("workers that cannot run here");
    let ran = site.deployer(&["rehearse"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let ran = site.done(&["rehearse", "--without-processes"]);
    assert!(ran.stderr.contains("leaves out the processes beat and worker"), "{}", ran.stderr);
}
