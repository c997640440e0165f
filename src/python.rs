//! Floor 2: what makes a virtualenv what it is. Its key is the content of everything that `pip` would read, so
//! that an unchanged set costs nothing and is shared by both slots, and a changed one is never mistaken for it.

mod foreign;
mod gunicorn;
mod lines;
mod lock;
mod packages;

use std::collections::BTreeSet;

use git2::{ObjectType, Oid};

use crate::config::UV_LOCK;
use crate::model::Color;

use foreign::foreign;
pub(crate) use gunicorn::{Brought, brings_gunicorn};
pub(crate) use lines::package_name;
use lines::{RequirementLine, classify, is_remote, logical_lines, normal};
pub(crate) use packages::packages;

/// Puts uv where a deploy finds it, for one user: Debian's own pip installs nothing outside of a virtualenv.
pub(crate) const INSTALL_UV: &str = "python3 -m venv ~/.local/uv && ~/.local/uv/bin/pip install uv && mkdir -p ~/.local/bin && \
                              ln -sf ~/.local/uv/bin/uv ~/.local/bin/uv";

/// Makes a requirements file of uv's lock, for a host without uv.
pub(crate) const EXPORT_LOCK: &str = "uv export --frozen --no-dev --no-emit-project -o requirements.txt";

/// Digits of a virtualenv's key.
const KEY_DIGITS: usize = 20;

/// The requirement file and all that it includes, or uv's lock with its project, as they stand in the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirements {
    /// Path in the repository and content, in the order in which they are met.
    pub files: Vec<(String, Vec<u8>)>,
    /// Whether something is installed from the application's own tree, as by `-e .` or `./lib`.
    pub local: bool,
    /// Where the application is a member of a uv workspace: its folder, as the lock names it.
    pub member: Option<String>,
    /// The lines that a lock of poetry, pdm or pipenv comes to, which the host installs instead.
    pub lines: Option<String>,
}

/// Why the requirements cannot be known; `by` is `file:line` of what asks for them, where something does.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RequirementsError {
    #[error("{}`{path}` is not in the commit", at(.by))]
    Missing { by: Option<String>, path: String },
    #[error("{}`{path}` is outside the repository", at(.by))]
    Outside { by: Option<String>, path: String },
    #[error("`{path}` does not know `{missing}`, which {project} asks for: run {relock}")]
    Behind { path: String, project: String, missing: String, relock: &'static str },
    #[error("`{path}` cannot be read: make it anew by {relock}")]
    Unread { path: String, relock: &'static str },
}

fn at(by: &Option<String>) -> String {
    by.as_ref().map(|by| format!("{by}: ")).unwrap_or_default()
}

/// What a virtualenv is built from, and so what its key stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ingredients<'a> {
    /// As the host tells it: version, platform, path.
    pub interpreter: &'a str,
    pub requirements: &'a Requirements,
    pub install_args: &'a [String],
    /// The requirement that brings gunicorn beside the application's own.
    pub gunicorn: Option<&'a str>,
    /// Name of the commit's tree; counts for local requirements only, which may lie anywhere in it.
    pub tree: &'a str,
    /// Counts for local requirements only: an editable install points into its slot.
    pub color: Color,
}

/// Reads the requirements at `path`, as seen from the application's `folder` in the repository, with all that they include.
/// `read` gives a file's content at the commit.
pub(crate) fn requirements(
    folder: &str,
    path: &str,
    read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Result<Requirements, RequirementsError> {
    let folder = join("", folder).unwrap_or_default();
    let path =
        join(&folder, path).ok_or_else(|| RequirementsError::Outside { by: None, path: path.to_owned() })?;
    let mut reader =
        RequirementsReader { read, folder, found: Requirements::default(), seen: BTreeSet::new() };
    reader.file(&path, None)?;
    Ok(reader.found)
}

/// How the host's installer is to be told of the requirements: where the application is a member of a uv workspace, whose
/// lock lies above it, uv wants the member's own folder and finds the lock by itself.
pub(crate) fn told(folder: &str, path: &str, files: &[String]) -> String {
    let member = join(folder, "pyproject.toml").is_some_and(|project| files.contains(&project));
    if member && path.starts_with("../") && file_name(path) == UV_LOCK {
        UV_LOCK.to_owned()
    } else {
        path.to_owned()
    }
}

/// The key of the virtualenv that these ingredients make: 20 hexadecimal digits.
pub(crate) fn key(of: &Ingredients<'_>) -> String {
    let mut fields = Fields::default();
    fields.add("interpreter", of.interpreter.as_bytes());
    for (path, content) in &of.requirements.files {
        fields.add("path", path.as_bytes());
        fields.add("content", content);
    }
    for argument in of.install_args {
        fields.add("argument", argument.as_bytes());
    }
    if let Some(requirement) = of.gunicorn {
        fields.add("gunicorn", requirement.as_bytes());
    }
    if of.requirements.local {
        fields.add("tree", of.tree.as_bytes());
        fields.add("color", of.color.as_str().as_bytes());
    }
    fields.digest()
}

/// The key of a virtualenv that is built again for another slot: what is installed from the work tree leads into one slot,
/// and the key that is known may be that of a virtualenv which leads into the other.
pub(crate) fn key_elsewhere(known: &str, color: Color) -> String {
    let mut fields = Fields::default();
    fields.add("again", known.as_bytes());
    fields.add("color", color.as_str().as_bytes());
    fields.digest()
}

/// Names and values, each with its length before it, so that no two lists read alike.
#[derive(Default)]
struct Fields(Vec<u8>);

impl Fields {
    fn add(&mut self, name: &str, value: &[u8]) {
        self.0.extend_from_slice(format!("{name} {}\n", value.len()).as_bytes());
        self.0.extend_from_slice(value);
    }

    /// By the hash that also names the commit: who could forge it could as well commit what he likes.
    fn digest(&self) -> String {
        let mut digits = Oid::hash_object(ObjectType::Blob, &self.0)
            .expect("hashing what is in memory does not fail")
            .to_string();
        digits.truncate(KEY_DIGITS);
        digits
    }
}

struct RequirementsReader<'a> {
    read: &'a mut dyn FnMut(&str) -> Option<Vec<u8>>,
    /// The application's.
    folder: String,
    found: Requirements,
    seen: BTreeSet<String>,
}

