//! A small file system of a test's own, which only root can make.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A file system in memory, unmounted at the end.
pub struct Disk(PathBuf);

impl Disk {
    /// `None` where this user may not mount, which is said in the table of suites.
    pub fn small(place: &Path, megabytes: u32, case: &str) -> Option<Disk> {
        let id = Command::new("id").arg("-u").output().expect("id runs");
        if id.stdout != b"0\n" {
            super::row("faults", case, "SKIPPED: only root can mount a small file system");
            return None;
        }
        fs::create_dir_all(place).expect("a folder");
        let disk = Disk(place.to_path_buf());
        disk.mount(&["-t", "tmpfs", "-o", &format!("size={megabytes}m"), "tmpfs"]);
        Some(disk)
    }

    #[track_caller]
    fn mount(&self, arguments: &[&str]) {
        let status = Command::new("mount").args(arguments).arg(&self.0).status();
        assert!(status.expect("mount runs").success(), "mount {arguments:?}");
    }

    /// From now on nothing can be written, but what is open stays open: it lies on the mount below.
    pub fn read_only(&self) {
        self.mount(&["--bind", self.0.to_str().expect("a UTF-8 path")]);
        self.mount(&["-o", "remount,bind,ro"]);
    }

    pub fn writable(&self) {
        assert!(self.unmount());
    }

    /// What a host still has open would keep it: it lets go by itself when that ends.
    fn unmount(&self) -> bool {
        let status = Command::new("umount").arg("-l").arg(&self.0).stderr(Stdio::null()).status();
        status.is_ok_and(|status| status.success())
    }

    pub fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves so many bytes free, and not a page more.
    pub fn fill(&self, leave: usize) {
        let mut file = File::create(self.filler()).expect("a file");
        let _ = std::io::copy(&mut std::io::repeat(0), &mut file);
        let size = file.metadata().expect("a file").len();
        file.set_len(size.saturating_sub(leave as u64)).expect("a shorter file");
    }

    pub fn empty(&self) {
        fs::remove_file(self.filler()).expect("the filler goes");
    }

    pub fn free(&self) -> u64 {
        let df = Command::new("df").args(["-B1", "--output=avail"]).arg(&self.0).output();
        let text = String::from_utf8(df.expect("df runs").stdout).expect("a number");
        text.lines().nth(1).expect("a second line").trim().parse().expect("a number")
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        while self.unmount() {}
    }
}
