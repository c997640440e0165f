//! What a deploy costs on the way: connections, round trips, bytes.

mod support;

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use support::{DelayProxy, Site};

/// One way; a round trip is twice that.
const DELAY: Duration = Duration::from_millis(50);

/// A site whose host is reached through a proxy.
fn behind(proxy: impl FnOnce(SocketAddr) -> DelayProxy) -> (Site, DelayProxy) {
    let mut site = Site::new();
    let proxy = proxy(SocketAddr::from((Ipv4Addr::LOCALHOST, site.host.ssh_port())));
    site.host.add_route("far", proxy.port()).expect("a route");
    site.alias = "far".to_string();
    (site, proxy)
}

fn timed(site: &Site, arguments: &[&str]) -> Duration {
    let began = Instant::now();
    site.done(arguments);
    began.elapsed()
}

/// The run that the machine disturbed least.
fn best(times: impl Iterator<Item = Duration>) -> Duration {
    times.min().expect("a run")
}

#[test]
fn a_one_line_fix_takes_one_connection_and_few_round_trips() {
    let (mut site, near) = behind(|host| DelayProxy::start(host, Duration::ZERO));
    let far = DelayProxy::start(
        SocketAddr::from((Ipv4Addr::LOCALHOST, site.host.ssh_port())),
        DELAY,
    );
    site.host.add_route("farther", far.port()).expect("a route");
    site.configure();
    site.commit("through the proxy");
    // Both slots and the virtualenv are warm, as on any day.
    for _ in 0..2 {
        site.go_live();
    }
    let mut trips = Vec::new();
    let mut round = |alias: &str, proxy: &DelayProxy| {
        site.alias = alias.to_string();
        site.configure();
        site.change();
        let before = (proxy.connections(), proxy.round_trips());
        let took = timed(&site, &["prod", "deploy"]);
        assert_eq!(proxy.connections() - before.0, 1, "one TCP connection");
        trips.push(proxy.round_trips() - before.1);
        let switched = timed(&site, &["prod", "cutover"]);
        (took, switched)
    };
    let (mut without, mut with) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        without.push(round("far", &near));
        with.push(round("farther", &far));
    }
    let extra = |pick: fn(&(Duration, Duration)) -> Duration| {
        let with = best(with.iter().map(pick));
        let without = best(without.iter().map(pick));
        (
            with,
            without,
            with.saturating_sub(without).as_secs_f64() / (2.0 * DELAY.as_secs_f64()),
        )
    };
    let (far_deploy, near_deploy, deploy) = extra(|times| times.0);
    let (far_cutover, near_cutover, cutover) = extra(|times| times.1);
    println!(
        "deploy of a one-line fix: {near_deploy:?} without delay, {far_deploy:?} with 100 ms round trips: {deploy:.1} of them"
    );
    println!(
        "cutover: {near_cutover:?} without delay, {far_cutover:?} with 100 ms round trips: {cutover:.1} of them"
    );
    println!("flights that the proxy saw in each deploy: {trips:?}");
    assert!(deploy <= 12.0, "{deploy:.1} round trips");
    assert!(cutover <= 12.0, "{cutover:.1} round trips");
}

#[test]
fn a_one_line_fix_sends_few_bytes() {
    let (site, proxy) = behind(|host| DelayProxy::start(host, Duration::ZERO));
    // A file that a pack without deltas would send whole.
    let big: String = (0..40_000)
        .map(|line| format!("line {line} {}\n", line * 7919 % 1_000_003))
        .collect();
    site.write("data.txt", &big);
    site.configure();
    site.commit("a large file");
    for _ in 0..2 {
        site.go_live();
    }
    site.write("data.txt", &big.replace("line 20000 ", "LINE 20000 "));
    site.change();
    let before = proxy.bytes_up();
    site.done(&["prod", "deploy"]);
    let sent = proxy.bytes_up() - before;
    println!(
        "bytes sent for a one-line fix in a file of {} bytes: {sent}",
        big.len()
    );
    // The scripts are most of it.
    assert!(sent < 50_000, "{sent} bytes");
}
