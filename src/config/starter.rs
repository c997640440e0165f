//! `templates/deployer.toml` is the layer below every file: a default stands there and nowhere else. With what it shows
//! behind a comment sign it has every key that there is.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde_json::Value as Json;
use toml::Spanned;
use toml::de::DeTable;

use super::value::Value;

const STARTER: &str = include_str!("../../templates/deployer.toml");

/// The file's own keys, outside every table.
pub(super) const TOP: &str = "";
/// A table `[environments.NAME]`.
pub(super) const ENVIRONMENT: &str = "environments.NAME";

static DEFAULTS: LazyLock<DeTable<'static>> = LazyLock::new(|| parsed(text(false).leak()));

/// Every kind of table with its keys, in the starter's order.
pub(super) static KINDS: LazyLock<Vec<(String, Vec<String>)>> = LazyLock::new(kinds);

/// What stands behind the comment sign of each key and, by an empty key, of each table's header.
pub(super) fn comments() -> BTreeMap<(String, String), String> {
    let mut found: BTreeMap<_, String> = BTreeMap::new();
    let (mut kind, mut last) = (TOP.to_owned(), None);
    for line in text(true).lines() {
        let (code, comment) = line.split_once("# ").unwrap_or((line, ""));
        let key = match code.strip_prefix('[') {
            Some(header) => {
                kind = header.split(']').next().unwrap_or_default().replace("prod", "NAME");
                Some("")
            }
            None => code.split_once(" = ").map(|(key, _)| key),
        };
        last = key.map(|key| (kind.clone(), key.to_owned())).or(last.filter(|_| code.trim() == "#"));
        if let Some(last) = last.clone().filter(|_| !comment.is_empty()) {
            let told = found.entry(last).or_default();
            *told = format!("{told} {}", comment.trim_start_matches(['#', ' '])).trim().to_owned();
        }
    }
    found
}

/// What the starter says where the file says nothing, as JSON.
pub(super) fn defaults() -> Json {
    let table: toml::Table = text(false).parse().unwrap_or_else(|error| panic!("the starter: {error}"));
    serde_json::to_value(table).unwrap_or_default()
}

/// What the starter says where the file says nothing.
pub(super) fn default(kind: &str, key: &str) -> &'static Value<'static> {
    let mut path = kind.split('.').filter(|name| *name != TOP);
    let table = path.try_fold(&*DEFAULTS, |table, name| table.get(name)?.get_ref().as_table());
    table.and_then(|table| table.get(key)).unwrap_or_else(|| panic!("the starter has no {kind}.{key}"))
}

/// What a table is called that stands under a key of another: `gunicorn`, `secrets.NAME`.
pub(super) fn kind_below(kind: &str, key: &str) -> String {
    match kind {
        TOP | ENVIRONMENT => key.to_owned(),
        open => format!("{open}.NAME"),
    }
}

/// The keys of a kind of table.
pub(super) fn keys_of(kind: &str) -> &'static [String] {
    KINDS.iter().find(|(name, _)| name == kind).map_or(&[], |(_, keys)| keys)
}

/// The kinds of tables that have a key.
pub(super) fn homes_of(key: &str) -> impl Iterator<Item = &'static str> {
    KINDS.iter().filter(move |(_, keys)| keys.iter().any(|own| own == key)).map(|(kind, _)| &**kind)
}

/// The starter without the comment signs before keys and headers: before all of them, or those of `[processes.NAME]` alone,
/// which has defaults and yet no place in a file that somebody copies.
fn text(all: bool) -> String {
    let mut open = all;
    let uncommented = |line: &str| {
        if line.starts_with("# [") || !line.starts_with('#') {
            open = all || line.contains(".NAME]");
        }
        let (line, open) = (line.to_owned() + "\n", open);
        line.strip_prefix("# ").filter(|rest| open && is_toml(rest)).map_or(line.clone(), str::to_owned)
    };
    STARTER.lines().map(uncommented).collect()
}

/// Whether a comment is a header or a key with its value.
fn is_toml(comment: &str) -> bool {
    let key = comment.split_once(" = ").map(|(key, _)| key);
    let is_key = key.is_some_and(|key| key.chars().all(|c| c.is_ascii_alphabetic() || c == '_'));
    is_key || comment.starts_with('[')
}

fn parsed(text: &str) -> DeTable<'_> {
    DeTable::parse(text).map(Spanned::into_inner).unwrap_or_else(|error| panic!("the starter: {error}"))
}

fn kinds() -> Vec<(String, Vec<String>)> {
    let mut kinds = vec![(TOP.to_owned(), Vec::new()), (ENVIRONMENT.to_owned(), Vec::new())];
    collect(TOP, &parsed(&text(true)), &mut kinds);
    // Of these the user chooses the keys.
    kinds.retain(|(kind, _)| !["environments", "processes", "env", "secrets"].contains(&&**kind));
    let anywhere: Vec<String> = kinds[0].1.iter().filter(|key| *key != "environments").cloned().collect();
    let own = &mut kinds[1].1;
    own.retain(|key| !anywhere.contains(key));
    own.extend(anywhere);
    kinds
}

fn collect(kind: &str, table: &DeTable, kinds: &mut Vec<(String, Vec<String>)>) {
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    let at = kinds.iter().position(|(name, _)| name == kind).unwrap_or(kinds.len());
    if at == kinds.len() {
        kinds.push((kind.to_owned(), Vec::new()));
    }
    for (key, value) in entries {
        let key: &str = key.get_ref();
        if !kinds[at].1.iter().any(|own| own == key) {
            kinds[at].1.push(key.to_owned());
        }
        if let Some(table) = value.get_ref().as_table() {
            collect(&kind_below(kind, key), table, kinds);
        }
    }
}
