//! What `env` found: which variables live, next and the local side have, and where they differ.
//!
//! Its JSON shape is a promise to scripts: fields are added, never renamed, removed or given another meaning.
//! The guide's chapter `json` has an example that is made of these types.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::config::Environment;
use crate::model::{Color, Secrets};

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct VariablesReport {
    pub environment: String,
    pub host: String,
    pub live: Option<Color>,
    pub next: Option<Color>,
    /// By their names.
    pub variables: Vec<Variable>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Variable {
    pub name: String,
    pub kind: VariableKind,
    pub live: Option<Standing>,
    pub next: Option<Standing>,
    pub local: Standing,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Values>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum VariableKind {
    Plain,
    Secret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    Set,
    Same,
    Differs,
    Missing,
}

/// The values of a plain variable.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Values {
    pub live: Option<String>,
    pub next: Option<String>,
    pub local: Option<String>,
}

/// What the host tells: digests, and of plain variables the values, where they are asked for.
#[derive(Clone, Debug, Default, Deserialize)]
pub struct HostVariables {
    pub live: Option<Color>,
    pub next: Option<Color>,
    /// `None` where nothing was deployed into the slot.
    pub slots: BTreeMap<Color, Option<BTreeMap<String, HostVariable>>>,
}

#[derive(Clone, Debug, Deserialize)]
pub struct HostVariable {
    pub digest: String,
    /// Whether it came from `[secrets]` when the slot was built.
    pub secret: bool,
    pub value: Option<String>,
}

/// The digest that both sides make of a variable under the key of one session.
pub fn digest(key: &str, name: &str, value: &str) -> String {
    let mac = hmac_sha256::HMAC::mac(format!("{name}\0{value}"), key);
    mac.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Compares both slots with the local side, under the key that the host was given.
pub fn compare(
    environment: &Environment,
    secrets: &Secrets,
    on_host: &HostVariables,
    key: &str,
    values: bool,
) -> Vec<Variable> {
    let slot = |role: Option<Color>| role.and_then(|color| on_host.slots.get(&color)?.as_ref());
    let (live, next) = (slot(on_host.live), slot(on_host.next));
    let mut names: BTreeSet<&String> = environment.env.keys().chain(environment.secrets.keys()).collect();
    names.extend(live.into_iter().chain(next).flat_map(BTreeMap::keys));
    // Those are deployer's own, and differ by their nature.
    names.retain(|name| *name != "BLUEGREEN" && !name.starts_with("DEPLOYER_"));
    let one = |name: &String| {
        let (live_one, next_one) =
            (live.and_then(|slot| slot.get(name)), next.and_then(|slot| slot.get(name)));
        let plain = environment.env.get(name);
        let local = plain.map(String::as_str).or_else(|| Some(secrets.get(name)?.reveal()));
        let secret = environment.secrets.contains_key(name)
            || plain.is_none() && live_one.into_iter().chain(next_one).any(|one| one.secret);
        let expected = local.map(|value| digest(key, name, value));
        let standing = |one: Option<&HostVariable>| match (one, &expected) {
            (None, _) => Standing::Missing,
            (Some(_), None) => Standing::Set,
            (Some(one), Some(expected)) if one.digest == *expected => Standing::Same,
            _ => Standing::Differs,
        };
        let value = |one: Option<&HostVariable>| one.and_then(|one| one.value.clone());
        Variable {
            name: name.clone(),
            kind: if secret { VariableKind::Secret } else { VariableKind::Plain },
            live: live.map(|_| standing(live_one)),
            next: next.map(|_| standing(next_one)),
            local: if local.is_some() { Standing::Set } else { Standing::Missing },
            values: (values && !secret).then(|| Values {
                live: value(live_one),
                next: value(next_one),
                local: plain.cloned(),
            }),
        }
    };
    names.into_iter().map(one).collect()
}
