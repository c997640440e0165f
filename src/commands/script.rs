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
            let begin = Call::new("write_down").arg("begin").arg("0");
            words.push(begin.arg(step.touches().as_str()).arg(step.name()).line()?);
            let take = Call::new("take").arg(&seed.upload);
            words.push(take.arg(upload.bytes.to_string()).line()?);
        }
    }
    for (index, (step, upload)) in plan.steps.iter().zip(uploads).enumerate() {
        let number = (index + 1).to_string();
        let begin = Call::new("begin").arg(&number).arg(step.touches().as_str());
        words.push(begin.arg(step.name()).line()?);
        for call in &step.before {
            words.push(call.line()?);
        }
        let kind = if step.is_critical() { "critical" } else { "guarded" };
        words.push(match (&step.call, &step.action) {
            (Some(call), Action::Seed(seed)) => {
                let bundle = if upload.is_some() { &seed.upload } else { "-" };
                let line = call.line()?;
                format!("step {number} {kind} {line} {} {}", quote(bundle)?, quote(&seed.commit.id)?)
            }
            (Some(call), _) => format!("step {number} {kind} {}", call.line()?),
            (None, _) => format!("end {number} 0"),
        });
    }
    if after == After::Done {
        words.push("finish".to_string());
    }
    Ok(words.join(" && "))
}
