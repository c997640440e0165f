//! Walks the spanned TOML: layers of tables, the more specific above, in which no key goes unread.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::name::closest;
use super::problem::{Complaint, Problems};

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// What stands above the file's first table, for all environments, or in the table of one.
const ANYWHERE: &[&str] = &[
    "cutover",
    "supervisor",
    "app",
    "python",
    "build",
    "web",
    "processes",
    "gunicorn",
    "health",
    "nginx",
    "hooks",
    "shared",
    "static",
    "env",
    "secrets",
];

/// Every table of the file with its own keys; `TOP` and `ENVIRONMENT` have those of `ANYWHERE` too. `env`, `secrets` and
/// `environments` are open: their keys are the user's.
const SCHEMA: &[(&str, &[&str])] = &[
    (TOP, &["environments"]),
    (ENVIRONMENT, &["host", "port", "user", "root", "ports", "url"]),
    ("app", &["name", "directory", "untracked"]),
    ("python", &["interpreter", "requirements", "installer", "install_args", "timeout"]),
    ("gunicorn", &["app", "workers", "args", "install", "graceful_timeout"]),
    ("health", &["path", "host", "expect", "timeout", "start_timeout", "settle"]),
    (
        "nginx",
        &[
            "test",
            "reload",
            "address",
            "timeout",
            "drain",
            "access_log",
            "site",
            "next_name",
            "next_allow",
            "max_body",
            "extra",
            "error_log",
        ],
    ),
    ("hooks", &["release", "smoke", "warm", "after_cutover", "on_failure", "timeout"]),
    ("shared", &["directories"]),
    ("static", &["url", "directory", "collect", "keep"]),
    ("ports", &["blue", "green"]),
    ("secrets.NAME", &["env", "file", "key", "command"]),
    ("build", &["commands", "timeout"]),
    ("web", &["command", "stop_timeout"]),
    (super::processes::PROCESS, &["command", "singleton", "stop_timeout", "settle"]),
];

/// The file's own keys, outside every table.
pub(super) const TOP: &str = "";
/// A table `[environments.NAME]`.
pub(super) const ENVIRONMENT: &str = "environments.NAME";

fn keys_of(kind: &str) -> Vec<&'static str> {
    let own = SCHEMA.iter().find(|(name, _)| *name == kind);
    let mut keys = own.map_or_else(Vec::new, |(_, keys)| keys.to_vec());
    if kind == TOP || kind == ENVIRONMENT {
        keys.extend(ANYWHERE);
    }
    keys
}

/// One table of the file, and the dotted name that its keys begin with.
#[derive(Clone)]
pub(super) struct Layer<'t> {
    pub(super) prefix: String,
    pub(super) table: &'t DeTable<'t>,
    pub(super) span: Option<Range<usize>>,
}

impl<'t> Layer<'t> {
    pub(super) fn name_of(&self, key: &str) -> String {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let key = if plain { key.to_owned() } else { format!("{key:?}") };
        match self.prefix.as_str() {
            "" => key,
            prefix => format!("{prefix}.{key}"),
        }
    }

    /// The table that stands under a key, if it is one; anything else is a problem.
    pub(super) fn table(&self, key: &str, problems: &Problems<'_>) -> Option<Layer<'t>> {
        let value = self.table.get(key)?;
        let prefix = self.name_of(key);
        let DeValue::Table(table) = value.get_ref() else {
            let mut complaint = wrong_type("a table", value);
            if is_list_of_tables(value) {
                complaint = complaint.help("write its [header] with one pair of brackets");
            }
            problems.add(&prefix, Some(value.span()), complaint);
            return None;
        };
        Some(Layer { prefix, table, span: Some(value.span()) })
    }
}

/// A table as one environment sees it: its own settings above the application's.
pub(super) struct Section<'t, 'p> {
    kind: &'static str,
    /// The most specific first.
    layers: Vec<Layer<'t>>,
    problems: &'p Problems<'p>,
}

impl<'t, 'p> Section<'t, 'p> {
    /// Puts layers on one another, and reports every key that the table does not have.
    pub(super) fn new(
        kind: &'static str,
        layers: impl IntoIterator<Item = Layer<'t>>,
        problems: &'p Problems<'p>,
    ) -> Section<'t, 'p> {
        let section = Section { kind, layers: layers.into_iter().collect(), problems };
        section.report_unknown_keys();
        section
    }

