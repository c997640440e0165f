//! A hop: what one session's channel carries becomes the socket of the next session.

use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use socket2::Socket;

use super::carrier::Peer;
use super::error::ConnectError;
use super::options::ConnectOptions;
use super::pipe::Pipe;
use super::relay::{Relay, Relayed};
use super::ssh_config::HostConfig;
use super::wire::{Wire, WireError, is_refused};

/// How long a hop may take to end after the session that it carried.
const FAREWELL: Duration = Duration::from_secs(1);
const STAGE: &str = "opening the jump";

/// The thread that carries bytes over a hop. It ends when the next session closes its socket.
pub(super) struct Jump {
    /// Of the session whose channel it is.
    peer: Arc<Peer>,
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
        let failed =
            |error, after| ConnectError::from_wire(error, (via.alias.as_str(), via.port), STAGE, after);
        let opened = wire.drive(Some(deadline), |ssh| ssh.channel_direct_tcpip(&to.host, to.port, None));
        let channel = opened.map_err(|error| match error {
            WireError::Ssh(error) if is_refused(&error) => ConnectError::JumpRefused {
                via: via.alias.clone(),
                host: to.host.clone(),
                port: to.port,
                detail: error.message().to_owned(),
            },
            error => failed(error, to.connect_timeout),
        })?;
        // Only the session at the end of the way listens to Ctrl-C; closing it ends this hop too.
        wire.peer().end_at_press(usize::MAX);
        let peer = Arc::clone(wire.peer());
        let lost = |error: std::io::Error| failed(WireError::Io(error), Duration::ZERO);
        let (near, far) = UnixStream::pair().map_err(lost)?;
        near.set_nonblocking(true).map_err(lost)?;
        let relay = Relay::new(near, Pipe::new(channel, 0));
        let thread = std::thread::Builder::new().name("jump".into());
        let thread = Some(thread.spawn(move || carry(relay, wire)).map_err(lost)?);
        Ok((Jump { peer, thread }, Socket::from(far)))
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
        self.peer.hang_up();
        // It has nothing to report: an error of the hop is an end of file to the next session.
        let _ = thread.join();
    }
}

/// Never waits for the next session to read: it may itself be waiting for us to.
fn carry(mut relay: Relay, mut wire: Wire) {
    while !relay.is_done() {
        match relay.step(&mut wire) {
            Ok(Relayed::Moved) => {}
            Ok(Relayed::Idle) => rest(&relay, &wire),
            Ok(Relayed::Over | Relayed::Broken) | Err(_) => break,
        }
    }
}

/// Waits until either side has something, or takes something.
fn rest(relay: &Relay, wire: &Wire) {
    let mut near = PollFlags::empty();
    near.set(PollFlags::IN, relay.listens());
    near.set(PollFlags::OUT, relay.is_blocked());
    let host = if relay.is_full() { PollFlags::empty() } else { PollFlags::IN };
    let mut both = [
        PollFd::from_borrowed_fd(relay.local(), near),
        PollFd::from_borrowed_fd(wire.socket().as_fd(), host),
    ];
    // An error is EINTR: a signal, which is another's to handle.
    let _ = poll(&mut both, Some(&Timespec { tv_sec: 1, tv_nsec: 0 }));
}
