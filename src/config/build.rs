//! `[build]`: the commands that make a release out of its work tree.

use std::time::Duration;

use super::problem::Complaint;
use super::section::Section;
use super::value::{self, Value, wrong_type};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Lines for a shell, run one after the other.
    pub commands: Vec<String>,
    /// Bound on each of them.
    pub timeout: Duration,
}

impl Build {
    pub(super) fn read(table: &Section) -> Build {
        Build { commands: table.get("commands", lines), timeout: table.get("timeout", value::bound) }
    }
}

fn lines(value: &Value) -> Result<Vec<String>, Complaint> {
    match value.get_ref().as_str() {
        Some(line) => Err(wrong_type("a list of lines", value).help(format!("write [{line:?}]"))),
        None => value::words(value),
    }
}
