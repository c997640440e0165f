//! Ctrl-C, once and twice, and a terminal that is closed.

use super::client::Client;
use super::places::{CUTOVER, DEPLOY, Verb};
use super::stage::{BOUND, Place, Stage};
use super::truth::check_whole;
use crate::support::{Ran, Replies, row, until};

/// Starts a command, and brings it to a place.
fn at(stage: &Stage, verb: &Verb, place: &Place) -> Client {
    (verb.prepare)(stage);
    stage.hold_at(place);
    let client = Client::start(stage, verb.arguments, None);
    until("the place is reached", BOUND, || stage.is_reached());
    client
}

fn failure(ran: &Ran) -> serde_json::Value {
    let lines = ran.stdout.lines().chain(ran.stderr.lines());
    let values = lines.filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let mut failures = values.filter(|value| value["event"] == "failure");
    failures.next().unwrap_or_else(|| panic!("no failure is told: {ran:?}"))
}

#[test]
fn once_stops_at_the_next_safe_point_and_says_what_is_left() {
    let stage = Stage::new();
    let live = stage.site.link("live");
    for signal in ["INT", "HUP", "TERM"] {
        let load = stage.load();
        let client = at(&stage, &DEPLOY, &Place::Before(2));
        client.signal(signal);
        let ran = client.end();
        assert_eq!(ran.code, 130, "{signal}: {ran:?}");
        let failure = failure(&ran);
        assert_eq!(failure["site"], "untouched", "{failure}");
        assert!(!failure["world"].is_null(), "{failure}");
        assert!(!failure["advice"].as_array().expect("advice").is_empty(), "{failure}");
        stage.forget();
        until("the lock is free", BOUND, || stage.is_free());
        assert_eq!(stage.site.link("live"), live);
        stage.site.done(DEPLOY.arguments);
        check_whole(&stage, signal);
        let report = load.stop();
        assert!(report.failures().is_empty(), "{:?}", report.failures());
        row("kill", &format!("deploy, SIG{signal} once"), "stopped, 130; the next run mended");
    }
}

#[test]
fn once_inside_the_switch_lets_it_finish() {
    let stage = Stage::new();
    let mut client = at(&stage, &CUTOVER, &Place::Reloading);
    let (live, history) = (stage.site.link("live"), stage.history());
    client.signal("INT");
    client.until_event("it says that it finishes", |event| {
        event["message"].as_str().unwrap_or("").contains("it finishes first")
    });
    assert!(client.is_running());
    stage.release();
    let ran = client.end();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(stage.site.link("live"), live, "the links had moved before");
    assert_eq!(stage.history(), history + 1);
    check_whole(&stage, "once inside the switch");
    row("kill", "cutover, SIGINT once inside the switch", "finished, and said so");
}

#[test]
fn twice_leaves_at_once() {
    let stage = Stage::new();
    for (verb, place) in [(&DEPLOY, Place::Before(2)), (&CUTOVER, Place::Reloading)] {
        let mut client = at(&stage, verb, &place);
        let history = stage.history();
        let critical = place == Place::Reloading;
        client.signal("INT");
        if critical {
            client.until_event("it says that it finishes", |event| {
                event["message"].as_str().unwrap_or("").contains("it finishes first")
            });
        }
        client.signal("INT");
        until("it has left", BOUND, || !client.is_running());
        let ran = client.end();
        assert_eq!(ran.code, if critical { 3 } else { 130 }, "{ran:?}");
        if critical {
            stage.release();
            until("the switch ends", BOUND, || stage.history() == history + 1);
        }
        stage.forget();
        until("the lock is free", BOUND, || stage.is_free());
        if !critical {
            stage.site.done(verb.arguments);
        }
        check_whole(&stage, verb.name);
        row("kill", &format!("{}, SIGINT twice", verb.name), "left at once; whole afterwards");
    }
}
