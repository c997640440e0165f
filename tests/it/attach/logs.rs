//! `logs`: the end of a log, and what is added to it.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Site, row, until};

const SUITE: &str = "run and logs";

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).create(true).open(path).expect("the log");
    file.write_all(text.as_bytes()).expect("the log takes it");
}

/// A `logs -f` that runs, and what it has said so far.
struct Follower {
    child: Child,
    out: Arc<Mutex<Vec<String>>>,
    err: Arc<Mutex<Vec<String>>>,
}

impl Follower {
    fn start(site: &Site, arguments: &[&str]) -> Follower {
        fn gather(stream: impl std::io::Read + Send + 'static) -> Arc<Mutex<Vec<String>>> {
            let lines = Arc::new(Mutex::new(Vec::new()));
            let to = Arc::clone(&lines);
            thread::spawn(move || {
                for line in BufReader::new(stream).lines().map_while(Result::ok) {
                    to.lock().unwrap().push(line);
                }
            });
            lines
        }
        let mut child = site.start(arguments);
        Follower {
            out: gather(child.stdout.take().expect("its output")),
            err: gather(child.stderr.take().expect("its errors")),
            child,
        }
    }

    #[track_caller]
    fn says(&self, line: &str) {
        until(line, Duration::from_secs(30), || self.out.lock().unwrap().iter().any(|said| said == line));
    }

    fn interrupted(mut self) -> (i32, Vec<String>, Vec<String>) {
        kill_process(Pid::from_child(&self.child), Signal::INT).expect("it is there");
        let status = self.child.wait().expect("it ends");
        let lines = |lines: &Arc<Mutex<Vec<String>>>| lines.lock().unwrap().clone();
        (status.code().unwrap_or(-1), lines(&self.out), lines(&self.err))
    }
}

