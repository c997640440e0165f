//! What a host's state means for a person: the rows of `status`, and what is not as it should be.

use super::comeback;
use super::data;
use super::interrupted::interrupted;
use super::processes;
use super::slots::{astray, slots};
use super::status::{HostStatus, LockHolder, Problem, ServedStatus, SlotHealth, SlotStatus, WebProcess};
use crate::config::Environment;
use crate::lock::describe;
use crate::model::{
    Answer, Color, CommitSummary, HostState, Lock, PidFile, Served, ServedSlot, short, whole_seconds,
};
use crate::probe;

/// Reads a host's state for `status`.
pub fn assess(state: &HostState, environment: &Environment) -> HostStatus {
    let mut problems = Vec::new();
    let name = &environment.name;
    if let Some(past) = interrupted(state) {
        let run = past.again.map(|verb| format!("deployer {name} {verb}"));
        problems.push(problem(&past.what, run));
    }
    if let Some(lock @ Lock::Stranger(stranger)) = &state.lock {
        let what = format!("the lock is held by {}, which is no deployer's", describe(lock));
        let run = if stranger.ours {
            Some(format!("deployer {name} unlock --force"))
        } else {
            stranger.pid.map(|pid| format!("sudo kill {pid}"))
        };
        problems.push(problem(&what, run));
    }
    if state.is_fresh() {
        problems.push(problem("nothing was deployed here yet", Some(format!("deployer {name} deploy"))));
        return HostStatus { served: served(state), lock: lock(state), live: None, next: None, problems };
    }
    let (live, next) = match slots(state, environment) {
        Ok(slots) => {
            for (link, color) in &slots.mend {
                let what = format!("the link {link} does not lead to {color}");
                problems.push(problem(&what, Some(format!("deployer {name} deploy"))));
            }
            (Some(slots.live), Some(slots.next))
        }
        Err(failure) => {
            problems.push(Problem { what: failure.to_string(), run: failure.advice.first().cloned() });
            (state.live.color, state.next.color)
        }
    };
    if let Some(freeze) = &state.freeze {
        let what = format!("locked by {}: {:?}", freeze.by, freeze.message);
        problems.push(problem(&what, Some(format!("deployer {name} unlock"))));
    }
    if let Some(switch) = &state.switch {
        let what = format!("a cutover from {} to {} was cut off", switch.from, switch.to);
        problems.push(problem(&what, Some(format!("deployer {name} cutover"))));
    }
    if state.root.is_full() {
        let what = format!("the disk that holds {} is full", environment.root);
        problems.push(problem(&what, None));
    }
    check_served(state, environment, live, &mut problems);
    if let Some(color) = live {
        check_live(state, environment, color, &mut problems);
        check_door(state, environment, color, &mut problems);
        problems.extend(comeback::problem(state, environment, color));
        processes::check(state, environment, color, &mut problems);
        if let Some(what) = data::in_work_tree(state, environment, color) {
            problems.push(problem(&what, None));
        }
    }
    for color in [live, next].into_iter().flatten() {
        check_pid_file(state, environment, color, &mut problems);
    }
    HostStatus {
        served: served(state),
        lock: lock(state),
        live: live.map(|color| slot(state, environment, color, live)),
        next: next.map(|color| slot(state, environment, color, live)),
        problems,
    }
}

fn problem(what: &str, run: Option<String>) -> Problem {
    Problem { what: what.to_string(), run }
}

fn check_served(
    state: &HostState,
    environment: &Environment,
    live: Option<Color>,
    problems: &mut Vec<Problem>,
) {
    let Some(served) = &state.served else { return };
    let name = &environment.name;
    match served {
        Served::Slot(ServedSlot { color, .. }) if live.is_some_and(|live| live != *color) => {
            let what = format!("nginx serves {color}, but live is linked to {}", color.other());
            problems.push(problem(&what, Some(format!("deployer {name} cutover"))));
        }
        Served::Slot(ServedSlot { color, commit, .. }) => {
            let release = state.slot(*color).release.as_ref();
            if let Some(release) = release.filter(|release| release.commit != *commit && commit != "none") {
                let what = format!(
                    "nginx has {color}'s snippet of {}, but the slot holds {}",
                    short(commit),
                    release.summary().short()
                );
                problems.push(problem(&what, Some(crate::shell::display(&environment.nginx.reload))));
            }
        }
        Served::Silent { error } => {
            let what = format!("the front door: {error}");
            problems.push(problem(&what, Some(format!("deployer {name} doctor"))));
        }
        Served::Unknown { .. } => {}
    }
}

fn check_live(state: &HostState, environment: &Environment, color: Color, problems: &mut Vec<Problem>) {
    let slot = state.slot(color);
    let name = &environment.name;
    if slot.release.is_none() && slot.head.is_none() && slot.process.is_none() {
        return;
    }
    let healthy = slot.health.as_ref().is_some_and(|answer| answer.ok);
    if slot.process.is_none() {
        let what = format!("live ({color}) does not run");
        problems.push(problem(&what, Some(format!("deployer {name} deploy --cutover"))));
    } else if !healthy {
        problems.push(problem(&format!("live ({color}) is not healthy"), None));
    }
}

