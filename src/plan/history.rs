//! What one release has and another lacks: so that nobody's commits go without a word.

use super::Failure;
use super::preconditions::held;
use super::request::DeployRequest;
use super::slots::Slots;
use super::switch::CutoverPlan;
use crate::model::{Accepted, AcceptedOperation, Color, HostState, Relation, short};

/// Refuses a commit that lacks what live or next holds.
pub(super) fn check(state: &HostState, request: &DeployRequest, slots: &Slots) -> Result<(), Failure> {
    if request.force {
        return Ok(());
    }
    let places = [("live", slots.live, request.relation_to_live), ("next", slots.next, request.relation)];
    for (role, color, relation) in places {
        let Some((what, why)) = lost(request.commit.short(), &format!("{role} ({color})"), role, relation)
        else {
            continue;
        };
        let why = match deployed(state, color) {
            Some(by) => format!("{why}; {by}"),
            None => why,
        };
        return Err(Failure::new("history.lost", what)
            .why(why)
            .advise("fetch and merge first (git fetch), or deploy it all the same: --force"));
    }
    Ok(())
}

fn lost(wanted: &str, place: &str, role: &str, relation: Option<Relation>) -> Option<(String, String)> {
    Some(match relation? {
        Relation::Same | Relation::Ahead(_) => return None,
        Relation::Behind(count) => (
            format!("{wanted} would go back: {place} holds {count} newer commit(s)"),
            format!("what {role} holds builds upon it"),
        ),
        Relation::Diverged { behind, .. } => (
            format!("{wanted} would lose {behind} commit(s) that {place} holds"),
            "the two have diverged".to_string(),
        ),
        Relation::HeldUnknown => (
            format!("{place} holds a commit that this repository does not have"),
            "it was not fetched here".to_string(),
        ),
    })
}

/// Who brought what a slot holds, and when: `bob@desk deployed 1a2b3c4 "fix the header" 2 h ago`.
fn deployed(state: &HostState, color: Color) -> Option<String> {
    let slot = state.slot(color);
    let Some(release) = &slot.release else {
        return held(state, color).map(|commit| format!("it holds {}", short(commit)));
    };
    let ago = state.ago(release.built());
    let subject = if release.subject.is_empty() { String::new() } else { format!(" {:?}", release.subject) };
    Some(if release.is_recorded() {
        format!("{} deployed {}{subject} {ago} ago", release.by, short(&release.commit))
    } else {
        format!("it holds {}{subject}", short(&release.commit))
    })
}

/// Number of the last accepted migrations that a commit's release knows: it is in that release's record, whichever time it was
/// built first.
pub(super) fn known(state: &HostState, commit: &str) -> u64 {
    let held = Color::ALL.iter().filter_map(|color| state.slot(*color).release.as_ref());
    let told = state.history.iter().filter_map(|entry| entry.release.as_ref());
    held.chain(told)
        .filter(|release| release.commit == commit)
        .map(|release| release.accepted)
        .min()
        .unwrap_or(0)
}

/// The accepted migrations that a commit is older than.
fn outran<'s>(state: &'s HostState, commit: &str) -> Vec<&'s Accepted> {
    let known = known(state, commit);
    let accepted = state.accepted.iter();
    accepted.filter(|accepted| accepted.number > known && accepted.commit != commit).collect()
}

/// Refuses a rollback to a release that is older than migrations which somebody accepted: its code does not know them.
///
/// # Errors
/// The refusal.
pub fn check_rollback(state: &HostState, rollback: &CutoverPlan, command: &str) -> Result<(), Failure> {
    let release = rollback.release.summary();
    let outran = outran(state, &release.id);
    let Some(last) = outran.last() else {
        return Ok(());
    };
    let operations = outran.iter().flat_map(|accepted| &accepted.operations);
    let told = operations.map(|operation| {
        let AcceptedOperation { migration, what, why } = operation;
        format!("{migration}: {what}: {why}")
    });
    let ago = state.ago(last.at);
    Err(Failure::new(
        "rollback.migrated",
        format!("{} is older than {}", release.short(), named(&outran)),
    )
    .output(told.collect())
    .why(format!(
        "{} accepted that with {} {ago} ago: the database may no longer be what this release reads and writes",
        last.by,
        short(&last.commit)
    ))
    .advise("go forward: deploy a commit that mends it, with a migration of its own if need be")
    .advise(format!("or, where it does without: {command} --force")))
}

fn named(accepted: &[&Accepted]) -> String {
    let operations = accepted.iter().flat_map(|accepted| &accepted.operations);
    let mut names: Vec<&str> = operations.map(|operation| &*operation.migration).collect();
    names.dedup();
    format!("the accepted migration(s) {}", names.join(", "))
}

/// What accepted migrations mean for a switch, before it is made.
pub fn beyond(state: &HostState, cutover: &CutoverPlan) -> Option<String> {
    let to = outran(state, &cutover.release.commit);
    if !to.is_empty() {
        let new = cutover.release.summary();
        return Some(format!("{} is older than {}: look at what it writes", new.short(), named(&to)));
    }
    let (old, from) = way_back(state, cutover)?;
    Some(format!(
        "{} is older than {}: should this fail its proof, it serves again all the same, and what it writes may fail",
        short(old),
        named(&from)
    ))
}

/// What a switch replaces, and the migrations that it is older than.
fn way_back<'s>(state: &'s HostState, cutover: &CutoverPlan) -> Option<(&'s str, Vec<&'s Accepted>)> {
    let old = held(state, cutover.from)?;
    let outran = outran(state, old);
    (!outran.is_empty()).then_some((old, outran))
}

/// What is told of the release that a switch would replace, where it is older than accepted migrations: the way back needs
/// force, and after a switch that failed it serves again.
pub fn older_again(state: &HostState, cutover: &CutoverPlan) -> Option<String> {
    let (old, outran) = way_back(state, cutover)?;
    Some(format!("{} serves again, and is older than {}: look at what it writes", short(old), named(&outran)))
}

/// What a cutover would take from the public: commits that live has and the new release lacks.
pub fn taken_back(state: &HostState, cutover: &CutoverPlan) -> Option<String> {
    let count = state.lost.filter(|count| *count > 0 && state.live.color == Some(cutover.from))?;
    let by = deployed(state, cutover.from).map_or(String::new(), |by| format!("; {by}"));
    Some(format!(
        "{} lacks {count} commit(s) that live ({}) has{by}",
        cutover.release.summary().short(),
        cutover.from
    ))
}
