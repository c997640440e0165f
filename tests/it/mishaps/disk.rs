//! A full disk.

use std::fs;

use crate::mishaps::common::{
    assert_live, assert_well, expect, history, link, nginx, passed, reload_after, words,
};
use crate::support::{self, Disk, Site, until};

#[test]
fn a_full_disk() {
    let mut site = Site::new();
    let Some(disk) = Disk::small(&site.host.root(), 48, "disk full: virtualenv, log, history") else {
        return;
    };
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();

    // Another set of packages: its virtualenv does not fit.
    let requirements = fs::read_to_string(site.repo.path().join("requirements.txt")).unwrap();
    site.write("requirements.txt", &format!("{requirements}# another set\n"));
    let second = site.commit("another virtualenv");
    disk.fill(600 * 1024);
    expect(&site, &["prod", "deploy"], 1, &["virtualenv", "disk is full", "df -h", "not affected"]);
    disk.empty();
    assert_well(&site, &first);
    site.done(&["prod", "deploy"]);
    assert_well(&site, &first);
    passed("disk full: virtualenv: exit 1, live untouched, then built anew");

    // Not a page is free, nor was any kept in reserve: what is live serves on.
    fs::remove_dir_all(site.path(".deployer/reserve")).unwrap();
    disk.fill(0);
    expect(&site, &["prod", "cutover"], 1, &["disk is full", "not affected"]);
    assert!(site.get("/").1.contains(&first[..7]));
    disk.empty();
    assert_well(&site, &first);
    passed("disk full, without a reserve: nothing is switched, exit 1");

    // A release whose start fills the disk: gunicorn's log and the record have no room.
    let next = link(&site, "next");
    site.write(
        "gunicorn.conf.py",
        "import os\n\n\ndef when_ready(server):\n    path = os.path.join(os.environ['FILLER'])\n    try:\n        \
         with open(path, 'wb', 0) as file:\n            while True:\n                file.write(b'0' * 65536)\n    \
         except OSError:\n        pass\n",
    );
    site.extra = format!("[env]\nFILLER = {:?}\n", disk.filler());
    site.configure();
    site.commit("fills the disk");
    let ran = site.deployer(&["prod", "deploy"]);
    let log = fs::metadata(site.path(&format!("{next}/log/gunicorn.log"))).unwrap();
    // Pages that small files gave back since do not count.
    assert!(disk.free() < 64 * 1024, "the release filled the disk");
    match ran.code {
        // What the start itself gave back was enough for the record.
        0 => assert_eq!(site.status()["next"]["health"]["state"], "healthy"),
        _ => {
            ran.check(1, &["disk is full", "not affected"]);
        }
    }
    assert!(log.is_file() && site.get("/").1.contains(&first[..7]));
    disk.empty();
    assert_eq!(link(&site, "next"), next);
    crate::mishaps::common::assert_live(&site, &first);
    site.extra = String::new();
    site.git(&["rm", "--quiet", "--force", "gunicorn.conf.py"]);
    site.configure();
    let third = site.commit("does not fill the disk");
    site.done(&["prod", "deploy", &third]);
    assert_well(&site, &first);
    passed("disk full: log: live untouched, the outcome is told truly, the next deploy goes well");

    // It fills while nginx is reloaded, after the swap.
    let filler = deployer::shell::display(&[disk.filler().to_string_lossy().into_owned()]);
    let reload = reload_after(&site, &format!("cat /dev/zero > {filler} 2>/dev/null"));
    nginx(&site, &words(&reload), "");
    let ran = site.deployer(&["prod", "cutover"]);
    until("the new release is served", crate::mishaps::common::SOON, || {
        site.get("/").1.contains(&third[..7])
    });
    disk.empty();
    nginx(&site, &[], "");
    match ran.code {
        // What was free in the last page was enough for the line.
        0 => assert_eq!(history(&site).len(), 2),
        code => {
            assert_eq!(code, 3, "{}", ran.stderr);
            assert!(ran.stderr.contains("is live and proven"), "{}", ran.stderr);
            assert_eq!(history(&site).len(), 1);
            site.done(&["prod", "cutover"]);
        }
    }
    assert_well(&site, &third);
    assert_eq!(history(&site).len(), 2);
    assert_ne!(second, third);
    let case = "disk full: history: told and completed by the next cutover, or written";
    support::row("faults", case, format!("ok (exit {})", ran.code));
}

