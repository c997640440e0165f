//! What a killed tool leaves behind on the host.

use std::fs;
use std::process::{Command, Stdio};

use crate::mishaps::common::{assert_well, expect, link, master, one_live_one_next, passed};
use crate::support::{Site, kill_family, until};

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
    until("git is at work", crate::mishaps::common::SOON, || {
        fs::read_link(format!("/proc/{}/exe", git.id())).is_ok_and(|path| path.ends_with("git"))
    });
    site.change();
    let pid = git.id();
    expect(&site, &["prod", "deploy"], 1, &[&format!("git (process {pid}) is at work in"), "not affected"]);
    assert!(lock.exists());
    assert_well(&site, &first);
    git.kill().unwrap();
    git.wait().unwrap();
    passed("index.lock of a git at work: left alone, exit 1");

    let ran = site.done(&["prod", "deploy"]);
    ran.check(0, &["left behind: index.lock"]);
    assert!(!lock.exists());
    assert_well(&site, &first);
    passed("index.lock left behind: removed");
}

/// A power loss leaves any of git's lock files, and files that are empty.
#[test]
fn every_lock_and_every_empty_file_of_git() {
    let site = Site::new();
    let (live, _) = one_live_one_next(&site);
    let git = site.path(&format!("{}/repo/.git", link(&site, "next")));
    let wanted = |site: &Site| site.git(&["rev-parse", "HEAD"]);
    let left = |commit: &str| {
        let names = [
            "HEAD.lock",
            "index.lock",
            "packed-refs.lock",
            "config.lock",
            "shallow.lock",
            "refs/deployer/seed.lock",
            "modules/one/two/index.lock",
        ];
        let mut paths: Vec<_> = names.iter().map(|name| git.join(name)).collect();
        paths.push(git.join(format!("refs/deployer/releases/{commit}.lock")));
        for path in &paths {
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        paths
    };
    let fsck = || {
        let done = Command::new("git").args(["fsck", "--strict"]).current_dir(&git).output().unwrap();
        assert!(done.status.success(), "{done:?}");
    };

    site.change();
    let locks = left(&wanted(&site));
    site.deployer(&["prod", "deploy"]).check(0, &["left behind:"]);
    assert!(locks.iter().all(|lock| !lock.exists()), "{locks:?}");
    assert_well(&site, &live);
    fsck();
    passed("git's locks left behind, HEAD and references too: removed and said");

    for name in ["HEAD", "config", "index", "refs/deployer/seed"] {
        fs::write(git.join(name), "").unwrap();
        site.change();
        site.deployer(&["prod", "deploy"]).check(0, &[]);
        assert_well(&site, &live);
        fsck();
        passed(&format!("git's {name} left empty: mended"));
    }

    let locks = left(&wanted(&site));
    site.deployer(&["prod", "prune"]).check(0, &[]);
    assert!(locks.iter().all(|lock| !lock.exists()), "{locks:?}");
    passed("git's locks left behind: prune removes them");
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
    ran.check(0, &["built with"]);
    assert!(env.join(".complete").exists() && !half.exists());
    site.done(&["prod", "cutover"]);
    assert_well(&site, &commit);
    passed("a virtualenv left half built: built anew");

    site.change();
    site.done(&["prod", "deploy"]).check(0, &["unchanged"]);
    passed("an unchanged virtualenv: used by both slots");
}
