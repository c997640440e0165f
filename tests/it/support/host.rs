//! What tests do to a throwaway host, and look at in it, by its files and processes.

use std::fs::{self, OpenOptions};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use deployer::rehearsal::ThrowawayHost;
use rustix::process::{Pid, Signal, kill_process};

use super::until;

pub trait HostControl {
    fn nginx_config(&self) -> PathBuf;
    /// Every `*.conf` in here is another site of the same nginx.
    fn nginx_sites(&self) -> PathBuf;
    fn nginx_access_log(&self) -> PathBuf;
    /// The number of nginx's master process.
    fn nginx_pid(&self) -> u32;
    /// Ends nginx: the front door refuses connections.
    fn stop_nginx(&self);
    /// Starts nginx again, on the same port.
    fn start_nginx(&self);
    /// Ends the SSH listener: new connections are refused, open sessions go on.
    fn refuse_ssh(&self);
    /// Listens for SSH again, on the same port.
    fn accept_ssh(&self);
    /// Restarts sshd with a host key that `known_hosts` does not know.
    fn change_host_key(&self);
}

impl HostControl for ThrowawayHost {
    fn nginx_config(&self) -> PathBuf {
        self.folder().join("nginx/nginx.conf")
    }

    fn nginx_sites(&self) -> PathBuf {
        self.folder().join("nginx/sites")
    }

    fn nginx_access_log(&self) -> PathBuf {
        self.folder().join("nginx/access.log")
    }

    fn nginx_pid(&self) -> u32 {
        pid(&self.folder().join("nginx/pid")).expect("nginx runs")
    }

    fn stop_nginx(&self) {
        stop(&self.folder().join("nginx/pid"));
    }

    fn start_nginx(&self) {
        let mut words = self.nginx_test_command();
        words.pop();
        start(self, "nginx", Command::new(&words[0]).args(&words[1..]));
    }

    fn refuse_ssh(&self) {
        stop(&self.folder().join("ssh/pid"));
    }

    fn accept_ssh(&self) {
        let folder = self.folder().join("ssh");
        let mut sshd = Command::new("/usr/sbin/sshd");
        sshd.arg("-D").arg("-f").arg(folder.join("sshd_config"));
        sshd.arg("-o").arg(format!("ListenAddress=127.0.0.1:{}", self.ssh_port()));
        start(self, "ssh", sshd.arg("-E").arg(folder.join("log")));
    }

    fn change_host_key(&self) {
        self.refuse_ssh();
        let key = self.folder().join("ssh/host_ed25519");
        fs::remove_file(&key).expect("a host key");
        let mut keygen = Command::new("ssh-keygen");
        let made = keygen.args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.expect("ssh-keygen runs").success());
        self.accept_ssh();
    }
}

fn pid(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Whether a process runs; one that has ended may still wait for its parent.
fn runs(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, state)| !state.starts_with(['Z', 'X']))
}

fn stop(pid_file: &Path) {
    let pid = pid(pid_file).expect("a server that runs");
    let target = Pid::from_raw(i32::try_from(pid).expect("a pid")).expect("a pid");
    kill_process(target, Signal::TERM).expect("a server that runs");
    until("the server has ended", Duration::from_secs(10), || !runs(pid));
}

/// Starts a server as the host itself does; by the mark in its variables the host knows it, and ends it.
fn start(host: &ThrowawayHost, part: &str, command: &mut Command) {
    let folder = host.folder().join(part);
    let _ = fs::remove_file(folder.join("pid"));
    let log = OpenOptions::new().create(true).append(true).open(folder.join("error.log")).expect("a log");
    let errors = log.try_clone().expect("a log");
    command.env("DEPLOYER_REHEARSAL", host.folder()).process_group(0);
    let mut child = command.stdin(Stdio::null()).stdout(log).stderr(errors).spawn().expect("a server");
    let started = child.id();
    std::thread::spawn(move || child.wait());
    until("the server listens", Duration::from_secs(15), || pid(&folder.join("pid")) == Some(started));
}
