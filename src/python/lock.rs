//! What a `uv.lock` tells.

use std::collections::{BTreeMap, BTreeSet};

use toml::{Table, Value};

use super::lines::{is_remote, normal, package_name};

/// Whether what a lock brings is made of the repository's own files: a project that is a package, a member of its
/// workspace, a folder of wheels. What is no package (`virtual`) is not installed, only what it asks for.
pub(super) fn installs_own_tree(text: &str) -> bool {
    packages(&table(text)).any(|package| {
        source(package).into_iter().flatten().any(|(kind, place)| match (kind.as_str(), place.as_str()) {
            ("editable" | "directory" | "path", _) => true,
            ("registry", Some(place)) => !is_remote(place) && !place.starts_with('/'),
            _ => false,
        })
    })
}

/// The folders, as seen from the lock's, of the projects that it names beside its own: the members of a workspace.
pub(super) fn members(lock: &str) -> Vec<String> {
    packages(&table(lock))
        .filter_map(|package| place(package).filter(|place| *place != ".").map(str::to_owned))
        .collect()
}

/// A package that the project in this folder asks for and the lock does not know, since it was made before.
pub(super) fn forgotten(project: &str, lock: &str, folder: &str) -> Option<String> {
    let (project, lock) = (table(project), table(lock));
    let known = packages(&lock).find(|package| place(package) == Some(folder))?.get("metadata")?;
    let known: BTreeSet<String> = names(known.get("requires-dist")).collect();
    let asked = project.get("project")?.get("dependencies")?.as_array()?;
    asked.iter().filter_map(Value::as_str).map(package_name).find(|name| !known.contains(name))
}

/// The packages that an installation of the project in this folder brings without the development groups, with their
/// versions.
pub(super) fn installed(text: &str, folder: &str) -> Vec<(String, String)> {
    let table = table(text);
    // A lock may hold a package in several versions.
    let mut by_name: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for package in packages(&table) {
        by_name.entry(word(package, "name").unwrap_or_default()).or_default().push(package);
    }
    let mut wanted: Vec<String> = packages(&table)
        .filter(|package| place(package) == Some(folder))
        .flat_map(|package| names(package.get("dependencies")))
        .collect();
    let mut seen = BTreeSet::new();
    while let Some(name) = wanted.pop() {
        if !seen.insert(name.clone()) {
            continue;
        }
        for package in by_name.get(&name).into_iter().flatten() {
            wanted.extend(names(package.get("dependencies")));
            let extras = package.get("optional-dependencies").and_then(Value::as_table);
            wanted.extend(extras.into_iter().flatten().flat_map(|(_, list)| names(Some(list))));
        }
    }
    // Without a root, as in a workspace or in another tool's lock, all of them count.
    let all = seen.is_empty();
    packages(&table)
        .filter_map(|package| Some((word(package, "name")?, word(package, "version")?)))
        .filter(|(name, _)| all || seen.contains(name))
        .collect()
}

/// Whether a lock names a package, for whatever use.
pub(super) fn names_any(text: &str, name: &str) -> bool {
    let table = table(text);
    // What cannot be read says nothing.
    table.is_empty() || packages(&table).any(|package| word(package, "name").as_deref() == Some(name))
}

fn table(text: &str) -> Table {
    text.parse().unwrap_or_default()
}

fn packages(table: &Table) -> impl Iterator<Item = &Value> {
    let packages = table.get("package").and_then(Value::as_array);
    packages.into_iter().flatten()
}

fn source(package: &Value) -> Option<&Table> {
    package.get("source")?.as_table()
}

/// The folder of a project that the lock is of, as seen from the lock's.
fn place(package: &Value) -> Option<&str> {
    let source = source(package)?;
    source.get("virtual").or(source.get("editable"))?.as_str()
}

fn word(package: &Value, key: &str) -> Option<String> {
    let word = package.get(key)?.as_str()?;
    Some(if key == "name" { normal(word) } else { word.to_owned() })
}

fn names(list: Option<&Value>) -> impl Iterator<Item = String> {
    let entries = list.and_then(Value::as_array);
    entries.into_iter().flatten().filter_map(|entry| word(entry, "name"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> bool {
        installs_own_tree(&format!(
            "version = 1\n[[package]]\nname = \"flask\"\nversion = \"3.1\"\nsource = {{ registry = \"https://example.org/simple\" }}\n\
             [[package]]\nname = \"hello\"\nsource = {{ {source} }}\n"
        ))
    }

    #[test]
    fn what_lies_in_the_repository_is_its_own() {
        for own in [
            "editable = \".\"",
            "editable = \"members/api\"",
            "directory = \"lib\"",
            "path = \"wheels/x-1-py3-none-any.whl\"",
            "registry = \"wheels\"",
        ] {
            assert!(of(own), "{own}");
        }
        for other in [
            "virtual = \".\"",
            "virtual = \"members/api\"",
            "registry = \"/srv/wheels\"",
            "git = \"https://example.org/x?rev=main#aa\"",
            "url = \"https://example.org/x.whl\"",
        ] {
            assert!(!of(other), "{other}");
        }
        assert!(!installs_own_tree("not = [toml"));
    }

    const LOCK: &str = "
[[package]]
name = 'hello'
source = { virtual = '.' }
dependencies = [{ name = 'flask', extra = ['async'] }]
[package.dev-dependencies]
dev = [{ name = 'pytest' }]
[package.metadata]
requires-dist = [{ name = 'flask', extras = ['async'] }]
[[package]]
name = 'flask'
version = '3.1'
dependencies = [{ name = 'click' }]
[package.optional-dependencies]
async = [{ name = 'asgiref' }]
[[package]]
name = 'click'
version = '8.1'
[[package]]
name = 'asgiref'
version = '3.8'
[[package]]
name = 'pytest'
version = '8.0'
";

    #[test]
    fn a_lock_from_before_the_last_dependency_is_known() {
        let project =
            |dependencies: &str| format!("[project]\nname = 'hello'\ndependencies = [{dependencies}]\n");
        assert_eq!(forgotten(&project("'Flask[async]>=3'"), LOCK, "."), None);
        assert_eq!(
            forgotten(&project("'flask', 'zope.interface>=5'"), LOCK, "."),
            Some("zope-interface".to_owned())
        );
        assert_eq!(forgotten(&project("'flask'"), "not = [toml", "."), None);
        assert_eq!(forgotten("not = [toml", LOCK, "."), None);
    }

    #[test]
    fn what_is_for_development_is_not_installed() {
        let found: Vec<String> = installed(LOCK, ".").into_iter().map(|(name, _)| name).collect();
        assert_eq!(found, ["flask", "click", "asgiref"]);
        let other = "[[package]]\nname = 'x'\nversion = '1'\n";
        assert_eq!(installed(other, "."), [("x".to_owned(), "1".to_owned())]);
    }

    #[test]
    fn a_lock_of_many_packages_is_read_in_a_moment() {
        let packages = 0..8_000;
        let mut text =
            "[[package]]\nname = 'hello'\nsource = { virtual = '.' }\ndependencies = [{ name = 'p0' }]\n"
                .to_owned();
        for number in packages.clone() {
            let next = number + 1;
            text += &format!(
                "[[package]]\nname = 'p{number}'\nversion = '1'\ndependencies = [{{ name = 'p{next}' }}]\n"
            );
        }
        let began = std::time::Instant::now();
        assert_eq!(installed(&text, ".").len(), packages.len());
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }
}