impl RequirementsReader<'_> {
    fn file(&mut self, path: &str, by: Option<String>) -> Result<(), RequirementsError> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let content =
            (self.read)(path).ok_or_else(|| RequirementsError::Missing { by, path: path.to_owned() })?;
        let text = String::from_utf8_lossy(&content).into_owned();
        if file_name(path) == UV_LOCK {
            self.project_of(path, &text)?;
        }
        self.found.files.push((path.to_owned(), content));
        match file_name(path) {
            // The project itself is installed, and what it is made of is its whole tree.
            "pyproject.toml" => self.found.local = true,
            UV_LOCK => self.found.local |= lock::installs_own_tree(&text),
            _ if is_foreign(path) => self.foreign(path, &text)?,
            _ => self.lines(path, &text)?,
        }
        Ok(())
    }

    /// The lock of another tool becomes lines; which of them are for development, its project may have to say.
    fn foreign(&mut self, path: &str, text: &str) -> Result<(), RequirementsError> {
        let Some(lock) = foreign(file_name(path)) else { return Ok(()) };
        let (path, relock) = (path.to_owned(), lock.relock);
        let project = format!("{}{}", path.strip_suffix(lock.name).unwrap_or_default(), lock.project);
        let content = (self.read)(&project).unwrap_or_default();
        let own = String::from_utf8_lossy(&content).into_owned();
        let Some(lines) = lock.requirements(text, &own) else {
            return Err(RequirementsError::Unread { path, relock });
        };
        if let Some(missing) = lock.forgotten(text, &own) {
            return Err(RequirementsError::Behind { path, project, missing, relock });
        }
        self.found.local |=
            logical_lines(&lines).iter().any(|(_, line)| matches!(classify(line), RequirementLine::Local));
        self.found.lines = Some(lines);
        if !content.is_empty() {
            self.found.files.push((project, content));
        }
        Ok(())
    }

    /// uv reads its lock together with the files of all projects that it is of, and knows better what they ask for.
    fn project_of(&mut self, path: &str, lock: &str) -> Result<(), RequirementsError> {
        let top = path.strip_suffix(UV_LOCK).unwrap_or_default();
        let project = format!("{top}pyproject.toml");
        if (self.read)(&project).is_none() {
            return Err(RequirementsError::Missing { by: Some(path.to_owned()), path: project });
        }
        let members = lock::members(lock);
        for place in std::iter::once(".").chain(members.iter().map(String::as_str)) {
            let Some(folder) = join(top, place) else { continue };
            let project = match folder.as_str() {
                "" => "pyproject.toml".to_owned(),
                folder => format!("{folder}/pyproject.toml"),
            };
            // A package that is only built from a path may be of another kind.
            let Some(content) = (self.read)(&project).filter(|_| self.seen.insert(project.clone())) else {
                continue;
            };
            let is_asked = place == "." || folder == self.folder;
            if let Some(missing) =
                lock::forgotten(&String::from_utf8_lossy(&content), lock, place).filter(|_| is_asked)
            {
                let path = path.to_owned();
                return Err(RequirementsError::Behind { path, project, missing, relock: "uv lock" });
            }
            self.found.files.push((project, content));
            if folder == self.folder && place != "." {
                self.found.member = Some(place.to_owned());
            }
        }
        let settings = format!("{top}uv.toml");
        let further = (self.read)(&settings).map(|content| (settings, content));
        self.found.files.extend(further);
        Ok(())
    }

    fn lines(&mut self, path: &str, text: &str) -> Result<(), RequirementsError> {
        for (number, line) in logical_lines(text) {
            match classify(&line) {
                RequirementLine::Include(target) if is_remote(target) => {}
                RequirementLine::Include(target) => {
                    let by = format!("{path}:{number}");
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let target = join(folder, target).ok_or_else(|| RequirementsError::Outside {
                        by: Some(by.clone()),
                        path: target.to_owned(),
                    })?;
                    self.file(&target, Some(by))?;
                }
                RequirementLine::Local => self.found.local = true,
                RequirementLine::Package(_) | RequirementLine::Other => {}
            }
        }
        Ok(())
    }
}

/// Whether a file is the lock of poetry, pdm or pipenv, which is turned into lines here.
pub(crate) fn is_foreign(path: &str) -> bool {
    foreign(file_name(path)).is_some()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// `path` as seen from `folder`, both in the repository; `None` if it leads out of it.
fn join(folder: &str, path: &str) -> Option<String> {
    if path.starts_with('/') {
        return None;
    }
    let mut parts: Vec<&str> = folder.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
#[path = "python/tests.rs"]
mod tests;
