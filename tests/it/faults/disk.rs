//! A host whose disk is full or read-only: a small file system at the root's place, in a mount namespace of its own.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::faults::fixture::{SHORT, meet};
use crate::support::{Site, row};

/// Set in the process that has the mounts.
const INSIDE: &str = "DEPLOYER_TEST_MOUNTS";

/// Runs a test of this file again where mounts are private; `None` there.
///
/// Only root may mount. As anybody else the test is left out, visibly; where root may not, it fails.
fn mounts_are_private(test: &str) -> bool {
    if std::env::var_os(INSIDE).is_some() {
        return true;
    }
    let id = Command::new("id").arg("-u").output().expect("id runs");
    if id.stdout != b"0\n" {
        row("faults", test, "SKIPPED: only root can mount a small disk");
        return false;
    }
    // What is below the mounts can only be removed when they are gone, with the last process in there.
    let folder = tempfile::tempdir().expect("a temporary folder");
    let status = Command::new("unshare")
        .args(["--mount", "--propagation", "private"])
        .arg(std::env::current_exe().expect("this test"))
        .args(["--exact", test, "--nocapture"])
        .env(INSIDE, "1")
        .env("TMPDIR", folder.path())
        .status()
        .expect("unshare runs");
    assert!(status.success(), "{test} in a mount namespace of its own");
    false
}

#[track_caller]
fn mount(arguments: &[&str], place: &Path) {
    let status = Command::new("mount").args(arguments).arg(place).status();
    assert!(status.expect("mount runs").success(), "mount {arguments:?}");
}

/// A live site on a disk of 64 MB.
fn small() -> Site {
    let mut site = Site::new();
    fs::create_dir_all(site.host.root()).unwrap();
    mount(&["-t", "tmpfs", "-o", "size=64m", "tmpfs"], &site.host.root());
    site.go_live();
    site.extra = SHORT.to_string();
    site.configure();
    site.commit("short bounds");
    site
}

/// Fills the disk but for some kilobytes.
fn fill(site: &Site, leave: u64) {
    let filler = site.path("filler");
    let _ = fs::remove_file(&filler);
    let output = Command::new("df").args(["--output=avail", "-k"]).arg(site.host.root()).output();
    let text = String::from_utf8(output.expect("df runs").stdout).unwrap();
    let free: u64 = text.lines().nth(1).unwrap().trim().parse().unwrap();
    let count = format!("count={}", free.saturating_sub(leave));
    let done = Command::new("dd")
        .args(["if=/dev/zero", "bs=1k", &count, &format!("of={}", filler.display())])
        .output();
    assert!(done.expect("dd runs").status.success() || leave == 0);
}

#[test]
fn the_disk_is_full() {
    if !mounts_are_private("disk::the_disk_is_full") {
        return;
    }
    let site = small();
    fill(&site, 0);
    let met = meet(&site, "disk_full_at_the_start", &["prod", "deploy"], 1);
    let what = met.after["problems"][0]["what"].as_str();
    assert!(what.is_some_and(|what| what.ends_with("is full")), "{what:?}");

    let mut seed = 1u64;
    let noise: Vec<u8> = (0..3_000_000)
        .map(|_| {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (seed >> 56) as u8
        })
        .collect();
    fs::write(site.repo.path().join("noise.bin"), noise).unwrap();
    site.commit("a large file");
    fill(&site, 1000);
    meet(&site, "disk_full_in_the_seed", &["prod", "deploy"], 1);

    site.git(&["rm", "--quiet", "noise.bin"]);
    site.write("requirements.txt", &format!("{}\nflask\n", crate::support::gunicorn()));
    site.git(&["reset", "--quiet", "--soft", "HEAD~1"]);
    site.commit("another virtualenv");
    fill(&site, 600);
    meet(&site, "disk_full_in_the_virtualenv", &["prod", "deploy"], 1);

    fs::remove_file(site.path("filler")).unwrap();
    site.done(&["prod", "deploy"]);
    // With the reserve that a deploy keeps for it, it would work.
    fs::remove_dir_all(site.path(".deployer/reserve")).unwrap();
    fill(&site, 0);
    meet(&site, "disk_full_at_the_cutover", &["prod", "cutover"], 1);
    fs::remove_file(site.path("filler")).unwrap();
    site.done(&["prod", "cutover"]);
}

#[test]
fn the_disk_is_read_only() {
    if !mounts_are_private("disk::the_disk_is_read_only") {
        return;
    }
    let site = small();
    site.change();
    site.done(&["prod", "deploy"]);
    let root = site.host.root();
    mount(&["--bind", root.to_str().unwrap()], &root);
    mount(&["-o", "remount,bind,ro"], &root);
    meet(&site, "read_only_at_the_start", &["prod", "deploy"], 1);
    meet(&site, "read_only_at_the_cutover", &["prod", "cutover"], 1);
    mount(&["-o", "remount,bind,rw"], &root);
    site.go_live();
}
