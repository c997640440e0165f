//! What two versions of `deployer.toml` say differently of one environment.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use toml::Value;

/// A key with its values before and after; `None`: it is not there. The values of variables and secrets are never among them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    pub key: String,
    pub from: Option<String>,
    pub to: Option<String>,
}

/// The keys that differ, but for those of other environments. A text that is no TOML has none.
pub fn differences(old: &str, new: &str, environment: &str) -> Vec<Difference> {
    let (old, new) = (flat(old, environment), flat(new, environment));
    let keys: BTreeSet<&String> = old.keys().chain(new.keys()).collect();
    keys.into_iter()
        .filter(|key| old.get(*key) != new.get(*key))
        .map(|key| Difference {
            key: key.clone(),
            from: old.get(key).map(|value| shown(key, value)),
            to: new.get(key).map(|value| shown(key, value)),
        })
        .collect()
}

/// Whether a key is a variable's: its table, and its name.
pub fn variable(key: &str) -> Option<(&str, &str)> {
    let mut parts = key.rsplitn(3, '.');
    let (name, table) = (parts.next()?, parts.next()?);
    let above = parts.next();
    // Also `environments.prod.env.NAME`, whose last parts are the same.
    let is_variable =
        matches!(table, "env" | "secrets") && above.is_none_or(|above| above.starts_with("environments."));
    is_variable.then_some((table, name))
}

fn flat(text: &str, environment: &str) -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    if let Ok(table) = text.parse::<toml::Table>() {
        flatten("", &Value::Table(table), environment, &mut found);
    }
    found
}

fn flatten(key: &str, value: &Value, environment: &str, found: &mut BTreeMap<String, Value>) {
    match value {
        // A secret's source is one thing, and the whole of it may be private.
        Value::Table(table) if variable(key).is_none() => {
            for (name, value) in table {
                if key == "environments" && name != environment {
                    continue;
                }
                let key = if key.is_empty() { name.clone() } else { format!("{key}.{name}") };
                flatten(&key, value, environment, found);
            }
        }
        other => {
            found.insert(key.to_string(), other.clone());
        }
    }
}

/// A value as the file has it, without what it may hide: variables, and passwords in addresses.
fn shown(key: &str, value: &Value) -> String {
    if variable(key).is_some() {
        return "…".to_string();
    }
    let text = value.to_string();
    let mut safe = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find("://") {
        let (before, after) = rest.split_at(at + 3);
        safe.push_str(before);
        let ends = after.find(['/', '"', '\'', ' ']).unwrap_or(after.len());
        match after[..ends].rfind('@') {
            Some(user) => {
                safe.push('…');
                rest = &after[user..];
            }
            None => rest = after,
        }
    }
    safe + rest
}

#[cfg(test)]
mod tests {
    use super::*;

    const OLD: &str = r#"
gunicorn.workers = 2
python.install_args = ["--index-url", "https://ann:hunter2@pypi.example/simple"]
env = { DEBUG = "secret-1", GONE = "secret-2" }
secrets.KEY = { env = "OTHER" }
environments.prod = { host = "web1", env.MODE = "secret-3" }
environments.staging.host = "web2"
"#;
    const NEW: &str = r#"
gunicorn.workers = 4
python.install_args = ["--index-url", "https://ann:hunter3@pypi.example/simple"]
health.path = "/up"
env = { DEBUG = "secret-9" }
secrets.KEY = { env = "KEY" }
environments.prod = { host = "web1", env = { MODE = "secret-3", MORE = "secret-4" } }
environments.staging.host = "web3"
"#;

    #[test]
    fn what_differs_is_named_and_no_variable_is_shown() {
        let found = differences(OLD, NEW, "prod");
        let text = found
            .iter()
            .map(|it| format!("{}: {:?} -> {:?} {:?}", it.key, it.from, it.to, variable(&it.key)))
            .collect::<Vec<_>>()
            .join("\n");
        assert!(!text.contains("secret-") && !text.contains("hunter") && !text.contains("OTHER"), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn the_same_and_the_broken_differ_in_nothing() {
        assert_eq!(differences(OLD, OLD, "prod"), []);
        assert_eq!(differences("[", "]", "prod"), []);
    }
}
