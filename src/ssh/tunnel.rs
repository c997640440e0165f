//! A tunnel: connections to a port of this machine go on to a port of the host's loopback, all on the one session.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;
use ssh2::ErrorCode;

use super::channel::{Pipe, Received};
use super::error::RemoteError;
use super::session::{START, Session};
use super::wire::{Trouble, would_block};

/// How much may wait for a local reader before no more is taken from the host.
const MOST_HELD: usize = 1 << 20;
const PIECE: usize = 64 * 1024;
/// How long to wait before a local reader that takes nothing is tried again.
const BLOCKED: Duration = Duration::from_millis(10);
const STAGE: &str = "in the tunnel";

/// One connection.
struct Line {
    local: TcpStream,
    pipe: Pipe,
    to_local: Vec<u8>,
    to_host: Vec<u8>,
    /// The local side writes no more.
    local_ended: bool,
    /// The host's side writes no more, and all of it was handed over.
    host_ended: bool,
}

/// What became of a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Moved,
    Idle,
    /// Both sides have ended.
    Over,
    /// One side went away in the middle.
    Broken,
}

impl Session {
    /// Whether something takes connections at this port of the host's loopback.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn knock(&mut self, port: u16) -> Result<bool, RemoteError> {
        let deadline = Some(Instant::now() + START);
        let opened = self.wire.drive(deadline, |ssh| ssh.channel_direct_tcpip("127.0.0.1", port, None));
        let closed = match opened {
            Ok(channel) => Pipe::new(channel).close(&mut self.wire).map(|()| true),
            Err(trouble) if is_refused(&trouble) => Ok(false),
            Err(trouble) => Err(trouble),
        };
        closed.map_err(|trouble| self.remote_error(trouble, STAGE))
    }

    /// Carries all connections of `listener` until Ctrl-C. One that the host's port does not take is closed.
    ///
    /// # Errors
    /// When the connection to the host is lost, or no connection can be accepted.
    pub fn tunnel(&mut self, listener: &TcpListener, port: u16) -> Result<(), RemoteError> {
        // The first Ctrl-C is its end, also where a host that never stops talking hides it.
        self.wire.line().end_at_press(self.wire.interrupt.next());
        let done = match self.carry(listener, port) {
            Err(Trouble::Interrupted) => Ok(()),
            done => done,
        };
        // What is still open then goes with the session: libssh2 would wait for each.
        self.abandon();
        done.map_err(|trouble| self.remote_error(trouble, STAGE))
    }

    fn carry(&mut self, listener: &TcpListener, port: u16) -> Result<(), Trouble> {
        listener.set_nonblocking(true).map_err(Trouble::Io)?;
        let presses = self.wire.interrupt.count();
        let mut lines: Vec<Line> = Vec::new();
        let mut opening: Option<TcpStream> = None;
        while self.wire.interrupt.count() == presses {
            let mut moved = self.open(listener, port, &mut opening, &mut lines)?;
            let mut index = 0;
            while index < lines.len() {
                match lines[index].step(&mut self.wire)? {
                    Step::Over => drop(lines.swap_remove(index)),
                    Step::Broken => lines.swap_remove(index).pipe.close(&mut self.wire)?,
                    step => {
                        moved |= step == Step::Moved;
                        index += 1;
                    }
                }
            }
            // Reading for one may have taken what is another's off the socket, where poll would not see it.
            if !moved {
                self.rest(listener, opening.is_some(), &lines, presses + 1)?;
            }
        }
        Ok(())
    }

    /// Takes the next connection. The host needs a round trip to open its side; the others go on meanwhile.
    fn open(
        &mut self,
        listener: &TcpListener,
        port: u16,
        opening: &mut Option<TcpStream>,
        lines: &mut Vec<Line>,
    ) -> Result<bool, Trouble> {
        if opening.is_none() {
            match listener.accept() {
                Ok((local, _)) => {
                    local.set_nonblocking(true).map_err(Trouble::Io)?;
                    let _ = local.set_nodelay(true);
                    *opening = Some(local);
                }
                // Whoever knocked has gone, or nobody did.
                Err(error) if is_passing(&error) => return Ok(false),
                Err(error) => return Err(Trouble::Io(error)),
            }
        }
        loop {
            match self.wire.ssh.channel_direct_tcpip("127.0.0.1", port, None) {
                Ok(channel) => {
                    lines.extend(opening.take().map(|local| Line::new(local, Pipe::new(channel))));
                    return Ok(true);
                }
                Err(error) if would_block(&error) && self.wire.half_sent() => self.wire.wait(None)?,
                Err(error) if would_block(&error) => return Ok(false),
                Err(error) if is_refused_by(&error) => {
                    *opening = None;
                    return Ok(true);
                }
                Err(error) => return Err(Trouble::Ssh(error)),
            }
        }
    }

    /// Waits until any side has something.
    fn rest(
        &mut self,
        listener: &TcpListener,
        is_opening: bool,
        lines: &[Line],
        press: usize,
    ) -> Result<(), Trouble> {
        if lines.iter().any(|line| line.to_local.len() >= MOST_HELD) {
            // What comes from the host stays on the socket, where poll would tell of it at once, again and again.
            std::thread::sleep(BLOCKED);
        }
        let mut beside: Vec<_> =
            lines.iter().filter(|line| line.listens()).map(|line| line.local.as_fd()).collect();
        if !is_opening {
            beside.push(listener.as_fd());
        }
        let blocked = lines.iter().any(|line| !line.to_local.is_empty());
        let deadline = blocked.then(|| Instant::now() + BLOCKED);
        self.wire.poll_beside(PollFlags::IN, deadline, press, &beside)?;
        Ok(())
    }
}

