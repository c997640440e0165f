//! The look at what Django would migrate: how it is taken, what it found, and how that is told.

use serde::{Deserialize, Serialize};
use serde_json::json;

use super::Failure;
use super::deploy::DeployRequest;
use super::rebuild::Build;
use super::roles::roles;
use super::step::{Action, Step};
use crate::config::Environment;
use crate::launch;
use crate::model::HostState;
use crate::shell::Call;

/// Sent by the deploys that need them alone, into a folder that the look takes away.
const SHELL: &str = include_str!("../../templates/once/judge.sh");
const JUDGE: &str = include_str!("../../templates/once/judge.py");
const MIGRATIONS: &str = include_str!("../../templates/once/migrations.py");

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

impl Build<'_> {
    /// The look at what the release command is about to migrate, where there is one.
    pub(super) fn judge(&self, state: &HostState, when: When) -> Result<Option<Step>, Failure> {
        let Some(once) = self.once.filter(|once| once.django) else {
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
        let folder = self.layout().home("look");
        let action = Action::Migrations { accepted: once.accept_migrations, inside: when == When::Inside };
        let mut step = Step::new(action, self.look(state, &folder, when));
        // What the first look could not judge it leaves for the second, with all that it needs.
        if when == When::Before || local {
            for call in self.lay_down(&folder)? {
                step = step.before(call);
            }
        }
        Ok(Some(step))
    }

    fn may_need_the_build(&self) -> bool {
        !self.environment.build.commands.is_empty()
    }

    /// What a look needs, put into its folder.
    fn lay_down(&self, folder: &str) -> Result<Vec<Call>, Failure> {
        let color = self.color;
        let put = |name: &str, mode: &str| Call::new("put").arg(format!("{folder}/{name}")).arg(mode);
        Ok(vec![
            Call::new("further").arg(SHELL),
            put("launch", "700").arg(launch::LAUNCHER),
            put("migrations.py", "600").arg(MIGRATIONS),
            put(&format!("{color}/etc/run/web"), "600").arg(launch::web(self.environment, color, false)?),
            put(&format!("{color}/etc/env"), "600").secret(self.variables()?),
            // By this one it is known that all of it is there.
            put("judge.py", "600").arg(JUDGE),
        ])
    }

    fn look(&self, state: &HostState, folder: &str, when: When) -> Call {
        let environment = self.environment;
        let bound = match when {
            // Somebody waits for it, and for nothing else.
            When::Planned => environment.hooks.timeout.as_secs().min(40),
            _ => environment.hooks.timeout.as_secs(),
        };
        let settings = json!({
            "root": environment.root, "color": self.color, "commit": self.commit.id, "by": self.by,
            "directory": environment.app.directory, "shared": environment.shared,
            "virtualenv": self.virtualenv.map(|virtualenv| &virtualenv.key),
            "beside": super::held(state, self.color.other()).is_some(),
            "accept": self.once.is_some_and(|once| once.accept_migrations),
            "inside": when == When::Inside, "later": when == When::Before && self.may_need_the_build(),
            "notes": when != When::Planned, "seconds": bound,
        });
        Call::new("judge").arg(folder).arg(settings.to_string())
    }
}

/// The calls by which `plan` looks, in a folder of its own; objects that the host lacks go to `upload` before the last one.
#[derive(Clone, Debug)]
pub struct Look {
    pub calls: Vec<Call>,
    pub upload: String,
    /// Commits that the host has.
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
    let laid = build.lay_down(&folder).map_err(|failure| failure.to_string())?;
    let haves = [&state.blue, &state.green].map(|slot| slot.refs.values().cloned());
    Ok(Some(Look {
        upload: format!("{folder}/upload"),
        haves: haves.into_iter().flatten().collect(),
        calls: laid.into_iter().chain([build.look(state, &folder, When::Planned)]).collect(),
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
    status: Option<i32>,
    found: Option<&Migrations>,
    environment: &Environment,
) -> Failure {
    let unsafe_ones = found.filter(|_| status == Some(63));
    unsafe_ones.and_then(|found| found.refusal(environment)).unwrap_or_else(|| {
        Failure::new("migrations.unknown", what)
            .why("Django's migrations could not be read, so nothing was migrated")
            .advise("mend what the output shows, commit, and deploy anew")
            .advise(format!("or go on without a look at them: {}", anyway(environment)))
    })
}
