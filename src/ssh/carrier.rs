//! What carries the bytes between a peer and its session, on a thread of its own.
//!
//! libssh2 goes on for as long as its peer talks, and keeps whatever it did not expect. So the clock, Ctrl-C and how much
//! a stranger may say are looked at here, where libssh2 cannot keep anybody waiting.

use std::io::{self, ErrorKind, Read, Write};
use std::net::Shutdown;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use socket2::Socket;

use super::interrupt::Interrupt;

/// What a peer may say before it is authenticated: keys and banners are a few kilobytes.
const MOST_OF_A_STRANGER: u64 = 1 << 20;
const PIECE: usize = 64 * 1024;
/// How often the clock and Ctrl-C are looked at where nothing moves.
const TICK: Duration = Duration::from_millis(500);
/// How long the last words of a session may take to go out.
const FAREWELL: Duration = Duration::from_millis(500);

/// Why a connection was cut here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    Interrupted,
    /// The peer was given so long to get to know it.
    TimedOut,
    /// A stranger has said more than there is to say.
    Babble,
}

/// A peer's socket and the thread that serves it, which ends when the session closes its end.
pub(super) struct Carrier {
    peer: Arc<Peer>,
    thread: Option<JoinHandle<()>>,
}

/// The peer, as the thread and the session share it.
pub(super) struct Peer {
    socket: Socket,
    interrupt: Interrupt,
    ends_at_press: AtomicUsize,
    deadline: Mutex<Option<Instant>>,
    /// How many bytes more the peer may say.
    leave: AtomicU64,
    cut: Mutex<Option<Cut>>,
}

impl Carrier {
    /// Serves a connected socket; the session's end of it is returned. Until [`Peer::trust`] is called the peer is a
    /// stranger, for whom all must be over at the deadline.
    pub(super) fn start(
        socket: Socket,
        interrupt: Interrupt,
        ends_at_press: usize,
        deadline: Instant,
    ) -> io::Result<(Carrier, Socket)> {
        socket.set_nonblocking(true)?;
        let (near, far) = UnixStream::pair()?;
        near.set_nonblocking(true)?;
        far.set_nonblocking(true)?;
        let peer = Arc::new(Peer {
            socket,
            interrupt,
            ends_at_press: AtomicUsize::new(ends_at_press),
            deadline: Mutex::new(Some(deadline)),
            leave: AtomicU64::new(MOST_OF_A_STRANGER),
            cut: Mutex::default(),
        });
        let carried = Arc::clone(&peer);
        let thread =
            std::thread::Builder::new().name("carrier".into()).spawn(move || carried.carry(&near))?;
        let thread = Some(thread);
        Ok((Carrier { peer, thread }, Socket::from(far)))
    }

    pub(super) fn peer(&self) -> &Arc<Peer> {
        &self.peer
    }
}

impl Drop for Carrier {
    fn drop(&mut self) {
        if let Some(thread) = self.thread.take() {
            // It ends by itself within a moment, and has nothing to tell.
            let _ = thread.join();
        }
    }
}

impl Peer {
    /// The peer is who it should be: it may talk for as long, and say as much, as it likes.
    pub(super) fn trust(&self) {
        self.set_deadline(None);
        self.leave.store(u64::MAX, Ordering::SeqCst);
    }

    /// Stops the clock while a person is asked.
    pub(super) fn without_clock<T>(&self, ask: impl FnOnce() -> T) -> T {
        let (deadline, began) = (*locked(&self.deadline), Instant::now());
        self.set_deadline(None);
        let answer = ask();
        self.set_deadline(deadline.map(|deadline| deadline + began.elapsed()));
        answer
    }

    fn set_deadline(&self, deadline: Option<Instant>) {
        *locked(&self.deadline) = deadline;
    }

    /// The press of Ctrl-C that cuts the connection, counted from 1.
    pub(super) fn ends_at_press(&self) -> usize {
        self.ends_at_press.load(Ordering::SeqCst)
    }

    pub(super) fn end_at_press(&self, press: usize) {
        self.ends_at_press.store(press, Ordering::SeqCst);
    }

    /// Why the connection was cut, if it was cut here.
    pub(super) fn cut(&self) -> Option<Cut> {
        *locked(&self.cut)
    }

