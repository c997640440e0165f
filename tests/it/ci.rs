//! The action and the examples for build services, played: their very lines of shell on a fresh runner without a compiler,
//! with a release on loopback and a throwaway host.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::{APP, Ran, Site, place, ran, row};
use tempfile::TempDir;

const ACTION: &str = include_str!("../../action.yml");
const GITHUB: &str = include_str!("../../examples/ci/github.yml");
const GITLAB: &str = include_str!("../../examples/ci/gitlab-ci.yml");
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a runner has of programs, beside those of bash; no compiler is among them.
const TOOLS: &[&str] = &[
    "bash",
    "cat",
    "curl",
    "dirname",
    "env",
    "git",
    "grep",
    "gzip",
    "id",
    "mkdir",
    "mktemp",
    "rm",
    "sed",
    "sh",
    "sha256sum",
    "tar",
];

/// Makes a folder with these programs of this machine, and nothing else, which is to be a PATH.
fn lay_out(tools: &[&str], folder: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    for tool in tools {
        let mut places = std::env::split_paths(&path).map(|place| place.join(tool));
        let found = places.find(|file| file.is_file()).unwrap_or_else(|| panic!("{tool} is not here"));
        symlink(found, folder.join(tool)).expect("a link");
    }
}

/// The lines below `key` in a YAML file that are indented deeper than it.
fn below<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim() != key);
    let own = depth(lines.next().unwrap_or_else(|| panic!("no {key:?}")));
    lines.take_while(|line| line.trim().is_empty() || depth(line) > own).map(str::trim).collect()
}

/// The shell of one of the action's steps, and the names of the variables that it sets.
fn step(name: &str) -> (String, Vec<&'static str>) {
    let (_, step) =
        ACTION.split_once(&format!("- name: {name}\n")).unwrap_or_else(|| panic!("no step {name:?}"));
    let variables = below(step, "env:").into_iter().filter_map(|line| line.split(':').next()).collect();
    (below(step, "run: |").join("\n"), variables)
}

