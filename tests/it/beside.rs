//! Two builds of `deployer`, side by side: what a person waits for, and what is sent.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::support::{DelayProxy, Site, alone};

/// One way; a round trip is twice that.
const DELAY: Duration = Duration::from_millis(50);

/// A verb, the most of the old build's time that it may take on loopback and far away, and the most bytes it may send.
struct Goal {
    verb: &'static str,
    near: f64,
    far: f64,
    bytes: u64,
}

const GOALS: [Goal; 4] = [
    Goal { verb: "deploy", near: 0.60, far: 0.72, bytes: 10_000 },
    Goal { verb: "cutover", near: 0.75, far: 0.75, bytes: 6_000 },
    Goal { verb: "rollback", near: 0.75, far: 0.75, bytes: 6_000 },
    Goal { verb: "status", near: 0.65, far: 1.0, bytes: 6_000 },
];

/// What one run of a verb cost.
#[derive(Clone, Copy)]
struct Cost {
    seconds: f64,
    up: u64,
    trips: u64,
}

/// A build and a host of its own, near and far.
struct Build {
    site: Site,
    ways: [(&'static str, DelayProxy); 2],
    /// By way and verb.
    costs: [[Vec<Cost>; 4]; 2],
}

impl Build {
    fn new(binary: PathBuf) -> Build {
        let mut site = Site::new();
        site.binary = binary;
        let ssh = SocketAddr::from((Ipv4Addr::LOCALHOST, site.host.ssh_port()));
        let ways = [("near", Duration::ZERO), ("far", DELAY)].map(|(name, delay)| {
            let proxy = DelayProxy::start(ssh, delay);
            site.host.add_route(name, proxy.port()).expect("a route");
            (name, proxy)
        });
        // The way in `deployer.toml` is no part of a fix.
        site.git(&["update-index", "--assume-unchanged", "deployer.toml"]);
        // Both slots and the virtualenv are warm, as on any day.
        for _ in 0..2 {
            site.go_live();
            site.change();
        }
        Build { site, ways, costs: Default::default() }
    }

    /// A one-line fix goes live and back, by one way.
    fn round(&mut self, way: usize) {
        let (alias, proxy) = &self.ways[way];
        self.site.alias = (*alias).to_string();
        self.site.configure();
        self.site.change();
        for (index, goal) in GOALS.iter().enumerate() {
            let arguments = if goal.verb == "status" { vec!["status"] } else { vec!["prod", goal.verb] };
            let (up, trips, begun) = (proxy.bytes_up(), proxy.round_trips(), Instant::now());
            self.site.done(&arguments);
            let seconds = begun.elapsed().as_secs_f64();
            let cost = Cost { seconds, up: proxy.bytes_up() - up, trips: proxy.round_trips() - trips };
            self.costs[way][index].push(cost);
        }
    }
}

fn median(costs: &[Cost], of: impl Fn(&Cost) -> f64) -> f64 {
    let mut values: Vec<f64> = costs.iter().map(of).collect();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// `DEPLOYER_BENCH_OLD=target/old/deployer DEPLOYER_BENCH_NEW=target/release/deployer tests/run.sh beside -- --ignored`
#[test]
#[ignore = "compares two builds, of which the tests have only one"]
fn one_build_beside_another() {
    let _turn = alone();
    let variable = |name| std::env::var_os(name).map(PathBuf::from);
    let old = variable("DEPLOYER_BENCH_OLD").expect("DEPLOYER_BENCH_OLD names the other build");
    let new = variable("DEPLOYER_BENCH_NEW").unwrap_or_else(|| env!("CARGO_BIN_EXE_deployer").into());
    let rounds = std::env::var("DEPLOYER_BENCH_ROUNDS").ok().and_then(|text| text.parse().ok()).unwrap_or(10);
    let [mut old, mut new] = [old, new].map(Build::new);
    for round in 0..rounds {
        for way in 0..2 {
            // Each is as often the first.
            let order = if round % 2 == 0 { [&mut old, &mut new] } else { [&mut new, &mut old] };
            for build in order {
                build.round(way);
            }
        }
    }

    println!("medians of {rounds} rounds: seconds, bytes sent, flights of them; old and new\n");
    let mut missed = Vec::new();
    for (way, delay) in ["on loopback", "at 100 ms, with slow start"].iter().enumerate() {
        println!("{delay}");
        for (index, goal) in GOALS.iter().enumerate() {
            let [was, is] = [&old, &new].map(|build| {
                let costs = &build.costs[way][index];
                let pick = |of: fn(&Cost) -> f64| median(costs, of);
                (pick(|cost| cost.seconds), pick(|cost| cost.up as f64), pick(|cost| cost.trips as f64))
            });
            let ratio = is.0 / was.0;
            println!(
                "{:9} {:6.3} {:6.3}  {ratio:4.2}   {:6} {:6}   {:2} {:2}",
                goal.verb, was.0, is.0, was.1, is.1, was.2, is.2
            );
            let limit = if way == 0 { goal.near } else { goal.far };
            if ratio > limit || is.1 > goal.bytes as f64 || is.2 > was.2 {
                missed.push(format!("{} {delay}", goal.verb));
            }
        }
    }
    assert!(missed.is_empty(), "more than it may take: {}", missed.join(", "));
}
