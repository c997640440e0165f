//! How long is waited for a host that takes nothing of what it is sent.

use std::time::{Duration, Instant};

use super::interrupt::Interrupt;
use super::wire::WireError;

/// How long a command may take none of its input.
const STALL: Duration = Duration::from_secs(60);
/// How long it may still do so once Ctrl-C was pressed.
const LAST_CHANCE: Duration = Duration::from_secs(2);

/// How long a host may take nothing of what it is sent.
pub(super) struct Patience {
    deadline: Option<Instant>,
    /// When it took something last.
    since: Instant,
    /// How often Ctrl-C had been pressed before.
    presses: usize,
}

impl Patience {
    pub(super) fn new(interrupt: &Interrupt, deadline: Option<Instant>) -> Patience {
        Patience { deadline, since: Instant::now(), presses: interrupt.count() }
    }

    pub(super) fn renew(&mut self) {
        self.since = Instant::now();
    }

    /// The deadline of the whole, if there is patience left.
    pub(super) fn check(&self, interrupt: &Interrupt) -> Result<Option<Instant>, WireError> {
        let stalled = self.since.elapsed();
        if stalled >= LAST_CHANCE && interrupt.count() > self.presses {
            return Err(WireError::Interrupted);
        }
        if stalled >= STALL { Err(WireError::Silent(stalled)) } else { Ok(self.deadline) }
    }
}
