//! `[hooks]`: what runs around a release.

use std::time::Duration;

use super::problem::Complaint;
use super::section::Section;
use super::url::request_path;
use super::value::{self, Value};

/// Lines for `sh -c`, each at its moment of a deploy or a cutover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// On the host, in the new slot before it starts.
    pub release: Vec<String>,
    /// On the host, against next once it is healthy; `{url}` stands for where it listens.
    pub smoke: Vec<String>,
    /// Paths that next is asked for before it becomes live.
    pub warm: Vec<String>,
    /// Here, after a cutover or a rollback.
    pub after_cutover: Vec<String>,
    /// Here, after a deploy, a cutover or a rollback that failed.
    pub on_failure: Vec<String>,
    /// Bound on each hook.
    pub timeout: Duration,
}

impl Hooks {
    pub(super) fn read(table: &Section) -> Hooks {
        Hooks {
            release: table.get("release", lines),
            smoke: table.get("smoke", lines),
            warm: table.get("warm", paths),
            after_cutover: table.get("after_cutover", lines),
            on_failure: table.get("on_failure", lines),
            timeout: table.get("timeout", value::bound),
        }
    }
}

fn lines(value: &Value) -> Result<Vec<String>, Complaint> {
    value::lines(value, "a line for sh, or a list of lines")
}

fn paths(value: &Value) -> Result<Vec<String>, Complaint> {
    value::list(value, "a list of paths such as [\"/\", \"/pricing\"]", request_path)
}
