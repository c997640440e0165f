//! The look at what Django would migrate: how it is taken, what it found, and how that is told.

use serde::{Deserialize, Serialize};

use super::action::{Action, Plan};
use super::deploy::DeployRequest;
use super::release::ReleaseBuild;
use super::roles::roles;
use super::work::LookAtMigrations;
use super::{Failure, Reason};
use crate::config::Environment;
use crate::launch;
use crate::model::HostState;

/// When a look is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Before the slot is touched, in a copy of the commit.
    Before,
    /// The same, by `plan`: nobody holds the lock.
    Planned,
    /// In the slot, where the virtualenv or the build needed its work tree, and it was not done before.
    Inside,
}

impl ReleaseBuild<'_> {
    /// The look at what the release command is about to migrate, where there is one.
    pub(super) fn judge(&self, state: &HostState, when: When) -> Result<Option<Action>, Failure> {
        let Some(first_time) = self.first_time.filter(|first_time| first_time.django) else {
            return Ok(None);
        };
        let local = self.virtualenv.is_some_and(|virtualenv| virtualenv.local);
        let wanted = match when {
            When::Inside => local || self.may_need_the_build(),
            _ => !local,
        };
        if self.environment.hooks.release.is_empty() || !wanted {
            return Ok(None);
        }
        let look = self.look(state, self.layout().home("look"), when, first_time.accept_migrations)?;
        Ok(Some(Action::Migrations(Box::new(look))))
    }

    fn may_need_the_build(&self) -> bool {
        !self.environment.build.commands.is_empty()
    }

    fn look(
        &self,
        state: &HostState,
        folder: String,
        when: When,
        accepted: bool,
    ) -> Result<LookAtMigrations, Failure> {
        let (environment, inside) = (self.environment, when == When::Inside);
        let seconds = environment.hooks.timeout.as_secs();
        Ok(LookAtMigrations {
            accepted,
            inside,
            again: inside && !self.virtualenv.is_some_and(|virtualenv| virtualenv.local),
            later: when == When::Before && self.may_need_the_build(),
            notes: when != When::Planned,
            upload: format!("{folder}/upload"),
            folder,
            color: self.color,
            commit: self.commit.clone(),
            by: self.by.to_string(),
            directory: environment.app.directory.clone(),
            shared: environment.shared.clone(),
            virtualenv: self.virtualenv.map(|virtualenv| virtualenv.key.clone()),
            beside: super::held(state, self.color.other()).is_some(),
            // Somebody waits for a look of `plan`, and for nothing else.
            seconds: if when == When::Planned { seconds.min(40) } else { seconds },
            web: launch::web(environment, self.color, false)?,
            variables: self.variables()?,
        })
    }
}

/// The look that `plan` takes, in a folder of its own.
#[derive(Clone, Debug)]
pub struct Look {
    pub plan: Plan,
    /// Commits that the host has; what it lacks for the look goes along.
    pub haves: Vec<String>,
}

/// The look that a deploy would take, by somebody who deploys nothing; `Err` says why only the deploy can.
pub fn look(state: &HostState, request: &DeployRequest, nonce: &str) -> Result<Option<Look>, String> {
    let environment = request.environment;
    let (true, false, Ok(roles)) =
        (request.django, environment.hooks.release.is_empty(), roles(state, environment))
    else {
        return Ok(None);
    };
    if request.virtualenv.is_some_and(|virtualenv| virtualenv.local) {
        return Err("its virtualenv is built in the slot's work tree".to_string());
    }
    if request.virtualenv.is_some_and(|of| !state.virtualenvs.contains(&of.key)) {
        return Err("its virtualenv is not built yet".to_string());
    }
    let build = request.build(&roles, "");
    let folder = build.layout().home(&format!("look.{nonce}"));
    let look = build.look(state, folder, When::Planned, false).map_err(|failure| failure.to_string())?;
    let haves = [&state.blue, &state.green].map(|slot| slot.refs.values().cloned());
    Ok(Some(Look {
        plan: Plan { actions: vec![Action::Migrations(Box::new(look))] },
        haves: haves.into_iter().flatten().collect(),
    }))
}

/// The migrations that are about to be applied.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Migrations {
    pub pending: Vec<Migration>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Migration {
    /// `app.0002_name`.
    pub name: String,
    pub operations: Vec<Operation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize, Serialize)]
pub struct Operation {
    /// Django's own words.
    pub what: String,
    pub verdict: Verdict,
    pub why: Option<String>,
}

/// Whether the release that runs now survives an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Safe,
    /// It may; somebody should look.
    Look,
    /// It would not, or nobody can tell.
    Stop,
}

impl Migrations {
    /// Every migration with its operations, a line each.
    pub fn lines(&self) -> Vec<String> {
        let mut lines = Vec::new();
        for migration in &self.pending {
            lines.push(migration.name.clone());
            for operation in &migration.operations {
                let why = operation.why.as_ref().map_or(String::new(), |why| format!(": {why}"));
                lines.push(format!("    {}{why}", operation.what));
            }
        }
        lines
    }

    /// The operations of a verdict, a sentence each.
    pub fn told(&self, verdict: Verdict) -> Vec<String> {
        let tell = |migration: &Migration, operation: &Operation| {
            let why = operation.why.as_deref().unwrap_or("unknown");
            format!("{}: {}: {why}", migration.name, operation.what)
        };
        let all = self.pending.iter().flat_map(|migration| {
            let operations = migration.operations.iter();
            operations.map(move |operation| (migration, operation))
        });
        all.filter(|(_, operation)| operation.verdict == verdict)
            .map(|(migration, operation)| tell(migration, operation))
            .collect()
    }

    /// Why a deploy would stop before it migrates anything, if it would.
    pub fn refusal(&self, environment: &Environment) -> Option<Failure> {
        let stops = self.told(Verdict::Stop);
        let what = match stops.len() {
            0 => return None,
            1 => "a pending migration would break what runs now".to_string(),
            count => format!("{count} operations of pending migrations would break what runs now"),
        };
        Some(
            Failure::new("migrations.unsafe", format!("{what}; nothing was migrated"))
                .output(stops)
                .why("the release that is live uses the same database until the cutover, and again after a rollback")
                .advise("make two releases of it: one whose code does without, then one that migrates")
                .advise(format!("or, where what is live does without already: {}", anyway(environment))),
        )
    }

    /// For the step's line: how many there are.
    pub fn note(&self) -> String {
        match &*self.pending {
            [] => "none is pending".to_string(),
            [only] => only.name.clone(),
            more => format!("{} are pending", more.len()),
        }
    }
}

fn anyway(environment: &Environment) -> String {
    format!("deployer {} deploy --accept-migrations", environment.name)
}

/// Why a deploy stops before it migrates anything.
pub(super) fn refusal(
    what: String,
    reason: Option<&Reason>,
    found: Option<&Migrations>,
    environment: &Environment,
) -> Failure {
    let unsafe_ones = found.filter(|_| reason == Some(&Reason::MigrationsStop));
    unsafe_ones.and_then(|found| found.refusal(environment)).unwrap_or_else(|| {
        Failure::new("migrations.unknown", what)
            .why("Django's migrations could not be read, so nothing was migrated")
            .advise("mend what the output shows, commit, and deploy anew")
            .advise(format!("or go on without a look at them: {}", anyway(environment)))
    })
}
