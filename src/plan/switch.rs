//! A switch: what a cutover and a rollback end with.

use serde_json::json;

use super::action::{Action, Plan};
use super::preconditions::held;
use super::processes;
use super::work::Switch;
use crate::config::{Cutover, Environment};
use crate::model::{Color, HostState, Release};

/// What a cutover or a rollback will do, beside its steps.
#[derive(Clone, Debug, PartialEq)]
pub struct CutoverPlan {
    pub plan: Plan,
    /// What is live before.
    pub from: Color,
    /// What is live after.
    pub to: Color,
    pub release: Release,
}

/// The steps of a switch: nginx's test, and the switch itself. `socket` says whether `to` has one then.
pub(super) fn switch(
    state: &HostState,
    environment: &Environment,
    (verb, by): (&str, &str),
    (from, to): (Color, Color),
    release: &Release,
    socket: bool,
) -> Vec<Action> {
    let mut actions = Vec::new();
    let follows_link = state.serves_by_socket();
    let reloads = environment.cutover == Cutover::Reload || !follows_link || !socket;
    if reloads {
        actions.push(Action::TestNginx { command: environment.nginx.test.clone() });
    }
    let previous = held(state, from);
    let entry = json!({
        "verb": verb, "commit": release.commit, "subject": release.subject, "by": by, "from": from,
        "previous": previous, "release": release,
    });
    actions.push(Action::Switch(Box::new(Switch {
        from,
        to,
        commit: release.commit.clone(),
        moves_links: true,
        reloads,
        hands_over: processes::handed_over(state, from, to),
        entry,
        usual: usual(state).map(|status| status.to_string()),
        decide_within: environment.fleet.as_ref().map(|fleet| fleet.decide_within.as_secs_f64()),
    })));
    actions
}

/// The status that the health check gets through the front door from a release that is well at its port, where that is not
/// as expected: a page that the site keeps for itself, say. What was so before is not the new release's fault.
fn usual(state: &HostState) -> Option<u16> {
    let served = state.served_color()?;
    let is_well = state.slot(served).health.as_ref().is_some_and(|answer| answer.ok);
    let door = state.door.as_ref().filter(|answer| is_well && !answer.ok)?;
    door.status
}

/// Whether a slot's own gunicorn runs and listens.
pub(super) fn runs(state: &HostState, color: Color) -> bool {
    let slot = state.slot(color);
    slot.process.is_some() && slot.listener.as_ref().is_some_and(|listener| listener.ours)
}
