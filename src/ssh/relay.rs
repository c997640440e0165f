//! A local socket and a channel, each of which carries on what the other says.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};

use socket2::Socket;

use super::carrier::is_passing;
use super::pipe::{Pipe, Received};
use super::wire::{Wire, WireError};

/// How much may wait for the local side before no more is taken from the host.
const MOST_HELD: usize = 1 << 20;
const PIECE: usize = 64 * 1024;

pub(super) struct Relay {
    local: Socket,
    pub(super) pipe: Pipe,
    to_local: Vec<u8>,
    to_host: Vec<u8>,
    /// The local side writes no more.
    local_ended: bool,
    /// The host's side writes no more, and all of it was handed over.
    host_ended: bool,
}

/// What became of a relay.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Relayed {
    Moved,
    Idle,
    /// Both sides have ended.
    Over,
    /// One side went away in the middle.
    Broken,
}

impl Relay {
    /// `local` must not block.
    pub(super) fn new(local: impl Into<Socket>, pipe: Pipe) -> Relay {
        Relay {
            local: local.into(),
            pipe,
            to_local: Vec::new(),
            to_host: Vec::new(),
            local_ended: false,
            host_ended: false,
        }
    }

    pub(super) fn local(&self) -> BorrowedFd<'_> {
        self.local.as_fd()
    }

    /// Whether it waits for the local side to say something.
    pub(super) fn listens(&self) -> bool {
        !self.local_ended && self.to_host.is_empty()
    }

    /// Whether the local side has not yet taken all.
    pub(super) fn is_blocked(&self) -> bool {
        !self.to_local.is_empty()
    }

    /// Whether so much waits for the local side that no more is taken from the host.
    pub(super) fn is_full(&self) -> bool {
        self.to_local.len() >= MOST_HELD
    }

    /// Whether the local side has ended, and the host has all that it said.
    pub(super) fn is_done(&self) -> bool {
        self.local_ended && self.to_host.is_empty()
    }

    /// Moves what can be moved without waiting. An error is the session's; one of this relay alone makes it `Broken`.
    pub(super) fn step(&mut self, wire: &mut Wire) -> Result<Relayed, WireError> {
        let Ok(heard) = self.hear() else {
            return Ok(Relayed::Broken);
        };
        let sent = match self.pipe.offer(wire, &self.to_host) {
            Ok(sent) => sent,
            Err(WireError::Io(_)) => return Ok(Relayed::Broken),
            Err(error) => return Err(error),
        };
        self.to_host.drain(..sent);
        if self.is_done() {
            self.pipe.close_input(wire, None)?;
        }
        // Sending may have taken bytes off the host's socket, where poll would no longer see them: this comes after.
        let mut moved = heard || sent > 0;
        while !self.is_full() {
            match self.pipe.take(wire)? {
                Received::Stdout(mut bytes) => {
                    moved = true;
                    self.to_local.append(&mut bytes);
                }
                // A connection that is passed on has one stream.
                Received::Stderr(_) => return Ok(Relayed::Broken),
                Received::Nothing => break,
                // The host has closed its side for good; what it said is still to be handed over.
                Received::End(_) if self.to_local.is_empty() => return Ok(Relayed::Over),
                Received::End(_) => break,
            }
        }
        let Ok(handed) = self.hand_over() else {
            return Ok(Relayed::Broken);
        };
        // Taking may have brought the host's leave to send more.
        let may_send = !self.to_host.is_empty() && self.pipe.has_window();
        Ok(if moved || handed || may_send { Relayed::Moved } else { Relayed::Idle })
    }

    fn hand_over(&mut self) -> io::Result<bool> {
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

    fn hear(&mut self) -> io::Result<bool> {
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
