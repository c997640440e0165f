//! Walks the file's tables, the more specific above the more general and the starter below all; no key goes unread.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::name::closest;
use super::problem::{Complaint, Problems};
use super::starter::{self, ENVIRONMENT, TOP};
use super::value::{Value, wrong_type};

/// One table of the file, and the dotted name that its keys begin with.
#[derive(Clone)]
pub(super) struct Layer<'t> {
    /// What the starter calls such a table.
    kind: String,
    prefix: String,
    pub(super) table: &'t DeTable<'t>,
    span: Option<Range<usize>>,
}

impl<'t> Layer<'t> {
    /// The whole file.
    pub(super) fn top(table: &'t DeTable<'t>) -> Layer<'t> {
        Layer { kind: TOP.to_owned(), prefix: String::new(), table, span: None }
    }

    /// A table that stands in a list.
    pub(super) fn entry(&self, key: &str, number: usize, entry: &'t Spanned<DeTable<'t>>) -> Layer<'t> {
        let prefix = format!("{}[{number}]", self.name_of(key));
        Layer { kind: self.kind.clone(), prefix, table: entry.get_ref(), span: Some(entry.span()) }
    }

    pub(super) fn name_of(&self, key: &str) -> String {
        let plain = !key.is_empty() && key.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        let key = if plain { key.to_owned() } else { format!("{key:?}") };
        match self.prefix.as_str() {
            "" => key,
            prefix => format!("{prefix}.{key}"),
        }
    }

    /// The table that stands under a key, if it is one; anything else is a problem.
    pub(super) fn table(&self, key: &str, problems: &Problems) -> Option<Layer<'t>> {
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
        Some(Layer { kind: starter::kind_below(&self.kind, key), prefix, table, span: Some(value.span()) })
    }

    pub(super) fn report_unknown_keys(&self, problems: &Problems) {
        let known = starter::keys_of(&self.kind);
        for (key, value) in self.table {
            let name: &str = key.get_ref();
            if known.iter().any(|known| known == name) {
                continue;
            }
            // It may be a variable in the wrong place.
            hide(value, problems);
            let complaint = Complaint::new("is not a known key").help(self.meant(name, value, known));
            problems.add(&self.name_of(name), Some(key.span()), complaint);
        }
    }

    fn meant(&self, name: &str, value: &Value, known: &[String]) -> String {
        if let Some(close) = closest(name, known.iter().map(String::as_str)) {
            return format!("did you mean `{close}`?");
        }
        let has = |key: &str| value.get_ref().as_table().is_some_and(|table| table.contains_key(key));
        if self.kind == TOP && ["host", "root", "url"].into_iter().any(has) {
            return format!("an environment's table is called [environments.{name}]");
        }
        let homes: Vec<String> = starter::homes_of(name)
            .map(|table| match table {
                TOP => "above the file's first [table]".to_owned(),
                table => format!("in [{table}]"),
            })
            .collect();
        if homes.is_empty() {
            format!("known here: {}", known.join(", "))
        } else {
            format!("`{name}` belongs {}", homes.join(" or "))
        }
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
    /// Puts layers on one another, and reports every key that their tables do not have.
    pub(super) fn new(
        kind: &'static str,
        layers: impl IntoIterator<Item = Layer<'t>>,
        problems: &'p Problems<'p>,
    ) -> Section<'t, 'p> {
        let layers: Vec<Layer> = layers.into_iter().collect();
        layers.iter().for_each(|layer| layer.report_unknown_keys(problems));
        Section { kind, layers, problems }
    }

    /// A key that has a default: the most specific value, or the starter's.
    pub(super) fn get<T>(&self, key: &str, read: impl Fn(&Value) -> Result<T, Complaint>) -> T {
        self.optional(key, &read).unwrap_or_else(|| {
            let default = read(starter::default(self.kind, key));
            default.unwrap_or_else(|complaint| panic!("the starter's {key} {}", complaint.message))
        })
    }

    /// A key that may be left out. It is read in every layer, so that an override hides no mistake.
    pub(super) fn optional<T>(&self, key: &str, read: impl Fn(&Value) -> Result<T, Complaint>) -> Option<T> {
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

    /// A key that must be there; `example` is the line that is missing.
    pub(super) fn required<T>(
        &self,
        key: &str,
        example: &str,
        read: impl Fn(&Value) -> Result<T, Complaint>,
    ) -> Option<T> {
        if !self.has(key) {
            // The application's table is where such a key is usually written.
            let home = self.layers.last();
            let name = home.map_or_else(|| format!("{}.{key}", self.kind), |layer| layer.name_of(key));
            let table = home.map_or(self.kind, |layer| &layer.prefix);
            let complaint = Complaint::new("is missing").help(format!("add to [{table}]: {example}"));
            self.problems.add(&name, home.and_then(|layer| layer.span.clone()), complaint);
        }
        self.optional(key, read)
    }

    /// Whether the file has a key.
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
}

/// The tables that one environment is made of.
pub(super) struct Tables<'t, 'p> {
    /// `[environments.NAME]`; above it what `hosts` says of one host.
    pub(super) own: Vec<Layer<'t>>,
    pub(super) top: Layer<'t>,
    pub(super) problems: &'p Problems<'p>,
}

impl<'t, 'p> Tables<'t, 'p> {
    /// The keys of the environment alone.
    pub(super) fn itself(&self) -> Section<'t, 'p> {
        Section::new(ENVIRONMENT, self.own.clone(), self.problems)
    }

    /// The keys that stand above the file's first table, or in the environment's.
    pub(super) fn anywhere(&self) -> Section<'t, 'p> {
        Section::new(TOP, self.all().cloned(), self.problems)
    }

    /// A table of the application's below the environment's of the same name.
    pub(super) fn section(&self, name: &'static str) -> Section<'t, 'p> {
        Section::new(name, self.layers(name), self.problems)
    }

    pub(super) fn layers(&self, name: &str) -> Vec<Layer<'t>> {
        self.all().filter_map(|layer| layer.table(name, self.problems)).collect()
    }

    fn all(&self) -> impl Iterator<Item = &Layer<'t>> {
        self.own.iter().chain([&self.top])
    }
}

fn is_list_of_tables(value: &Value) -> bool {
    let items = value.get_ref().as_array();
    items.is_some_and(|items| items.iter().any(|item| item.get_ref().is_table()))
}

/// Keeps a value out of every message; a table's keys stay to be seen.
pub(super) fn hide(value: &Value, problems: &Problems) {
    match value.get_ref() {
        DeValue::Table(table) => table.values().for_each(|value| hide(value, problems)),
        DeValue::Array(items) if is_list_of_tables(value) => {
            items.iter().for_each(|value| hide(value, problems));
        }
        _ => problems.hide(value.span()),
    }
}
