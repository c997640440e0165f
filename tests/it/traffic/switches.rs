//! What a single switch is like for those who are waiting: who answers, when, and how fast.

use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Load, LoadReport, Outcome, Replies, Reply, Site, alone, row, until};
use crate::traffic::stage::{Mode, plain, short};

const BOUND: Duration = Duration::from_secs(3);

fn load(site: &Site, releases: &[&String]) -> Load {
    Load {
        markers: releases.iter().map(|release| release.to_string()).collect(),
        ..Load::new(site.door(), site.host.server_name())
    }
}

/// Two releases: the first is live, the second is next.
fn two(mode: Mode) -> (Site, String, String) {
    let site = plain(mode);
    site.go_live();
    let old = short(&site.git(&["rev-parse", "HEAD"]));
    let new = short(&site.change());
    site.done(&["prod", "deploy"]);
    (site, old, new)
}

fn a_slow_request_stays(mode: Mode) {
    let _turn = alone();
    let (site, old, new) = two(mode);
    let (door, name) = (site.door(), site.host.server_name().to_string());
    let began = Instant::now();
    let slow = thread::spawn(move || crate::support::http(door, &name, "/slow?seconds=6"));
    // The request reaches the old release: a quick one after it, of the same kind, has been answered.
    until("the old release answers", BOUND, || site.get("/").1.contains(&old));
    site.done(&["prod", "cutover"]);
    let switched = began.elapsed();
    assert!(switched < Duration::from_secs(6), "the cutover took {switched:?}");
    assert!(!slow.is_finished());
    for _ in 0..20 {
        let (status, body) = site.get("/");
        assert!(status == 200 && body.contains(&new), "{status} {body}");
    }
    assert!(!slow.is_finished());
    let (status, body) = slow.join().expect("a client does not panic");
    assert_eq!((status, body.contains(&old)), (200, true), "{body}");
    row(
        "a request of 6 s",
        &format!("begun before a cutover by {}", mode.name()),
        format!(
            "answered whole by the old release, {:.1} s after the cutover",
            (began.elapsed() - switched).as_secs_f64()
        ),
    );
}

#[test]
fn a_slow_request_is_answered_by_the_release_it_began_on() {
    a_slow_request_stays(Mode::Reload);
}

#[test]
fn a_slow_request_is_answered_by_the_release_it_began_on_by_socket() {
    a_slow_request_stays(Mode::Socket);
}

fn ended(answer: &Reply) -> Instant {
    answer.started + answer.latency
}

/// When a release answered first and last, since `began`.
fn reign(report: &LoadReport, release: &str, began: Instant) -> (Duration, Duration) {
    let of = |answer: &&Reply| answer.marker.as_deref() == Some(release) && ended(answer) > began;
    let times = || report.answers.iter().filter(of).map(|answer| ended(answer) - began);
    (times().min().expect("it answered"), times().max().expect("it answered"))
}

fn a_rollback_is_quick(mode: Mode) {
    let _turn = alone();
    let (site, old, new) = two(mode);
    site.done(&["prod", "cutover"]);
    let steady = Load {
        // A load that leaves the deployer no processor would measure the scheduler.
        pause: Duration::from_millis(5),
        ..load(&site, &[&old, &new])
    };
    let running = steady.start();
    until("the new release answers", BOUND, || site.get("/").1.contains(&new));
    let began = Instant::now();
    site.done(&["prod", "rollback"]);
    let whole = began.elapsed();
    let report = running.stop();
    assert!(report.failures().is_empty(), "{:?}", report.failures());
    let (first, _) = reign(&report, &old, began);
    let (_, last) = reign(&report, &new, began);
    row(
        "rollback of a warm release under load",
        mode.name(),
        format!(
            "first answer of the old release after {:.2} s, last of the new one after {:.2} s, command done after {:.2} s",
            first.as_secs_f64(),
            last.as_secs_f64(),
            whole.as_secs_f64()
        ),
    );
    assert!(first < BOUND && last < BOUND, "first {first:?}, last {last:?}");
}

#[test]
fn a_rollback_under_load_is_quick() {
    a_rollback_is_quick(Mode::Reload);
}

#[test]
fn a_rollback_under_load_is_quick_by_socket() {
    a_rollback_is_quick(Mode::Socket);
}

fn latency_through_cutovers(mode: Mode) {
    let _turn = alone();
    let (site, old, new) = two(mode);
    let calm = Load { duration: Duration::from_secs(2), ..load(&site, &[]) };
    let calm = calm.start().wait();
    let running = load(&site, &[&old, &new]).start();
    for _ in 0..5 {
        site.done(&["prod", "cutover"]);
    }
    let busy = running.stop();
    for report in [&calm, &busy] {
        assert_eq!(report.count(Outcome::Status(200)), report.answers.len());
    }
    assert!(busy.with_marker(&old) > 0 && busy.with_marker(&new) > 0);
    let (without, with) = (calm.latency(0.99), busy.latency(0.99));
    row(
        "latency, 99th percentile",
        &format!("four clients, five cutovers by {}", mode.name()),
        format!(
            "{:.1} ms without, {:.1} ms with ({:.1} times); slowest {:.0} ms",
            without.as_secs_f64() * 1e3,
            with.as_secs_f64() * 1e3,
            with.as_secs_f64() / without.as_secs_f64(),
            busy.latency(1.0).as_secs_f64() * 1e3
        ),
    );
    assert!(with < Duration::from_secs(1), "{with:?}");
}

#[test]
fn latency_through_cutovers_by_reload() {
    latency_through_cutovers(Mode::Reload);
}

#[test]
fn latency_through_cutovers_by_socket() {
    latency_through_cutovers(Mode::Socket);
}
