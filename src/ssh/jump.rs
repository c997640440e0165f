//! A hop: what one session's channel carries becomes the socket of the next session.

use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use super::carrier::Line;
use super::channel::{Pipe, Received};
use super::error::ConnectError;
use super::options::ConnectOptions;
use super::session::connect_error;
use super::ssh_config::HostConfig;
use super::wire::{Trouble, Wire};

/// How much may wait for the next session before the hop reads no more from its host.
const MOST_HELD: usize = 1 << 20;
const PIECE: usize = 64 * 1024;
/// How long a hop may take to end after the session that it carried.
const FAREWELL: Duration = Duration::from_secs(1);

/// The thread that carries bytes over a hop. It ends when the next session closes its socket.
pub(super) struct Jump {
    /// Of the session whose channel it is.
    line: Arc<Line>,
    thread: Option<JoinHandle<()>>,
}

impl Jump {
    /// Has `via` open a connection to `to`, as seen from there.
    pub(super) fn open(
        mut wire: Wire,
        via: &HostConfig,
        to: &HostConfig,
        options: &ConnectOptions,
    ) -> Result<(Jump, Socket), ConnectError> {
        let deadline = Instant::now() + to.connect_timeout.max(options.handshake_timeout);
        let opened = wire.drive(Some(deadline), |ssh| ssh.channel_direct_tcpip(&to.host, to.port, None));
        let channel = opened.map_err(|trouble| match trouble {
            Trouble::Ssh(error) if error.code() == ssh2::ErrorCode::Session(-21) => {
                ConnectError::JumpRefused {
                    via: via.alias.clone(),
                    host: to.host.clone(),
                    port: to.port,
                    detail: error.message().to_owned(),
                }
            }
            trouble => connect_error(trouble, via, "opening the jump", to.connect_timeout),
        })?;
        // Only the session at the end of the way listens to Ctrl-C; closing it ends this hop too.
        wire.line().end_at_press(usize::MAX);
        let line = Arc::clone(wire.line());
        let lost = |error: std::io::Error| {
            connect_error(Trouble::Io(error), via, "opening the jump", Duration::ZERO)
        };
        let (near, far) = UnixStream::pair().map_err(lost)?;
        near.set_nonblocking(true).map_err(lost)?;
        let hop = Hop { wire, pipe: Pipe::new(channel), near, held: Vec::new() };
        let thread =
            std::thread::Builder::new().name("jump".into()).spawn(move || hop.run()).map_err(lost)?;
        let thread = Some(thread);
        Ok((Jump { line, thread }, Socket::from(far)))
    }
}

impl Drop for Jump {
    fn drop(&mut self) {
        let Some(thread) = self.thread.take() else {
            return;
        };
        // It ends by itself, unless its host does not let it.
        let given_up = Instant::now() + FAREWELL;
        while !thread.is_finished() && Instant::now() < given_up {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.line.hang_up();
        // It has nothing to tell: an error of the hop is an end of file to the next session.
        let _ = thread.join();
    }
}

struct Hop {
    wire: Wire,
    pipe: Pipe,
    near: UnixStream,
    /// What came from the host and was not yet taken.
    held: Vec<u8>,
}

impl Hop {
    /// Never waits for the next session to read: it may itself be waiting for us to.
    fn run(mut self) {
        // Passing on may take bytes off the host's socket, where poll would no longer see them: it comes first.
        while self.pass_on().is_some() && self.fetch().is_some() && self.hand_over().is_some() {
            self.rest();
        }
    }

    fn fetch(&mut self) -> Option<()> {
        while self.held.len() < MOST_HELD {
            match self.pipe.take(&mut self.wire).ok()? {
                Received::Stdout(mut bytes) => self.held.append(&mut bytes),
                // A connection that is passed on has one stream.
                Received::Stderr(_) => return None,
                Received::Nothing => break,
                Received::End(_) => {
                    self.hand_over();
                    return None;
                }
            }
        }
        Some(())
    }

    fn hand_over(&mut self) -> Option<()> {
        while !self.held.is_empty() {
            match self.near.write(&self.held) {
                Ok(0) => return None,
                Ok(count) => drop(self.held.drain(..count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return None,
            }
        }
        Some(())
    }

    fn pass_on(&mut self) -> Option<()> {
        let mut piece = vec![0; PIECE];
        match self.near.read(&mut piece) {
            Ok(0) => None,
            Ok(count) => self.pipe.send(&mut self.wire, &piece[..count], None).ok(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => Some(()),
            Err(_) => None,
        }
    }

    /// Waits until either side has something, or takes something.
    fn rest(&self) {
        let writing = if self.held.is_empty() { PollFlags::empty() } else { PollFlags::OUT };
        let reading = if self.held.len() < MOST_HELD { PollFlags::IN } else { PollFlags::empty() };
        let mut both = [
            PollFd::from_borrowed_fd(self.near.as_fd(), PollFlags::IN | writing),
            PollFd::from_borrowed_fd(self.wire.socket().as_fd(), reading),
        ];
        // An error is EINTR: a signal, which is another's to handle.
        let _ = poll(&mut both, Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
    }
}