#[test]
fn the_end_of_each_log() {
    let site = Site::new();
    let ran = site.deployer(&["prod", "logs"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("nothing is live on"), "{ran:?}");
    site.configure();
    site.commit("one");
    site.go_live();
    let nginx = format!("error_log = {:?}\n", site.host.nginx_error_log());
    let config = fs::read_to_string(site.repo.path().join("deployer.toml")).expect("the configuration");
    site.write(
        "deployer.toml",
        &config.replace("[environments.prod.nginx]\n", &format!("[environments.prod.nginx]\n{nginx}")),
    );

    let ran = site.done(&["prod", "logs"]);
    assert!(ran.stdout.contains("Listening at: http://127.0.0.1:"), "{ran:?}");
    assert_eq!(ran.stderr, "", "data alone");
    append(&site.path("blue/log/gunicorn.log"), "one\n\u{1b}[31mtwo\u{1b}[0m\nthree");
    let ran = site.done(&["prod", "logs", "--lines", "2", "--slot", "blue"]);
    assert_eq!(ran.stdout, "\u{1b}[31mtwo\u{1b}[0m\nthree", "as it stands");
    assert_eq!(site.done(&["prod", "logs", "-n", "0"]).stdout, "");

    append(&site.host.nginx_error_log(), "nginx complains\n");
    assert!(site.done(&["prod", "logs", "nginx"]).stdout.ends_with("nginx complains\n"));
    append(&site.path("blue/log/worker.log"), "a job\n");
    assert_eq!(site.done(&["prod", "logs", "worker"]).stdout, "a job\n");
    let history = site.done(&["prod", "logs", "deploy"]).stdout;
    assert!(history.contains("Z  cutover  blue  ") && history.contains("  by ann@"), "{history}");

    let ran = site.deployer(&["prod", "logs", "beat"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("blue/log/beat.log on"), "{ran:?}");
    assert_eq!(site.deployer(&["prod", "logs", "../../etc/passwd"]).code, 2);
    row(SUITE, "logs: app, nginx, deploy, a process", "ok");
}

#[test]
fn following_crosses_rotations_and_cutovers() {
    let site = Site::new();
    site.go_live();
    let log = site.path("blue/log/gunicorn.log");
    let follower = Follower::start(&site, &["prod", "logs", "-f", "--lines", "1"]);
    until("the last line", Duration::from_secs(30), || follower.out.lock().unwrap().len() == 1);

    let mut slowest = Duration::ZERO;
    for number in 0..10 {
        let (line, began) = (format!("line {number}"), Instant::now());
        append(&log, &format!("{line}\n"));
        follower.says(&line);
        slowest = slowest.max(began.elapsed());
    }
    row(SUITE, "logs -f: ten lines", format!("ok: each within {} ms", slowest.as_millis()));

    append(&log, "the old one's last\n");
    fs::rename(&log, log.with_extension("log.1")).expect("a rotation");
    append(&log.with_extension("log.1"), "written while it was rotated\n");
    append(&log, "the new one's first\n");
    follower.says("the new one's first");
    fs::write(&log, "cut short\n").expect("a truncation");
    follower.says("cut short");
    row(SUITE, "logs -f: rotation, truncation", "ok");

    site.change();
    site.done(&["prod", "deploy", "--allow-dirty"]);
    append(&site.path("green/log/gunicorn.log"), "from before it was live\n");
    // What the host looks at next is known to be later.
    append(
        &log,
        "still blue
",
    );
    follower.says("still blue");
    site.done(&["prod", "cutover"]);
    append(&site.path("green/log/gunicorn.log"), "green is live\n");
    follower.says("green is live");
    let (code, out, err) = follower.interrupted();
    assert_eq!(code, 130, "{err:?}");
    assert_eq!(err, ["note: live is green now: going on with its log"]);
    assert!(!out.iter().any(|line| line == "from before it was live"), "{out:?}");
    let place = |line: &str| {
        out.iter().position(|said| said == line).unwrap_or_else(|| panic!("no {line:?} in {out:?}"))
    };
    let order = [
        "the old one's last",
        "written while it was rotated",
        "the new one's first",
        "cut short",
        "green is live",
    ]
    .map(place);
    assert!(order.is_sorted(), "{out:?}");
    row(SUITE, "logs -f: across a cutover; Ctrl-C", "ok: says so, and goes on; 130");

    // Nothing stays behind on the host.
    let left = || {
        fs::read_dir("/proc").expect("/proc").flatten().any(|process| {
            let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
            let variables = fs::read(process.path().join("environ")).unwrap_or_default();
            let root = site.host.root();
            let home = root.parent().expect("the root is in a home").display().to_string();
            String::from_utf8_lossy(&arguments).contains("import sys,zlib")
                && String::from_utf8_lossy(&variables).contains(&home)
        })
    };
    until("the end on the host", Duration::from_secs(10), || !left());
}

#[test]
fn a_log_that_one_may_not_read_names_the_group_that_may() {
    let folder =
        tempfile::Builder::new().permissions(fs::Permissions::from_mode(0o755)).tempdir().expect("a folder");
    let log = folder.path().join("error.log");
    fs::write(&log, "secret\n").expect("a log");
    let is_root = fs::metadata(&log).expect("the log").uid() == 0;
    let agent = folder.path().join("agent");
    fs::create_dir(&agent).expect("a folder");
    for file in
        fs::read_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/templates/agent")).expect("the agent").flatten()
    {
        if file.file_type().is_ok_and(|kind| kind.is_file()) {
            fs::copy(file.path(), agent.join(file.file_name())).expect("a copy");
        }
    }
    // root may read everything, so it looks as somebody else; another's own file bars its owner by its mode.
    let mut command = if is_root {
        let adm = Command::new("chgrp").arg("adm").arg(&log).status().expect("chgrp runs");
        assert!(adm.success());
        fs::set_permissions(&log, fs::Permissions::from_mode(0o640)).expect("a mode");
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "/usr/bin/python3"]);
        command
    } else {
        fs::set_permissions(&log, fs::Permissions::from_mode(0o040)).expect("a mode");
        Command::new("/usr/bin/python3")
    };
    let script = "import sys\nsys.path.insert(0, sys.argv[1])\nfrom agent import logs, wire\n\
         wire.open_wire('NONCE')\n\
         asked = {'slot': 'live', 'kind': 'file', 'name': sys.argv[2], 'lines': 10, 'follow': False}\n\
         logs.logs({'root': '/nowhere'}, asked, None)";
    command.args(["-ISBc", script]).arg(folder.path()).arg(&log);
    let output = command.output().expect("python runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let first = said.lines().find_map(|line| line.strip_prefix("NONCE "));
    let said: serde_json::Value = serde_json::from_str(first.expect("a message")).expect("json");
    let said = &said["unread"];
    assert_eq!(said["error"], "denied");
    let group = if is_root { "adm".to_string() } else { own_group() };
    assert_eq!(said["group"], group);
    row(SUITE, "logs: not readable", "ok: names the group that may");
}

fn own_group() -> String {
    let output = Command::new("id").arg("-gn").output().expect("id runs");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}
