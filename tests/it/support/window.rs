//! How much a sender may have on the way: TCP's slow start, as Linux does it where nothing is ever lost.

use std::collections::VecDeque;
use std::thread;
use std::time::{Duration, Instant};

/// Bytes in one packet on an ordinary way.
const SEGMENT: usize = 1460;
/// Packets that a sender may send before the first of them is acknowledged.
const INITIAL: usize = 10;
/// Added to a round trip it is the time-out, the least that Linux adds; a sender idle for longer is slower again.
const PATIENCE: Duration = Duration::from_millis(200);

/// The congestion window of one direction of a connection. It doubles with each round trip that fills it.
pub(super) struct Window {
    round_trip: Duration,
    size: usize,
    /// When packets will be acknowledged, and how many.
    in_flight: VecDeque<(Instant, usize)>,
    flying: usize,
    /// The most that ever flew: a window that is not used does not grow.
    most: usize,
    sent: Instant,
}

impl Window {
    pub(super) fn new(round_trip: Duration) -> Window {
        Window {
            round_trip,
            size: INITIAL,
            in_flight: VecDeque::new(),
            flying: 0,
            most: 0,
            sent: Instant::now(),
        }
    }

    /// Waits until something may be sent; how many of these bytes, which count as sent.
    pub(super) fn send(&mut self, bytes: usize) -> usize {
        self.rest();
        self.acknowledge();
        while self.flying >= self.size {
            let (due, _) = self.in_flight[0];
            thread::sleep(due.saturating_duration_since(Instant::now()));
            self.acknowledge();
        }
        let count = bytes.div_ceil(SEGMENT).min(self.size - self.flying);
        self.sent = Instant::now();
        self.in_flight.push_back((self.sent + self.round_trip, count));
        self.flying += count;
        self.most = self.most.max(self.flying);
        bytes.min(count * SEGMENT)
    }

    fn acknowledge(&mut self) {
        while self.in_flight.front().is_some_and(|(due, _)| *due <= Instant::now()) {
            let (_, count) = self.in_flight.pop_front().expect("a first one");
            self.flying -= count;
            if self.size < 2 * self.most {
                self.size += count;
            }
        }
    }

    /// Who was idle does not know any more what the way takes: half of it for each time-out.
    fn rest(&mut self) {
        let timeout = self.round_trip + PATIENCE;
        let mut idle = self.sent.elapsed();
        while idle > timeout && self.size > INITIAL {
            idle -= timeout;
            self.size = (self.size / 2).max(INITIAL);
            self.most = 0;
        }
    }
}
