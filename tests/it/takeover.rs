//! A host that an older deployer built is taken over as it stands, with nothing lost.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::support::{Load, Replies, Site, git, gunicorn, until};

/// What commit 09d7981 left on a host: blue is live, green is next. [`record`] made it.
const LEFT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/fixtures/host-09d7981.tar.gz");

/// What differs from host to host stands in the recorded files by these names.
fn differences(site: &Site) -> [(&'static str, String); 3] {
    let ports = site.host.app_ports();
    let root = site.host.root().to_str().expect("a UTF-8 path").to_string();
    [("@ROOT@", root), ("@BLUE@", ports.blue.to_string()), ("@GREEN@", ports.green.to_string())]
}

/// Changes the text of each file and the target of each link below a folder.
fn rewrite(folder: &Path, change: &impl Fn(&str) -> String) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let (path, kind) = (entry.path(), entry.file_type().expect("a kind"));
        if kind.is_dir() {
            rewrite(&path, change);
        } else if kind.is_symlink() {
            let target = fs::read_link(&path).expect("a link");
            fs::remove_file(&path).expect("a link goes");
            symlink(change(target.to_str().expect("a UTF-8 path")), &path).expect("a link");
        } else if let Ok(text) = fs::read_to_string(&path) {
            let changed = change(&text);
            if changed != text {
                fs::write(&path, changed).expect("a file");
            }
        }
    }
}

fn run(command: &mut Command) {
    let output = command.output().expect("it runs");
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A host as it was left, with both releases running, and a clone of what was deployed to it.
fn left() -> Site {
    let site = Site::new();
    let root = site.host.root();
    fs::create_dir_all(&root).expect("a root");
    run(Command::new("tar").arg("-xzf").arg(LEFT).arg("-C").arg(&root));
    let differences = differences(&site);
    rewrite(&root, &|text| {
        differences.iter().fold(text.to_string(), |text, (name, value)| text.replace(name, value))
    });

    // The virtualenv is the host's own: its Python, its packages.
    let virtualenv = fs::canonicalize(root.join("live/env")).expect("a virtualenv");
    let variable = |name| std::env::var(name).expect("a variable of tests/run.sh");
    let (uv, wheels) = (variable("DEPLOYER_TEST_UV"), variable("DEPLOYER_TEST_WHEELS"));
    run(Command::new(&uv)
        .args(["venv", "--allow-existing", "--python", "/usr/bin/python3"])
        .arg(&virtualenv));
    let python = virtualenv.join("bin/python");
    run(Command::new(&uv)
        .args(["pip", "install", "--no-index", "--find-links", &wheels, "--python"])
        .arg(python)
        .arg(gunicorn()));

    for color in ["blue", "green"] {
        // By its own launcher, in a session of its own, with its log: as it was started then.
        let log =
            fs::File::options().append(true).open(root.join(color).join("log/gunicorn.log")).expect("a log");
        run(Command::new("setsid")
            .args(["--fork", "sh"])
            .arg(root.join(".deployer/launch"))
            .arg(&root)
            .args([color, "web"])
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log"))
            .stderr(log));
    }
    site.reload_nginx();
    until("the old release is served", Duration::from_secs(20), || site.get("/").0 == 200);

    git(
        site.repo.path(),
        &["fetch", "--quiet", root.join("next/repo").to_str().expect("a UTF-8 path"), "HEAD"],
    );
    site.git(&["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    site.configure();
    site.write("requirements.txt", &format!("{}\n", gunicorn()));
    site
}

#[test]
fn what_an_older_deployer_left_goes_on_without_a_loss() {
    let site = left();
    let [first, second] = ["HEAD~1", "HEAD"].map(|name| site.git(&["rev-parse", name]));
    let status = site.status();
    assert_eq!(status["live"]["commit"]["id"], *first, "{status}");
    assert_eq!(status["next"]["commit"]["id"], *second, "{status}");
    for slot in ["live", "next"] {
        assert_eq!(status[slot]["health"]["state"], "healthy", "{status}");
    }
    let served = |commit: &str| {
        let (code, body) = site.get("/");
        assert!(code == 200 && body.contains(&commit[..7]), "{code} {body}");
    };

    let mut load = Load::new(site.door(), site.host.server_name());
    load.clients = 2;
    load.path = "/slow?seconds=0.02".to_string();
    let load = load.start();
    // What waits in next is as good as one of our own, and so is the way back.
    site.done(&["prod", "cutover"]);
    served(&second);
    site.done(&["prod", "rollback"]);
    served(&first);
    let third = site.commit("by a newer deployer");
    site.done(&["prod", "deploy"]);
    served(&first);
    site.done(&["prod", "cutover"]);
    served(&third);
    site.done(&["prod", "rollback"]);
    served(&first);
    let report = load.stop();
    assert!(report.failures().is_empty(), "{:?}", report.failures());
    println!("{} requests, 0 lost", report.answers.len());
    assert!(report.answers.len() > 100);

    let status = site.status();
    assert_eq!(status["problems"], serde_json::json!([]), "{status}");
    let verbs: Vec<_> = fs::read_to_string(site.path(".deployer/history.jsonl"))
        .expect("a history")
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).expect("a record")["verb"].clone())
        .collect();
    assert_eq!(verbs, ["cutover", "cutover", "rollback", "cutover", "rollback"], "theirs and ours");
}

/// Makes the recorded files anew: `DEPLOYER_BENCH_OLD=… tests/run.sh takeover::record -- --ignored`
#[test]
#[ignore = "needs a build of the older deployer"]
fn record() {
    let mut site = Site::new();
    site.binary =
        PathBuf::from(std::env::var_os("DEPLOYER_BENCH_OLD").expect("DEPLOYER_BENCH_OLD names the build"));
    // Nothing of this machine in a commit.
    fs::remove_dir_all(site.repo.path().join(".git")).expect("a repository");
    site.git(&["init", "--quiet", "--initial-branch=main"]);
    fs::write(site.repo.path().join(".git/info/exclude"), "deployer.toml\n").expect("a file");
    site.commit("say hello");
    let load = Load::new(site.door(), site.host.server_name());
    site.go_live();
    let load = load.start();
    site.change();
    site.done(&["prod", "deploy"]);
    assert!(load.stop().failures().is_empty());

    let copy = tempfile::tempdir().expect("a temporary folder");
    run(Command::new("cp").arg("-a").arg(site.path(".")).arg(copy.path()));
    let remove = "rm -rf */repo/.git/hooks */repo/.git/logs */repo/.git/FETCH_HEAD */etc/app.pid .deployer/virtualenvs/*/[!.]* && for log in */log/*; do : > \"$log\"; done";
    run(Command::new("sh").args(["-c", remove]).current_dir(&copy));
    let differences = differences(&site);
    let machine = fs::read_to_string("/proc/sys/kernel/hostname").expect("a name");
    rewrite(copy.path(), &|text| {
        let text = text.replace(&format!("ann@{}", machine.trim_end()), "ann@laptop");
        differences.iter().fold(text, |text, (name, value)| text.replace(value, name))
    });
    run(Command::new("tar")
        .args(["--owner=0", "--group=0", "--sort=name", "-czf", LEFT, "."])
        .current_dir(&copy));
}
