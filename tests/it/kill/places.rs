//! Every step boundary of every command: before a step does its work, and after it, before anybody knows.

use super::client::{Client, Death};
use super::stage::{BOUND, Place, Stage};
use super::truth::{check_status, check_whole, released};
use crate::support::{Replies, row, until};

/// A command, and what a run of it needs beforehand.
pub struct Verb {
    pub name: &'static str,
    pub arguments: &'static [&'static str],
    pub prepare: fn(&Stage),
}

pub const DEPLOY: Verb = Verb {
    name: "deploy",
    arguments: &["prod", "deploy"],
    prepare: |stage| {
        stage.site.change();
    },
};

/// Onto a host that has nothing yet.
pub const FIRST: Verb = Verb {
    name: "deploy",
    arguments: &["prod", "deploy"],
    prepare: |stage| {
        if stage.site.path("live").exists() {
            stage.site.done(&["prod", "stop"]);
        }
        let _ = std::fs::remove_dir_all(stage.site.path(""));
    },
};

pub const CUTOVER: Verb = Verb {
    name: "cutover",
    arguments: &["prod", "cutover"],
    prepare: |stage| {
        stage.site.change();
        stage.site.done(&["prod", "deploy"]);
    },
};

/// To a release that still runs.
pub const ROLLBACK: Verb = Verb {
    name: "rollback",
    arguments: &["prod", "rollback"],
    prepare: |stage| {
        stage.site.change();
        stage.site.go_live();
    },
};

/// To a release whose slot a later deploy has taken.
pub const REBUILD: Verb = Verb {
    name: "rollback (rebuilt)",
    arguments: &["prod", "rollback"],
    prepare: |stage| {
        stage.site.change();
        stage.site.go_live();
        stage.site.change();
        stage.site.done(&["prod", "deploy"]);
    },
};

/// The names of the command's steps that call a function, in order, as a run that nobody disturbs has them.
fn steps(stage: &Stage, verb: &Verb) -> Vec<String> {
    (verb.prepare)(stage);
    stage.forget();
    let client = Client::start(stage, verb.arguments, None);
    let ran = client.end();
    assert_eq!(ran.code, 0, "{}: {}{}", verb.name, ran.stdout, ran.stderr);
    stage.steps()
}

fn every_place(verb: &Verb, death: Death, stage: &Stage) {
    every_place_of(verb, death, stage, |_| true);
}

fn every_place_of(verb: &Verb, death: Death, stage: &Stage, wanted: impl Fn(&str) -> bool) {
    let steps = steps(stage, verb);
    assert!(steps.len() >= 2, "{steps:?}");
    for (index, step) in steps.iter().enumerate().filter(|(_, step)| wanted(step)) {
        for place in [Place::Before(index + 1), Place::After(index + 1)] {
            (verb.prepare)(stage);
            let word = if matches!(place, Place::Before(_)) { "before" } else { "after" };
            let case = format!("{} {death:?} {word} {step}", verb.name);
            die(stage, verb, death, step, &case, &Way::hold(&place));
        }
    }
}

/// Whether a run has come to its place.
type Reached<'a> = dyn Fn(&Stage, &Client) -> bool + 'a;

/// How a run comes to the place where it dies.
pub struct Way<'a> {
    pub arrange: Box<dyn Fn(&Stage) + 'a>,
    pub reached: Box<Reached<'a>>,
}

impl Way<'_> {
    /// The host waits there.
    pub fn hold(place: &Place) -> Way<'_> {
        Way {
            arrange: Box::new(|stage| stage.hold_at(place)),
            reached: Box::new(|stage, _| stage.is_reached()),
        }
    }
}