impl Line {
    fn new(local: TcpStream, pipe: Pipe) -> Line {
        Line { local, pipe, to_local: Vec::new(), to_host: Vec::new(), local_ended: false, host_ended: false }
    }

    /// Whether it waits for the local side to say something.
    fn listens(&self) -> bool {
        !self.local_ended && self.to_host.is_empty()
    }

    /// Moves what can be moved without waiting. Trouble with this connection alone is no trouble of the session's.
    fn step(&mut self, wire: &mut super::wire::Wire) -> Result<Step, Trouble> {
        let mut moved = false;
        while self.to_local.len() < MOST_HELD {
            match self.pipe.take(wire)? {
                Received::Stdout(mut bytes) => {
                    moved = true;
                    self.to_local.append(&mut bytes);
                }
                // A connection that is passed on has one stream.
                Received::Stderr(_) => return Ok(Step::Broken),
                Received::Nothing => break,
                // The host has closed its side for good; what it said is still to be handed over.
                Received::End(_) if self.to_local.is_empty() => return Ok(Step::Over),
                Received::End(_) => break,
            }
        }
        let Ok(handed) = self.hand_over() else {
            return Ok(Step::Broken);
        };
        let Ok(heard) = self.hear() else {
            return Ok(Step::Broken);
        };
        let sent = match self.pipe.offer(wire, &self.to_host) {
            Ok(sent) => sent,
            Err(Trouble::Io(_)) => return Ok(Step::Broken),
            Err(trouble) => return Err(trouble),
        };
        self.to_host.drain(..sent);
        if self.local_ended && self.to_host.is_empty() {
            self.pipe.close_input(wire, None)?;
        }
        let is_moving = moved || handed || heard || sent > 0;
        Ok(if is_moving { Step::Moved } else { Step::Idle })
    }

    fn hand_over(&mut self) -> std::io::Result<bool> {
        let mut handed = false;
        while !self.to_local.is_empty() {
            match self.local.write(&self.to_local) {
                Ok(0) => return Err(ErrorKind::WriteZero.into()),
                Ok(count) => {
                    handed = true;
                    self.to_local.drain(..count);
                }
                Err(error) if is_passing(&error) => break,
                Err(error) => return Err(error),
            }
        }
        if self.to_local.is_empty() && self.pipe.at_end() && !self.host_ended {
            self.host_ended = true;
            let _ = self.local.shutdown(Shutdown::Write);
        }
        Ok(handed)
    }

    fn hear(&mut self) -> std::io::Result<bool> {
        if !self.listens() {
            return Ok(false);
        }
        let mut piece = vec![0; PIECE];
        match self.local.read(&mut piece) {
            Ok(0) => self.local_ended = true,
            Ok(count) => self.to_host.extend_from_slice(&piece[..count]),
            Err(error) if is_passing(&error) => return Ok(false),
            Err(error) => return Err(error),
        }
        Ok(true)
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    use ErrorKind::{ConnectionAborted, Interrupted, WouldBlock};
    matches!(error.kind(), WouldBlock | Interrupted | ConnectionAborted)
}

fn is_refused(trouble: &Trouble) -> bool {
    matches!(trouble, Trouble::Ssh(error) if is_refused_by(error))
}

/// LIBSSH2_ERROR_CHANNEL_FAILURE: nothing listens there, or the host's sshd forbids tunnels.
fn is_refused_by(error: &ssh2::Error) -> bool {
    error.code() == ErrorCode::Session(-21)
}
