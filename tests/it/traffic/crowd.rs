//! Traffic of every kind at once, and what became of it.

use std::collections::BTreeMap;
use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use deployer::rehearsal::Running;

use crate::support::{Load, Outcome, Site};
use crate::traffic::client::{Kind, exchange};
use crate::traffic::stage::ledger;

const NEVER: Duration = Duration::from_secs(600);

/// Between two requests of a client, so that the deployer under test gets its share of a small machine.
const PAUSE: Duration = Duration::from_millis(10);

pub(crate) struct Crowd {
    over: Arc<AtomicBool>,
    loads: Vec<(&'static str, Running)>,
    clients: Vec<(Kind, JoinHandle<Vec<Exchange>>)>,
}

/// One request and its end.
#[derive(Clone, Debug)]
struct Exchange {
    id: String,
    began: Instant,
    ended: Instant,
    idle_closed: bool,
    lost: Option<String>,
}

/// What became of one kind of traffic.
pub(crate) struct Tally {
    pub(crate) name: &'static str,
    exchanges: Vec<Exchange>,
}

impl Crowd {
    pub(crate) fn start(site: &Site) -> Crowd {
        let plain = || Load {
            duration: NEVER,
            clients: 4,
            pause: PAUSE,
            ..Load::new(site.door(), site.host.server_name())
        };
        let kept = |asks_again| Load { keep_alive: true, asks_again, ..plain() };
        let slow = Load { path: "/slow?seconds=3".to_string(), clients: 2, ..plain() };
        let loads = [
            ("connection per request", plain()),
            ("keep-alive, never asking again", kept(false)),
            ("keep-alive, asking again", kept(true)),
            ("slow response", slow),
        ]
        .map(|(name, load)| (name, load.start()));
        let over = Arc::new(AtomicBool::new(false));
        let clients = Kind::ALL
            .iter()
            .flat_map(|kind| (0..kind.clients()).map(|number| (*kind, number)))
            .map(|(kind, number)| (kind, client(kind, number, site, &over)))
            .collect();
        Crowd { over, loads: loads.into(), clients }
    }

    /// Lets each client finish what it is at.
    pub(crate) fn stop(self) -> Vec<Tally> {
        self.over.store(true, Ordering::SeqCst);
        let mut tallies: Vec<Tally> = self.loads.into_iter().map(|(name, load)| tally(name, load)).collect();
        for kind in Kind::ALL {
            tallies.push(Tally { name: kind.name(), exchanges: Vec::new() });
        }
        for (kind, client) in self.clients {
            let done = client.join().expect("a client does not panic");
            let tally = tallies.iter_mut().find(|tally| tally.name == kind.name());
            tally.expect("every kind has one").exchanges.extend(done);
        }
        tallies
    }
}

fn client(kind: Kind, number: usize, site: &Site, over: &Arc<AtomicBool>) -> JoinHandle<Vec<Exchange>> {
    let (door, host, over) = (site.door(), site.host.server_name().to_string(), Arc::clone(over));
    thread::spawn(move || {
        let mut done = Vec::new();
        while !over.load(Ordering::SeqCst) {
            let id = format!("{number}-{}", done.len());
            let began = Instant::now();
            let lost = exchange(kind, door, &host, &id).err().map(|error| error.to_string());
            done.push(Exchange { id, began, ended: Instant::now(), idle_closed: false, lost });
            thread::sleep(PAUSE);
        }
        done
    })
}

fn tally(name: &'static str, load: Running) -> Tally {
    let answers = load.stop().answers.into_iter();
    let exchanges = answers.map(|answer| Exchange {
        id: String::new(),
        began: answer.started,
        ended: answer.started + answer.latency,
        idle_closed: answer.outcome == Outcome::IdleClosed,
        lost: match answer.outcome {
            Outcome::Status(200) => None,
            other => Some(format!("{other:?}")),
        },
    });
    Tally { name, exchanges: exchanges.collect() }
}

impl Tally {
    pub(crate) fn count(&self) -> usize {
        self.exchanges.len()
    }

    /// Idle connections that nginx closed while the client was sending on them: what HTTP leaves to the client.
    pub(crate) fn idle_closed(&self) -> usize {
        self.exchanges.iter().filter(|exchange| exchange.idle_closed).count()
    }

    /// What was lost beyond that: what it came to, and when, by the name of what the deployer did then.
    pub(crate) fn lost(&self, turns: &[Turn]) -> Vec<String> {
        let lost = self.exchanges.iter().filter(|exchange| !exchange.idle_closed);
        lost.filter_map(|exchange| {
            let why = exchange.lost.as_ref()?;
            let during: Vec<&str> =
                turns.iter().filter(|turn| turn.meets(exchange)).map(|turn| turn.name).collect();
            Some(format!("{} during {during:?}: {why}", self.name))
        })
        .collect()
    }

    /// Whether some exchange of this kind was under way at the end of a turn, when the switch has just happened.
    pub(crate) fn spans(&self, turn: &Turn) -> bool {
        self.exchanges.iter().any(|exchange| turn.meets(exchange))
    }

    /// Counted requests that were answered and not carried out, and those that were carried out twice.
    pub(crate) fn miscounted(&self, site: &Site) -> (Vec<String>, Vec<String>) {
        let text = fs::read_to_string(ledger(site)).expect("the application wrote a ledger");
        let mut written = BTreeMap::new();
        for line in text.lines() {
            *written.entry(line).or_insert(0) += 1;
        }
        let answered = self.exchanges.iter().filter(|exchange| exchange.lost.is_none());
        let missing = answered.filter(|exchange| !written.contains_key(exchange.id.as_str()));
        (
            missing.map(|exchange| exchange.id.clone()).collect(),
            written.iter().filter(|(_, times)| **times > 1).map(|(id, _)| id.to_string()).collect(),
        )
    }
}

/// Something that the deployer did, and when.
pub(crate) struct Turn {
    pub(crate) name: &'static str,
    pub(crate) began: Instant,
    pub(crate) ended: Instant,
}

impl Turn {
    fn meets(&self, exchange: &Exchange) -> bool {
        exchange.began < self.ended && exchange.ended > self.began
    }
}
