//! Processes that hold the lock and are no deployer's.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use crate::mishaps::common::{SOON, assert_problem, assert_well, expect, one_live_one_next, passed};
use crate::support::{Site, alive, row, signal, until};

/// Ended with the test, however that ends.
struct Stranger(Child);

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A process that holds the lock, shared, as anybody may who can read it; `last` is what it becomes.
fn hold(site: &Site, last: &str) -> Stranger {
    let line = format!("exec 8<\"$1\" && flock -s 8 && exec {last}");
    let child = Command::new("sh")
        .args(["-c", &line, "sh"])
        .arg(site.path(".deployer/lock"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    until("it holds the lock", SOON, || {
        let name = fs::read_to_string(format!("/proc/{}/comm", child.id())).unwrap_or_default();
        name.trim() == "sleep"
    });
    Stranger(child)
}

#[test]
fn nobody_else_can_hold_the_lock() {
    let site = Site::new();
    // Another user's mask, and a lock that an older deployer made.
    site.done(&["prod", "deploy"]);
    let lock = site.path(".deployer/lock");
    let mode = || fs::metadata(&lock).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(), 0o600);
    fs::set_permissions(&lock, fs::Permissions::from_mode(0o666)).unwrap();
    site.done(&["prod", "deploy"]);
    assert_eq!(mode(), 0o600);
    passed("lock: nobody else can open it, nor one that an older deployer made");
}

#[test]
fn a_stranger_is_named_and_ended_where_that_is_asked_for() {
    let site = Site::new();
    let (live, _) = one_live_one_next(&site);
    let stranger = hold(&site, "sleep 1000");
    let pid = stranger.0.id();
    let user = String::from_utf8(Command::new("id").arg("-un").output().unwrap().stdout).unwrap();
    let who = format!("process {pid} of user {} (sleep 1000)", user.trim());
    expect(
        &site,
        &["prod", "deploy"],
        4,
        &[&format!("prod is locked by {who}"), "no command of a deployer's", "deployer prod unlock --force"],
    );
    let status = site.status();
    assert_problem(&status, &format!("the lock is held by {who}"), Some("deployer prod unlock --force"));
    assert_eq!(status["lock"]["by"], *who);
    expect(&site, &["prod", "unlock"], 4, &[&who]);
    assert!(alive(pid));
    expect(&site, &["prod", "unlock", "--force"], 0, &[&format!("ended process {pid} (sleep 1000)")]);
    drop(stranger);
    assert_well(&site, &live);
    passed("lock: an unknown holder is named in error and status, and ended by unlock --force");

    if !rustix::process::geteuid().is_root() {
        row("faults", "lock: another user's holder", "SKIPPED: only root can be another user");
        return;
    }
    let stranger = hold(&site, "setpriv --reuid=65534 --clear-groups sleep 1000");
    let pid = stranger.0.id();
    for arguments in [&["prod", "stop"][..], &["prod", "unlock", "--force"]] {
        expect(
            &site,
            arguments,
            4,
            &[
                &format!("process {pid} of user nobody (sleep 1000)"),
                "only root can end it",
                &format!("kill {pid}"),
            ],
        );
    }
    assert_problem(&site.status(), "of user nobody", Some(&format!("sudo kill {pid}")));
    assert!(alive(pid));
    drop(stranger);
    site.done(&["prod", "deploy"]);
    assert_well(&site, &live);
    passed("lock: another user's holder is named, with what root does");
}

/// What a hook or a build leaves behind lives on, without the lock.
#[test]
fn what_a_step_leaves_behind_does_not_hold_the_lock() {
    let mut site = Site::new();
    let pids = site.host.folder().join("left");
    // As tools leave them that do not daemonize well: in a session of their own, with all that they were given.
    let line = format!("setsid sh -c 'echo $$ >>{}; exec sleep 1000' &", pids.display());
    let toml = serde_json::to_string(&line).unwrap();
    site.extra = format!("[build]\ncommands = [{toml}]\n[hooks]\nrelease = [{toml}]\nsmoke = [{toml}]\n");
    site.configure();
    let test = site.host.nginx_test_command();
    let test = deployer::shell::display(&test);
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (head, tail) = text.split_once("\ntest = ").unwrap();
    let tail = tail.split_once('\n').unwrap().1;
    let words = serde_json::to_string(&["/bin/sh", "-c", &format!("{line} {test}")]).unwrap();
    fs::write(&path, format!("{head}\ntest = {words}\n{tail}")).unwrap();
    let commit = site.commit("leaves processes behind");
    site.done(&["prod", "deploy", "--cutover"]);
    let left = || -> Vec<u32> {
        let text = fs::read_to_string(&pids).unwrap_or_default();
        text.lines().filter_map(|line| line.parse().ok()).collect()
    };
    until("all of them run", SOON, || left().len() == 4);
    assert!(left().into_iter().all(alive));
    let lock = fs::metadata(site.path(".deployer/lock")).unwrap();
    for pid in left() {
        for file in fs::read_dir(format!("/proc/{pid}/fd")).unwrap().flatten() {
            use std::os::unix::fs::MetadataExt;
            let open = fs::metadata(file.path()).map(|found| found.ino()).unwrap_or(0);
            assert_ne!(open, lock.ino(), "process {pid}, descriptor {:?}", file.file_name());
        }
    }
    site.deployer(&["prod", "stop"]).check(0, &[]);
    assert_well(&site, &commit);
    signal("KILL", &left());
    passed("lock: what hooks, builds and nginx's test leave behind does not hold it");
}
