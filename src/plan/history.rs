//! What one release has and another lacks: so that nobody's commits go without a word.

use super::deploy::{DeployRequest, held};
use super::roles::Roles;
use super::{CutoverPlan, Failure};
use crate::model::{Color, HostState, Relation, age, short, whole_seconds};

/// Refuses a commit that lacks what live or next holds.
pub(super) fn check(state: &HostState, request: &DeployRequest, roles: &Roles) -> Result<(), Failure> {
    if request.force {
        return Ok(());
    }
    let places = [
        ("live", roles.live, request.relation_to_live),
        ("next", roles.next, request.relation),
    ];
    for (role, color, relation) in places {
        let Some((what, why)) = lost(
            request.commit.short(),
            &format!("{role} ({color})"),
            role,
            relation,
        ) else {
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
    #[allow(clippy::cast_precision_loss)]
    let ago = age(whole_seconds(state.now - release.at as f64));
    let subject = match release.subject.is_empty() {
        true => String::new(),
        false => format!(" {:?}", release.subject),
    };
    Some(match release.is_recorded() {
        true => format!(
            "{} deployed {}{subject} {ago} ago",
            release.by,
            short(&release.commit)
        ),
        false => format!("it holds {}{subject}", short(&release.commit)),
    })
}

/// What a cutover would take from the public: commits that live has and the new release lacks.
pub fn taken_back(state: &HostState, cutover: &CutoverPlan) -> Option<String> {
    let count = state
        .lost
        .filter(|count| *count > 0 && state.live.color == Some(cutover.from))?;
    let by = deployed(state, cutover.from).map_or(String::new(), |by| format!("; {by}"));
    Some(format!(
        "{} lacks {count} commit(s) that live ({}) has{by}",
        cutover.release.summary().short(),
        cutover.from
    ))
}
