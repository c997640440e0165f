//! *State → Plan or Refusal* for `rollback`.

use super::Failure;
use super::action::{Action, Plan};
use super::cutover::{CutoverPlan, runs, switch};
use super::deploy::check_served;
use super::release::{ReleaseBuild, start_again};
use super::roles::roles;
use super::work::Virtualenv;
use crate::config::{Cutover, Environment};
use crate::model::{Color, HostState, Release, Secrets, short};
use crate::{nginx, python};

/// The plan of a rollback to what was live before, or to the commit `wanted` (a prefix will do) of the history.
///
/// A release that still runs in next is switched to; one that was stopped is started first; one that was overwritten is
/// built again from its commit, which the host still has.
///
/// # Errors
/// A refusal where nothing is known to go back to.
pub fn rollback(
    state: &HostState,
    environment: &Environment,
    secrets: &Secrets,
    by: &str,
    wanted: Option<&str>,
) -> Result<CutoverPlan, Failure> {
    let roles = roles(state, environment)?;
    let (from, to) = (roles.live, roles.next);
    let mut release = target(state, environment, from, wanted)?;
    let mut actions = Vec::new();
    let mut socket = state.slot(to).socket;
    let held = state.slot(to).release.as_ref().is_some_and(|held| held.commit == release.commit);
    let healthy = state.slot(to).health.as_ref().is_some_and(|answer| answer.ok);
    if !held && adoptable(state, to, &release.commit) {
        // It runs, but not by this tool's doing: given a snippet that names it, it can be proven like any other.
        let key = state.key.as_deref().unwrap_or_default();
        actions.push(introduce(environment, to, &release.commit, key));
    } else if !held {
        check_served(state, &roles, environment)?;
        if release.local {
            release.virtualenv = python::key_elsewhere(&release.virtualenv, to);
        }
        actions.extend(rebuild(state, environment, secrets, by, (to, &release))?);
        socket = environment.cutover == Cutover::Socket;
    } else if !runs(state, to) || !healthy {
        check_served(state, &roles, environment)?;
        let pid = state.slot(to).process.as_ref().map(|process| process.pid);
        actions.push(Action::Stop { color: to, pid, makes_way: false });
        actions.push(start_again(state, environment, to)?);
    }
    actions.extend(switch(state, environment, ("rollback", by), (from, to), &release, socket));
    Ok(CutoverPlan { plan: Plan { actions }, from, to, release })
}

/// Whether a slot runs a commit that another tool, gitric say, put there.
///
/// One of this tool's own without its record was cut off before it was proven; it is built again.
fn adoptable(state: &HostState, color: Color, commit: &str) -> bool {
    let slot = state.slot(color);
    let mut recorded = state.history.iter().filter_map(|entry| entry.release.as_ref());
    slot.release.is_none()
        && !recorded.any(|release| release.commit == commit && release.is_recorded())
        && slot.head.as_deref() == Some(commit)
        && runs(state, color)
        && slot.health.as_ref().is_some_and(|answer| answer.ok)
}

/// Writes a slot's snippet around what runs in it already.
fn introduce(environment: &Environment, color: Color, commit: &str, key: &str) -> Action {
    let snippet = nginx::snippet(color, environment.ports.of(color), commit, key);
    Action::Introduce { color, snippet }
}

/// The release to go back to.
pub(super) fn target(
    state: &HostState,
    environment: &Environment,
    live: Color,
    wanted: Option<&str>,
) -> Result<Release, Failure> {
    let name = &environment.name;
    let known = |commit: &str| {
        let next = live.other();
        if adoptable(state, next, commit) {
            return Some(Release::of(commit));
        }
        let held =
            state.slot(live.other()).release.as_ref().filter(|release| release.commit.starts_with(commit));
        let told = state
            .history
            .iter()
            .rev()
            .filter_map(|entry| entry.release.as_ref())
            .filter(|release| release.is_recorded());
        held.or_else(|| told.into_iter().find(|release| release.commit.starts_with(commit))).cloned()
    };
    if let Some(wanted) = wanted {
        return known(wanted).ok_or_else(|| {
            Failure::new("rollback.unknown", format!("no release of {wanted} is in the history of {name}"))
                .advise(format!("see what was live: deployer {name} history"))
                .advise(format!("or deploy it: deployer {name} deploy {wanted} --force"))
        });
    }
    let Some(now) = super::held(state, live) else {
        return Err(nothing(environment, "nothing is live"));
    };
    let brought = state.history.iter().rev().find(|entry| entry.verb == "cutover" && entry.commit == now);
    let Some(previous) = brought.and_then(|entry| entry.previous.as_deref()) else {
        return Err(nothing(environment, "no release was live before this one"));
    };
    known(previous).ok_or_else(|| {
        let short = short(previous);
        nothing(environment, &format!("how {short} was built is not recorded"))
    })
}

fn nothing(environment: &Environment, why: &str) -> Failure {
    Failure::new("rollback.nothing", "there is nothing to roll back to")
        .why(why)
        .advise(format!("see what was live: deployer {} history", environment.name))
}

fn rebuild(
    state: &HostState,
    environment: &Environment,
    secrets: &Secrets,
    by: &str,
    (color, release): (Color, &Release),
) -> Result<Vec<Action>, Failure> {
    let commit = release.summary();
    let key = state.key.as_deref().ok_or_else(|| nothing(environment, "the host has no key for probes"))?;
    let virtualenv =
        Virtualenv { key: release.virtualenv.clone(), files: release.files.clone(), local: release.local };
    let build = ReleaseBuild {
        environment,
        secrets,
        color,
        commit: &commit,
        by,
        // A release that was built without one has no key.
        virtualenv: (!release.virtualenv.is_empty()).then_some(&virtualenv),
        key,
        #[allow(clippy::cast_possible_truncation)]
        now: state.now as i64,
        first_time: None,
    };
    // The host has the objects, if need be in the other slot's repository: nothing travels.
    let mut actions = vec![build.seed(None, &commit, vec![commit.id.clone()])];
    actions.extend(build.actions(state)?);
    Ok(actions)
}
