//! A libssh2 session on a socket, driven without ever blocking inside the library.

use std::io;
use std::net::Shutdown;
use std::os::fd::BorrowedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::net::{RecvFlags, recv};
use socket2::Socket;
use ssh2::{BlockDirections, ErrorCode};

use super::carrier::{Carrier, Cut, Peer};
use super::host_key::HostKey;
use super::interrupt::Interrupt;

/// libssh2's word for "not now".
const EAGAIN: i32 = -37;

/// Within it a near host answers; one that is farther away answers a poll.
const NEAR: Duration = Duration::from_millis(20);

/// Why a call on a session came to nothing.
#[derive(Debug)]
pub(super) enum WireError {
    Interrupted,
    TimedOut,
    /// Nothing was heard for so long, although the host was asked.
    Silent(Duration),
    /// A stranger said more than there is to say.
    Babble,
    /// A command wrote more than so many bytes where an answer was awaited.
    TooMuch(usize),
    /// The host does not start the command.
    NotStarted(String),
    Ssh(ssh2::Error),
    Io(io::Error),
}

pub(super) struct Wire {
    pub(super) ssh: ssh2::Session,
    /// The session's end of what the carrier carries.
    socket: Arc<Socket>,
    pub(super) interrupt: Interrupt,
    carrier: Carrier,
    /// How long the host may be silent; `None` before it is authenticated, when it cannot be asked.
    patience: Option<Duration>,
    silent: Duration,
}

impl Wire {
    /// Puts a session on a connected socket; nothing is sent yet. The host must have let us in by the deadline.
    pub(super) fn new(
        socket: Socket,
        interrupt: Interrupt,
        ends_at_press: usize,
        deadline: Instant,
    ) -> Result<Wire, WireError> {
        let started = Carrier::start(socket, interrupt.clone(), ends_at_press, deadline);
        let (carrier, socket) = started.map_err(WireError::Io)?;
        let socket = Arc::new(socket);
        let mut ssh = ssh2::Session::new().map_err(WireError::Ssh)?;
        ssh.set_tcp_stream(Arc::clone(&socket));
        ssh.set_blocking(false);
        Ok(Wire { ssh, socket, interrupt, carrier, patience: None, silent: Duration::ZERO })
    }

    /// The host has let us in. From here on it is asked for a sign of life when it says nothing, and given up after
    /// `patience`.
    pub(super) fn expect_life(&mut self, patience: Duration) {
        self.peer().trust();
        self.ssh.set_keepalive(true, 2);
        self.patience = Some(patience);
    }

    pub(super) fn peer(&self) -> &Arc<Peer> {
        self.carrier.peer()
    }

    /// The key that the host has shown.
    pub(super) fn host_key(&self) -> HostKey {
        HostKey::new(self.ssh.host_key().map_or(&[][..], |(key, _)| key))
    }

    /// The press of Ctrl-C that ends whatever waits, counted from 1.
    pub(super) fn ends_at_press(&self) -> usize {
        self.peer().ends_at_press()
    }

    /// Fails where Ctrl-C has been pressed often enough: to be looked at wherever a host that never stops talking
    /// could keep anybody from polling.
    pub(super) fn check(&self) -> Result<(), WireError> {
        if self.interrupt.count() < self.ends_at_press() {
            return Ok(());
        }
        self.cut();
        Err(WireError::Interrupted)
    }

    /// Why a call failed: where the carrier has cut the connection, libssh2 knows only that it is gone.
    pub(super) fn cause(&self, error: WireError) -> WireError {
        match self.peer().cut() {
            None => error,
            Some(Cut::Interrupted) => WireError::Interrupted,
            Some(Cut::TimedOut) => WireError::TimedOut,
            Some(Cut::Babble) => WireError::Babble,
        }
    }

    /// Calls `op` until it no longer says "not now".
    ///
    /// An op that was begun must be finished before another one may send: libssh2 holds the rest of a half-sent
    /// packet and takes nothing else until the same call has flushed it.
    pub(super) fn drive<T>(
        &mut self,
        deadline: Option<Instant>,
        mut op: impl FnMut(&mut ssh2::Session) -> Result<T, ssh2::Error>,
    ) -> Result<T, WireError> {
        loop {
            match op(&mut self.ssh) {
                Ok(value) => return Ok(value),
                Err(error) if would_block(&error) => self.wait(deadline)?,
                Err(error) => return Err(self.cause(WireError::Ssh(error))),
            }
        }
    }

    /// Agrees on keys. `greeting` takes the first bytes that the other side says, to tell what it is.
    pub(super) fn handshake(&mut self, greeting: &mut Vec<u8>) -> Result<(), WireError> {
        let socket = Arc::clone(&self.socket);
        self.drive(None, |ssh| {
            if greeting.is_empty() {
                let mut first = [0; 80];
                let (count, _) = recv(&*socket, &mut first[..], RecvFlags::PEEK).unwrap_or_default();
                greeting.extend_from_slice(&first[..count]);
            }
            ssh.handshake()
        })
    }

    /// Whether libssh2 holds a packet that the socket has not taken whole.
    pub(super) fn half_sent(&self) -> bool {
        matches!(self.ssh.block_directions(), BlockDirections::Outbound | BlockDirections::Both)
    }

