//! The connection that a master holds, as its commands use it.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use super::client::{Client, literal};
use super::keeper::Keeper;
use super::log::Log;
use crate::ssh::connection::LONGEST_COMMAND;
use crate::ssh::error::RemoteError;
use crate::ssh::interrupt::Interrupt;
use crate::ssh::pipe::Exit;
use crate::ssh::wire::WireError;

/// How long a master may take to say that it is there.
const ANSWER: Duration = Duration::from_secs(2);

/// A connection that a master holds.
pub(super) struct Master {
    pub(super) host: String,
    /// Where the master listens.
    pub(super) control: PathBuf,
    pub(super) interrupt: Interrupt,
    pub(super) ends_at_press: usize,
    /// A command was left running.
    pub(super) abandoned: bool,
    pub(super) silence: Duration,
    pub(super) most_held: usize,
    /// Whether the master gives up by itself on a host that is silent: one that was opened here does.
    pub(super) is_watchful: bool,
    pub(super) _keeper: Keeper,
    /// Gone after the keeper.
    pub(super) client: Client,
}

impl Master {
    /// An `ssh` that the master carries; where the master is gone it fails, and makes no connection of its own.
    pub(super) fn ssh(&self, log: &Path) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.args(["-F", "none", "-S"]).arg(literal(&self.control)).arg("-E").arg(log);
        ssh.args(["-o", "ControlMaster=no", "-o", "ProxyCommand=false", "-o", "LogLevel=DEBUG2"]);
        ssh
    }

    /// What the `ssh` of the running command says.
    pub(super) fn command_log(&self) -> Log {
        Log::at(self.client.folder().join("command"))
    }

    pub(super) fn prepare(&self, command: &str) -> Result<(), RemoteError> {
        if command.len() > LONGEST_COMMAND {
            return Err(RemoteError::CommandTooLong { host: self.host.clone(), length: command.len() });
        }
        if self.abandoned {
            let detail = "it was closed because a command was left running".into();
            return Err(RemoteError::Lost { host: self.host.clone(), stage: "starting a command", detail });
        }
        self.command_log().clear();
        Ok(())
    }

    /// Whether the master is there, and says so.
    pub(super) fn answers(&self) -> bool {
        let mut check = self.ssh(Path::new("/dev/null"));
        check.args(["-O", "check", "--", "host"]);
        let quiet = check.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let Ok(mut child) = quiet.spawn() else { return false };
        let deadline = Instant::now() + ANSWER;
        loop {
            match child.try_wait() {
                Ok(Some(status)) => return status.success(),
                Ok(None) if Instant::now() < deadline => std::thread::sleep(Duration::from_millis(2)),
                _ => {
                    end(&mut child);
                    return false;
                }
            }
        }
    }

    /// How a command ended, by what its `ssh` has said.
    pub(super) fn exit(&self) -> Result<Exit, WireError> {
        let log = self.command_log();
        if let Some(status) = log.exit_status() {
            return Ok(Exit { status: Some(status), signal: None });
        }
        if !self.answers() {
            return Err(self.loss());
        }
        match log.refusal() {
            Some(why) => Err(WireError::NotStarted(why)),
            // OpenSSH does not tell which signal it was.
            None => Ok(Exit { status: None, signal: None }),
        }
    }

    /// Why the connection is gone.
    pub(super) fn loss(&self) -> WireError {
        let log = self.client.log();
        if log.has("Timeout, server") {
            return WireError::Silent(self.silence);
        }
        let detail = log.last_words().unwrap_or_else(|| "your own ssh has closed it".to_owned());
        WireError::Io(std::io::Error::new(std::io::ErrorKind::ConnectionAborted, detail))
    }

    pub(super) fn error(&self, error: WireError, stage: &'static str) -> RemoteError {
        RemoteError::from_wire(error, &self.host, stage)
    }
}

/// Ends a child at once, if it has not ended.
pub(super) fn end(child: &mut Child) {
    let _ = child.kill();
    let _ = child.wait();
}