/// Whether visitors get what live gives at its port. What nginx answers by itself is the site's own business.
fn check_door(state: &HostState, environment: &Environment, live: Color, problems: &mut Vec<Problem>) {
    let name = &environment.name;
    let health = &environment.health;
    let is_served = state.served_color() == Some(live);
    let is_well = state.slot(live).health.as_ref().is_some_and(|answer| answer.ok);
    let wrong = |answer: &&Answer| is_served && is_well && !answer.ok && answer.passed != Some(false);
    let answer = state.door.as_ref().filter(wrong);
    let what = match answer {
        Some(answer) => format!(
            "the front door, asked for {}, {}, though live ({live}) is healthy",
            health.path,
            probe::describe(answer, &health.expect)
        ),
        None if astray(state, live) => format!("nginx looks for a socket of live ({live}), which has none"),
        None => return,
    };
    let by_socket = state.serves_by_socket();
    let run = match answer.and_then(|answer| answer.status) {
        _ if astray(state, live) => format!("deployer {name} cutover"),
        // nginx's user cannot reach it, say.
        Some(502) if by_socket => format!("deployer {name} doctor"),
        _ => format!("deployer {name} logs nginx"),
    };
    problems.push(problem(&what, Some(run)));
}

fn check_pid_file(state: &HostState, environment: &Environment, color: Color, problems: &mut Vec<Problem>) {
    let slot = state.slot(color);
    let what = match slot.pid_file {
        PidFile::Stranger => "names a process that is not the slot's",
        PidFile::Garbage => "holds no process number",
        PidFile::Stale if slot.process.is_none() => "names a process that is gone",
        _ => return,
    };
    let what = format!("{}/{color}/etc/app.pid {what}", environment.root);
    problems.push(problem(&what, None));
}

fn served(state: &HostState) -> ServedStatus {
    match &state.served {
        None => ServedStatus::Unknown { why: "nobody asked".to_string() },
        Some(Served::Slot(ServedSlot { color, commit, .. })) => {
            let known = Some(commit).filter(|commit| *commit != "none");
            let commit =
                known.map(|id| CommitSummary { id: id.clone(), subject: subject(state, *color, id) });
            ServedStatus::Known { color: Some(*color), commit }
        }
        Some(Served::Unknown { unknown: why } | Served::Silent { error: why }) => {
            ServedStatus::Unknown { why: why.clone() }
        }
    }
}

fn subject(state: &HostState, color: Color, id: &str) -> String {
    let release = state.slot(color).release.as_ref().filter(|release| release.commit == id);
    release.map(|release| release.subject.clone()).unwrap_or_default()
}

fn lock(state: &HostState) -> Option<LockHolder> {
    state.lock.as_ref().map(|lock| match lock {
        Lock::Lease(lease) => LockHolder {
            by: lease.holder.by.clone(),
            doing: Some(lease.holder.verb.clone()),
            age_seconds: whole(lease.age),
        },
        Lock::Stranger(_) => LockHolder { by: describe(lock), doing: None, age_seconds: None },
    })
}

fn slot(state: &HostState, environment: &Environment, color: Color, live: Option<Color>) -> SlotStatus {
    let slot = state.slot(color);
    let commit = slot.commit();
    let process = match (&slot.process, &slot.listener) {
        (Some(process), _) => {
            WebProcess::Running { pid: process.pid, uptime_seconds: whole(state.now - process.started) }
        }
        (None, Some(listener)) if !listener.ours => WebProcess::Stranger {
            what: match listener.pid {
                Some(pid) => format!("pid {pid} of {} ({})", listener.user, listener.command),
                None => format!("a process of {}", listener.user),
            },
        },
        _ => WebProcess::Stopped,
    };
    let health = match (&slot.health, &process) {
        (Some(answer), WebProcess::Running { .. }) if answer.ok => SlotHealth::Healthy,
        (Some(answer), WebProcess::Running { .. }) => {
            SlotHealth::Unhealthy { why: probe::describe(answer, &environment.health.expect) }
        }
        (None, WebProcess::Running { .. }) => {
            SlotHealth::Unhealthy { why: format!("nothing listens on port {}", environment.ports.of(color)) }
        }
        _ => SlotHealth::Unknown { why: "nothing runs".to_string() },
    };
    SlotStatus {
        color,
        commit,
        age_seconds: slot
            .release
            .as_ref()
            .filter(|release| release.at > 0)
            .and_then(|release| whole(state.now - release.built())),
        by: slot.release.as_ref().map(|release| release.by.clone()).filter(|by| !by.is_empty()),
        port: environment.ports.of(color),
        process,
        health,
        survives_reboot: comeback::survives(state, environment, color),
        processes: processes::rows(state, color, live),
    }
}

/// Whole seconds of an age by the host's clock; a clock that was set back gives 0.
fn whole(seconds: f64) -> Option<u64> {
    seconds.is_finite().then(|| whole_seconds(seconds))
}
