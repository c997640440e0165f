//! One running command: its input, its two outputs, its end.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::error::RemoteError;
use super::patience::Patience;
use super::session::Session;
use super::wire::{Trouble, Wire, would_block};

/// How much is read at a time; a few of SSH's packets.
const PIECE: usize = 64 * 1024;
/// How much may wait here of what a command writes while it is sent its input.
const MOST_HELD: usize = 4 << 20;
/// How long a host may take to close its side of a command that has ended.
const CLOSE: Duration = Duration::from_secs(10);

/// A command that runs on the host. Dropped before its end, it takes the connection with it: libssh2 would wait for
/// the command otherwise.
pub struct Channel<'s> {
    session: &'s mut Session,
    pipe: Pipe,
    /// How many presses of Ctrl-C the caller was shown.
    seen_presses: usize,
}

/// What came from a command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    Stdout(Vec<u8>),
    Stderr(Vec<u8>),
    /// The command has ended, and everything it wrote was handed over.
    End(Exit),
    /// Nothing in the time given, or the user has asked to stop.
    Nothing,
}

impl Received {
    fn bytes(&self) -> usize {
        match self {
            Received::Stdout(bytes) | Received::Stderr(bytes) => bytes.len(),
            Received::End(_) | Received::Nothing => 0,
        }
    }
}

/// How a command ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exit {
    /// `None` where a signal ended it. A host that never said is not told from a 0: have scripts end with a word
    /// of their own where that matters.
    pub status: Option<i32>,
    /// Without `SIG`: `TERM`.
    pub signal: Option<String>,
}

impl Exit {
    #[must_use]
    pub fn success(&self) -> bool {
        self.status == Some(0) && self.signal.is_none()
    }
}

/// All that a command wrote, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
    pub exit: Exit,
}

