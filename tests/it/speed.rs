//! What a deploy costs on the way: connections, round trips, bytes.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use crate::support::{DelayProxy, Site, alone, git};

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
    let _turn = alone();
    let (mut site, near) = behind(|host| DelayProxy::start(host, Duration::ZERO));
    let far = DelayProxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, site.host.ssh_port())), DELAY);
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
        (with, without, with.saturating_sub(without).as_secs_f64() / (2.0 * DELAY.as_secs_f64()))
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
    let big: String = (0..40_000).map(|line| format!("line {line} {}\n", line * 7919 % 1_000_003)).collect();
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
    println!("bytes sent for a one-line fix in a file of {} bytes: {sent}", big.len());
    // The scripts are most of it.
    assert!(sent < 50_000, "{sent} bytes");
}

/// Text that does not compress to less than half of its size.
fn noise(bytes: usize, mut seed: u64) -> String {
    let mut text = String::new();
    while text.len() < bytes {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(&format!("{seed:016x}\n"));
    }
    text
}

#[test]
fn what_the_other_slot_has_is_not_sent_again() {
    let (site, proxy) = behind(|host| DelayProxy::start(host, Duration::ZERO));
    let words = tempfile::tempdir().expect("a temporary folder");
    git(words.path(), &["init", "--quiet", "--initial-branch=main"]);
    std::fs::write(words.path().join("words.txt"), noise(500_000, 1)).expect("a file");
    git(words.path(), &["add", "--all"]);
    git(words.path(), &["commit", "--quiet", "--message", "words"]);
    let url = words.path().to_str().expect("a UTF-8 path");
    site.git(&["submodule", "--quiet", "add", url, "words"]);
    site.write("data.txt", &noise(1_000_000, 2));
    site.configure();
    site.commit("large files, here and in a submodule");
    site.go_live();
    let whole = proxy.bytes_up();
    assert!(whole > 600_000, "{whole} bytes");
    site.change();
    site.done(&["prod", "deploy"]);
    let sent = proxy.bytes_up() - whole;
    println!("bytes sent for the first release: {whole}, for the first of the second slot: {sent}");
    assert!(sent < 50_000, "{sent} bytes");

    // What is sent once arrives in both, and neither needs the other.
    let [live, next] = ["live", "next"].map(|slot| site.path(slot).join("repo/.git"));
    std::fs::remove_dir_all(&live).expect("the first slot's repository");
    for git_dir in [next.clone(), next.join("modules/words")] {
        let folder = git_dir.to_str().expect("a UTF-8 path");
        git(words.path(), &["--git-dir", folder, "fsck", "--full", "--strict", "--no-dangling"]);
        assert!(!git_dir.join("objects/info/alternates").exists(), "{folder}");
        let lent = ["--git-dir", folder, "for-each-ref", "refs/deployer/lent"];
        assert_eq!(git(words.path(), &lent), "", "{folder}");
    }
    site.done(&["prod", "cutover"]);

    // The slot that lost its repository gets all of it back, from the host.
    site.change();
    let before = proxy.bytes_up();
    site.done(&["prod", "deploy"]);
    let sent = proxy.bytes_up() - before;
    assert!(sent < 50_000, "{sent} bytes");
}
