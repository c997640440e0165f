//! *State → Plan or Refusal* for `cutover`.

use super::Failure;
use super::action::{Action, Plan};
use super::preconditions::check_port;
use super::processes;
use super::release;
use super::slots::{Slots, astray, slots};
use super::switch::{CutoverPlan, runs, switch};
use crate::config::Environment;
use crate::model::{Color, HostState, Release};
use crate::probe;

/// The plan of a cutover; `by` is `user@machine`.
///
/// Where nginx does not serve what `live` is linked to, the plan finishes what was cut off: it makes nginx serve the linked
/// slot.
///
/// # Errors
/// A refusal unless the slot that becomes live holds a release, runs and is healthy.
pub fn cutover(
    state: &HostState,
    environment: &Environment,
    by: &str,
    stop_old: bool,
) -> Result<CutoverPlan, Failure> {
    if state.is_fresh() {
        return Err(nothing_to_cut_over(environment, format!("{} holds no slots yet", environment.root)));
    }
    let slots = slots(state, environment)?;
    let served = state.served_color();
    let unfinished = state.live.color.is_some()
        && (served == Some(slots.next)
            || unproven(state, &slots)
            || astray(state, slots.live) && !newer(state, &slots)
            || processes::misplaced(state, &slots) && !newer(state, &slots));
    let (from, to) = if unfinished { (slots.next, slots.live) } else { (slots.live, slots.next) };
    let release = check_release(state, environment, to)?.clone();
    // What nginx serves already is warm.
    let mut actions: Vec<Action> =
        release::warm(environment, to).filter(|_| !unfinished).into_iter().collect();
    let socket = state.slot(to).socket;
    actions.extend(switch(state, environment, ("cutover", by), (from, to), &release, socket));
    if let (true, Some(Action::Switch(switch))) = (unfinished, actions.last_mut()) {
        switch.moves_links = false;
    }
    if stop_old {
        actions.push(Action::StopOld { color: from });
    }
    Ok(CutoverPlan { plan: Plan { actions }, from, to, release })
}

/// Whether next was built after what is live became so.
fn newer(state: &HostState, slots: &Slots) -> bool {
    let last = state.history.last().map_or(f64::MAX, |last| last.at);
    state.slot(slots.next).release.as_ref().is_some_and(|release| release.built() > last)
}

/// Whether what is live came by a switch that was never seen to end, and nothing was deployed since.
///
/// Somebody else's reload may have made nginx serve it; to cut over once more would take it away again.
fn unproven(state: &HostState, slots: &Slots) -> bool {
    let Some(switch) = &state.switch else {
        return false;
    };
    let newer = state.slot(slots.next).release.as_ref().is_some_and(|release| release.built() > switch.at);
    switch.to == slots.live && !newer
}

fn nothing_to_cut_over(environment: &Environment, what: String) -> Failure {
    Failure::new("next.empty", format!("there is nothing to cut over to: {what}"))
        .advise(format!("deployer {} deploy", environment.name))
}

/// The release of a slot that is fit to be live.
fn check_release<'a>(
    state: &'a HostState,
    environment: &Environment,
    color: Color,
) -> Result<&'a Release, Failure> {
    let slot = state.slot(color);
    let Some(release) = &slot.release else {
        let what = format!("{color} holds no release that was proven healthy");
        return Err(nothing_to_cut_over(environment, what));
    };
    let redeploy = format!("deployer {} deploy {}", environment.name, release.summary().short());
    let what = format!("{color} {} is not healthy", release.summary().short());
    let log = format!("its log on the host: {}/{color}/log/{}", environment.root, environment.web.log());
    check_port(state, color, environment)?;
    if !runs(state, color) {
        let port = environment.ports.of(color);
        return Err(Failure::new("next.stopped", what)
            .why(format!(
                "its {} does not run, or does not listen on port {port}",
                environment.web.name().trim_start_matches("the ")
            ))
            .advise(format!("start it anew: {redeploy}"))
            .advise(log));
    }
    match &slot.health {
        Some(answer) if answer.ok => Ok(release),
        Some(answer) => {
            let why = format!(
                "http://127.0.0.1:{}{} {}",
                environment.ports.of(color),
                environment.health.path,
                probe::describe(answer, &environment.health.expect)
            );
            let mut failure = Failure::new("next.unhealthy", what).why(why);
            failure.advice = probe::advise(answer, environment);
            Err(failure.advise(log))
        }
        None => Err(Failure::new("next.unhealthy", what).why("it was not probed")),
    }
}