    /// Ends the connection at once.
    pub(super) fn hang_up(&self) {
        // It fails where the peer has gone already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }

    fn why_to_cut(&self) -> Option<Cut> {
        if self.interrupt.count() >= self.ends_at_press() {
            return Some(Cut::Interrupted);
        }
        let late = locked(&self.deadline).is_some_and(|deadline| Instant::now() >= deadline);
        if late {
            return Some(Cut::TimedOut);
        }
        (self.leave.load(Ordering::SeqCst) == 0).then_some(Cut::Babble)
    }

    fn carry(&self, near: &UnixStream) {
        let (mut inward, mut outward) = (Waiting::new(), Waiting::new());
        // When the session has closed its end.
        let mut closed: Option<Instant> = None;
        loop {
            if let Some(why) = self.why_to_cut() {
                *locked(&self.cut) = Some(why);
                break;
            }
            let over = closed.is_some_and(|closed| outward.is_empty() || closed.elapsed() > FAREWELL);
            if over || (inward.ended && inward.is_empty()) {
                break;
            }
            self.rest(near, &inward, &outward);
            let moved = inward.fill(&mut &self.socket).and_then(|count| {
                self.charge(count);
                inward.hand_to(&mut &*near)?;
                outward.fill(&mut &*near)?;
                outward.hand_to(&mut &self.socket)
            });
            // A session that has gone, or a peer: what it said before is still handed over.
            if moved.is_err() {
                match closed {
                    None if !inward.is_empty() => inward.ended = true,
                    _ => break,
                }
            }
            if outward.ended && closed.is_none() {
                closed = Some(Instant::now());
            }
        }
        self.hang_up();
        let _ = near.shutdown(Shutdown::Both);
    }

    /// Counts what a stranger says.
    fn charge(&self, count: usize) {
        let left = |leave: u64| match leave {
            u64::MAX => None,
            leave => Some(leave.saturating_sub(count as u64)),
        };
        let _ = self.leave.fetch_update(Ordering::SeqCst, Ordering::SeqCst, left);
    }

    /// Waits until something can be moved.
    fn rest(&self, near: &UnixStream, inward: &Waiting, outward: &Waiting) {
        let flags = |from: &Waiting, to: &Waiting| {
            let mut flags = PollFlags::empty();
            flags.set(PollFlags::IN, from.has_room());
            flags.set(PollFlags::OUT, !to.is_empty());
            flags
        };
        let deadline = *locked(&self.deadline);
        let nap =
            deadline.map_or(TICK, |deadline| deadline.saturating_duration_since(Instant::now()).min(TICK));
        let mut all = Vec::with_capacity(3);
        for (fd, flags) in
            [(near.as_fd(), flags(outward, inward)), (self.socket.as_fd(), flags(inward, outward))]
        {
            // A side that has ended and takes nothing would wake this for ever.
            if !flags.is_empty() {
                all.push(PollFd::from_borrowed_fd(fd, flags));
            }
        }
        self.interrupt.poll(&mut all, nap, self.ends_at_press());
    }
}

/// What one side has said and the other has not yet taken.
struct Waiting {
    bytes: Vec<u8>,
    /// How much of it was handed over.
    done: usize,
    ended: bool,
}

impl Waiting {
    fn new() -> Waiting {
        Waiting { bytes: Vec::with_capacity(PIECE), done: 0, ended: false }
    }

    fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    fn has_room(&self) -> bool {
        !self.ended && self.is_empty()
    }

    /// Takes what can be read at once; returns how much that was.
    fn fill(&mut self, from: &mut impl Read) -> io::Result<usize> {
        if !self.has_room() {
            return Ok(0);
        }
        self.bytes.resize(PIECE, 0);
        let read = from.read(&mut self.bytes);
        self.bytes.truncate(*read.as_ref().unwrap_or(&0));
        match read {
            Ok(0) => self.ended = true,
            Err(error) if !is_passing(&error) => return Err(error),
            _ => {}
        }
        Ok(self.bytes.len())
    }

    fn hand_to(&mut self, to: &mut impl Write) -> io::Result<()> {
        while self.done < self.bytes.len() {
            match to.write(&self.bytes[self.done..]) {
                Ok(count) => self.done += count,
                Err(error) if is_passing(&error) => return Ok(()),
                Err(error) => {
                    self.forget();
                    return Err(error);
                }
            }
        }
        self.forget();
        Ok(())
    }

    fn forget(&mut self) {
        self.bytes.clear();
        self.done = 0;
    }
}

/// Whether a try that failed may be made again.
pub(super) fn is_passing(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::Interrupted)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
