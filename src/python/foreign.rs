//! The locks of poetry, pdm and pipenv as requirement lines, such as each one's own export makes: what is locked is then
//! installed by pip and by uv alike, and the host needs none of these tools.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::lines::{normal, package_name};

/// A lock that is read here.
pub(super) struct ForeignLock {
    pub(super) name: &'static str,
    /// The project that it is the lock of, in the same folder.
    pub(super) project: &'static str,
    /// What makes it anew.
    pub(super) relock: &'static str,
    lines: fn(&Value, &Value) -> Vec<LockedPackage>,
}

const LOCKS: [ForeignLock; 3] = [
    ForeignLock { name: "poetry.lock", project: "pyproject.toml", relock: "poetry lock", lines: poetry },
    ForeignLock { name: "pdm.lock", project: "pyproject.toml", relock: "pdm lock", lines: pdm },
    ForeignLock { name: "Pipfile.lock", project: "Pipfile", relock: "pipenv lock", lines: pipfile },
];

pub(super) fn foreign(name: &str) -> Option<&'static ForeignLock> {
    LOCKS.iter().find(|lock| lock.name == name)
}

/// A package of a lock, and all that a line says of it.
#[derive(Default)]
struct LockedPackage {
    /// With its extras.
    name: String,
    /// `==3.0`, `@ git+https://…`; a path of the repository stands alone.
    what: String,
    marker: String,
    hashes: Vec<String>,
    /// A package index that is not PyPI.
    index: Option<String>,
}

impl ForeignLock {
    /// What an installation without development brings, as requirement lines; `None`: the lock cannot be read.
    pub(super) fn requirements(&self, lock: &str, project: &str) -> Option<String> {
        let packages = (self.lines)(&parsed(lock)?, &parsed(project).unwrap_or_default());
        // pip takes hashes of all or of none.
        let hashed = packages.iter().all(|package| !package.hashes.is_empty());
        let indexes: BTreeSet<&String> =
            packages.iter().filter_map(|package| package.index.as_ref()).collect();
        let mut text: String = indexes.iter().map(|index| format!("--extra-index-url {index}\n")).collect();
        for package in &packages {
            let LockedPackage { name, what, marker, hashes, .. } = package;
            let (gap, marker) = (if what.starts_with('@') { " " } else { "" }, marker.trim());
            text += &if what.starts_with('.') { what.clone() } else { format!("{name}{gap}{what}") };
            text += &if marker.is_empty() { String::new() } else { format!(" ; {marker}") };
            hashes.iter().filter(|_| hashed).for_each(|hash| text += &format!(" --hash={hash}"));
            text.push('\n');
        }
        Some(text)
    }

    /// A package that the project asks for and the lock does not know, since it was made before.
    pub(super) fn forgotten(&self, lock: &str, project: &str) -> Option<String> {
        let (lock, project) = (parsed(lock)?, parsed(project)?);
        let known: BTreeSet<String> = match self.project {
            "Pipfile" => keys(&lock["default"]).map(normal).collect(),
            _ => listed(&lock).map(|package| normal(word(package, "name"))).collect(),
        };
        asked(&project).into_iter().map(|(name, _)| name).find(|name| !known.contains(name))
    }
}

fn parsed(text: &str) -> Option<Value> {
    let toml = || serde_json::to_value(text.parse::<toml::Table>().ok()?).ok();
    serde_json::from_str(text).ok().or_else(toml).filter(Value::is_object)
}

fn listed(lock: &Value) -> impl Iterator<Item = &Value> {
    lock["package"].as_array().into_iter().flatten()
}

fn word<'a>(table: &'a Value, key: &str) -> &'a str {
    table[key].as_str().unwrap_or_default()
}

fn words(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str)
}

fn keys(table: &Value) -> impl Iterator<Item = &str> {
    table.as_object().into_iter().flatten().map(|(key, _)| key.as_str())
}

/// The packages that a project asks for by itself, without those of groups and extras, each with its marker.
fn asked(project: &Value) -> Vec<(String, String)> {
    let is_wanted = |(name, how): &(&String, &Value)| *name != "python" && how["optional"] != true;
    let poetry = project["tool"]["poetry"]["dependencies"].as_object().into_iter().flatten();
    let pipfile = project["packages"].as_object().into_iter().flatten();
    let named = poetry.chain(pipfile).filter(is_wanted);
    let named = named.map(|(name, how)| (normal(name), word(how, "markers").to_owned()));
    let standard = words(&project["project"]["dependencies"]).map(|line| {
        let marker = line.split_once(';').map_or("", |(_, marker)| marker.trim());
        (package_name(line), marker.to_owned())
    });
    named.chain(standard).collect()
}

/// `name[a,b]`.
fn with_extras(name: &str, extras: &Value) -> String {
    let extras: Vec<&str> = words(extras).collect();
    if extras.is_empty() { name.to_owned() } else { format!("{name}[{}]", extras.join(",")) }
}