impl<'s> Channel<'s> {
    pub(super) fn new(session: &'s mut Session, channel: ssh2::Channel) -> Channel<'s> {
        let seen_presses = session.wire.interrupt.count();
        Channel { session, pipe: Pipe::new(channel), seen_presses }
    }

    /// Hands all of `bytes` to the command's standard input. What the command writes meanwhile is kept for
    /// [`Channel::receive`], so that neither side waits for the other.
    ///
    /// # Errors
    /// When the connection is lost, the user interrupts twice, or the command no longer reads. One that takes nothing for
    /// a minute, or for a moment after Ctrl-C, is waited for no longer.
    pub fn send(&mut self, bytes: &[u8]) -> Result<(), RemoteError> {
        let sent = self.pipe.send(&mut self.session.wire, bytes, None);
        sent.map_err(|trouble| self.session.remote_error(trouble, "sending"))
    }

    /// The command reads the end of its input.
    ///
    /// # Errors
    /// As [`Channel::send`].
    pub fn close_input(&mut self) -> Result<(), RemoteError> {
        let done = self.pipe.close_input(&mut self.session.wire, None);
        done.map_err(|trouble| self.session.remote_error(trouble, "sending"))
    }

    /// How often Ctrl-C was pressed.
    #[must_use]
    pub fn presses(&self) -> usize {
        self.session.wire.interrupt.count()
    }

    /// Waits for what comes next, at most `wait`, and wakes at once when it comes or when Ctrl-C is pressed.
    ///
    /// # Errors
    /// When the connection is lost or the user interrupts twice.
    pub fn receive(&mut self, wait: Duration) -> Result<Received, RemoteError> {
        let deadline = Instant::now() + wait;
        loop {
            // First: a host that never stops talking must not keep a press from the caller.
            let presses = self.session.wire.interrupt.count();
            if presses > self.seen_presses {
                self.seen_presses = presses;
                if presses < self.session.wire.ends_at_press() {
                    return Ok(Received::Nothing);
                }
            }
            let came = self.pipe.take(&mut self.session.wire);
            match came.map_err(|trouble| self.session.remote_error(trouble, "receiving"))? {
                Received::Nothing => {}
                came => return Ok(came),
            }
            if Instant::now() >= deadline {
                return Ok(Received::Nothing);
            }
            let woken = self.session.wire.poll(PollFlags::IN, Some(deadline), presses + 1);
            woken.map_err(|trouble| self.session.remote_error(trouble, "receiving"))?;
        }
    }

    pub(super) fn finish(
        mut self,
        input: &[u8],
        deadline: Option<Instant>,
        most: usize,
    ) -> Result<Output, RemoteError> {
        self.pipe.most_held = self.pipe.most_held.max(most.saturating_mul(2));
        let sent = self.pipe.send(&mut self.session.wire, input, deadline);
        let closed = sent.and_then(|()| self.pipe.close_input(&mut self.session.wire, deadline));
        if let Err(trouble) = closed {
            // A command may end without reading its input; how it ended says more than a broken pipe.
            if !self.pipe.at_end() {
                return Err(self.session.remote_error(trouble, "sending"));
            }
        }
        let (mut stdout, mut stderr) = (Vec::new(), Vec::new());
        loop {
            let is_late = deadline.is_some_and(|at| Instant::now() >= at);
            let trouble = match stdout.len().max(stderr.len()) > most {
                true => Some(Trouble::TooMuch(most)),
                false => is_late.then_some(Trouble::TimedOut),
            };
            if let Some(trouble) = trouble {
                return Err(self.session.remote_error(trouble, "waiting for the command"));
            }
            let wait =
                deadline.map_or(Duration::from_secs(1), |at| at.saturating_duration_since(Instant::now()));
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
        if self.pipe.end.is_none() {
            self.session.abandon();
        }
    }
}

/// An SSH channel with what was read from it and not yet handed over.
pub(super) struct Pipe {
    channel: ssh2::Channel,
    held: VecDeque<Received>,
    /// How many bytes are held, and may be.
    held_bytes: usize,
    most_held: usize,
    input_closed: bool,
    end: Option<Exit>,
}

impl Pipe {
    pub(super) fn new(channel: ssh2::Channel) -> Pipe {
        Pipe {
            channel,
            held: VecDeque::new(),
            held_bytes: 0,
            most_held: MOST_HELD,
            input_closed: false,
            end: None,
        }
    }

    pub(super) fn send(
        &mut self,
        wire: &mut Wire,
        mut bytes: &[u8],
        deadline: Option<Instant>,
    ) -> Result<(), Trouble> {
        let mut patience = Patience::new(wire, deadline);
        while !bytes.is_empty() {
            wire.check()?;
            match self.channel.write(bytes) {
                Ok(0) => self.make_room(wire, patience.check(wire)?)?,
                Ok(sent) => {
                    bytes = &bytes[sent..];
                    patience.renew();
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    return Err(wire.cause(Trouble::Io(error)));
                }
                Err(_) if wire.half_sent() => wire.wait(patience.check(wire)?)?,
                Err(_) => self.make_room(wire, patience.check(wire)?)?,
            }
        }
        Ok(())
    }

    /// Hands over as much as the host takes now.
    pub(super) fn offer(&mut self, wire: &mut Wire, bytes: &[u8]) -> Result<usize, Trouble> {
        while !bytes.is_empty() {
            match self.channel.write(bytes) {
                Ok(sent) => return Ok(sent),
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    return Err(wire.cause(Trouble::Io(error)));
                }
                Err(_) if wire.half_sent() => wire.wait(None)?,
                Err(_) => return Ok(0),
            }
        }
        Ok(0)
    }

    /// The command's terminal has another size now: columns and rows.
    pub(super) fn resize(&mut self, wire: &mut Wire, (columns, rows): (u32, u32)) -> Result<(), Trouble> {
        wire.wait_writable(None)?;
        wire.drive(None, |_| self.channel.request_pty_size(columns, rows, None, None))
    }

    /// The host takes nothing more for now: it may be waiting until somebody reads what it writes.
    fn make_room(&mut self, wire: &mut Wire, deadline: Option<Instant>) -> Result<(), Trouble> {
        match self.read(wire)? {
            Received::Nothing if self.at_end() => {
                Err(Trouble::Io(io::Error::new(ErrorKind::BrokenPipe, "the command has ended")))
            }
            Received::Nothing => wire.wait(deadline),
            _ if self.held_bytes > self.most_held => Err(Trouble::TooMuch(self.most_held)),
            came => {
                self.held_bytes += came.bytes();
                self.held.push_back(came);
                Ok(())
            }
        }
    }

    pub(super) fn close_input(&mut self, wire: &mut Wire, deadline: Option<Instant>) -> Result<(), Trouble> {
        if self.input_closed {
            return Ok(());
        }
        wire.wait_writable(deadline)?;
        wire.drive(deadline, |_| self.channel.send_eof())?;
        self.input_closed = true;
        Ok(())
    }

    /// The next thing that has come, without waiting for more than the end of a packet.
    pub(super) fn take(&mut self, wire: &mut Wire) -> Result<Received, Trouble> {
        wire.check()?;
        if let Some(held) = self.held.pop_front() {
            self.held_bytes -= held.bytes();
            return Ok(held);
        }
        if let Some(exit) = &self.end {
            return Ok(Received::End(exit.clone()));
        }
        match self.read(wire)? {
            // The status comes between the end of the output and the close. A command may close its outputs and run on.
            Received::Nothing if self.at_end() => match self.channel.wait_close() {
                Ok(()) => {
                    let exit = self.exit().map_err(Trouble::Ssh)?;
                    self.end = Some(exit.clone());
                    // The command is known to have ended; should this fail, the next use of the session says so.
                    let _ = self.close(wire);
                    Ok(Received::End(exit))
                }
                Err(error) if would_block(&error) => Ok(Received::Nothing),
                Err(error) => Err(wire.cause(Trouble::Ssh(error))),
            },
            came => Ok(came),
        }
    }

    /// What lies ready on either output.
    fn read(&mut self, wire: &mut Wire) -> Result<Received, Trouble> {
        loop {
            if let Some(bytes) = self.read_stream(wire, 0)? {
                return Ok(Received::Stdout(bytes));
            }
            if let Some(bytes) = self.read_stream(wire, ssh2::EXTENDED_DATA_STDERR)? {
                return Ok(Received::Stderr(bytes));
            }
            // Looking for the one may have taken the other off the socket, where poll would no longer see it.
            if self.channel.read_window().available == 0 {
                return Ok(Received::Nothing);
            }
        }
    }

    fn read_stream(&mut self, wire: &mut Wire, id: i32) -> Result<Option<Vec<u8>>, Trouble> {
        let mut piece = vec![0; PIECE];
        let mut stream = self.channel.stream(id);
        loop {
            match stream.read(&mut piece) {
                Ok(0) => return Ok(None),
                Ok(count) => {
                    piece.truncate(count);
                    return Ok(Some(piece));
                }
                Err(error) if error.kind() != ErrorKind::WouldBlock => {
                    return Err(wire.cause(Trouble::Io(error)));
                }
                // Reading sends too: the leave to write more. It must not stay half-sent.
                Err(_) if wire.half_sent() => wire.wait(None)?,
                Err(_) => return Ok(None),
            }
        }
    }

    /// Whether the host has said that nothing more comes, and everything was read.
    pub(super) fn at_end(&self) -> bool {
        self.channel.eof()
    }

    fn exit(&self) -> Result<Exit, ssh2::Error> {
        let signal = self.channel.exit_signal()?.exit_signal;
        let status = self.channel.exit_status()?;
        Ok(Exit { status: signal.is_none().then_some(status), signal })
    }

    /// Waits until the host has closed its side too, for a bounded time.
    pub(super) fn close(&mut self, wire: &mut Wire) -> Result<(), Trouble> {
        let deadline = Some(Instant::now() + CLOSE);
        self.close_input(wire, deadline)?;
        wire.wait_writable(deadline)?;
        wire.drive(deadline, |_| self.channel.close())
    }
}
