//! Which packages an application asks for, and in which file.

use std::collections::BTreeSet;

use super::sources::{Sources, folder, join};
use crate::config::UV_LOCK;
use crate::python;

/// Where requirements are looked for, in the order of trust.
const FILES: [&str; 6] = [
    "requirements.txt",
    "requirements/production.txt",
    "requirements/prod.txt",
    "requirements-prod.txt",
    "requirements/base.txt",
    "requirements/requirements.txt",
];

/// What makes a folder the home of an application.
const MANIFESTS: [&str; 5] = ["pyproject.toml", UV_LOCK, "poetry.lock", "pdm.lock", "Pipfile"];

/// Locks that a deploy reads as well, and what adds a package to each.
const LOCKS: [(&str, &str); 3] =
    [("poetry.lock", "poetry add"), ("pdm.lock", "pdm add"), ("Pipfile.lock", "pipenv install")];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Packages {
    /// The folder that the packages are named in.
    pub(super) folder: String,
    /// The requirements file in that folder.
    pub(super) file: Option<String>,
    /// What is to be done where nothing says which versions are installed.
    pub(super) export: Option<&'static str>,
    /// How to add a package to what is there instead.
    pub(super) add: Option<&'static str>,
    names: BTreeSet<String>,
}

impl Packages {
    /// Packages of the nearest folder at or above `start` that names any.
    pub(super) fn near(sources: &Sources, start: &str) -> Packages {
        let mut at = start;
        loop {
            if let Some(found) = Packages::of(sources, at) {
                return found;
            }
            if at == "." {
                break;
            }
            at = folder(at);
        }
        Packages { folder: start.to_owned(), ..Packages::default() }
    }

    fn of(sources: &Sources, at: &str) -> Option<Packages> {
        let has = |name: &str| sources.has(&join(at, name));
        let file = FILES.iter().find(|file| has(file));
        // uv's lock is as good as a requirements file, with the project that it is the lock of.
        let file = file.or_else(|| Some(&UV_LOCK).filter(|lock| has(lock) && has("pyproject.toml")));
        let foreign = LOCKS.iter().find(|(lock, _)| has(lock));
        let file = file.copied().or(foreign.map(|(lock, _)| *lock));
        let file = file.map(str::to_owned).or_else(|| workspace(sources, at));
        let is_locked = file.as_deref().is_some_and(|file| file.ends_with(UV_LOCK));
        if file.is_none() && !MANIFESTS.iter().any(|name| has(name)) {
            return None;
        }
        let mut names = BTreeSet::new();
        if let Some(text) = sources.text(&join(at, "pyproject.toml")) {
            from_pyproject(text, &mut names);
        }
        if let Some(text) = sources.text(&join(at, "Pipfile")) {
            from_pipfile(text, &mut names);
        }
        if let Some(file) = file.as_deref().filter(|_| !is_locked) {
            // What is missing is a deploy's to say.
            let mut read = |path: &str| Some(sources.text(path).unwrap_or_default().as_bytes().to_vec());
            let found = python::requirements(at, file, &mut read).unwrap_or_default();
            names.extend(python::packages(&found).into_keys());
        }
        let is_poetrys =
            || sources.text(&join(at, "pyproject.toml")).is_some_and(|text| text.contains("[tool.poetry"));
        let lock = LOCKS.iter().find(|(lock, _)| file.as_deref() == Some(lock));
        let (export, add) = match lock {
            _ if is_locked => (None, Some("uv add")),
            Some((_, add)) => (None, Some(*add)),
            None if file.is_some() => (None, None),
            None if has("Pipfile") => {
                (Some("lock the packages, and commit Pipfile.lock: pipenv lock"), Some("pipenv install"))
            }
            None if is_poetrys() => {
                (Some("lock the packages, and commit poetry.lock: poetry lock"), Some("poetry add"))
            }
            None => (
                Some(
                    "make a requirements.txt and commit it: uv pip compile pyproject.toml -o requirements.txt",
                ),
                Some("uv add"),
            ),
        };
        Some(Packages { folder: at.to_owned(), file, export, add, names })
    }

    pub(super) fn has(&self, name: &str) -> bool {
        self.names.contains(name)
    }
}

/// The lock of the workspace that a folder's project is a member of, as seen from there.
fn workspace(sources: &Sources, at: &str) -> Option<String> {
    let has = |name: &str| sources.has(&join(at, name));
    if !has("pyproject.toml") || has("poetry.lock") || has("Pipfile") {
        return None;
    }
    let (mut above, mut upward) = (at, String::new());
    while above != "." {
        above = folder(above);
        upward.push_str("../");
        let project = sources.text(&join(above, "pyproject.toml")).unwrap_or_default();
        if sources.has(&join(above, UV_LOCK)) && project.contains("[tool.uv.workspace]") {
            return Some(format!("{upward}{UV_LOCK}"));
        }
    }
    None
}

fn from_pyproject(text: &str, names: &mut BTreeSet<String>) {
    let Ok(table) = text.parse::<toml::Table>() else {
        return;
    };
    let listed =
        table.get("project").and_then(|project| project.get("dependencies")).and_then(toml::Value::as_array);
    names.extend(listed.into_iter().flatten().filter_map(toml::Value::as_str).map(python::package_name));
    let poetry =
        table.get("tool").and_then(|tool| tool.get("poetry")).and_then(|poetry| poetry.get("dependencies"));
    let poetry = poetry.and_then(toml::Value::as_table);
    names.extend(poetry.into_iter().flat_map(toml::Table::keys).map(|name| python::package_name(name)));
}

fn from_pipfile(text: &str, names: &mut BTreeSet<String>) {
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let packages = table.get("packages").and_then(toml::Value::as_table);
    names.extend(packages.into_iter().flat_map(toml::Table::keys).map(|name| python::package_name(name)));
}
