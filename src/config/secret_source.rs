//! `[secrets]`: where the value of each secret variable comes from; the file never holds the value itself.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::application::objection_to_name;
use super::problem::{Complaint, Problems};
use super::section::{Layer, Section, Value, wrong_type};
use super::value;

/// Where the local side finds a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SecretSource {
    /// A variable of the local environment.
    Env(String),
    /// A file of `NAME=VALUE` lines; the path counts from the folder of `deployer.toml`.
    File { path: String, key: String },
    /// What a command prints, without the last line end.
    Command(Vec<String>),
}

const FORMS: &str =
    "write { env = \"NAME\" }, { file = \".env.prod\" } or { command = [\"pass\", \"show\", \"...\"] }";

/// Merges the layers' secrets name by name, the first layer above the others.
pub(super) fn secrets(
    layers: &[Layer<'_>],
    plain: &BTreeMap<String, String>,
    problems: &Problems<'_>,
) -> BTreeMap<String, SecretSource> {
    let mut secrets = BTreeMap::new();
    for layer in layers.iter().rev() {
        for (key, value) in layer.table {
            let name: &str = key.get_ref();
            let mut objection = objection_to_name(name);
            if objection.is_none() && plain.contains_key(name) {
                let complaint = Complaint::new("is a plain variable too");
                objection = Some(complaint.help("leave it in [env] or in [secrets], not in both"));
            }
            if let Some(complaint) = objection {
                problems.add(&layer.name_of(name), Some(key.span()), complaint);
                continue;
            }
            if let Some(source) = source(name, value, layer, problems) {
                secrets.insert(name.to_owned(), source);
            }
        }
    }
    secrets
}

fn source(name: &str, value: &Value<'_>, layer: &Layer<'_>, problems: &Problems<'_>) -> Option<SecretSource> {
    let object = |complaint: Complaint| {
        problems.add(&layer.name_of(name), Some(value.span()), complaint.help(FORMS));
    };
    match value.get_ref() {
        DeValue::Table(_) => {}
        DeValue::String(_) => {
            object(Complaint::new("must say where the value comes from, for this file is committed"));
            return None;
        }
        _ => {
            object(wrong_type("a table", value));
            return None;
        }
    }
    let section = Section::new("secrets.NAME", layer.table(name, problems), problems);
    let forms: Vec<&str> = ["env", "file", "command"].into_iter().filter(|form| section.has(form)).collect();
    if forms.len() != 1 {
        object(Complaint::new(match forms.len() {
            0 => "must say where the value comes from".to_owned(),
            _ => format!("must have one source, not {}", forms.join(" and ")),
        }));
        return None;
    }
    if section.has("key") && !section.has("file") {
        let complaint = Complaint::new("goes with `file` alone");
        section.object("key", complaint.help("it names the line of the file"));
        return None;
    }
    let key = section.value("key", value::text).unwrap_or_else(|| name.to_owned());
    match forms[0] {
        "env" => section.value("env", variable).map(SecretSource::Env),
        "file" => section.value("file", file).map(|path| SecretSource::File { path, key }),
        _ => section.value("command", value::argv).map(SecretSource::Command),
    }
}

fn variable(value: &Value<'_>) -> Result<String, Complaint> {
    let name = value::text(value)?;
    match name.strip_prefix('$') {
        Some(bare) => Err(Complaint::new("must be a variable's name alone")
            .help(format!("write it without the sign: \"{bare}\""))),
        None if name.contains('=') => Err(Complaint::new("must be a variable's name alone")),
        None => Ok(name),
    }
}

fn file(value: &Value<'_>) -> Result<String, Complaint> {
    let path = value::text(value)?;
    match path.starts_with('~') {
        true => Err(Complaint::new("must not begin with `~`")
            .help("a path counts from the folder of deployer.toml; an absolute one is fine too")),
        false => Ok(path),
    }
}
