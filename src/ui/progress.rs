//! How often a large push says how far it is where lines cannot be rewritten.

use std::time::Duration;

use super::words;
use crate::plan::Unit;

/// Below these a push is over before anyone asks.
const LARGE_BYTES: u64 = 1_000_000;
const LARGE_OBJECTS: u64 = 1_000;
/// Between two lines, even if each is ten percent further.
const PAUSE: Duration = Duration::from_secs(1);
/// A slow line still says this often that it lives.
const SIGN_OF_LIFE: Duration = Duration::from_secs(30);

/// Whether a push is worth a word on its way.
pub(crate) fn is_long(total: u64, unit: Unit) -> bool {
    let large = match unit {
        Unit::Bytes => LARGE_BYTES,
        Unit::Objects => LARGE_OBJECTS,
    };
    total >= large
}

/// Lets a line through at most every ten percent.
#[derive(Default)]
pub(crate) struct Gate {
    measured: Option<(u64, Unit)>,
    tenth: u8,
    done: u64,
    last: Duration,
}

impl Gate {
    /// The line to print now, if any. `now` is the time since any fixed moment.
    pub(crate) fn line(&mut self, done: u64, total: u64, unit: Unit, now: Duration) -> Option<String> {
        if !is_long(total, unit) {
            return None;
        }
        if self.measured != Some((total, unit)) {
            *self = Gate { measured: Some((total, unit)), last: now, ..Gate::default() };
        }
        let percent = words::percent(done, total);
        let waited = now.saturating_sub(self.last);
        let tenth = percent / 10;
        let further = tenth > self.tenth && (waited >= PAUSE || done >= total);
        let alive = done > self.done && waited >= SIGN_OF_LIFE;
        if !further && !alive {
            return None;
        }
        self.tenth = tenth;
        self.done = done;
        self.last = now;
        let progress = words::progress(done, total, unit);
        Some(format!("    {percent:>3} %  {progress}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(total: u64, seconds: u64) -> Vec<String> {
        let mut gate = Gate::default();
        let steps = 1000;
        (0..=steps)
            .filter_map(|step| {
                let now = Duration::from_millis(seconds * 1000 * step / steps);
                gate.line(total * step / steps, total, Unit::Bytes, now)
            })
            .collect()
    }

    #[test]
    fn a_large_push_says_every_tenth_once() {
        let lines = lines(61_000_000, 60);
        assert_eq!(lines.len(), 10, "{lines:#?}");
        assert_eq!(lines[0], "     10 %  6.1 MB of 61 MB");
        assert_eq!(lines[9], "    100 %  61 MB of 61 MB");
    }

    #[test]
    fn a_fast_push_says_its_end_and_a_small_one_nothing() {
        assert_eq!(lines(61_000_000, 0), ["    100 %  61 MB of 61 MB"]);
        assert!(lines(2_100, 60).is_empty());
    }

    #[test]
    fn a_very_slow_push_gives_a_sign_of_life() {
        assert_eq!(lines(61_000_000, 600).len(), 20);
    }
}
