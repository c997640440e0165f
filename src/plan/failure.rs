//! The one shape in which a command fails: it answers the four questions a person has.

use std::fmt;

use serde::Serialize;

use super::World;
use crate::model::ExitCode;
use crate::shell::NulError;

/// A failed command. Every one says what failed, why, whether the site is affected, and what to do now.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Failure {
    /// A stable name for scripts: `host.unreachable`, `worktree.dirty`.
    pub code: &'static str,
    /// What failed, with the command, the host and the exit code where there are any.
    pub what: String,
    /// The last lines of what the failing command said.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub output: Vec<String>,
    /// Why, where that is known.
    pub why: Option<String>,
    pub site: Site,
    /// What to do now, a sentence or a command each.
    pub advice: Vec<String>,
    #[serde(serialize_with = "exit_number")]
    pub exit: ExitCode,
    /// The state of the host, read again after the failure.
    pub world: Option<World>,
}

/// Whether the public site is affected by a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Site {
    /// Nothing that live depends on was touched.
    Untouched,
    /// The switch was made and undone; the old release was seen to be served again.
    Restored,
    /// The new release is live and proven; something after that failed.
    Switched,
    /// The public may be seeing errors or the wrong release.
    Affected,
    /// It could not be found out.
    Unknown,
}

impl Site {
    /// As it stands in `--json`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Site::Untouched => "untouched",
            Site::Restored => "restored",
            Site::Switched => "switched",
            Site::Affected => "affected",
            Site::Unknown => "unknown",
        }
    }
}

/// What no argument can carry comes from the configuration.
impl From<NulError> for Failure {
    fn from(error: NulError) -> Failure {
        Failure::usage("config.nul", error.to_string())
    }
}

impl Failure {
    /// A failure that left live untouched: exit code 1, no advice yet.
    pub fn new(code: &'static str, what: impl Into<String>) -> Failure {
        Failure {
            code,
            what: what.into(),
            output: Vec::new(),
            why: None,
            site: Site::Untouched,
            advice: Vec::new(),
            exit: ExitCode::Failed,
            world: None,
        }
    }

    /// A failure of the command line or the configuration: exit code 2.
    pub fn usage(code: &'static str, what: impl Into<String>) -> Failure {
        Failure { exit: ExitCode::Usage, ..Failure::new(code, what) }
    }

    #[must_use]
    pub fn why(mut self, why: impl Into<String>) -> Failure {
        self.why = Some(why.into());
        self
    }

    #[must_use]
    pub fn advise(mut self, advice: impl Into<String>) -> Failure {
        self.advice.push(advice.into());
        self
    }

    #[must_use]
    pub fn output(mut self, lines: Vec<String>) -> Failure {
        self.output = lines;
        self
    }

    #[must_use]
    pub fn site(mut self, site: Site) -> Failure {
        self.site = site;
        self
    }

    #[must_use]
    pub fn exit(mut self, exit: ExitCode) -> Failure {
        self.exit = exit;
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(why) = &self.why {
            write!(f, ": {why}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Failure {}

/// What nobody foresaw, with its context: the outermost is what failed, the rest is why.
impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        let causes: Vec<String> = error.chain().skip(1).map(ToString::to_string).collect();
        let failure = Failure::new("unexpected", error.to_string());
        if causes.is_empty() { failure } else { failure.why(causes.join(": ")) }
    }
}

fn exit_number<S: serde::Serializer>(exit: &ExitCode, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u8(*exit as u8)
}

/// A submodule that git does not check out: what git gives as its reason is ours.
pub(super) fn refused_by_git(what: String, output: &[String]) -> Failure {
    let failure = Failure::new("submodule", what);
    let reason = output.iter().find(|line| line.starts_with("fatal:"));
    match reason.or(output.last()) {
        Some(line) => failure.why(line.clone()),
        None => failure,
    }
    .advise("mend .gitmodules, and try it in a fresh clone: git submodule update --init --recursive")
}
