//! Who uses the machine, and when: most tests wait most of the time, some fill it, some measure.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread::{self, ThreadId};

struct Machine {
    /// Tests that have a place.
    inside: usize,
    /// Those that wait for one, in their order, but for those that measure.
    waiting: VecDeque<ThreadId>,
    measured: bool,
}

static MACHINE: Mutex<Machine> = Mutex::new(Machine { inside: 0, waiting: VecDeque::new(), measured: false });
static CHANGED: Condvar = Condvar::new();

thread_local! {
    /// That of the test which this thread runs: it needs no second one for a second host.
    static OWN: RefCell<Weak<Place>> = const { RefCell::new(Weak::new()) };
}

/// A test's place on the machine.
pub struct Place {
    measures: bool,
}

/// Waits for a place, which is kept until the last of the test's hosts is gone. There are two for each core.
pub fn place() -> Arc<Place> {
    if let Some(own) = OWN.with_borrow(Weak::upgrade) {
        return own;
    }
    let places = 2 * thread::available_parallelism().map_or(1, usize::from);
    let mut machine = machine();
    let own = thread::current().id();
    machine.waiting.push_back(own);
    let mut machine = wait(machine, |machine| {
        machine.inside < places && !machine.measured && machine.waiting.front() == Some(&own)
    });
    machine.waiting.pop_front();
    CHANGED.notify_all();
    take(machine, false)
}

/// A place for a test that has waited already, in another line.
pub fn place_at_once() -> Arc<Place> {
    take(wait(machine(), |machine| !machine.measured), false)
}

/// The whole machine, for a test that measures: it has its turn when no other test has a place, nor waits for one.
pub fn alone() -> Arc<Place> {
    let machine = wait(machine(), |machine| machine.inside == 0 && machine.waiting.is_empty());
    take(machine, true)
}

/// The turn of a test that fills the machine: two of them at once would be no quicker.
pub fn busy() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

fn machine() -> MutexGuard<'static, Machine> {
    MACHINE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait(
    machine: MutexGuard<'static, Machine>,
    holds: impl Fn(&Machine) -> bool,
) -> MutexGuard<'static, Machine> {
    CHANGED.wait_while(machine, |machine| !holds(machine)).unwrap_or_else(PoisonError::into_inner)
}

fn take(mut machine: MutexGuard<'static, Machine>, measures: bool) -> Arc<Place> {
    machine.inside += 1;
    machine.measured = measures;
    let place = Arc::new(Place { measures });
    OWN.set(Arc::downgrade(&place));
    place
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut machine = machine();
        machine.inside -= 1;
        machine.measured &= !self.measures;
        CHANGED.notify_all();
    }
}