/// What takes a bad release away must work where the disk is full to the last byte.
#[test]
fn a_reserve_is_kept_for_what_must_work() {
    let site = Site::new();
    let Some(disk) = Disk::small(&site.host.root(), 64, "disk full: the reserve") else {
        return;
    };
    let reserve = site.path(".deployer/reserve");
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();
    let second = site.change();
    // A deploy makes it where there is room.
    let full = || {
        if disk.filler().exists() {
            disk.empty();
            site.done(&["prod", "deploy"]);
        }
        assert!(reserve.is_dir());
        disk.fill(0);
        assert_eq!(disk.free(), 0);
    };
    site.done(&["prod", "deploy"]);
    let given_up = &["gave up the room that was kept in reserve"];

    full();
    expect(&site, &["prod", "deploy"], 1, &["disk is full", "deployer prod prune"]);
    assert!(reserve.is_dir(), "not for a deploy");
    expect(&site, &["prod", "cutover"], 0, given_up);
    assert_live(&site, &second);
    assert!(!reserve.exists());
    passed("disk full: cutover works by the reserve");

    // The old release runs still.
    disk.empty();
    site.done(&["prod", "rollback"]);
    site.done(&["prod", "deploy"]);
    site.done(&["prod", "cutover"]);
    disk.fill(0);
    expect(&site, &["prod", "rollback"], 0, given_up);
    assert_live(&site, &first);
    assert_eq!(history(&site).len(), 5);
    passed("disk full: a rollback that is warm works by the reserve");

    for arguments in [
        &["prod", "stop"][..],
        &["prod", "lock", "-m", "no room"],
        &["prod", "unlock"],
        &["prod", "unlock", "--force"],
        &["prod", "prune"],
    ] {
        full();
        expect(&site, arguments, 0, given_up);
        if arguments.contains(&"lock") {
            site.done(&["prod", "unlock"]);
        }
        passed(&format!("disk full: {} works by the reserve", arguments[1..].join(" ")));
    }
    disk.empty();
    site.done(&["prod", "prune"]);
    assert!(reserve.is_dir(), "a prune makes it again");
    assert_live(&site, &first);

    // Nor was any kept by an older deployer.
    fs::remove_dir_all(&reserve).unwrap();
    disk.fill(0);
    for verb in ["stop", "unlock"] {
        expect(&site, &["prod", verb], 0, &[]);
    }
    assert_live(&site, &first);
    passed("disk full, without a reserve: stop and unlock work");
}

/// Where not even the lock's holder can be written down, what makes room must still be able to.
#[test]
fn a_full_disk_is_pruned() {
    let site = Site::new();
    let Some(disk) = Disk::small(&site.host.root(), 64, "disk full: prune") else {
        return;
    };
    let requirements = fs::read_to_string(site.repo.path().join("requirements.txt")).unwrap();
    let mut live = String::new();
    for number in 0..3 {
        site.write("requirements.txt", &format!("{requirements}# set {number}\n"));
        live = site.commit(&format!("set {number}"));
        site.done(&["prod", "deploy", "--cutover"]);
    }
    disk.fill(0);
    expect(&site, &["prod", "deploy"], 1, &["full", "deployer prod prune"]);
    site.deployer(&["prod", "prune", "--keep", "0"]).check(0, &[" freed; "]);
    assert!(disk.free() > 1_000_000, "{}", disk.free());
    assert_live(&site, &live);
    site.done(&["prod", "rollback"]);
    passed("disk full: prune makes room, live and the way back stay");
}
