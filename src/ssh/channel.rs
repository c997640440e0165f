//! One running command: its input, its two outputs, its end.

use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::connection::Connection;
use super::error::RemoteError;
use super::pipe::{Exit, Pipe, Received};
use super::wire::WireError;

/// A command that runs on the host. Dropped before its end, it takes the connection with it: libssh2 would wait for
/// the command otherwise.
pub struct Channel<'s> {
    connection: &'s mut Connection,
    pipe: Pipe,
    /// How many presses of Ctrl-C the caller was shown.
    seen_presses: usize,
}

/// All that a command wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Exit,
}

impl<'s> Channel<'s> {
    pub(super) fn new(connection: &'s mut Connection, channel: ssh2::Channel) -> Channel<'s> {
        let seen_presses = connection.wire.interrupt.count();
        Channel { connection, pipe: Pipe::new(channel), seen_presses }
    }

    /// Hands all of `bytes` to the command's standard input. What the command writes meanwhile is kept for
    /// [`Channel::receive`], so that neither side waits for the other.
    ///
    /// # Errors
    /// When the connection is lost, the user interrupts twice, or the command no longer reads. One that takes nothing for
    /// a minute, or for a moment after Ctrl-C, is waited for no longer.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), RemoteError> {
        let sent = self.pipe.send(&mut self.connection.wire, bytes, None);
        sent.map_err(|error| self.connection.error(error, "sending"))
    }

    /// The command reads the end of its input.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn close_input(&mut self) -> Result<(), RemoteError> {
        let done = self.pipe.close_input(&mut self.connection.wire, None);
        done.map_err(|error| self.connection.error(error, "sending"))
    }

    /// How often Ctrl-C was pressed.
    #[must_use]
    pub fn presses(&self) -> usize {
        self.connection.wire.interrupt.count()
    }

    /// Waits for what comes next, at most `wait`, and wakes at once when it comes or when Ctrl-C is pressed.
    ///
    /// # Errors
    /// When the connection is lost or the user interrupts twice.
    pub fn receive(&mut self, wait: Duration) -> Result<Received, RemoteError> {
        self.next(Instant::now() + wait).map_err(|error| self.connection.error(error, "receiving"))
    }

    fn next(&mut self, deadline: Instant) -> Result<Received, WireError> {
        let wire = &mut self.connection.wire;
        loop {
            // First: a host that never stops talking must not keep a press from the caller.
            let presses = wire.interrupt.count();
            if presses > self.seen_presses {
                self.seen_presses = presses;
                if presses < wire.ends_at_press() {
                    return Ok(Received::Nothing);
                }
            }
            match self.pipe.take(wire)? {
                Received::Nothing if Instant::now() < deadline => {
                    wire.poll(PollFlags::IN, Some(deadline), presses + 1)?;
                }
                came => return Ok(came),
            }
        }
    }

    /// Sends all of `input`, and collects at most `most` bytes of each output until the command ends.
    pub(super) fn finish(
        mut self,
        input: &[u8],
        deadline: Option<Instant>,
        most: usize,
    ) -> Result<Output, RemoteError> {
        self.pipe.most_held = self.pipe.most_held.max(most.saturating_mul(2));
        let sent = self.pipe.send(&mut self.connection.wire, input, deadline);
        let closed = sent.and_then(|()| self.pipe.close_input(&mut self.connection.wire, deadline));
        if let Err(error) = closed {
            // A command may end without reading its input; how it ended says more than a broken pipe.
            if !self.pipe.at_end() {
                return Err(self.connection.error(error, "sending"));
            }
        }
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            let now = Instant::now();
            let failed = if stdout.len().max(stderr.len()) > most {
                Some(WireError::TooMuch(most))
            } else {
                deadline.filter(|deadline| now >= *deadline).map(|_| WireError::TimedOut)
            };
            if let Some(error) = failed {
                return Err(self.connection.error(error, "waiting for the command"));
            }
            let wait = deadline.map_or(Duration::from_secs(1), |at| at.saturating_duration_since(now));
            match self.receive(wait)? {
                Received::Stdout(mut bytes) => stdout.append(&mut bytes),
                Received::Stderr(mut bytes) => stderr.append(&mut bytes),
                Received::End(exit) => return Ok(Output { stdout, stderr, exit }),
                Received::Nothing => {}
            }
        }
    }
}

impl Drop for Channel<'_> {
    fn drop(&mut self) {
        if !self.pipe.has_ended() {
            self.connection.abandon();
        }
    }
}
