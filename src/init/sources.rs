//! The files of a repository, as far as they tell something.

use std::collections::BTreeMap;

/// Paths below the folder looked at, with their text where it is worth reading.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    files: BTreeMap<String, String>,
}

/// Whether a file's text can tell anything; of the others the name is enough.
pub(crate) fn is_read(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_manifest = matches!(
        name,
        "package.json"
            | "pyproject.toml"
            | "Pipfile"
            | "Pipfile.lock"
            | "poetry.lock"
            | "pdm.lock"
            | "runtime.txt"
            | ".python-version"
            | "Procfile"
            | "fujin.toml"
    ) || path == "config/deploy.yml"
        || path.starts_with("config/deploy") && name.ends_with(".rb");
    let is_requirements = name.ends_with(".txt") && path.contains("requirements");
    is_manifest || is_requirements || (name.ends_with(".py") && !is_aside(path))
}

/// Tests and migrations make applications too, but none that is to be served.
fn is_aside(path: &str) -> bool {
    let is = |part: &str| matches!(part, "tests" | "test" | "testing" | "migrations" | "docs" | "examples");
    let (folders, name) = path.rsplit_once('/').unwrap_or(("", path));
    folders.split('/').any(is)
        || name.starts_with("test_")
        || name.ends_with("_test.py")
        || matches!(name, "conftest.py" | "tests.py")
}

impl Sources {
    pub(crate) fn new(files: impl IntoIterator<Item = (String, String)>) -> Sources {
        Sources { files: files.into_iter().collect() }
    }

    pub(super) fn has(&self, path: &str) -> bool {
        self.files.contains_key(path)
    }

    pub(super) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path).map(String::as_str)
    }

    /// Every path, those near the top first.
    pub(super) fn paths(&self) -> Vec<&str> {
        let mut paths: Vec<&str> = self.files.keys().map(String::as_str).collect();
        paths.sort_by_key(|path| path.matches('/').count());
        paths
    }

    /// The Python files that may make the application, with their text, those near the top first.
    pub(super) fn python(&self) -> Vec<(&str, &str)> {
        let is_source = |path: &&str| path.ends_with(".py") && is_read(path);
        let with_text = |path| (path, self.text(path).unwrap_or_default());
        self.paths().into_iter().filter(is_source).map(with_text).collect()
    }
}

/// A path's folder; `.` for the top.
pub(super) fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or(".", |(folder, _)| folder)
}

/// A name in a folder, where `.` is the top.
pub(super) fn join(folder: &str, name: &str) -> String {
    match folder {
        "." => name.to_owned(),
        folder => format!("{folder}/{name}"),
    }
}

/// A path as seen from a folder that it lies in.
pub(super) fn below<'a>(path: &'a str, folder: &str) -> Option<&'a str> {
    match folder {
        "." => Some(path),
        _ if path == folder => Some("."),
        _ => path.strip_prefix(folder)?.strip_prefix('/'),
    }
}
