//! Ctrl-C, counted: once asks for a careful end, twice ends now.

use std::io::{self, PipeReader, PipeWriter};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::getpgrp;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetpgrp, tcsetattr};
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM};
use signal_hook::iterator::Signals;

use crate::model::ExitCode;

/// How long the program may take to end by itself after the second press. The third ends it at once.
const GRACE: Duration = Duration::from_secs(5);

/// A handle on the user's wish to stop. Clones share one count.
#[derive(Clone, Debug)]
pub struct Interrupt(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    count: AtomicUsize,
    /// One for the first press, one for the second.
    latches: [Option<Latch>; 2],
}

/// A pipe whose reading end turns readable, for good, when the writing end is dropped: something to poll for.
#[derive(Debug)]
struct Latch {
    watch: PipeReader,
    hold: Mutex<Option<PipeWriter>>,
}

impl Interrupt {
    /// Counts SIGINT, SIGTERM and SIGHUP from now on, for the rest of the process.
    ///
    /// # Errors
    /// When the signals cannot be registered or no pipe can be made.
    pub fn install() -> io::Result<Interrupt> {
        let interrupt = Interrupt::new([Some(Latch::new()?), Some(Latch::new()?)]);
        let mut signals = Signals::new([SIGINT, SIGTERM, SIGHUP])?;
        let pressed = interrupt.clone();
        // As it was before anything was asked or any key was passed on.
        let terminal = tcgetattr(io::stdin()).ok();
        std::thread::Builder::new().name("signals".into()).spawn(move || {
            for _ in signals.forever() {
                pressed.press();
                match pressed.count() {
                    1 => {}
                    2 => leave_soon(terminal.clone()),
                    _ => leave(terminal.as_ref()),
                }
            }
        })?;
        Ok(interrupt)
    }

    /// One that no signal reaches; [`Interrupt::press`] still works, and whoever waits sees it within a moment.
    #[must_use]
    pub fn never() -> Interrupt {
        Interrupt::new([Latch::new().ok(), Latch::new().ok()])
    }

    fn new(latches: [Option<Latch>; 2]) -> Interrupt {
        Interrupt(Arc::new(Shared { count: AtomicUsize::new(0), latches }))
    }

    /// How often the user has asked to stop.
    #[must_use]
    pub fn count(&self) -> usize {
        self.0.count.load(Ordering::SeqCst)
    }

    /// The press that ends what begins now and may be given up at any time: the next one, and the second at the latest.
    pub(super) fn next(&self) -> usize {
        (self.count() + 1).min(2)
    }

    /// What a signal does: the first press only counts, the second also ends whatever waits on a session.
    pub fn press(&self) {
        let before = self.0.count.fetch_add(1, Ordering::SeqCst);
        if let Some(Some(latch)) = self.0.latches.get(before) {
            latch.hold.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
    }

    /// Polls `fds` for `nap` at most; press number `press`, counted from 1, ends it too.
    pub(super) fn poll<'f>(&'f self, fds: &mut Vec<PollFd<'f>>, nap: Duration, press: usize) {
        let latch = press.checked_sub(1).and_then(|index| self.0.latches.get(index)?.as_ref());
        fds.extend(latch.map(|latch| PollFd::new(&latch.watch, PollFlags::IN)));
        // An error is EINTR: a signal, which every caller looks at anyway.
        let _ = poll(fds, Timespec::try_from(nap).ok().as_ref());
    }
}

/// Twice means to leave: whoever still waits then, for an agent or a reader say, is given a moment to say how things stand.
fn leave_soon(terminal: Option<Termios>) {
    std::thread::spawn(move || {
        std::thread::sleep(GRACE);
        leave(terminal.as_ref());
    });
}

fn leave(terminal: Option<&Termios>) -> ! {
    let ours = tcgetpgrp(io::stdin()).is_ok_and(|group| group == getpgrp());
    // From the background it would stop this program in place of ending it.
    if let Some(terminal) = terminal.filter(|_| ours) {
        let _ = tcsetattr(io::stdin(), OptionalActions::Now, terminal);
    }
    std::process::exit(ExitCode::Interrupted as i32)
}

impl Latch {
    fn new() -> io::Result<Latch> {
        let (watch, hold) = io::pipe()?;
        Ok(Latch { watch, hold: Mutex::new(Some(hold)) })
    }
}
