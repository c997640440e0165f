//! What a deploy and its cutover would bring: what `plan` shows. Nothing is asked here; all of it was read before.
//!
//! Its JSON shape is a promise to scripts: fields are added, never renamed, removed or given another meaning.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Action, Plan};
use super::{Failure, Found, FoundKind, Migrations, cutover, held, left_behind, slots};
use crate::config::{Cutover, Difference, Environment, variable};
use crate::model::{
    Answer, ChangeKind, Color, CommitSummary, FileChange, HostState, Listener, LoggedCommit, Process, Release,
};

/// With pip in it.
const EMPTY_VIRTUALENV: u64 = 20_000_000;

/// With what it brings along, and its compiled files.
const ONE_PACKAGE: u64 = 8_000_000;

/// What was read for it.
#[derive(Clone, Debug)]
pub struct PreviewInput<'a> {
    pub environment: &'a Environment,
    pub state: &'a HostState,
    /// `user@machine`.
    pub by: &'a str,
    pub commit: &'a CommitSummary,
    /// Against what is live.
    pub commits: Commits,
    /// The migrations, of Django's or Alembic's, that differ from live's.
    pub migrations: Vec<FileChange>,
    /// Packages by name, as live's requirements have them, and as the commit's do.
    pub packages: (BTreeMap<String, String>, BTreeMap<String, String>),
    /// What `deployer.toml` says otherwise than live's commit did.
    pub config: Vec<Difference>,
    /// Bytes of the files that differ from what next holds.
    pub new_bytes: u64,
    pub deploy: Result<Plan, Failure>,
    /// What a look at the migrations found.
    pub judged: Option<Migrations>,
    /// Why only the deploy can look.
    pub unjudged: Option<String>,
    pub found: Vec<Found>,
    /// In seconds since 1970.
    pub now: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Commits {
    /// Nothing is live: this is the first.
    pub first: bool,
    /// The commit that is live is not in this repository, so that nobody can tell what would be lost.
    pub live_unknown: bool,
    /// Those that go out, newest first; the oldest may be left out.
    pub out: Vec<LoggedCommit>,
    pub out_count: usize,
    /// Those that live has and this commit lacks.
    pub lost: Vec<LoggedCommit>,
    pub lost_count: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Preview {
    pub environment: String,
    pub host: String,
    pub commit: CommitSummary,
    pub live: Option<CommitSummary>,
    /// The slot that would become live.
    pub slot: Option<Color>,
    pub commits: Commits,
    pub packages: Vec<PackageChange>,
    /// `None`: it is not known, because the deploy would be refused.
    pub builds_virtualenv: Option<bool>,
    pub migrations: Vec<String>,
    /// Migrations that were changed or removed after they were live.
    pub migrations_touched: Vec<String>,
    /// The migrations that would be applied, with a verdict for each operation; `None`: nobody looked.
    pub judged: Option<Migrations>,
    /// Why nobody could look before the deploy does.
    pub unjudged: Option<String>,
    pub variables: Names,
    pub secrets: Names,
    pub config: Vec<Difference>,
    pub deploy: Vec<PlannedStep>,
    pub cutover: Vec<PlannedStep>,
    pub space: Space,
    /// What else is to be known before a deploy.
    pub warnings: Vec<String>,
    /// Why the deploy would be refused.
    pub refused: Option<Failure>,
    /// When this was read, in seconds since 1970.
    #[serde(skip)]
    pub now: i64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PackageChange {
    pub name: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// Names of variables; their values are nobody's business.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Names {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

impl Names {
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlannedStep {
    pub title: String,
    /// `nothing`, `next` or `live`.
    pub touches: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Space {
    /// About so many bytes.
    pub needed: u64,
    /// Whether most of it is a guess: no virtualenv was ever built there.
    pub guessed: bool,
    pub free: Option<u64>,
    /// Whether it is too little, as far as that can be told.
    pub short: bool,
}

/// Puts together what was read.
pub fn preview(reading: PreviewInput) -> Preview {
    let (state, environment) = (reading.state, reading.environment);
    let slots = slots(state, environment).ok();
    let live = slots.as_ref().and_then(|slots| live_commit(state, slots.live));
    let builds = reading.deploy.as_ref().ok().map(builds_virtualenv);
    let names = |table| names(&reading.config, table);
    let (variables, secrets) = (names("env"), names("secrets"));
    let migrations = |wanted: &dyn Fn(ChangeKind) -> bool| -> Vec<String> {
        let found = reading.migrations.iter().filter(|change| wanted(change.kind));
        found.map(|change| change.path.clone()).collect()
    };
    let after = slots.as_ref().filter(|_| reading.deploy.is_ok()).and_then(|slots| {
        let state = as_deployed(state, environment, slots.next, reading.commit);
        cutover(&state, environment, reading.by, false).ok()
    });
    Preview {
        environment: environment.name.clone(),
        host: environment.target.host.clone(),
        commit: reading.commit.clone(),
        live,
        slot: slots.map(|slots| slots.next),
        packages: package_changes(&reading.packages.0, &reading.packages.1),
        builds_virtualenv: builds,
        migrations: migrations(&|kind| kind == ChangeKind::Added),
        migrations_touched: if reading.commits.first {
            Vec::new()
        } else {
            migrations(&|kind| kind != ChangeKind::Added)
        },
        judged: reading.judged.clone(),
        unjudged: reading.unjudged.clone(),
        space: space(&reading, builds.unwrap_or(false)),
        commits: reading.commits,
        variables,
        secrets,
        config: reading.config.into_iter().filter(|it| variable(&it.key).is_none()).collect(),
        deploy: reading.deploy.as_ref().map(steps).unwrap_or_default(),
        cutover: after.map(|cutover| steps(&cutover.plan)).unwrap_or_default(),
        warnings: left_behind(state, environment, None).into_iter().collect(),
        refused: reading.deploy.err(),
        now: reading.now,
    }
}

fn live_commit(state: &HostState, live: Color) -> Option<CommitSummary> {
    held(state, live).and_then(|_| state.slot(live).commit())
}

fn steps(plan: &Plan) -> Vec<PlannedStep> {
    let steps = plan
        .actions
        .iter()
        .map(|action| PlannedStep { title: action.title(), touches: action.touches().as_str() });
    steps.collect()
}

fn builds_virtualenv(plan: &Plan) -> bool {
    plan.actions.iter().any(|action| matches!(action, Action::Virtualenv(build) if !build.complete))
}

/// The host as it is when the deploy is done: what the cutover's plan is made of.
fn as_deployed(
    state: &HostState,
    environment: &Environment,
    next: Color,
    commit: &CommitSummary,
) -> HostState {
    let mut state = state.clone();
    let slot = match next {
        Color::Blue => &mut state.blue,
        Color::Green => &mut state.green,
    };
    slot.exists = true;
    slot.release = Some(Release {
        subject: commit.subject.clone(),
        // It is newer than whatever was cut off.
        at: i64::MAX,
        ..Release::of(&commit.id)
    });
    slot.listener =
        Some(Listener { pid: None, user: state.user.clone(), ours: true, command: String::new() });
    slot.process = Some(Process { pid: 0, started: state.now });
    slot.socket = environment.cutover == Cutover::Socket;
    slot.health = Some(Answer { ok: true, status: Some(200), ..Answer::default() });
    // The deploy mends the links.
    state.live.color = Some(next.other());
    state.live.exists = true;
    state
}

fn package_changes(old: &BTreeMap<String, String>, new: &BTreeMap<String, String>) -> Vec<PackageChange> {
    let mut names: Vec<&String> = old.keys().chain(new.keys()).collect();
    names.sort();
    names.dedup();
    names
        .into_iter()
        .filter(|name| old.get(*name) != new.get(*name))
        .map(|name| PackageChange {
            name: name.clone(),
            from: old.get(name).cloned(),
            to: new.get(name).cloned(),
        })
        .collect()
}

fn names(differences: &[Difference], wanted: &str) -> Names {
    let mut names = Names::default();
    for difference in differences {
        let Some((table, name)) = variable(&difference.key) else {
            continue;
        };
        if table == wanted {
            let list = match (&difference.from, &difference.to) {
                (None, _) => &mut names.added,
                (_, None) => &mut names.removed,
                _ => &mut names.changed,
            };
            list.push(name.to_string());
        }
    }
    names
}

/// Whether a file may be a migration, by its path: of Django's or, below `versions`, Alembic's.
pub fn may_migrate(path: &str) -> bool {
    let Some((folder, name)) = path.rsplit_once('/') else {
        return false;
    };
    let folder = folder.rsplit('/').next().unwrap_or(folder);
    name.ends_with(".py") && !name.starts_with(['_', '~']) && matches!(folder, "migrations" | "versions")
}

/// Whether it is one, by its text: beside them lie `env.py` and whatever helps them.
pub fn migrates(text: &str) -> bool {
    let begins = |word: &str| text.lines().any(|line| line.starts_with(word));
    begins("class Migration") || begins("down_revision")
}

/// The new files lie in the repository and in the work tree; a virtualenv takes about what the largest one does. Where there is
/// none yet, nobody knows: what many have is taken, by the packages that are asked for.
fn space(reading: &PreviewInput, builds: bool) -> Space {
    let virtualenvs = reading.found.iter();
    let known = virtualenvs
        .filter(|found| found.kind == FoundKind::Virtualenv)
        .map(|found| found.kilobytes * 1024)
        .max();
    let guess = EMPTY_VIRTUALENV + reading.packages.1.len() as u64 * ONE_PACKAGE;
    let virtualenv = if builds { known.unwrap_or(guess) } else { 0 };
    let needed = reading.new_bytes * 2 + virtualenv;
    let free = reading.state.root.free;
    Space { needed, guessed: builds && known.is_none(), free, short: free.is_some_and(|free| free < needed) }
}
