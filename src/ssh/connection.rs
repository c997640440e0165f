//! An authenticated connection: what a session and the commands that run on it share.

use std::time::{Duration, Instant};

use ssh2::ErrorCode;

use super::error::RemoteError;
use super::pipe::Pipe;
use super::wire::{Wire, WireError};

/// libssh2 takes no longer commands.
pub const LONGEST_COMMAND: usize = 32_000;
/// How long a host may take to start a command.
pub(super) const START: Duration = Duration::from_secs(60);
const STARTING: &str = "starting a command";

pub(super) struct Connection {
    pub(super) wire: Wire,
    /// The host as the user calls it.
    host: String,
    abandoned: bool,
    /// How much of what a command writes may wait while it is sent its input.
    most_held: usize,
}

/// A terminal that a command is to have: its kind, its columns and rows.
pub(super) type RemoteTerminal = (String, (u32, u32));

impl Connection {
    pub(super) fn new(wire: Wire, host: String, most_held: usize) -> Connection {
        Connection { wire, host, abandoned: false, most_held }
    }

    /// Starts a command, as the user's shell on the host reads it.
    pub(super) fn start(
        &mut self,
        command: &str,
        terminal: Option<RemoteTerminal>,
        deadline: Option<Instant>,
    ) -> Result<Pipe, RemoteError> {
        if command.len() > LONGEST_COMMAND {
            return Err(RemoteError::CommandTooLong { host: self.host.clone(), length: command.len() });
        }
        if self.abandoned {
            let detail = "it was closed because a command was left running".into();
            return Err(RemoteError::Lost { host: self.host.clone(), stage: STARTING, detail });
        }
        let deadline = deadline.or_else(|| Some(Instant::now() + START));
        let opened = self.wire.drive(deadline, |ssh| ssh.channel_session());
        let mut channel = opened.map_err(|error| self.start_error(error, STARTING))?;
        if let Some((kind, (columns, rows))) = terminal {
            let size = Some((columns, rows, 0, 0));
            let lent = self.wire.drive(deadline, |_| channel.request_pty(&kind, None, size));
            lent.map_err(|error| self.start_error(error, "asking for a terminal"))?;
        }
        let started = self.wire.drive(deadline, |_| channel.exec(command));
        started.map_err(|error| self.start_error(error, STARTING))?;
        Ok(self.pipe(channel))
    }

    /// What carries a channel's bytes.
    pub(super) fn pipe(&self, channel: ssh2::Channel) -> Pipe {
        Pipe::new(channel, self.most_held)
    }

    fn start_error(&mut self, error: WireError, stage: &'static str) -> RemoteError {
        match error {
            // LIBSSH2_ERROR_CHANNEL_FAILURE and LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED.
            WireError::Ssh(error) if matches!(error.code(), ErrorCode::Session(-21 | -22)) => {
                RemoteError::ExecRefused { host: self.host.clone(), detail: error.message().to_owned() }
            }
            error => {
                // A call that was given up half-way cannot be taken up again.
                self.abandon();
                self.error(error, stage)
            }
        }
    }

    /// Ends the connection, because a command runs that nobody waits for.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.wire.cut();
    }

    pub(super) fn error(&self, error: WireError, stage: &'static str) -> RemoteError {
        RemoteError::from_wire(error, &self.host, stage)
    }
}
