//! A network that falls silent, waited out: the client notices, and so does the host.

use std::time::{Duration, Instant};

use super::client::Client;
use super::places::{CUTOVER, DEPLOY, Verb};
use super::stage::{BOUND, Place, Stage};
use super::truth::check_whole;
use crate::support::{row, until};

/// Brings a command to a place, cuts the network there, and waits for the client to end by itself.
fn notices(stage: &Stage, verb: &Verb, place: &Place, code: i32) -> crate::support::DelayProxy {
    (verb.prepare)(stage);
    stage.hold_at(place);
    let (proxy, config) = stage.detour();
    let client = Client::start(stage, verb.arguments, Some(&config));
    until("the place is reached", BOUND, || stage.is_reached());
    proxy.freeze();
    let began = Instant::now();
    let ran = client.end();
    let took = began.elapsed();
    assert_eq!(ran.code, code, "{ran:?}");
    assert!(took < Duration::from_secs(31), "{took:?}");
    let told = format!("{}{}", ran.stdout, ran.stderr);
    assert!(told.contains("lost the connection"), "{told}");
    row("kill", &format!("{}, silence noticed by the client", verb.name), format!("{took:.1?}, exit {code}"));
    proxy
}

/// The one case that really waits for half a minute of silence.
#[test]
fn before_the_switch_the_next_run_takes_over() {
    let stage = Stage::new();
    let _proxy = notices(&stage, &DEPLOY, &Place::Before(2), 1);
    stage.forget();
    // The host counts a holder as dead a few seconds later than its client gives up.
    let refused = stage.site.deployer(DEPLOY.arguments);
    assert!([0, 4].contains(&refused.code), "{refused:?}");
    stage.site.done(&["prod", "deploy", "--wait=1m"]);
    check_whole(&stage, "a deploy after half a minute of silence");
    row("kill", "deploy, half a minute of silence really waited", "taken over");
}

#[test]
fn in_the_switch_it_finishes_by_itself() {
    let stage = Stage::new();
    let history = stage.history();
    let _proxy = notices(&stage, &CUTOVER, &Place::Reloading, 3);
    stage.release();
    until("the switch ends", BOUND, || stage.history() == history + 1);
    until("the lock is free", BOUND, || stage.is_free());
    check_whole(&stage, "a cutover in silence");
    assert!(stage.site.link("live").is_some());
}

/// A host that nobody hears any more goes on to the end, and lets go of the lock.
#[test]
fn a_deploy_that_goes_on_alone_lets_go() {
    let stage = Stage::new();
    (DEPLOY.prepare)(&stage);
    stage.hold_at(&Place::Before(2));
    let (proxy, config) = stage.detour();
    let mut client = Client::start(&stage, DEPLOY.arguments, Some(&config));
    until("the place is reached", BOUND, || stage.is_reached());
    proxy.freeze();
    client.kill();
    stage.release();
    stage.forget();
    until("the lock is free", BOUND, || stage.is_free());
    stage.site.done(CUTOVER.arguments);
    check_whole(&stage, "a deploy that goes on alone");
    row("kill", "deploy, silence, the host goes on alone", "complete, lock free");
}
