//! An SSH channel with what was read from it and not yet handed over.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, Read, Write};
use std::time::{Duration, Instant};

use super::patience::Patience;
use super::wire::{Wire, WireError, would_block};

/// How much is read at a time; a few of SSH's packets.
const PIECE: usize = 64 * 1024;
/// How long a host may take to close its side of a command that has ended.
const CLOSE: Duration = Duration::from_secs(10);

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
    /// `None` where a signal ended it. A host that reports no status looks like a 0: where that matters, have the
    /// command print a last word of its own.
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

/// What a command wrote while it was sent its input, until somebody takes it.
pub(super) struct Held {
    queue: VecDeque<Received>,
    bytes: usize,
    /// How many bytes may wait.
    most: usize,
}

impl Held {
    pub(super) fn new(most: usize) -> Held {
        Held { queue: VecDeque::new(), bytes: 0, most }
    }

    pub(super) fn push(&mut self, came: Received) -> Result<(), WireError> {
        if self.bytes > self.most {
            return Err(WireError::TooMuch(self.most));
        }
        self.bytes += came.bytes();
        self.queue.push_back(came);
        Ok(())
    }

    pub(super) fn pop(&mut self) -> Option<Received> {
        let came = self.queue.pop_front()?;
        self.bytes -= came.bytes();
        Some(came)
    }
}

pub(super) struct Pipe {
    channel: ssh2::Channel,
    held: Held,
    input_closed: bool,
    end: Option<Exit>,
}

impl Pipe {
    /// One that holds no more than `most_held` bytes of what a command writes while it is sent its input.
    pub(super) fn new(channel: ssh2::Channel, most_held: usize) -> Pipe {
        Pipe { channel, held: Held::new(most_held), input_closed: false, end: None }
    }

    /// Hands over all of `bytes`. What comes from the host meanwhile is held.
    pub(super) fn send(
        &mut self,
        wire: &mut Wire,
        mut bytes: &[u8],
        deadline: Option<Instant>,
    ) -> Result<(), WireError> {
        let mut patience = Patience::new(&wire.interrupt, deadline);
        while !bytes.is_empty() {
            wire.check()?;
            match self.write(wire, bytes, Some(&patience))? {
                0 => self.make_room(wire, check(&patience, wire)?)?,
                sent => {
                    bytes = &bytes[sent..];
                    patience.renew();
                }
            }
        }
        Ok(())
    }

    /// Hands over as much as the host takes now.
    pub(super) fn offer(&mut self, wire: &mut Wire, bytes: &[u8]) -> Result<usize, WireError> {
        if bytes.is_empty() { Ok(0) } else { self.write(wire, bytes, None) }
    }

    fn write(
        &mut self,
        wire: &mut Wire,
        bytes: &[u8],
        patience: Option<&Patience>,
    ) -> Result<usize, WireError> {
        Ok(flushed(wire, patience, || self.channel.write(bytes))?.unwrap_or(0))
    }

    /// Whether the host would take bytes at once.
    pub(super) fn has_window(&self) -> bool {
        self.channel.write_window().remaining > 0
    }

    /// The command's terminal has another size now: columns and rows.
    pub(super) fn resize(&mut self, wire: &mut Wire, (columns, rows): (u32, u32)) -> Result<(), WireError> {
        wire.wait_writable(None)?;
        wire.drive(None, |_| self.channel.request_pty_size(columns, rows, None, None))
    }

    /// The host takes nothing more for now: it may be waiting until somebody reads what it writes.
    fn make_room(&mut self, wire: &mut Wire, deadline: Option<Instant>) -> Result<(), WireError> {
        match self.read(wire)? {
            Received::Nothing if self.at_end() => {
                Err(WireError::Io(io::Error::new(ErrorKind::BrokenPipe, "the command has ended")))
            }
            Received::Nothing => wire.wait(deadline),
            came => self.held.push(came),
        }
    }

    pub(super) fn close_input(
        &mut self,
        wire: &mut Wire,
        deadline: Option<Instant>,
    ) -> Result<(), WireError> {
        if self.input_closed {
            return Ok(());
        }
        wire.wait_writable(deadline)?;
        wire.drive(deadline, |_| self.channel.send_eof())?;
        self.input_closed = true;
        Ok(())
    }

    /// The next thing that has come, without waiting for more than the end of a packet.
    pub(super) fn take(&mut self, wire: &mut Wire) -> Result<Received, WireError> {
        wire.check()?;
        if let Some(held) = self.held.pop() {
            return Ok(held);
        }
        if let Some(exit) = &self.end {
            return Ok(Received::End(exit.clone()));
        }
        match self.read(wire)? {
            // The status comes between the end of the output and the close. A command may close its outputs and run on.
            Received::Nothing if self.at_end() => match self.channel.wait_close() {
                Ok(()) => {
                    let exit = self.exit().map_err(WireError::Ssh)?;
                    self.end = Some(exit.clone());
                    // The command is known to have ended; should this fail, the next use of the session says so.
                    let _ = self.close(wire);
                    Ok(Received::End(exit))
                }
                Err(error) if would_block(&error) => Ok(Received::Nothing),
                Err(error) => Err(wire.cause(WireError::Ssh(error))),
            },
            came => Ok(came),
        }
    }

    /// What lies ready on either output.
    fn read(&mut self, wire: &mut Wire) -> Result<Received, WireError> {
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

    fn read_stream(&mut self, wire: &mut Wire, id: i32) -> Result<Option<Vec<u8>>, WireError> {
        let mut piece = vec![0; PIECE];
        let mut stream = self.channel.stream(id);
        // Reading sends too: the leave to write more.
        let count = flushed(wire, None, || stream.read(&mut piece))?.unwrap_or(0);
        piece.truncate(count);
        Ok((count > 0).then_some(piece))
    }

    /// Whether the host has said that nothing more comes, and everything was read.
    pub(super) fn at_end(&self) -> bool {
        self.channel.eof()
    }

    /// Whether the command has ended.
    pub(super) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    fn exit(&self) -> Result<Exit, ssh2::Error> {
        let signal = self.channel.exit_signal()?.exit_signal;
        let status = self.channel.exit_status()?;
        Ok(Exit { status: signal.is_none().then_some(status), signal })
    }

    /// Waits until the host has closed its side too, for a bounded time.
    pub(super) fn close(&mut self, wire: &mut Wire) -> Result<(), WireError> {
        let deadline = Some(Instant::now() + CLOSE);
        self.close_input(wire, deadline)?;
        wire.wait_writable(deadline)?;
        wire.drive(deadline, |_| self.channel.close())
    }
}

/// Tries `op` until it leaves no packet half-sent; `None` where nothing can be moved now.
fn flushed(
    wire: &mut Wire,
    patience: Option<&Patience>,
    mut op: impl FnMut() -> io::Result<usize>,
) -> Result<Option<usize>, WireError> {
    loop {
        match op() {
            Ok(count) => return Ok(Some(count)),
            Err(error) if error.kind() != ErrorKind::WouldBlock => {
                return Err(wire.cause(WireError::Io(error)));
            }
            Err(_) if !wire.half_sent() => return Ok(None),
            Err(_) => wire.wait(patience.map_or(Ok(None), |patience| check(patience, wire))?)?,
        }
    }
}

/// The deadline of the whole, if there is patience left.
fn check(patience: &Patience, wire: &Wire) -> Result<Option<Instant>, WireError> {
    patience.check(&wire.interrupt).inspect_err(|error| {
        if matches!(error, WireError::Interrupted) {
            wire.cut();
        }
    })
}
