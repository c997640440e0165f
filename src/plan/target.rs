//! The release that a rollback goes back to.

use super::Failure;
use super::preconditions::held;
use super::switch::runs;
use crate::config::Environment;
use crate::model::{Color, HostState, Release, short};

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
    let Some(now) = held(state, live) else {
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

/// Whether a slot runs a commit that another tool, gitric say, put there.
///
/// One of this tool's own without its record was cut off before it was proven; it is built again.
pub(super) fn adoptable(state: &HostState, color: Color, commit: &str) -> bool {
    let slot = state.slot(color);
    let mut recorded = state.history.iter().filter_map(|entry| entry.release.as_ref());
    slot.release.is_none()
        && !recorded.any(|release| release.commit == commit && release.is_recorded())
        && slot.head.as_deref() == Some(commit)
        && runs(state, color)
        && slot.health.as_ref().is_some_and(|answer| answer.ok)
}

pub(super) fn nothing(environment: &Environment, why: &str) -> Failure {
    Failure::new("rollback.nothing", "there is nothing to roll back to")
        .why(why)
        .advise(format!("see what was live: deployer {} history", environment.name))
}
