//! A plan as the one line that travels to the host's shell, and the files that travel with it.

use std::fs::File;

use crate::model::size;
use crate::plan::{Action, Plan};
use crate::shell::{Call, NulError, quote};

/// A file on its way to the host, for the step of the same index.
pub(super) struct Upload {
    pub file: File,
    pub bytes: u64,
    pub objects: u64,
}

impl Upload {
    /// For a person: `5 objects, 1.1 kB`.
    pub(super) fn describe(&self) -> String {
        format!("{} objects, {}", self.objects, size(self.bytes))
    }
}

/// What comes after a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The command is complete.
    Done,
    /// Another plan, on the same shell and under the same lock.
    More,
}

/// The calls of all steps as one line of shell.
pub(super) fn line(plan: &Plan, uploads: &[Option<Upload>], after: After) -> Result<String, NulError> {
    let mut words = Vec::new();
    for (step, upload) in plan.steps.iter().zip(uploads) {
        if let (Action::Seed(seed), Some(upload)) = (&step.action, upload) {
            words.push(
                Call::new("take")
                    .arg(&seed.upload)
                    .arg(upload.bytes.to_string())
                    .line()?,
            );
        }
    }
    for (index, (step, upload)) in plan.steps.iter().zip(uploads).enumerate() {
        let number = index + 1;
        for call in &step.before {
            if step.call.is_some() {
                words.push(call.line()?);
            }
        }
        let kind = if step.is_critical() { "critical" } else { "guarded" };
        words.push(match (&step.call, &step.action) {
            (Some(call), Action::Seed(seed)) => {
                let bundle = if upload.is_some() { &seed.upload } else { "-" };
                let line = call.line()?;
                format!(
                    "step {number} {kind} {line} {} {}",
                    quote(bundle)?,
                    quote(&seed.commit.id)?
                )
            }
            (Some(call), _) => format!("step {number} {kind} {}", call.line()?),
            (None, _) => {
                let calls: Vec<String> = step.before.iter().map(Call::line).collect::<Result<_, _>>()?;
                format!(
                    "say begin {number} && {} && say end {number} 0",
                    calls.join(" && ")
                )
            }
        });
    }
    if after == After::Done {
        words.push("finish".to_string());
    }
    Ok(words.join(" && "))
}
