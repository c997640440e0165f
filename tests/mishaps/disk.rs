//! A full disk: a small file system of the test's own, which only root can make.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::common::{
    assert_live, assert_well, check, expect, history, link, nginx, passed, reload_after, words,
};
use crate::support::{self, Site, until};

/// A file system in memory, unmounted at the end.
struct Small(PathBuf);

impl Small {
    /// `None` where this user may not mount.
    fn new(path: &Path, megabytes: u32) -> Option<Small> {
        fs::create_dir_all(path).unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"])
            .arg(path)
            .stderr(Stdio::null())
            .status()
            .is_ok_and(|status| status.success());
        mounted.then(|| Small(path.to_path_buf()))
    }

    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves so many bytes free, and not a page more.
    fn fill(&self, leave: usize) {
        let mut file = fs::File::create(self.filler()).unwrap();
        let _ = std::io::copy(&mut std::io::repeat(0), &mut file);
        let size = file.metadata().unwrap().len();
        file.set_len(size.saturating_sub(leave as u64)).unwrap();
    }

    fn free(&self) -> u64 {
        let df = Command::new("df")
            .args(["-B1", "--output=avail"])
            .arg(&self.0)
            .output();
        let text = String::from_utf8(df.unwrap().stdout).unwrap();
        text.lines().nth(1).unwrap().trim().parse().unwrap()
    }

    fn empty(&self) {
        fs::remove_file(self.filler()).unwrap();
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // What a host still has open would keep it: it lets go by itself when that ends.
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_full_disk() {
    let mut site = Site::new();
    let Some(disk) = Small::new(&site.host.root(), 48) else {
        for case in ["virtualenv", "log", "history"] {
            let case = format!("disk full: {case}");
            support::row(
                "faults",
                &case,
                "SKIPPED: only root can mount a small file system",
            );
        }
        return;
    };
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();

    // Another set of packages: its virtualenv does not fit.
    let requirements = fs::read_to_string(site.repo.path().join("requirements.txt")).unwrap();
    site.write("requirements.txt", &format!("{requirements}# another set\n"));
    let second = site.commit("another virtualenv");
    disk.fill(600 * 1024);
    expect(
        &site,
        &["prod", "deploy"],
        1,
        &["virtualenv", "disk is full", "df -h", "not affected"],
    );
    disk.empty();
    assert_well(&site, &first);
    site.done(&["prod", "deploy"]);
    assert_well(&site, &first);
    passed("disk full: virtualenv: exit 1, live untouched, then built anew");

    // Not a page is free: nothing begins, and what is live serves on.
    disk.fill(0);
    expect(&site, &["prod", "cutover"], 1, &["disk is full", "not affected"]);
    assert!(site.get("/").1.contains(&first[..7]));
    disk.empty();
    assert_well(&site, &first);
    passed("disk full: nothing begins, exit 1");

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
            check(ran, 1, &["disk is full", "not affected"]);
        }
    }
    assert!(log.is_file() && site.get("/").1.contains(&first[..7]));
    disk.empty();
    assert_eq!(link(&site, "next"), next);
    crate::common::assert_live(&site, &first);
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
    until("the new release is served", crate::common::SOON, || {
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

/// Where not even the lock's holder can be written down, what makes room must still be able to.
#[test]
fn a_full_disk_is_pruned() {
    let site = Site::new();
    let Some(disk) = Small::new(&site.host.root(), 64) else {
        support::row(
            "faults",
            "disk full: prune",
            "SKIPPED: only root can mount a small file system",
        );
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
    check(site.deployer(&["prod", "prune", "--keep", "0"]), 0, &[" freed; "]);
    assert!(disk.free() > 1_000_000, "{}", disk.free());
    assert_live(&site, &live);
    site.done(&["prod", "rollback"]);
    passed("disk full: prune makes room, live and the way back stay");
}
