//! The values of `[secrets]`, found once for each run, and only by a verb that needs them.

use std::cell::RefCell;
use std::path::Path;
use std::sync::PoisonError;

use super::Context;
use crate::git::{Repository, Tracking};
use crate::model::{ExitCode, Secrets};
use crate::plan::{Event, Failure};
use crate::secrets::{Findings, Lookup, LookupInterrupted, find};

impl Context<'_> {
    /// The values of all secrets of the environment; from here on nothing that is told shows them. `alive` is called
    /// again and again while a command runs.
    ///
    /// # Errors
    /// Names every secret without a value, and where it was looked for.
    pub(super) fn secrets(&mut self, alive: &mut dyn FnMut()) -> Result<Secrets, Failure> {
        // One asks for all hosts of a fleet.
        let mut found = self.vault.found.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(secrets) = &*found {
            return Ok(secrets.clone());
        }
        let findings = self.find_secrets(alive)?;
        if !findings.missing.is_empty() {
            return Err(self.lacking(findings));
        }
        *found = Some(findings.secrets.clone());
        Ok(findings.secrets)
    }

    /// The values that there are, and why the others are missing.
    ///
    /// # Errors
    /// Where the user gives it up.
    pub(super) fn find_secrets(&mut self, alive: &mut dyn FnMut()) -> Result<Findings, Failure> {
        let sources = &self.environment.secrets;
        let exposed = RefCell::new(Vec::new());
        let objection = |file: &Path| match Repository::tracking(file) {
            Ok(Some(Tracking::Tracked)) => {
                Some(format!("{} is tracked by git, so it is in every clone", file.display()))
            }
            Ok(Some(Tracking::Untracked)) => {
                exposed.borrow_mut().push(file.display().to_string());
                None
            }
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        };
        let interrupt = self.interrupt;
        let presses = interrupt.count();
        let mut go_on = || {
            alive();
            interrupt.count() == presses
        };
        let mut lookup = Lookup { folder: &self.vault.folder, objection: &objection, go_on: &mut go_on };
        let findings = find(sources, &mut lookup).map_err(|LookupInterrupted| {
            Failure::new("interrupted", "interrupted while the secrets were asked for")
                .exit(ExitCode::Interrupted)
        })?;
        for file in exposed.into_inner() {
            let message = format!("{file} holds secrets and git does not ignore it: add it to .gitignore");
            self.emit(Event::Warning { message });
        }
        self.vault.concealed.conceal(&findings.secrets);
        Ok(findings)
    }

    fn lacking(&self, findings: Findings) -> Failure {
        let name = &self.environment.name;
        let count = findings.missing.len();
        let lines: Vec<String> = findings.missing.into_iter().flat_map(|(_, lines)| lines).collect();
        let tracked = lines.iter().any(|line| line.contains("is tracked by git"));
        let what = match count {
            1 => format!("a secret of {name} has no value"),
            count => format!("{count} secrets of {name} have no value"),
        };
        let failure = Failure::usage("secrets.missing", what).output(lines);
        if tracked {
            failure
                .advise("take the file out of git and change its values, for they are in its history: git rm --cached FILE")
        } else {
            failure.advise("[secrets] in deployer.toml says where each value comes from")
        }
    }
}
