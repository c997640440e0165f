//! A fleet: what the hosts of one environment wait for together, so that all of them go on, or none.
//!
//! Each host is worked on in a thread of its own, by the same code as a single one. Where one fails, the others are held
//! back at their next meeting, and a host that has switched already goes back.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::model::ExitCode;
use crate::plan::{Failure, HostStanding};

/// How often somebody who waits looks up: at the interrupt, and to tell the host that the client lives.
const TICK: Duration = Duration::from_millis(200);

/// What all hosts of an environment have in common while they are worked on.
pub struct Fleet {
    size: usize,
    at_once: usize,
    /// After so long without a decision a host goes back by itself; whoever decides must be earlier.
    decide_within: Duration,
    count: Mutex<Count>,
    standings: Mutex<Vec<HostStanding>>,
    changed: Condvar,
}

#[derive(Default)]
struct Count {
    /// Whether the first host has its lease.
    is_leased: bool,
    arrived: usize,
    meetings: usize,
    /// Whether the work on a host has failed.
    has_failed: bool,
    switching: usize,
    proven: usize,
    first_proven: Option<Instant>,
    decision: Option<bool>,
}

/// One host's part in its fleet.
pub struct FleetMember<'f> {
    fleet: &'f Fleet,
    /// Whether its lease is taken before all others.
    pub is_first: bool,
    /// Whether the release command runs there.
    pub is_primary: bool,
}

impl Fleet {
    /// For so many hosts, of which `at_once` switch at one time.
    pub fn new(size: usize, at_once: Option<usize>, decide_within: Duration) -> Fleet {
        let at_once = at_once.unwrap_or(size);
        Fleet {
            size,
            at_once,
            decide_within,
            count: Mutex::default(),
            standings: Mutex::default(),
            changed: Condvar::new(),
        }
    }

    pub fn peer(&self, is_first: bool, is_primary: bool) -> FleetMember<'_> {
        FleetMember { fleet: self, is_first, is_primary }
    }

    fn count(&self) -> MutexGuard<'_, Count> {
        // Whoever panicked has counted nothing by half.
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn change(&self, change: impl FnOnce(&mut Count)) {
        change(&mut self.count());
        self.changed.notify_all();
    }
}

impl FleetMember<'_> {
    /// The first host's lease comes before all others: of two who deploy at once, one gets it, and the other takes none.
    ///
    /// # Errors
    /// Where the work on another host has failed.
    pub fn wait_for_turn(&self, alive: &mut dyn FnMut() -> bool) -> Result<(), Failure> {
        if self.is_first {
            return Ok(());
        }
        self.wait(alive, |count| count.is_leased.then_some(()))
    }

    /// The lease is held.
    pub fn leased(&self) {
        if self.is_first {
            self.fleet.change(|count| count.is_leased = true);
        }
    }

    /// Waits until every host has come so far.
    ///
    /// # Errors
    /// Where the work on another host has failed.
    pub fn meet(&self, alive: &mut dyn FnMut() -> bool) -> Result<(), Failure> {
        let mut meeting = 0;
        self.fleet.change(|count| {
            meeting = count.meetings;
            count.arrived += 1;
            if count.arrived == self.fleet.size {
                count.arrived = 0;
                count.meetings += 1;
            }
        });
        self.wait(alive, |count| (count.meetings > meeting).then_some(()))
    }

    /// Tells the others how this host stands, and learns how they do.
    ///
    /// # Errors
    /// Where the work on another host has failed.
    pub fn share(
        &self,
        own: HostStanding,
        alive: &mut dyn FnMut() -> bool,
    ) -> Result<Vec<HostStanding>, Failure> {
        self.fleet.standings.lock().unwrap_or_else(PoisonError::into_inner).push(own);
        self.meet(alive)?;
        let mut all = self.fleet.standings.lock().unwrap_or_else(PoisonError::into_inner).clone();
        all.sort_by(|a, b| a.host.cmp(&b.host));
        // Nobody shares again before all have read.
        self.meet(alive)?;
        self.fleet.standings.lock().unwrap_or_else(PoisonError::into_inner).clear();
        self.meet(alive)?;
        Ok(all)
    }

    /// Waits until not too many others switch.
    ///
    /// # Errors
    /// Where the work on another host has failed.
    pub fn begin_switch(&self, alive: &mut dyn FnMut() -> bool) -> Result<(), Failure> {
        self.wait(alive, |count| {
            let may = count.switching < self.fleet.at_once;
            count.switching += usize::from(may);
            may.then_some(())
        })
    }

    /// The release is proven on this host: whether it is on all of them, in time.
    pub fn decide(&self, alive: &mut dyn FnMut() -> bool) -> bool {
        let latest = self.fleet.decide_within.mul_f32(0.8);
        self.fleet.change(|count| {
            count.switching = count.switching.saturating_sub(1);
            count.proven += 1;
            let first = *count.first_proven.get_or_insert_with(Instant::now);
            if count.proven == self.fleet.size && first.elapsed() < latest {
                count.decision.get_or_insert(!count.has_failed);
            }
        });
        let decided = self.wait(alive, |count| {
            if count.first_proven.is_some_and(|first| first.elapsed() > latest) {
                count.decision.get_or_insert(false);
            }
            count.decision
        });
        decided.unwrap_or(false)
    }

    /// The work on this host has failed: no other goes on.
    pub fn fail(&self) {
        self.fleet.change(|count| {
            count.has_failed = true;
            count.decision.get_or_insert(false);
        });
    }

    fn wait<T>(
        &self,
        alive: &mut dyn FnMut() -> bool,
        mut ready: impl FnMut(&mut Count) -> Option<T>,
    ) -> Result<T, Failure> {
        let mut count = self.fleet.count();
        loop {
            if let Some(ready) = ready(&mut count) {
                return Ok(ready);
            }
            if count.has_failed {
                return Err(held_back("another host failed"));
            }
            let waited = self.fleet.changed.wait_timeout(count, TICK);
            drop(waited);
            if !alive() {
                let what = "interrupted, or cut off, while the other hosts were waited for";
                return Err(Failure::new("interrupted", what).exit(ExitCode::Interrupted));
            }
            count = self.fleet.count();
        }
    }
}