/// The lines of GitLab's `before_script` and `script`, which one shell runs.
fn gitlab() -> String {
    let lines = ["before_script:", "script:"].map(|key| below(GITLAB, key)).concat();
    let lines = lines.iter().filter_map(|line| line.strip_prefix("- "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Half a minute of watching is for the real thing.
fn hasten(script: &str) -> String {
    assert!(script.contains("--watch 30s"), "{script}");
    script.replace("--watch 30s", "--watch 1s")
}

/// A site that is reached by its address, as by a runner that has no ssh_config, and a runner's clone of its repository.
struct Runner {
    site: Site,
    folder: TempDir,
    /// The folder with all programs that it has.
    programs: PathBuf,
}

impl Runner {
    fn new() -> Runner {
        let mut site = Site::new();
        site.alias = "127.0.0.1".to_string();
        site.environment = format!("port = {}\nuser = {:?}\n", site.host.ssh_port(), site.host.user());
        site.extra = "[hooks]\nafter_cutover = \"env > $HOME/variables\"\n".to_string();
        site.configure();
        site.commit("reach it by its address");
        site.done(&["prod", "deploy", "--cutover"]);
        site.change();
        let folder = tempfile::tempdir().expect("a folder");
        let from = site.repo.path().to_str().expect("text");
        crate::support::git(folder.path(), &["clone", "--quiet", from, "work"]);
        for name in ["home", "temp", "programs"] {
            fs::create_dir(folder.path().join(name)).expect("a folder");
        }
        let programs = folder.path().join("programs");
        lay_out(TOOLS, &programs);
        Runner { site, folder, programs }
    }

    fn at(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Runs a script as the services do: of this machine's environment it sees nothing.
    fn run(&self, script: &str, more: &[(&str, &str)]) -> Ran {
        let mut command = Command::new("bash");
        command
            .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
            .current_dir(self.at("work"))
            .env_clear()
            .env("PATH", &self.programs)
            .env("HOME", self.at("home"))
            .env("CI", "true")
            .envs(more.iter().copied())
            .stdin(Stdio::null());
        ran(command.output().expect("bash runs"))
    }

    /// The line of known_hosts for the host.
    fn pin(&self) -> String {
        let text = fs::read_to_string(self.site.host.known_hosts()).expect("known_hosts");
        let name = format!("[127.0.0.1]:{}", self.site.host.ssh_port());
        text.lines().find(|line| line.contains(&name)).expect("the host's key").to_string()
    }

    fn shows_head(&self) -> bool {
        self.site.get("/").1.contains(&self.site.git(&["rev-parse", "--short=7", "HEAD"]))
    }
}

/// Lays down what a release holds for this machine: the tar file and its sum, below `folder/v…`.
fn release(folder: &Path) {
    let target = format!("{}-unknown-linux-musl", std::env::consts::ARCH);
    let name = format!("deployer-{VERSION}-{target}");
    let place = folder.join(format!("v{VERSION}"));
    let script = format!(
        "mkdir -p '{name}/bin' && ln -s '{}' '{name}/bin/deployer' && tar -chf - '{name}' | gzip -1 > '{name}.tar.gz' && \
         sha256sum '{name}.tar.gz' > SHA256SUMS",
        env!("CARGO_BIN_EXE_deployer")
    );
    fs::create_dir_all(&place).expect("a folder");
    let done = Command::new("sh").args(["-c", &script]).current_dir(place).status();
    assert!(done.expect("sh runs").success());
}

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

#[test]
fn the_action_releases_from_a_fresh_runner() {
    let runner = Runner::new();
    release(runner.folder.path());
    let (key, pin) = (fs::read_to_string(runner.site.host.identity()).expect("a key"), runner.pin());
    let (page, temp) = (runner.at("summary.md"), runner.at("temp"));
    let releases = format!("file://{}", runner.folder.path().display());
    let arch = if std::env::consts::ARCH == "aarch64" { "ARM64" } else { "X64" };
    let command =
        hasten(ACTION.lines().find_map(|line| line.trim().strip_prefix("default: deploy")).expect("one"));
    let command = format!("deploy{command}");
    let both = [
        ("GITHUB_ACTIONS", "true"),
        ("GITHUB_ACTOR", "ann"),
        ("GITHUB_ACTION_PATH", env!("CARGO_MANIFEST_DIR")),
        ("GITHUB_STEP_SUMMARY", page.to_str().expect("text")),
        ("RUNNER_OS", "Linux"),
        ("RUNNER_ARCH", arch),
        ("RUNNER_TEMP", temp.to_str().expect("text")),
    ];
    let play = |name: &str, values: &[(&str, &str)]| {
        let (script, names) = step(name);
        assert_eq!(names, values.iter().map(|(name, _)| *name).collect::<Vec<_>>());
        runner.run(&script, &[&both[..], values].concat())
    };
    let fetch = |version: &str| {
        play("Fetch deployer", &[("VERSION", version), ("RELEASES", &releases), ("REPOSITORY", "/nowhere")])
    };
    // A secret loses the line feed at its end.
    let deploy = |command: &str, pin: &str| {
        let values =
            [("ENVIRONMENT", "prod"), ("COMMAND", command), ("KEY", key.trim_end()), ("KNOWN_HOSTS", pin)];
        let ran = play("Run deployer", &values);
        assert_eq!(names_in(&temp), ["deployer"], "the key is gone");
        assert!(!runner.at("home/.ssh").exists());
        ran
    };
    let began = std::time::Instant::now();

    // Of a release that is not there, and of one that somebody changed, nothing is run.
    let ran = fetch("9.9.9");
    assert!(ran.code != 0 && ran.stderr.contains("curl"), "{ran:?}");
    let sums = runner.folder.path().join(format!("v{VERSION}/SHA256SUMS"));
    let right = fs::read_to_string(&sums).expect("sums");
    let digit = if right.starts_with('0') { "1" } else { "0" };
    fs::write(&sums, format!("{digit}{}", &right[1..])).expect("a file");
    let ran = fetch(VERSION);
    assert!(ran.code == 1 && ran.stdout.contains("::error title=deployer::"), "{ran:?}");
    assert!(!temp.join("deployer/bin").exists());
    fs::write(&sums, right).expect("a file");

    // Without a version it is that of the action itself.
    let ran = fetch("");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains(&format!("deployer {VERSION}")), "{ran:?}");
    let ran = deploy(&command, &pin);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(runner.shows_head());
    let took = began.elapsed().as_secs_f64();
    assert!(took < 60.0, "{took} s");
    row("build services", "the action", format!("ok: live after {took:.1} s"));
    let said = &ran.stderr;
    let head = runner.site.git(&["rev-parse", "--short=7", "HEAD"]);
    assert!(said.contains("by ann@github"), "{said}");
    assert!(said.contains("::group::"), "{said}");
    assert_eq!(said.matches("::group::").count(), said.matches("::endgroup::").count(), "{said}");
    assert!(said.contains("  live after") && said.contains("  in all"), "{said}");
    let page = fs::read_to_string(&page).expect("a summary");
    assert_eq!(page.matches("### ").count(), 1, "{page}");
    for text in [
        "✅ deploy of prod",
        &format!("| commit |  | {head} change 0 |"),
        "| live before |",
        "switch to green",
    ] {
        assert!(page.contains(text), "{text:?} is not in:\n{page}");
    }

    // What deployer runs there sees no key among its variables.
    let variables = fs::read_to_string(runner.at("home/variables")).expect("the hook ran");
    let private = key.lines().nth(1).expect("a line of the key");
    assert!(variables.contains("DEPLOYER_COMMIT=") && !variables.contains(private), "{variables}");

    // Somebody else's key under the host's name: the pin holds, and the run is marked.
    let (name, _) = pin.split_once(' ').expect("a name");
    let public = fs::read_to_string(runner.site.host.identity().with_extension("pub")).expect("a public key");
    let ran = deploy(&command, &format!("{name} {public}"));
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("::error title=deployer::"), "{ran:?}");
    assert!(runner.shows_head());
}

/// Makes a wheel of the binary that is tested, as a release has one.
const WHEEL: &str = r#"
import sys, zipfile
binary, version, folder = sys.argv[1:]
name = f"deployer_cli-{version}"
texts = {
    "METADATA": f"Metadata-Version: 2.1\nName: deployer-cli\nVersion: {version}\n",
    "WHEEL": "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: false\nTag: py3-none-any\n",
    "RECORD": "",
}
with zipfile.ZipFile(f"{folder}/{name}-py3-none-any.whl", "w") as wheel:
    wheel.write(binary, f"{name}.data/scripts/deployer")
    for file, text in texts.items():
        wheel.writestr(f"{name}.dist-info/{file}", text)
"#;

#[test]
fn a_fresh_gitlab_runner_releases_by_the_wheel() {
    let runner = Runner::new();
    let python = |words: &[&str]| {
        let done = Command::new("/usr/bin/python3").args(words).current_dir(runner.folder.path()).output();
        let done = done.expect("python runs");
        assert!(done.status.success(), "{done:?}");
    };
    python(&["-c", WHEEL, env!("CARGO_BIN_EXE_deployer"), VERSION, "."]);
    // The image's own Python, into which pip may install.
    python(&["-m", "venv", "python"]);
    symlink(runner.at("python/bin/pip"), runner.programs.join("pip")).expect("a link");
    let known = runner.at("known_hosts");
    fs::write(&known, runner.pin()).expect("a file");
    let (identity, here) = (runner.site.host.identity().display().to_string(), runner.folder.path());
    let path = format!("{}:{}", runner.programs.display(), runner.at("python/bin").display());
    let more = [
        ("DEPLOY_KEY", identity.as_str()),
        ("DEPLOY_KNOWN_HOSTS", known.to_str().expect("text")),
        ("GITLAB_CI", "true"),
        ("PATH", &path),
        ("PIP_NO_INDEX", "1"),
        ("PIP_FIND_LINKS", here.to_str().expect("text")),
    ];
    let ran = runner.run(&hasten(&gitlab()), &more);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(runner.shows_head());
    assert!(ran.stderr.contains("section_start:") && ran.stderr.contains("section_end:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("  in all"), "{}", ran.stderr);
    // The secret key lay in a file of its owner's alone.
    let key = fs::metadata(runner.at("home/.ssh/id_ed25519")).expect("a key");
    assert_eq!(key.permissions().mode() & 0o777, 0o600);
}

/// The examples install the release that they lie beside, and ask of the action what it takes.
#[test]
fn the_examples_are_of_this_release() {
    let (_, own) = GITHUB.split_once(&format!("uses: OWNER/deployer@v{VERSION}\n")).expect("this release");
    assert!(GITLAB.contains(&format!("deployer-cli=={VERSION}\n")), "{GITLAB}");
    let inputs = below(ACTION, "inputs:");
    for line in below(own, "with:") {
        let (name, _) = line.split_once(':').expect("a key");
        assert!(inputs.contains(&format!("{name}:").as_str()), "the action has no {name}");
    }
}

/// The first thing that a newcomer runs: it neither builds nor asks for a compiler where a deployer is installed.
#[test]
fn the_quickstart_takes_the_deployer_that_is_installed() {
    let _place = place();
    let folder = tempfile::tempdir().expect("a folder");
    lay_out(&["cp", "dirname", "git", "mktemp", "rm", "sed", "sh"], folder.path());
    symlink(env!("CARGO_BIN_EXE_deployer"), folder.path().join("deployer")).expect("a link");
    let mut quickstart = Command::new(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/quickstart.sh"));
    quickstart.env_clear().env("PATH", folder.path()).env("HOME", folder.path()).env("PIP_NO_INDEX", "1");
    quickstart.env("PIP_FIND_LINKS", std::env::var_os("DEPLOYER_TEST_WHEELS").expect("wheels"));
    let ran = ran(quickstart.current_dir("/").stdin(Stdio::null()).output().expect("it runs"));
    ran.check(
        0,
        &["quickstart: with", &format!("deployer {VERSION}"), "over to", "Say hello again", " 0 lost;"],
    );
}

/// What build services take for instructions, as somebody's commit, log, lock or reply may hold it.
const INSTRUCTIONS: &str = "##[set-output name=x]y ##vso[task.setvariable variable=x]y ###[error]";

/// Prints instructions wherever it can, and answers with them where it is asked to.
const SPEAKS: &str = r#"
import sys
TEXT = b"::set-env name=x::y\n  ::set-output name=x::y\nshown\r::error::x\n##[set-output name=x]y ##vso[task.setvariable variable=x]y\n"
sys.stderr.buffer.write(TEXT)
sys.stderr.flush()
"#;

/// The lines in which a runner finds an instruction that is none of ours.
fn instructions(said: &str) -> Vec<&str> {
    let ours = ["::group::", "::endgroup::", "::error title=deployer::"];
    let is_old = |line: &str| {
        line.split("##").skip(1).any(|rest| {
            rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()).starts_with('[')
        })
    };
    said.split(['\n', '\r'])
        .filter(|line| {
            let new = line.trim_start();
            is_old(line) || new.starts_with("::") && !ours.iter().any(|own| new.starts_with(own))
        })
        .collect()
}

#[test]
fn nothing_that_is_shown_instructs_a_build_service() {
    let mut site = Site::new();
    site.extra = "[health]\nstart_timeout = \"3s\"\n".to_string();
    site.configure();
    site.write("app.py", &format!("{SPEAKS}{APP}"));
    site.commit(INSTRUCTIONS);
    site.go_live();
    site.write("app.py", &format!("{SPEAKS}{APP}\nraise RuntimeError({INSTRUCTIONS:?})\n"));
    site.commit(&format!("::error::x {INSTRUCTIONS}"));
    let lock = format!("::error::x {INSTRUCTIONS}");
    let print = format!(
        "printf '%s\\n' '{INSTRUCTIONS}' ' ::set-env name=x::y' >&2; printf '::x::\\r::y::{INSTRUCTIONS}'"
    );
    let commands: &[&[&str]] = &[
        &["prod", "deploy"],
        &["prod", "plan"],
        &["prod", "lock", "-m", &lock],
        &["prod", "cutover"],
        &["status"],
        &["prod", "history"],
        &["prod", "env", "--values"],
        &["prod", "doctor"],
        &["prod", "logs"],
        &["prod", "logs", "deploy"],
        &["prod", "run", "sh", "-c", &print],
        &["prod", "unlock"],
    ];
    let services: &[(&str, &str)] =
        &[("GITHUB_ACTIONS", "true"), ("TF_BUILD", "True"), ("GITLAB_CI", "true"), ("CI", "1")];
    let mut count = 0;
    for service in services {
        for arguments in commands {
            // JSON is the same everywhere.
            for json in [false, true].into_iter().take(if service.0 == "TF_BUILD" { 2 } else { 1 }) {
                // Of the shell's own stream, as a runner's script has it.
                let mut command = Command::new("sh");
                let plain = site.command(arguments);
                command.args(["-c", "\"$@\"; exit $?", "sh", env!("CARGO_BIN_EXE_deployer")]);
                command.args(json.then_some("--json")).args(*arguments).current_dir(site.repo.path());
                for (name, value) in plain.get_envs() {
                    if let Some(value) = value {
                        command.env(name, value);
                    }
                }
                let ran =
                    ran(command.env(service.0, service.1).stdin(Stdio::null()).output().expect("it runs"));
                let both = format!("{}\n{}", ran.stdout, ran.stderr);
                assert_eq!(instructions(&both), Vec::<&str>::new(), "{service:?} {json} {arguments:?}");
                // What is JSON holds the same text as ever.
                if json && arguments[0] == "status" {
                    let commit = &ran.status()["live"]["commit"]["subject"];
                    assert_eq!(commit, INSTRUCTIONS);
                }
                count += 1;
            }
        }
    }
    // For who takes it in hand, data is what it was.
    let mut piped = site.command(&["prod", "run", "sh", "-c", &print]);
    let piped = ran(piped.env("GITHUB_ACTIONS", "true").output().expect("it runs"));
    assert_eq!(piped.stdout, format!("::x::\r::y::{INSTRUCTIONS}"));
    let plain = site.deployer(&["prod", "logs"]);
    assert!(plain.stdout.contains("\n##[set-output name=x]y ##vso["), "{}", plain.stdout);
    row("build services", "instructions", format!("ok: none in {count} runs"));
}
