//! What a slot runs beside or instead of gunicorn, and what is built for it.

use std::time::Duration;

use toml::de::DeValue;

use super::environment::{Build, WebCommand};
use super::problem::Complaint;
use super::section::{Section, Value, wrong_type};
use super::value;

pub(super) fn web(section: &Section<'_, '_>) -> Option<WebCommand> {
    let stop_timeout = section.value("stop_timeout", value::duration);
    Some(WebCommand {
        line: section.value("command", line)?,
        stop_timeout: stop_timeout.unwrap_or(Duration::from_secs(30)),
    })
}

pub(super) fn build(section: &Section<'_, '_>) -> Build {
    Build {
        commands: section.value("commands", lines).unwrap_or_default(),
        timeout: section
            .value("timeout", value::bound)
            .unwrap_or(Duration::from_secs(15 * 60)),
    }
}

/// One line for a shell.
fn line(value: &Value<'_>) -> Result<String, Complaint> {
    match value.get_ref() {
        DeValue::Array(_) => Err(wrong_type("a string", value).help("write it as one line, as for a shell")),
        _ => value::text(value),
    }
}

fn lines(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    match value.get_ref() {
        DeValue::String(line) => Err(wrong_type("a list of lines", value).help(format!("write [{line:?}]"))),
        _ => value::words(value),
    }
}
