//! What a host no longer needs: *State → Plan* for `prune`, and the little of it that every deploy does.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::Failure;
use super::action::{Action, Plan};
use super::preconditions::held;
use super::slots::slots;
use super::target::target;
use crate::config::Environment;
use crate::model::{Color, HostState};

/// How many releases of the history stay at hand where nobody says how many.
pub const KEEP: usize = 5;

/// A deploy must not take long because it tidies up.
const MOST_AT_ONCE: usize = 2;

/// What may go on a host.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Found {
    pub kind: FoundKind,
    /// Name of the folder.
    pub name: String,
    pub kilobytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FoundKind {
    /// One that is complete.
    Virtualenv,
    /// One whose making was cut off.
    Unfinished,
    /// A folder that a killed step left behind.
    Leftover,
}

/// What must stay.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub commits: BTreeSet<String>,
    pub virtualenvs: BTreeSet<String>,
}

impl Kept {
    fn commit(&mut self, commit: Option<&str>) {
        self.commits.extend(commit.map(str::to_string));
    }

    fn virtualenv(&mut self, key: &str) {
        self.virtualenvs.insert(key.to_string());
    }
}

/// What live, next, a rollback and the last `keep` releases of the history need. The order is that of the host's history.
pub fn kept(state: &HostState, environment: &Environment, keep: usize) -> Kept {
    let mut kept = Kept::default();
    for color in Color::ALL {
        let slot = state.slot(color);
        kept.commit(held(state, color));
        kept.commit(slot.head.as_deref());
        if let Some(release) = &slot.release {
            kept.virtualenv(&release.virtualenv);
        }
        if let Some(name) = &slot.environment {
            kept.virtualenv(name);
        }
    }
    let live = slots(state, environment).map(|slots| slots.live);
    if let Ok(back) = live.and_then(|live| target(state, environment, live, None)) {
        kept.commit(Some(&back.commit));
        kept.virtualenv(&back.virtualenv);
    }
    let mut last: Vec<&str> = Vec::new();
    for entry in state.history.iter().rev() {
        if !last.contains(&&*entry.commit) {
            if last.len() == keep {
                break;
            }
            last.push(&entry.commit);
        }
        kept.commit(Some(&entry.commit));
        if let Some(release) = &entry.release {
            kept.virtualenv(&release.virtualenv);
        }
    }
    kept
}

/// A prune, and how much it should free, in kB.
#[derive(Clone, Debug, PartialEq)]
pub struct PrunePlan {
    pub plan: Plan,
    pub kilobytes: u64,
}

/// The plan of a prune. `alone` says that nobody else is at work, whose unfinished things must be left alone.
///
/// # Errors
/// A refusal where nobody can tell which slot is live, and so what a rollback needs.
pub fn prune(
    state: &HostState,
    environment: &Environment,
    found: &[Found],
    keep: usize,
    alone: bool,
) -> Result<PrunePlan, Failure> {
    slots(state, environment)?;
    let kept = kept(state, environment, keep);
    let goes: Vec<&Found> = found
        .iter()
        .filter(|found| alone || found.kind == FoundKind::Virtualenv)
        .filter(|found| found.kind == FoundKind::Leftover || !kept.virtualenvs.contains(&found.name))
        .collect();
    let mut actions = Vec::new();
    if !goes.is_empty() {
        let of = |kind| goes.iter().filter(|found| found.kind == kind).count();
        actions.push(Action::Remove {
            virtualenvs: of(FoundKind::Virtualenv),
            leftovers: of(FoundKind::Leftover) + of(FoundKind::Unfinished),
            paths: goes.iter().map(|found| path(found)).collect(),
            lenient: false,
        });
    }
    for color in Color::ALL {
        if state.slot(color).repository {
            actions.push(Action::Pack { color, references: old_releases(state, color, &kept) });
        }
    }
    let kilobytes = goes.iter().map(|found| found.kilobytes).sum();
    Ok(PrunePlan { plan: Plan { actions }, kilobytes })
}

fn path(found: &Found) -> String {
    match found.kind {
        FoundKind::Leftover => found.name.clone(),
        FoundKind::Virtualenv | FoundKind::Unfinished => format!("virtualenvs/{}", found.name),
    }
}

/// The references by which a slot's repository holds releases that nobody needs.
fn old_releases(state: &HostState, color: Color, kept: &Kept) -> Vec<String> {
    let refs = state.slot(color).refs.iter();
    refs.filter(|(name, commit)| {
        name.starts_with("refs/deployer/releases/") && !kept.commits.contains(*commit)
    })
    .map(|(name, _)| name.clone())
    .collect()
}

/// The last step of a deploy, where there is something to tidy up: a few virtualenvs that nobody needs, so that a disk
/// does not fill over the years.
pub(super) fn tidy(state: &HostState, environment: &Environment, new: &str) -> Option<Action> {
    let kept = kept(state, environment, KEEP);
    let old: Vec<&String> = state
        .virtualenvs
        .iter()
        .filter(|key| *key != new && !kept.virtualenvs.contains(*key))
        .take(MOST_AT_ONCE)
        .collect();
    if old.is_empty() {
        return None;
    }
    let paths = old.iter().map(|key| format!("virtualenvs/{key}")).collect();
    Some(Action::Remove { virtualenvs: old.len(), leftovers: 0, paths, lenient: true })
}
