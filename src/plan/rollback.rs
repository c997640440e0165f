//! *State → Plan or Refusal* for `rollback`.

use super::Failure;
use super::action::{Action, Plan};
use super::preconditions::check_served;
use super::release::{ReleaseBuild, start_again};
use super::slots::slots;
use super::switch::{CutoverPlan, runs, switch};
use super::target::{adoptable, nothing, target};
use super::work::Virtualenv;
use crate::config::{Cutover, Environment};
use crate::model::{Color, HostState, Release, Secrets};
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
    let slots = slots(state, environment)?;
    let (from, to) = (slots.live, slots.next);
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
        check_served(state, &slots, environment)?;
        if release.local {
            release.virtualenv = python::key_elsewhere(&release.virtualenv, to);
        }
        actions.extend(rebuild(state, environment, secrets, by, (to, &release))?);
        socket = environment.cutover == Cutover::Socket;
    } else if !runs(state, to) || !healthy {
        check_served(state, &slots, environment)?;
        let pid = state.slot(to).process.as_ref().map(|process| process.pid);
        actions.push(Action::Stop { color: to, pid, makes_way: false });
        actions.push(start_again(state, environment, to)?);
    }
    actions.extend(switch(state, environment, ("rollback", by), (from, to), &release, socket));
    Ok(CutoverPlan { plan: Plan { actions }, from, to, release })
}

/// Writes a slot's snippet around what runs in it already.
fn introduce(environment: &Environment, color: Color, commit: &str, key: &str) -> Action {
    let snippet = nginx::snippet(color, environment.ports.of(color), commit, key);
    Action::Introduce { color, snippet }
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
    let locked = release.files.iter().find(|file| python::is_foreign(file));
    if let Some(file) = locked.filter(|_| !state.virtualenvs.contains(&release.virtualenv)) {
        let why = format!("its virtualenv is gone, and {file} is read by a deploy alone");
        let commit = &release.commit;
        return Err(nothing(environment, &why)
            .advise(format!("deployer {} deploy {commit}, and a cutover", environment.name)));
    }
    let virtualenv = Virtualenv {
        key: release.virtualenv.clone(),
        files: release.files.clone(),
        local: release.local,
        lines: None,
    };
    let build = ReleaseBuild {
        environment,
        secrets,
        color,
        commit: &commit,
        by,
        // A release that was built without one has no key.
        virtualenv: (!release.virtualenv.is_empty()).then_some(&virtualenv),
        key,
        now: state.seconds(),
        first_time: None,
    };
    // The host has the objects, if need be in the other slot's repository: nothing travels.
    let mut actions = vec![build.seed(None, &commit, vec![commit.id.clone()])];
    actions.extend(build.actions(state)?);
    Ok(actions)
}
