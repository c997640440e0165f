//! The processes that a slot runs beside its web server: where they should run, and what is wrong where they do not.

use std::collections::BTreeSet;

use super::slots::Slots;
use super::status::{Problem, ProcessStatus, Run};
use crate::config::Environment;
use crate::model::{Color, HostState, whole_seconds};

/// What a switch starts in one slot and ends in the other, by name.
pub(super) fn handed_over(state: &HostState, from: Color, to: Color) -> Vec<String> {
    let wanted = state.slot(to).processes.keys();
    let names: BTreeSet<&String> = wanted.chain(state.slot(from).running.keys()).collect();
    names.into_iter().cloned().collect()
}

/// Whether anything runs in next, or does not run in live as it should.
pub(super) fn misplaced(state: &HostState, slots: &Slots) -> bool {
    let (live, next) = (state.slot(slots.live), state.slot(slots.next));
    // Where live itself does not run there is more to mend than this.
    live.process.is_some()
        && (!next.running.is_empty()
            || live.processes.keys().any(|name| live.running.get(name).map_or(0, Vec::len) != 1))
}

/// What is wrong, in words, with the one command that mends it.
pub(super) fn check(state: &HostState, environment: &Environment, live: Color, problems: &mut Vec<Problem>) {
    let mut say = |what: String| {
        problems.push(Problem { what, run: Some(format!("deployer {} cutover", environment.name)) });
    };
    let (slot, next) = (state.slot(live), state.slot(live.other()));
    if slot.process.is_some() {
        for name in slot.processes.keys() {
            match slot.running.get(name).map_or(0, Vec::len) {
                0 => say(format!("{name} of live ({live}) does not run")),
                1 => {}
                count => say(format!("{name} of live ({live}) runs {count} times")),
            }
        }
    }
    for (name, runs) in &next.running {
        let single = next.processes.get(name).is_some_and(|process| process.singleton);
        let word = if single { "the singleton " } else { "" };
        let pids: Vec<String> = runs.iter().map(|run| run.pid.to_string()).collect();
        say(format!("{word}{name} runs in next ({}), as process {}", live.other(), pids.join(" and ")));
    }
}

/// The rows of a slot: what runs, and in live also what should.
pub(super) fn rows(state: &HostState, color: Color, live: Option<Color>) -> Vec<ProcessStatus> {
    let slot = state.slot(color);
    let due = slot.processes.keys().filter(|_| live == Some(color));
    let names: BTreeSet<&String> = due.chain(slot.running.keys()).collect();
    let runs = |name: &String| {
        let runs = slot.running.get(name).into_iter().flatten();
        let run = |process: &crate::model::Process| Run {
            pid: process.pid,
            uptime_seconds: whole_seconds(state.now - process.started),
        };
        runs.map(run).collect()
    };
    let row = |name: &String| ProcessStatus {
        name: name.clone(),
        singleton: slot.processes.get(name).is_some_and(|process| process.singleton),
        runs: runs(name),
    };
    names.into_iter().map(row).collect()
}
