//! `[secrets]`: where the value of each secret variable comes from; the file never holds the value itself.

use std::collections::BTreeMap;

use toml::de::DeValue;

use super::env::objection_to_name;
use super::problem::{Complaint, Problems, ensure};
use super::section::{Layer, Section, Tables};
use super::value::{self, Value, wrong_type};

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
pub(super) fn read(tables: &Tables, plain: &BTreeMap<String, String>) -> BTreeMap<String, SecretSource> {
    let mut secrets = BTreeMap::new();
    for layer in tables.layers("secrets").iter().rev() {
        for (key, value) in layer.table {
            let name: &str = key.get_ref();
            let both = Complaint::new("is a plain variable too");
            let both = both.help("leave it in [env] or in [secrets], not in both");
            let objection = objection_to_name(name).and_then(|()| ensure(!plain.contains_key(name), both));
            let read = objection.map_err(|complaint| complaint.at(key.span()));
            match read.and_then(|()| source(name, value, layer, tables.problems)) {
                Ok(source) => secrets.extend(source.map(|source| (name.to_owned(), source))),
                Err(complaint) => tables.problems.add(&layer.name_of(name), Some(value.span()), complaint),
            }
        }
    }
    secrets
}

/// `None`: what is wrong stands in the secret's own table, and was said.
fn source(
    name: &str,
    value: &Value,
    layer: &Layer,
    problems: &Problems,
) -> Result<Option<SecretSource>, Complaint> {
    match value.get_ref() {
        DeValue::Table(_) => {}
        DeValue::String(_) => {
            let what = "must say where the value comes from, for this file is committed";
            return Err(Complaint::new(what).help(FORMS));
        }
        _ => return Err(wrong_type("a table", value).help(FORMS)),
    }
    let section = Section::new("secrets.NAME", layer.table(name, problems), problems);
    let forms: Vec<&str> = ["env", "file", "command"].into_iter().filter(|form| section.has(form)).collect();
    let form = match forms[..] {
        [form] => form,
        [] => return Err(Complaint::new("must say where the value comes from").help(FORMS)),
        _ => {
            let what = format!("must have one source, not {}", forms.join(" and "));
            return Err(Complaint::new(what).help(FORMS));
        }
    };
    if section.has("key") && form != "file" {
        let complaint = Complaint::new("goes with `file` alone");
        section.object("key", complaint.help("it names the line of the file"));
        return Ok(None);
    }
    let key = section.optional("key", value::text).unwrap_or_else(|| name.to_owned());
    Ok(match form {
        "env" => section.optional("env", variable).map(SecretSource::Env),
        "file" => section.optional("file", file).map(|path| SecretSource::File { path, key }),
        _ => section.optional("command", value::argv).map(SecretSource::Command),
    })
}

fn variable(value: &Value) -> Result<String, Complaint> {
    let name = value::like(value, "^[^$=][^=]*$")?;
    let complaint = || Complaint::new("must be a variable's name alone");
    match name.strip_prefix('$') {
        Some(bare) => Err(complaint().help(format!("write it without the sign: \"{bare}\""))),
        None => ensure(!name.contains('='), complaint()).map(|()| name),
    }
}

fn file(value: &Value) -> Result<String, Complaint> {
    let path = value::like(value, "^[^~]")?;
    let help = "a path counts from the folder of deployer.toml; an absolute one is fine too";
    ensure(!path.starts_with('~'), Complaint::new("must not begin with `~`").help(help))?;
    Ok(path)
}
