use std::fs::OpenOptions;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::process::Signal;

use super::{HostError, processes};

const START_TIMEOUT: Duration = Duration::from_secs(15);
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(5);
const LOG_LINES: usize = 10;

/// A server that runs in the foreground as our child.
#[derive(Debug)]
pub(super) struct Daemon {
    child: Child,
}

impl Daemon {
    /// Starts it and waits until it has written its own number into `pid_file`.
    ///
    /// Both sshd and nginx write that file only once they listen, so nobody else can hold their port then.
    pub(super) fn start(command: &mut Command, pid_file: &Path, log: &Path) -> Result<Daemon, HostError> {
        let program = command.get_program().to_string_lossy().into_owned();
        let output = OpenOptions::new().create(true).append(true).open(log).map_err(HostError::file(log))?;
        let errors = output.try_clone().map_err(HostError::file(log))?;
        let _ = std::fs::remove_file(pid_file);
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            // Ctrl-C in the caller's terminal must not reach it before the caller has tidied up.
            .process_group(0)
            .spawn()
            .map_err(|source| HostError::Run { program: program.clone(), source })?;
        let mut daemon = Daemon { child };
        // Should we be killed, the next one knows it by this.
        let note = pid_file.with_file_name("started");
        processes::note(daemon.pid(), &note).map_err(HostError::file(&note))?;
        let deadline = Instant::now() + START_TIMEOUT;
        while processes::read_pid(pid_file) != Some(daemon.pid()) {
            if !daemon.is_running() || Instant::now() > deadline {
                return Err(HostError::Start { program, log: tail(log) });
            }
            std::thread::sleep(POLL);
        }
        Ok(daemon)
    }

    pub(super) fn pid(&self) -> u32 {
        self.child.id()
    }

    pub(super) fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    fn wait(&mut self, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        while self.is_running() {
            if Instant::now() > deadline {
                return false;
            }
            std::thread::sleep(POLL);
        }
        true
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if !self.is_running() {
            return;
        }
        processes::signal(Signal::TERM, [self.pid()]);
        processes::signal(Signal::CONT, [self.pid()]);
        if !self.wait(STOP_TIMEOUT) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}

fn tail(log: &Path) -> String {
    let text = std::fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
}

/// Finds a program on PATH or in the folders that an ordinary user's PATH lacks; sshd insists on an absolute path.
pub(super) fn find_program(name: &'static str) -> Result<PathBuf, HostError> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain(["/usr/sbin", "/usr/local/sbin", "/sbin", "/usr/bin", "/bin"].map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|candidate| candidate.is_absolute() && candidate.is_file())
        .ok_or(HostError::Missing { program: name })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_program_names_the_packages() {
        let error = find_program("no-such-program-here").unwrap_err().to_string();
        assert!(error.contains("apt-get install openssh-server nginx"), "{error}");
        assert!(find_program("sh").unwrap().is_absolute());
    }

    #[test]
    fn a_daemon_that_ends_at_once_is_reported_with_its_last_words() {
        let folder = tempfile::tempdir().unwrap();
        let error = Daemon::start(
            Command::new("/bin/sh").args(["-c", "echo the address is in use >&2; exit 3"]),
            &folder.path().join("pid"),
            &folder.path().join("log"),
        )
        .unwrap_err();
        assert_eq!(error.to_string(), "/bin/sh did not start: the address is in use");
    }
}
