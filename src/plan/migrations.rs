//! What Django would migrate, and how that is told.

use serde::{Deserialize, Serialize};

use super::Failure;
use crate::config::Environment;

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

/// The command that goes on whatever they hold.
pub(super) fn anyway(environment: &Environment) -> String {
    format!("deployer {} deploy --accept-migrations", environment.name)
}
