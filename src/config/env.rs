//! `[env]`: plain variables for the application.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use toml::de::DeValue;

use super::problem::{Complaint, ensure};
use super::section::Tables;
use super::value::{Value, wrong_type};

/// Names that `templates/launch.sh` has in use when it reads the variables.
const LAUNCHER_NAMES: [&str; 6] = ["root", "color", "process", "slot", "words", "directory"];

/// Merges the layers' variables name by name, the first layer above the others.
pub(super) fn read(tables: &Tables) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for layer in tables.layers("env").iter().rev() {
        for (key, value) in layer.table {
            let name: &str = key.get_ref();
            let read = objection_to_name(name).map_err(|complaint| complaint.at(key.span()));
            match read.and_then(|()| variable(name, value)) {
                Ok(text) => drop(variables.insert(name.to_owned(), text)),
                Err(complaint) => tables.problems.add(&layer.name_of(name), Some(value.span()), complaint),
            }
        }
    }
    variables
}

/// What a variable can be called, as a schema says it.
pub(super) fn names() -> Json {
    let taken = format!("^(BLUEGREEN|GUNICORN_CMD_ARGS|DEPLOYER_.*|{})$", LAUNCHER_NAMES.join("|"));
    json!({ "pattern": "^[A-Za-z_][A-Za-z0-9_]*$", "not": { "pattern": taken } })
}

/// What is wrong with the name of a variable, if anything is.
pub(super) fn objection_to_name(name: &str) -> Result<(), Complaint> {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    let goes_on_well = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    let help = "a name holds letters without accents, digits and `_`, and does not begin with a digit";
    ensure(begins_well && goes_on_well, Complaint::new("cannot be a variable's name").help(help))?;
    let taken = |help: &str| Err(Complaint::new("must not be set").help(help));
    match name {
        "GUNICORN_CMD_ARGS" => taken("use the key `gunicorn.args`"),
        name if LAUNCHER_NAMES.contains(&name) => taken("the script that starts a slot's processes uses it"),
        name if name == "BLUEGREEN" || name.starts_with("DEPLOYER_") => {
            taken("deployer sets BLUEGREEN and every name that begins with DEPLOYER_ itself")
        }
        _ => Ok(()),
    }
}

// A boolean is refused because nobody can know whether the application wants true, True or 1.
fn variable(name: &str, value: &Value) -> Result<String, Complaint> {
    match value.get_ref() {
        // A key in PEM has lines.
        DeValue::String(text) if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') => {
            Err(Complaint::new("must not hold control characters but tabs and line ends"))
        }
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(digits) if digits.radix() == 10 => Ok(digits.as_str().to_owned()),
        other => {
            let help = match other {
                DeValue::Boolean(word) => format!(
                    "quote what the application wants to read: {name} = \"{word}\", or \"{}\"",
                    u8::from(*word)
                ),
                DeValue::Table(_) => {
                    "variables of one environment stand in [environments.NAME.env]".to_owned()
                }
                _ => format!("quote it: {name} = \"...\""),
            };
            let text = json!({ "type": "string", "pattern": r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$" });
            let takes = json!({ "anyOf": [text, { "type": "integer" }] });
            Err(wrong_type("a string", value).takes(takes).help(help))
        }
    }
}