    /// Reads a key in every layer, so that an override hides no mistake, and returns the most specific value.
    pub(super) fn value<T>(&self, key: &str, read: impl Fn(&Value<'t>) -> Result<T, Complaint>) -> Option<T> {
        debug_assert!(keys_of(self.kind).contains(&key), "{key} is not in the schema");
        let mut answer = None;
        for layer in self.layers.iter().rev() {
            let Some(value) = layer.table.get(key) else {
                continue;
            };
            match read(value) {
                Ok(value) => answer = Some(value),
                Err(complaint) => self.problems.add(&layer.name_of(key), Some(value.span()), complaint),
            }
        }
        answer
    }

    /// As [`Section::value`], for a key that has no default; `example` is the line that is missing.
    pub(super) fn required<T>(
        &self,
        key: &str,
        example: &str,
        read: impl Fn(&Value<'t>) -> Result<T, Complaint>,
    ) -> Option<T> {
        if !self.has(key) {
            // The application's table is where such a key is usually written.
            let home = self.layers.last();
            let name = home.map_or_else(|| format!("{}.{key}", self.kind), |layer| layer.name_of(key));
            let table = home.map_or(self.kind, |layer| &layer.prefix);
            let complaint = Complaint::new("is missing").help(format!("add to [{table}]: {example}"));
            self.problems.add(&name, home.and_then(|layer| layer.span.clone()), complaint);
        }
        self.value(key, read)
    }

    pub(super) fn has(&self, key: &str) -> bool {
        self.layers.iter().any(|layer| layer.table.contains_key(key))
    }

    /// Reports what is wrong between keys at the most specific place that has one of them.
    pub(super) fn object(&self, key: &str, complaint: Complaint) {
        let Some(layer) = self.layers.iter().find(|layer| layer.table.contains_key(key)) else {
            return;
        };
        let span = layer.table.get(key).map(Spanned::span);
        self.problems.add(&layer.name_of(key), span, complaint);
    }

    fn report_unknown_keys(&self) {
        let known = keys_of(self.kind);
        for layer in &self.layers {
            for (key, value) in layer.table {
                let name: &str = key.get_ref();
                if known.contains(&name) {
                    continue;
                }
                // It may be a variable in the wrong place.
                hide(value, self.problems);
                let complaint = Complaint {
                    help: self.meant(name, value, &known),
                    ..Complaint::new("is not a known key")
                };
                self.problems.add(&layer.name_of(name), Some(key.span()), complaint);
            }
        }
    }

    fn meant(&self, name: &str, value: &Value<'_>, known: &[&str]) -> Option<String> {
        if let Some(close) = closest(name, known.iter().copied()) {
            return Some(format!("did you mean `{close}`?"));
        }
        let looks_like_an_environment = || {
            let table = value.get_ref().as_table();
            table.is_some_and(|table| ["host", "root", "url"].iter().any(|key| table.contains_key(*key)))
        };
        if self.kind == TOP && looks_like_an_environment() {
            return Some(format!("an environment's table is called [environments.{name}]"));
        }
        let homes: Vec<String> = SCHEMA
            .iter()
            .map(|(table, _)| *table)
            .filter(|table| keys_of(table).contains(&name))
            .map(|table| match table {
                TOP => "above the file's first [table]".to_owned(),
                table => format!("in [{table}]"),
            })
            .collect();
        Some(match homes.is_empty() {
            true => format!("known here: {}", known.join(", ")),
            false => format!("`{name}` belongs {}", homes.join(" or ")),
        })
    }
}

fn is_list_of_tables(value: &Value<'_>) -> bool {
    let items = value.get_ref().as_array();
    items.is_some_and(|items| items.iter().any(|item| item.get_ref().is_table()))
}

/// Keeps a value out of every message; a table's keys stay to be seen.
pub(super) fn hide(value: &Value<'_>, problems: &Problems<'_>) {
    match value.get_ref() {
        DeValue::Table(table) => table.values().for_each(|value| hide(value, problems)),
        DeValue::Array(items) if is_list_of_tables(value) => {
            items.iter().for_each(|value| hide(value, problems));
        }
        _ => problems.hide(value.span()),
    }
}

/// `must be a string, not an integer`.
pub(super) fn wrong_type(wanted: &str, value: &Value<'_>) -> Complaint {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Complaint::new(format!("must be {wanted}, not {found}"))
}

#[cfg(test)]
mod tests {
    use super::{ANYWHERE, SCHEMA};

    #[test]
    fn the_starter_names_every_key() {
        let starter = include_str!("../../templates/deployer.toml");
        for key in SCHEMA.iter().flat_map(|(_, keys)| *keys).chain(ANYWHERE) {
            let named = [format!("{key} = "), format!("[{key}]"), format!("[{key}.")];
            assert!(named.iter().any(|name| starter.contains(name)), "{key}");
        }
    }
}