/// What a host fails with that did not fail itself.
fn held_back(what: &str) -> Failure {
    Failure::new("fleet.held_back", what)
}

/// Of what the hosts failed with, the one that a person is told: the first that is not a mere consequence of another, and
/// of those the one that leaves the site worst off.
pub fn worst(failures: Vec<(String, Failure)>) -> Option<Failure> {
    let consequence = |failure: &Failure| ["fleet.held_back", "fleet.recalled"].contains(&failure.code);
    let badness = |failure: &Failure| (!consequence(failure), failure.exit as u8 == 3);
    let mut worst: Option<(String, Failure)> = None;
    for (host, failure) in failures {
        if worst.as_ref().is_none_or(|(_, worst)| badness(&failure) > badness(worst)) {
            worst = Some((host, failure));
        }
    }
    worst.map(|(host, mut failure)| {
        if !failure.what.contains(&host) {
            failure.what = format!("{host}: {}", failure.what);
        }
        failure
    })
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    fn fleet(size: usize) -> Fleet {
        Fleet::new(size, None, Duration::from_secs(30))
    }

    #[test]
    fn all_go_on_together() {
        let fleet = fleet(3);
        thread::scope(|scope| {
            for number in 0..3 {
                let peer = fleet.peer(number == 0, number == 0);
                scope.spawn(move || {
                    let mut alive = || true;
                    peer.wait_for_turn(&mut alive).unwrap();
                    peer.leased();
                    for _ in 0..3 {
                        peer.meet(&mut alive).unwrap();
                    }
                    assert!(peer.decide(&mut alive));
                });
            }
        });
    }

    #[test]
    fn where_one_fails_nobody_goes_on() {
        let fleet = fleet(3);
        thread::scope(|scope| {
            for number in 0..3 {
                let peer = fleet.peer(number == 0, number == 0);
                scope.spawn(move || match number {
                    2 => peer.fail(),
                    1 => assert!(!peer.decide(&mut || true)),
                    _ => assert_eq!(peer.meet(&mut || true).unwrap_err().code, "fleet.held_back"),
                });
            }
        });
    }

    #[test]
    fn no_host_waits_longer_for_the_decision_than_it_is_patient() {
        let fleet = Fleet::new(2, None, Duration::from_millis(50));
        assert!(!fleet.peer(true, true).decide(&mut || true));
        // One that comes too late finds that it was decided.
        assert!(!fleet.peer(false, false).decide(&mut || true));
    }

    #[test]
    fn the_failure_that_is_told_is_no_consequence_of_another() {
        let failures = ["a", "b", "c"].map(|host| (host.to_owned(), held_back("another host failed")));
        let mut failures: Vec<_> = failures.into();
        failures[1].1 = Failure::new("nginx.reload", "nginx refuses");
        assert_eq!(worst(failures).unwrap().to_string(), "b: nginx refuses");
    }
}