/// One death: nothing is lost, the status is true, and the next run of the same command converges.
pub fn die(stage: &Stage, verb: &Verb, death: Death, step: &str, case: &str, way: &Way) {
    let commit = stage.site.git(&["rev-parse", "HEAD"]);
    let (live, before) = (stage.site.link("live"), stage.history());
    // Before the first cutover nothing answers at the front door, as it should be.
    let load = live.is_some().then(|| stage.load());
    (way.arrange)(stage);
    let (proxy, config) = stage.detour();
    let mut client = Client::start(stage, verb.arguments, Some(&config));
    until(&format!("{case}: the place is reached"), BOUND, || {
        let reached = (way.reached)(stage, &client);
        assert!(reached || client.is_running(), "{case}: it ended by itself: {:?}", client.events());
        reached
    });
    if death == Death::Silence {
        proxy.freeze();
    }
    client.kill();
    if step == "switch" {
        // It has begun, and so it finishes.
        stage.release();
        stage.forget();
        until(&format!("{case}: the switch ends"), BOUND, || stage.history() == before + 1);
        until(&format!("{case}: the lock is free"), BOUND, || stage.is_free());
    } else {
        mend(stage, verb, death, step, case, live.as_deref());
    }
    drop(proxy);
    check_whole(stage, case);
    if verb.name == "deploy" {
        let next = stage.site.link("next").expect("next");
        assert_eq!(released(stage, &next).as_deref(), Some(&*commit), "{case}");
        assert_eq!(stage.history(), before, "{case}: the history");
        assert!(live.is_none() || stage.site.link("live") == live, "{case}");
    } else {
        assert_eq!(stage.history(), before + 1, "{case}: the history");
        assert_ne!(stage.site.link("live"), live, "{case}");
    }
    let mut result = "mended".to_string();
    if let Some(load) = load {
        let report = load.stop();
        let log = std::fs::read_to_string(stage.site.host.nginx_error_log()).unwrap_or_default();
        assert!(report.failures().is_empty(), "{case}: {:?}\n{log}", report.failures());
        assert!(!report.answers.is_empty(), "{case}");
        result = format!("mended; {} requests, 0 lost", report.answers.len());
    }
    row("kill", case, &result);
}

/// The step ends with its client; the next run says so and mends.
fn mend(stage: &Stage, verb: &Verb, death: Death, step: &str, case: &str, live: Option<&str>) {
    if death == Death::Killed {
        until(&format!("{case}: the lock is free"), BOUND, || stage.is_free());
    }
    let unmoved = live.is_none() || stage.site.link("live").as_deref() == live;
    assert!(unmoved, "{case}: nothing has changed");
    let said = format!("at its step {step:?}");
    let problems = check_status(stage, case);
    let told = problems.iter().any(|problem| problem.contains(&said));
    assert!(told || death == Death::Silence, "{case}: {problems:?}");
    if death == Death::Silence {
        stage.age();
    }
    stage.forget();
    let ran = stage.site.done(verb.arguments);
    let told = format!("{}{}", ran.stdout, ran.stderr);
    // A host that nobody holds back, and whose client only fell silent, may have finished alone: then nothing was cut off.
    let alone = death == Death::Silence && !told.contains("took over from");
    assert!(told.contains(&said) || alone, "{case}: {told}");
}

#[test]
fn a_deploy_whose_client_is_killed() {
    every_place(&DEPLOY, Death::Killed, &Stage::new());
}

#[test]
fn a_deploy_whose_network_falls_silent() {
    every_place(&DEPLOY, Death::Silence, &Stage::new());
}

#[test]
fn a_cutover_whose_client_is_killed() {
    every_place(&CUTOVER, Death::Killed, &Stage::new());
}

#[test]
fn a_cutover_whose_network_falls_silent() {
    every_place(&CUTOVER, Death::Silence, &Stage::new());
}

#[test]
fn a_rollback_whose_client_is_killed() {
    every_place(&ROLLBACK, Death::Killed, &Stage::new());
}

#[test]
fn a_rollback_whose_network_falls_silent() {
    every_place(&ROLLBACK, Death::Silence, &Stage::new());
}

#[test]
fn a_rebuilding_rollback_whose_client_is_killed() {
    every_place(&REBUILD, Death::Killed, &Stage::new());
}

#[test]
fn a_rebuilding_rollback_whose_network_falls_silent() {
    every_place(&REBUILD, Death::Silence, &Stage::new());
}

/// What only a first deploy does; the rest of it is like any other.
#[test]
fn a_first_deploy_whose_client_is_killed() {
    let only = |step: &str| matches!(step, "lay out" | "link");
    every_place_of(&FIRST, Death::Killed, &Stage::fresh(), only);
}

#[test]
fn a_first_deploy_whose_network_falls_silent() {
    let only = |step: &str| matches!(step, "lay out" | "link");
    every_place_of(&FIRST, Death::Silence, &Stage::fresh(), only);
}