/// What stands behind a name for a package that comes from no index.
fn place(table: &Value, revision: &str) -> Option<String> {
    let said = |key: &str| Some(word(table, key)).filter(|word| !word.is_empty());
    if let Some(git) = said("git") {
        let git = if git.starts_with("git+") { git.to_owned() } else { format!("git+{git}") };
        return Some(format!("@ {git}@{revision}"));
    }
    let path = said("path").map(|path| format!("./{}", path.trim_start_matches("./")));
    said("url").or(said("file")).map(|url| format!("@ {url}")).or(path)
}

fn hashes(package: &Value, of_all: &Value) -> Vec<String> {
    let files = package["files"].as_array().filter(|files| !files.is_empty()).or(of_all.as_array());
    files.into_iter().flatten().map(|file| word(file, "hash").to_owned()).collect()
}

fn poetry(lock: &Value, project: &Value) -> Vec<LockedPackage> {
    let conditions = conditions(lock, project);
    let package = |package: &Value| {
        let name = normal(word(package, "name"));
        // Newer locks say of each package what it is for; of older ones the project tells.
        let marker = match (package.get("groups"), package.get("category")) {
            (Some(groups), _) if words(groups).any(|group| group == "main") => {
                let markers = &package["markers"];
                markers.as_str().or(markers["main"].as_str()).unwrap_or_default().to_owned()
            }
            (None, _) => conditions.get(&name)?.clone(),
            _ => return None,
        };
        let source = &package["source"];
        let at = match word(source, "type") {
            "git" => place(&serde_json::json!({ "git": source["url"] }), word(source, "resolved_reference")),
            "url" => place(source, ""),
            "directory" | "file" => place(&serde_json::json!({ "path": source["url"] }), ""),
            _ => None,
        };
        Some(LockedPackage {
            what: at.unwrap_or_else(|| format!("=={}", word(package, "version"))),
            marker,
            hashes: hashes(package, &lock["metadata"]["files"][word(package, "name")]),
            index: (word(source, "type") == "legacy").then(|| word(source, "url").to_owned()),
            name,
        })
    };
    listed(lock).filter(|package| package["optional"] != true).filter_map(package).collect()
}

/// The packages that the project's own bring along, each with the marker under which one does; empty: always.
fn conditions(lock: &Value, project: &Value) -> BTreeMap<String, String> {
    let edges = |name: &str| -> Vec<(String, String)> {
        let own = listed(lock).filter(|package| normal(word(package, "name")) == name);
        let asked = own.flat_map(|package| package["dependencies"].as_object().into_iter().flatten());
        asked
            .flat_map(|(name, how)| {
                let ways = how.as_array().map_or(std::slice::from_ref(how), Vec::as_slice);
                ways.iter().map(move |way| (normal(name), way)).collect::<Vec<_>>()
            })
            .filter(|(_, way)| way["optional"] != true)
            .map(|(name, way)| (name, word(way, "markers").to_owned()))
            .collect()
    };
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let mut open = asked(project);
    while let Some((name, marker)) = open.pop() {
        let ways = found.entry(name.clone()).or_default();
        // What is always there stays so, and the same is said once.
        if ways.contains("") || !ways.insert(marker.clone()) {
            continue;
        }
        let inherited =
            |(name, own): (String, String)| (name, if own.is_empty() { marker.clone() } else { own });
        open.extend(edges(&name).into_iter().map(inherited));
    }
    let any = |ways: BTreeSet<String>| {
        let one = if ways.contains("") {
            Some("")
        } else {
            ways.first().filter(|_| ways.len() == 1).map(String::as_str)
        };
        let all = || ways.iter().map(|way| format!("({way})")).collect::<Vec<_>>().join(" or ");
        one.map_or_else(all, str::to_owned)
    };
    found.into_iter().map(|(name, ways)| (name, any(ways))).collect()
}

fn pdm(lock: &Value, _: &Value) -> Vec<LockedPackage> {
    let is_wanted = |package: &&Value| match package.get("groups") {
        Some(groups) => words(groups).any(|group| group == "default"),
        None => true,
    };
    let package = |package: &Value| LockedPackage {
        name: with_extras(word(package, "name"), &package["extras"]),
        what: place(package, word(package, "revision"))
            .unwrap_or_else(|| format!("=={}", word(package, "version"))),
        marker: word(package, "marker").to_owned(),
        hashes: hashes(package, &lock["metadata"]["files"]),
        index: None,
    };
    listed(lock).filter(is_wanted).map(package).collect()
}

