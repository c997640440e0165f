//! What a killed tool leaves behind on the host.

use std::fs;
use std::process::{Command, Stdio};

use crate::common::{assert_well, check, expect, kill_family, link, master, one_live_one_next, passed};
use crate::support::{Site, until};

#[test]
fn index_lock() {
    let site = Site::new();
    let (first, _) = one_live_one_next(&site);
    let repo = site.path(&format!("{}/repo", link(&site, "next")));
    let lock = repo.join(".git/index.lock");

    fs::write(&lock, "").unwrap();
    // A git at work there: it reads objects' names and waits for more.
    let mut git = Command::new("git")
        .args(["cat-file", "--batch"])
        .current_dir(&repo)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("git is at work", crate::common::SOON, || {
        fs::read_link(format!("/proc/{}/exe", git.id())).is_ok_and(|path| path.ends_with("git"))
    });
    site.change();
    let pid = git.id();
    expect(
        &site,
        &["prod", "deploy"],
        1,
        &[&format!("git (process {pid}) is at work in"), "not affected"],
    );
    assert!(lock.exists());
    assert_well(&site, &first);
    git.kill().unwrap();
    git.wait().unwrap();
    passed("index.lock of a git at work: left alone, exit 1");

    let ran = site.done(&["prod", "deploy"]);
    check(ran, 0, &["removed a lock that a killed git left behind"]);
    assert!(!lock.exists());
    assert_well(&site, &first);
    passed("index.lock left behind: removed");
}

#[test]
fn a_virtualenv_left_half_built_is_never_used() {
    let site = Site::new();
    site.done(&["prod", "deploy"]);
    let color = link(&site, "next");
    kill_family(master(&site, &color));
    let env = fs::canonicalize(site.path(&format!("{color}/env"))).unwrap();
    // As a build that was killed leaves it: some of it there, its end never marked.
    fs::remove_file(env.join(".complete")).unwrap();
    let half = env.join("half-built");
    fs::write(&half, "").unwrap();
    fs::remove_dir_all(env.join("bin")).unwrap();
    let commit = site.change();
    let ran = site.done(&["prod", "deploy"]);
    check(ran, 0, &["built with"]);
    assert!(env.join(".complete").exists() && !half.exists());
    site.done(&["prod", "cutover"]);
    assert_well(&site, &commit);
    passed("a virtualenv left half built: built anew");

    site.change();
    check(site.done(&["prod", "deploy"]), 0, &["unchanged"]);
    passed("an unchanged virtualenv: used by both slots");
}
