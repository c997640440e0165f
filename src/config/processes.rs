//! What a slot runs beside or instead of gunicorn, and what is built for it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use toml::de::DeValue;

use super::environment::{Build, SlotProcess, WebCommand};
use super::problem::{Complaint, Problems};
use super::section::{Layer, Section, Value, wrong_type};
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
        timeout: section.value("timeout", value::bound).unwrap_or(Duration::from_secs(15 * 60)),
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

/// Merges the layers' processes name by name, and a process's own keys key by key, the first layer above the others.
pub(super) fn processes(layers: &[Layer<'_>], problems: &Problems<'_>) -> BTreeMap<String, SlotProcess> {
    let names: BTreeSet<&str> =
        layers.iter().flat_map(|layer| layer.table.keys().map(|key| &**key.get_ref())).collect();
    let mut found = BTreeMap::new();
    for name in names {
        if let Some(process) = process(name, layers, problems) {
            found.insert(name.to_owned(), process);
        }
    }
    found
}

fn process(name: &str, layers: &[Layer<'_>], problems: &Problems<'_>) -> Option<SlotProcess> {
    let mut tables = Vec::new();
    let mut command = None;
    // Undecided until the most specific layer that speaks of it.
    let mut wanted = None;
    let mut place = None;
    // Whether anything that should be a command was found wrong already.
    let mut spoken = false;
    for layer in layers {
        let Some((key, value)) = layer.table.get_key_value(name) else {
            continue;
        };
        let dotted = layer.name_of(name);
        if let Some(complaint) = objection_to_name(name) {
            problems.add(&dotted, Some(key.span()), complaint);
            return None;
        }
        place.get_or_insert_with(|| (dotted.clone(), value.span()));
        match value.get_ref() {
            DeValue::Boolean(false) => wanted = wanted.or(Some(false)),
            DeValue::String(_) => match line(value) {
                Ok(line) => command = command.or(Some(line)),
                Err(complaint) => {
                    spoken = true;
                    problems.add(&dotted, Some(value.span()), complaint);
                }
            },
            DeValue::Table(_) => {
                let table = layer.table(name, problems)?;
                // What is wrong with it is said below, where all of the table's keys are read.
                command = command.or_else(|| table.table.get("command").and_then(|own| line(own).ok()));
                tables.push(table);
            }
            _ => {
                spoken = true;
                let complaint = wrong_type("a command, or a table with one", value);
                problems.add(&dotted, Some(value.span()), complaint.help("or false: not here"));
            }
        }
        wanted = wanted.or(Some(true));
    }
    let section = Section::new(PROCESS, tables, problems);
    spoken = spoken || section.has("command");
    section.value("command", line);
    let process = SlotProcess {
        singleton: section.value("singleton", truth).unwrap_or(false),
        stop_timeout: section.value("stop_timeout", value::duration).unwrap_or(Duration::from_secs(60)),
        settle: section.value("settle", value::duration).unwrap_or(Duration::from_secs(1)),
        command: command.clone().unwrap_or_default(),
    };
    if wanted != Some(true) {
        return None;
    }
    if command.is_none()
        && !spoken
        && let Some((dotted, span)) = place
    {
        let complaint = Complaint::new("has no command").help("write command = \"...\"");
        problems.add(&dotted, Some(span), complaint);
    }
    Some(process)
}

/// A table `[processes.NAME]`.
pub(super) const PROCESS: &str = "processes.NAME";

fn truth(value: &Value<'_>) -> Result<bool, Complaint> {
    match value.get_ref() {
        DeValue::Boolean(truth) => Ok(*truth),
        _ => Err(wrong_type("true or false", value)),
    }
}

// It names files on the host.
fn objection_to_name(name: &str) -> Option<Complaint> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    if !plain || name.len() > 40 {
        return Some(
            Complaint::new("cannot be a process's name")
                .help("a name begins with a small letter, and holds small letters, digits, `-` and `_`"),
        );
    }
    ["web", "gunicorn"]
        .contains(&name)
        .then(|| Complaint::new("is the web server's own name").help("say in [web] or [gunicorn] what it is"))
}
