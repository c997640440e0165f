//! `[processes]`: what a slot runs beside its web server.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::problem::{Complaint, Problems, ensure};
use super::section::{Layer, Section, Tables};
use super::value::{self, Value, wrong_type};

/// A process that a slot runs while it is live: a worker, a scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotProcess {
    /// A line for a shell.
    pub command: String,
    /// Whether two of it must never run at once.
    pub singleton: bool,
    /// How long it may take to end after TERM, before KILL.
    pub stop_timeout: Duration,
    /// How long it must live to count as started.
    pub settle: Duration,
}

/// Merges the layers' processes name by name, and a process's own keys key by key, the first layer above the others.
pub(super) fn read(tables: &Tables) -> BTreeMap<String, SlotProcess> {
    let layers = tables.layers("processes");
    let names: BTreeSet<&str> =
        layers.iter().flat_map(|layer| layer.table.keys().map(|key| &**key.get_ref())).collect();
    let read = |name| SlotProcess::read(name, &layers, tables.problems);
    names.into_iter().filter_map(|name: &str| Some((name.to_owned(), read(name)?))).collect()
}

impl SlotProcess {
    fn read(name: &str, layers: &[Layer], problems: &Problems) -> Option<SlotProcess> {
        let mut tables = Vec::new();
        // What each layer says of the command, the most specific first; `None`: it says that wrongly.
        let mut commands = Vec::new();
        let mut places = Vec::new();
        for layer in layers {
            let Some((key, value)) = layer.table.get_key_value(name) else {
                continue;
            };
            let dotted = layer.name_of(name);
            let object = |span, complaint| problems.add(&dotted, Some(span), complaint);
            if let Err(complaint) = objection_to_name(name) {
                object(key.span(), complaint);
                return None;
            }
            match value.get_ref() {
                DeValue::Table(_) => {
                    let table = layer.table(name, problems)?;
                    // What is wrong with it is said below, where all of the table's keys are read.
                    commands.extend(table.table.get("command").map(|own| value::command_line(own).ok()));
                    tables.push(table);
                }
                DeValue::Boolean(false) => {}
                _ => {
                    let command = command(value).map_err(|complaint| object(value.span(), complaint));
                    commands.push(command.ok());
                }
            }
            places.push((dotted, value));
        }
        let section = Section::new("processes.NAME", tables, problems);
        section.optional("command", value::command_line);
        let process = SlotProcess {
            singleton: section.get("singleton", value::truth),
            stop_timeout: section.get("stop_timeout", value::duration),
            settle: section.get("settle", value::duration),
            command: commands.iter().flatten().next().cloned().unwrap_or_default(),
        };
        let (dotted, value) = places.first()?;
        if value.get_ref().as_bool() == Some(false) {
            return None;
        }
        if commands.is_empty() {
            let complaint = Complaint::new("has no command").help("write command = \"...\"");
            problems.add(dotted, Some(value.span()), complaint);
        }
        Some(process)
    }
}

fn command(value: &Value) -> Result<String, Complaint> {
    if value.get_ref().is_str() {
        value::command_line(value)
    } else {
        let takes = json!({ "anyOf": [value::taken(value::text), { "const": false }] });
        let complaint = wrong_type("a command, or a table with one", value).takes(takes);
        Err(complaint.help("or false: not here"))
    }
}

/// What a process can be called, as a schema says it.
pub(super) fn names() -> Json {
    json!({ "pattern": "^[a-z][a-z0-9_-]{0,39}$", "not": { "enum": OWN } })
}

/// The web server's names.
const OWN: [&str; 2] = ["web", "gunicorn"];

// It names files on the host.
fn objection_to_name(name: &str) -> Result<(), Complaint> {
    let plain = name.starts_with(|c: char| c.is_ascii_lowercase())
        && name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "-_".contains(c));
    let complaint = Complaint::new("cannot be a process's name");
    let help = "a name begins with a small letter, and holds small letters, digits, `-` and `_`";
    ensure(plain && name.len() <= 40, complaint.help(help))?;
    let complaint = Complaint::new("is the web server's own name");
    ensure(!OWN.contains(&name), complaint.help("say in [web] or [gunicorn] what it is"))
}
