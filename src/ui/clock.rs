//! The time, as a value that tests hold still.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send {
    /// Time since any fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
    /// The time of day.
    fn now(&self) -> Timestamp;
}

/// The machine's clock.
pub struct SystemClock(Instant);

impl SystemClock {
    pub fn new() -> SystemClock {
        SystemClock(Instant::now())
    }
}

impl Default for SystemClock {
    fn default() -> Self {
        SystemClock::new()
    }
}

impl Clock for SystemClock {
    fn elapsed(&self) -> Duration {
        self.0.elapsed()
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

/// A clock that stands at 2026-01-02 03:04:05 UTC.
#[cfg(test)]
pub(crate) struct Stopped;

#[cfg(test)]
impl Clock for Stopped {
    fn elapsed(&self) -> Duration {
        Duration::ZERO
    }

    fn now(&self) -> Timestamp {
        Timestamp::constant(1_767_323_045, 0)
    }
}
