//! What `deployer.toml` may hold, as a JSON schema, by which an editor completes and checks.
//!
//! Nothing of it is written down a second time. The starter has the keys, their defaults and their words; what a key takes is
//! told by its reader: there is no key that takes a date, and so a file that has one everywhere is answered with what each does.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json, json};

use super::starter::{ENVIRONMENT, KINDS, TOP};
use super::{env, name, processes, read, starter};

/// Tables of which the user chooses the keys.
const OPEN: [&str; 4] = ["env", "environments", "processes", "secrets"];

/// The schema; no environment is named like a `reserved` word of the command line.
#[must_use]
pub fn schema(reserved: &[&str]) -> Json {
    let told = SchemaParts {
        takes: read::taken(&dates()),
        comments: starter::comments(),
        defaults: starter::defaults(),
    };
    let open = |kind: &str, names: Json, item: Json| {
        let words = told.comment(kind, "");
        json!({ "type": "object", "description": words, "propertyNames": names, "additionalProperties": item })
    };
    let mut tables: Map<String, Json> =
        KINDS.iter().map(|(kind, keys)| (kind.clone(), told.table(kind, keys))).collect();
    let process = json!({ "anyOf": [told.takes["processes.short"], reference("processes.NAME")] });
    tables.insert("env".into(), open("env", env::names(), told.takes["env.A"].clone()));
    tables.insert("secrets".into(), open("secrets", env::names(), reference("secrets.NAME")));
    tables.insert("processes".into(), open("processes", processes::names(), process));
    tables.insert("environments".into(), open("", name::names(reserved), reference(ENVIRONMENT)));

    let mut add = |kind: &str, more: Json| {
        let table = tables.get_mut(kind).and_then(Json::as_object_mut);
        table.into_iter().for_each(|table| table.extend(more.as_object().cloned().unwrap_or_default()));
    };
    let has = |key: &str| json!({ "required": [key] });
    add(TOP, has("environments"));
    add("environments", json!({ "minProperties": 1 }));
    let alone = json!({ "required": ["host", "root", "ports", "url"] });
    add(ENVIRONMENT, json!({ "anyOf": [alone, has("hosts")] }));
    add("ports", json!({ "required": ["blue", "green"] }));
    let one =
        json!({ "oneOf": [has("env"), has("file"), has("command")], "dependencies": { "key": ["file"] } });
    add("secrets.NAME", one);
    let both = json!({ "gunicorn": has("app"), "web": has("command") });
    add(TOP, json!({ "not": { "required": ["gunicorn", "web"], "properties": both } }));

    let mut whole = tables.remove(TOP).unwrap_or_default();
    whole["$schema"] = json!("http://json-schema.org/draft-07/schema#");
    whole["title"] = json!("deployer.toml");
    whole["definitions"] = Json::Object(tables);
    whole
}

struct SchemaParts {
    takes: BTreeMap<String, Json>,
    comments: BTreeMap<(String, String), String>,
    defaults: Json,
}

impl SchemaParts {
    fn comment(&self, kind: &str, key: &str) -> &str {
        self.comments.get(&(kind.to_owned(), key.to_owned())).map_or("", String::as_str)
    }

    fn table(&self, kind: &str, keys: &[String]) -> Json {
        let own = |key: &String| {
            if is_table(kind, key) {
                return (key.clone(), reference(key));
            }
            // `cutover` stands above every table too, where its words are.
            let home = if self.comment(kind, key).is_empty() { TOP } else { kind };
            let (words, name) = (self.comment(home, key), format!("{}.{key}", place(kind, key)));
            let mut schema = self.takes[name.trim_start_matches('.')].clone();
            schema["description"] = json!(words);
            let default =
                &kind.split('.').filter(|name| *name != TOP).fold(&self.defaults, |at, name| &at[name])[key];
            if home == kind
                && !default.is_null()
                && !words.starts_with("default")
                && !words.starts_with("required")
            {
                schema["default"] = default.clone();
            }
            (key.clone(), schema)
        };
        let properties: Map<String, Json> = keys.iter().map(own).collect();
        let words = self.comment(kind, "");
        json!({ "type": "object", "description": words, "additionalProperties": false, "properties": properties })
    }
}

/// A file in which every key is a date.
fn dates() -> String {
    let keys = KINDS.iter().flat_map(|(kind, keys)| keys.iter().map(move |key| (kind, key)));
    let names = keys
        .filter(|(kind, key)| !is_table(kind, key))
        .map(|(kind, key)| format!("{}.{key}", place(kind, key)));
    let more = ["env.A", "processes.short"].map(str::to_owned);
    names.chain(more).map(|name| format!("{} = 1979-05-27\n", name.trim_start_matches('.'))).collect()
}

/// Where a key of a kind of table can stand; what has one source has one in each.
fn place(kind: &str, key: &str) -> String {
    match (kind, key) {
        ("ports", _) => "environments.a.ports".to_owned(),
        ("secrets.NAME", "key") => "secrets.file".to_owned(),
        ("secrets.NAME", form) => format!("secrets.{form}"),
        _ => kind.replace("NAME", "a"),
    }
}

/// Elsewhere a key can have the same name: `gunicorn.app`.
fn is_table(kind: &str, key: &str) -> bool {
    let holds_tables = [TOP, ENVIRONMENT].contains(&kind);
    holds_tables && (OPEN.contains(&key) || KINDS.iter().any(|(kind, _)| kind == key))
}

fn reference(table: &str) -> Json {
    json!({ "$ref": format!("#/definitions/{table}") })
}
