//! One running command: its input, its two outputs, its end.

use std::time::{Duration, Instant};

use super::error::RemoteError;
use super::interrupt::Interrupt;
use super::pipe::{Exit, Received};
use super::transport::RunningCommand;
use super::wire::WireError;

/// A command that runs on the host. Dropped before its end, it takes the connection with it.
pub struct Channel<'s> {
    running: Box<dyn RunningCommand + 's>,
    host: String,
    interrupt: Interrupt,
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
    pub(super) fn new(
        running: Box<dyn RunningCommand + 's>,
        host: &str,
        interrupt: &Interrupt,
    ) -> Channel<'s> {
        let seen_presses = interrupt.count();
        Channel { running, host: host.to_owned(), interrupt: interrupt.clone(), seen_presses }
    }

    /// Hands all of `bytes` to the command's standard input. What the command writes meanwhile is kept for
    /// [`Channel::receive`], so that neither side waits for the other.
    ///
    /// # Errors
    /// When the connection is lost, the user interrupts twice, or the command no longer reads. One that takes nothing for
    /// a minute, or for a moment after Ctrl-C, is waited for no longer.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), RemoteError> {
        self.running.send(bytes, None).map_err(|error| self.error(error, "sending"))
    }

    /// The command reads the end of its input.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn close_input(&mut self) -> Result<(), RemoteError> {
        self.running.close_input(None).map_err(|error| self.error(error, "sending"))
    }

    /// How often Ctrl-C was pressed.
    #[must_use]
    pub fn presses(&self) -> usize {
        self.interrupt.count()
    }

    /// Waits for what comes next, at most `wait`, and wakes at once when it comes or when Ctrl-C is pressed.
    ///
    /// # Errors
    /// When the connection is lost or the user interrupts twice.
    pub fn receive(&mut self, wait: Duration) -> Result<Received, RemoteError> {
        self.next(Instant::now() + wait).map_err(|error| self.error(error, "receiving"))
    }

    fn next(&mut self, deadline: Instant) -> Result<Received, WireError> {
        loop {
            // First: a host that never stops talking must not keep a press from the caller.
            let presses = self.interrupt.count();
            if presses > self.seen_presses {
                self.seen_presses = presses;
                if presses < self.running.ends_at_press() {
                    return Ok(Received::Nothing);
                }
            }
            match self.running.take()? {
                Received::Nothing if Instant::now() < deadline => self.running.wait(deadline, presses + 1)?,
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
        let sent = self.running.send(input, deadline);
        let closed = sent.and_then(|()| self.running.close_input(deadline));
        if let Err(error) = closed {
            // A command may end without reading its input; how it ended says more than a broken pipe.
            if !self.running.at_end() {
                return Err(self.error(error, "sending"));
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
                return Err(self.error(error, "waiting for the command"));
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

    fn error(&self, error: WireError, stage: &'static str) -> RemoteError {
        RemoteError::from_wire(error, &self.host, stage)
    }
}