fn pipfile(lock: &Value, _: &Value) -> Vec<LockedPackage> {
    let sources = lock["_meta"]["sources"].as_array();
    let index = |name: &str| {
        let source = sources.into_iter().flatten().find(|source| word(source, "name") == name)?;
        Some(word(source, "url").to_owned()).filter(|url| !url.contains("://pypi.org/"))
    };
    let package = |(name, package): (&String, &Value)| LockedPackage {
        name: with_extras(name, &package["extras"]),
        what: place(package, word(package, "ref")).unwrap_or_else(|| word(package, "version").to_owned()),
        marker: word(package, "markers").to_owned(),
        hashes: words(&package["hashes"]).map(str::to_owned).collect(),
        index: index(word(package, "index")),
    };
    lock["default"].as_object().into_iter().flatten().map(package).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(name: &str, lock: &str, project: &str) -> String {
        foreign(name).unwrap().requirements(lock, project).unwrap()
    }

    const PROJECT: &str = "[tool.poetry.dependencies]\npython = \"^3.11\"\nFlask = \"^3\"\nextra = { version = \"1\", optional = true }\n\
                           pywin32 = { version = \"1\", markers = \"os_name == 'nt'\" }\n";

    #[test]
    fn a_lock_of_poetry_names_what_is_installed() {
        let new = "[[package]]\nname = \"flask\"\nversion = \"3.1\"\noptional = false\ngroups = [\"main\", \"dev\"]\n\
                   files = [{ file = \"flask.whl\", hash = \"sha256:aa\" }]\n\
                   [[package]]\nname = \"colorama\"\nversion = \"0.4\"\noptional = false\ngroups = [\"main\"]\n\
                   markers = \"sys_platform == 'win32'\"\nfiles = [{ file = \"c.whl\", hash = \"sha256:bb\" }]\n\
                   [[package]]\nname = \"pytest\"\nversion = \"8\"\noptional = false\ngroups = [\"dev\"]\nfiles = []\n";
        let text = "flask==3.1 --hash=sha256:aa\ncolorama==0.4 ; sys_platform == 'win32' --hash=sha256:bb\n";
        assert_eq!(of("poetry.lock", new, PROJECT), text);
        // Before poetry 2 the lock does not say which group asks for a package.
        let old = "[[package]]\nname = \"Flask\"\nversion = \"3.1\"\noptional = false\n\
                   [package.dependencies]\ncolorama = { version = \"*\", markers = \"sys_platform == 'win32'\" }\njinja2 = \">=3\"\n\
                   [[package]]\nname = \"colorama\"\nversion = \"0.4\"\noptional = false\n\
                   [[package]]\nname = \"extra\"\nversion = \"1\"\noptional = true\n\
                   [[package]]\nname = \"jinja2\"\nversion = \"3.2\"\noptional = false\n\
                   [package.source]\ntype = \"legacy\"\nurl = \"https://pypi.example/simple\"\n\
                   [[package]]\nname = \"pytest\"\nversion = \"8\"\noptional = false\n\
                   [[package]]\nname = \"pywin32\"\nversion = \"1\"\noptional = false\n";
        let text = "--extra-index-url https://pypi.example/simple\nflask==3.1\ncolorama==0.4 ; sys_platform == 'win32'\njinja2==3.2\n\
                    pywin32==1 ; os_name == 'nt'\n";
        assert_eq!(of("poetry.lock", old, PROJECT), text);
    }

    #[test]
    fn locks_of_pdm_and_pipenv_name_it_too() {
        let pdm = "[[package]]\nname = \"flask\"\nversion = \"3.1\"\nextras = [\"async\"]\ngroups = [\"default\"]\nmarker = \"python_version > '3.8'\"\n\
                   [[package]]\nname = \"own\"\nversion = \"1\"\npath = \"./libs/own\"\ngroups = [\"default\"]\n\
                   [[package]]\nname = \"far\"\nversion = \"1\"\ngit = \"https://example.org/far.git\"\nrevision = \"c0ffee\"\ngroups = [\"default\"]\n\
                   [[package]]\nname = \"pytest\"\nversion = \"8\"\ngroups = [\"test\"]\n";
        let text = "flask[async]==3.1 ; python_version > '3.8'\n./libs/own\nfar @ git+https://example.org/far.git@c0ffee\n";
        assert_eq!(of("pdm.lock", pdm, ""), text);
        let pipfile = r#"{"_meta": {"sources": [{"name": "pypi", "url": "https://pypi.org/simple"}]}, "default": {"flask":
            {"index": "pypi", "version": "==3.1", "hashes": ["sha256:aa", "sha256:bb"], "markers": "python_version >= '3.9'"}},
            "develop": {"pytest": {"version": "==8"}}}"#;
        let text = "flask==3.1 ; python_version >= '3.9' --hash=sha256:aa --hash=sha256:bb\n";
        assert_eq!(of("Pipfile.lock", pipfile, ""), text);
    }

    #[test]
    fn what_was_asked_for_after_the_lock_was_made_is_missed() {
        let lock = foreign("poetry.lock").unwrap();
        assert_eq!(lock.forgotten("", PROJECT), Some("flask".to_owned()));
        assert_eq!(
            lock.forgotten("[[package]]\nname = \"flask\"\n[[package]]\nname = \"pywin32\"\n", PROJECT),
            None
        );
        assert!(lock.requirements("[", "").is_none());
    }
}