    /// Waits until the socket may let libssh2 get on, or fails.
    pub(super) fn wait(&mut self, deadline: Option<Instant>) -> Result<(), WireError> {
        // Half a packet only needs to be sent; a host that talks meanwhile, and takes nothing, must not pass for alive.
        let flags = if self.half_sent() { PollFlags::OUT } else { PollFlags::IN };
        self.poll(flags, deadline, self.ends_at_press())?;
        match deadline {
            Some(deadline) if Instant::now() >= deadline => Err(WireError::TimedOut),
            _ => Ok(()),
        }
    }

    /// Waits until the socket takes bytes: a small packet then goes out whole.
    pub(super) fn wait_writable(&mut self, deadline: Option<Instant>) -> Result<(), WireError> {
        while !self.poll(PollFlags::OUT, deadline, self.ends_at_press())? {
            if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Err(WireError::TimedOut);
            }
        }
        Ok(())
    }

    /// Polls once; true when the socket is ready. `press` wakes it, and is an error only if it is the ending one.
    pub(super) fn poll(
        &mut self,
        flags: PollFlags,
        deadline: Option<Instant>,
        press: usize,
    ) -> Result<bool, WireError> {
        Ok(self.poll_beside(flags, deadline, press, &[])?.0)
    }

    /// Polls once, and is woken by other descriptors too: whether the socket is ready, and which of these can be read.
    pub(super) fn poll_beside(
        &mut self,
        flags: PollFlags,
        deadline: Option<Instant>,
        press: usize,
        beside: &[BorrowedFd<'_>],
    ) -> Result<(bool, Vec<bool>), WireError> {
        self.check()?;
        let began = Instant::now();
        let (ready, readable) = self.poll_raw(flags, self.nap(deadline, began), press, beside);
        let sign_of_life = if self.half_sent() { PollFlags::OUT } else { PollFlags::IN };
        if ready.contains(sign_of_life) {
            self.silent = Duration::ZERO;
        } else {
            self.silent += began.elapsed();
            self.listen_for_life()?;
        }
        Ok((!ready.is_empty(), readable))
    }

    fn poll_raw(
        &self,
        flags: PollFlags,
        nap: Duration,
        press: usize,
        beside: &[BorrowedFd<'_>],
    ) -> (PollFlags, Vec<bool>) {
        let mut all = vec![PollFd::new(&*self.socket, flags)];
        all.extend(beside.iter().map(|fd| PollFd::from_borrowed_fd(*fd, PollFlags::IN)));
        self.interrupt.poll(&mut all, nap, press);
        let readable = all[1..=beside.len()].iter().map(|fd| !fd.revents().is_empty());
        (all[0].revents(), readable.collect())
    }

    /// How long one poll may last: to the deadline, and never past the moment to ask for a sign of life.
    fn nap(&self, deadline: Option<Instant>, now: Instant) -> Duration {
        let tick = self
            .patience
            .map_or(Duration::from_secs(1), |patience| (patience / 8).min(Duration::from_secs(1)));
        deadline.map_or(tick, |deadline| deadline.saturating_duration_since(now).min(tick))
    }

    /// libssh2 never counts keepalives that stay unanswered, so bytes on the socket are what counts.
    fn listen_for_life(&mut self) -> Result<(), WireError> {
        let Some(patience) = self.patience else {
            return Ok(());
        };
        // A packet that the socket does not take may wait longer: a slow line is not dead, and TCP watches it too.
        let patience = if self.half_sent() { patience * 3 } else { patience };
        if self.silent >= patience {
            return Err(WireError::Silent(self.silent));
        }
        if self.silent >= patience / 3 && !self.half_sent() {
            // libssh2 sends no more than one in two seconds, however often it is called. It
            // forgets the rest of one that is sent by half, and is stuck then.
            let (writable, _) = self.poll_raw(PollFlags::OUT, Duration::ZERO, self.ends_at_press(), &[]);
            if writable.contains(PollFlags::OUT) {
                self.ssh.keepalive_send().map_err(WireError::Ssh)?;
                // A near host answers before the next read, which would take the answer in unseen.
                let (heard, _) = self.poll_raw(PollFlags::IN, NEAR, self.ends_at_press(), &[]);
                if heard.contains(PollFlags::IN) {
                    self.silent = Duration::ZERO;
                }
            }
        }
        Ok(())
    }

    /// Ends the connection at once; whatever is called later fails and does not wait.
    pub(super) fn cut(&self) {
        self.peer().hang_up();
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    pub(super) fn socket(&self) -> &Socket {
        &self.socket
    }
}

impl Drop for Wire {
    fn drop(&mut self) {
        if !self.half_sent() && self.ssh.authenticated() {
            let _ = self.ssh.disconnect(None, "done", None);
        }
        // What was said last still goes out.
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}

pub(super) fn would_block(error: &ssh2::Error) -> bool {
    error.code() == ErrorCode::Session(EAGAIN)
}

/// LIBSSH2_ERROR_CHANNEL_FAILURE: nothing listens there, or the host's sshd forbids tunnels.
pub(super) fn is_refused(error: &ssh2::Error) -> bool {
    error.code() == ErrorCode::Session(-21)
}
