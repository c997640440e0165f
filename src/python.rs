//! Floor 2: what makes a virtualenv what it is. Its key is the content of everything that `pip` would read, so
//! that an unchanged set costs nothing and is shared by both slots, and a changed one is never mistaken for it.

mod lock;
mod packages;

use std::collections::BTreeSet;

use git2::{ObjectType, Oid};

use crate::config::UV_LOCK;
use crate::model::Color;

pub use packages::packages;

/// Puts uv where a deploy finds it, for one user: Debian's own pip installs nothing outside of a virtualenv.
pub const INSTALL_UV: &str = "python3 -m venv ~/.local/uv && ~/.local/uv/bin/pip install uv && mkdir -p ~/.local/bin && \
                              ln -sf ~/.local/uv/bin/uv ~/.local/bin/uv";

/// Makes a requirements file of uv's lock, for a host without uv.
pub const EXPORT_LOCK: &str = "uv export --frozen --no-dev --no-emit-project -o requirements.txt";

/// Digits of a virtualenv's key.
const KEY_DIGITS: usize = 20;

/// The requirement file and all that it includes, or uv's lock with its project, as they stand in the commit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Requirements {
    /// Path in the repository and content, in the order in which they are met.
    pub files: Vec<(String, Vec<u8>)>,
    /// Whether something is installed from the application's own tree, as by `-e .` or `./lib`.
    pub local: bool,
}

/// Why the requirements cannot be known; `by` is `file:line` of what asks for them, where something does.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum RequirementsError {
    #[error("{}`{path}` is not in the commit", at(.by))]
    Missing { by: Option<String>, path: String },
    #[error("{}`{path}` is outside the repository", at(.by))]
    Outside { by: Option<String>, path: String },
    #[error("`{path}` does not know `{missing}`, which pyproject.toml asks for: run uv lock")]
    Behind { path: String, missing: String },
}

fn at(by: &Option<String>) -> String {
    by.as_ref().map(|by| format!("{by}: ")).unwrap_or_default()
}

/// What a virtualenv is built from, and so what its key stands for.
#[derive(Clone, Copy, Debug)]
pub struct Ingredients<'a> {
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

/// Reads the requirements at `path`, a path in the repository, with all that they include. `read` gives a file's
/// content at the commit.
pub fn requirements(
    path: &str,
    read: &mut dyn FnMut(&str) -> Option<Vec<u8>>,
) -> Result<Requirements, RequirementsError> {
    let mut reader = Reader {
        read,
        found: Requirements::default(),
        seen: BTreeSet::new(),
    };
    let path = join("", path).ok_or_else(|| RequirementsError::Outside {
        by: None,
        path: path.to_owned(),
    })?;
    reader.file(&path, None)?;
    Ok(reader.found)
}

/// The key of the virtualenv that these ingredients make: 20 hexadecimal digits.
pub fn key(of: &Ingredients<'_>) -> String {
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
pub fn key_elsewhere(known: &str, color: Color) -> String {
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
        self.0
            .extend_from_slice(format!("{name} {}\n", value.len()).as_bytes());
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

struct Reader<'a> {
    read: &'a mut dyn FnMut(&str) -> Option<Vec<u8>>,
    found: Requirements,
    seen: BTreeSet<String>,
}

impl Reader<'_> {
    fn file(&mut self, path: &str, by: Option<String>) -> Result<(), RequirementsError> {
        if !self.seen.insert(path.to_owned()) {
            return Ok(());
        }
        let content = (self.read)(path).ok_or_else(|| RequirementsError::Missing {
            by,
            path: path.to_owned(),
        })?;
        let text = String::from_utf8_lossy(&content).into_owned();
        if file_name(path) == UV_LOCK {
            self.project_of(path, &text)?;
        }
        self.found.files.push((path.to_owned(), content));
        match file_name(path) {
            // The project itself is installed, and what it is made of is its whole tree.
            "pyproject.toml" => self.found.local = true,
            UV_LOCK => self.found.local |= lock::installs_own_tree(&text),
            _ => self.lines(path, &text)?,
        }
        Ok(())
    }

    /// uv reads its lock together with the project's own file, and knows better what that asks for.
    fn project_of(&mut self, path: &str, lock: &str) -> Result<(), RequirementsError> {
        let folder = path.strip_suffix(UV_LOCK).unwrap_or_default();
        let project = format!("{folder}pyproject.toml");
        let content = (self.read)(&project).ok_or_else(|| RequirementsError::Missing {
            by: Some(path.to_owned()),
            path: project.clone(),
        })?;
        let settings = format!("{folder}uv.toml");
        let further = (self.read)(&settings).map(|content| (settings, content));
        if let Some(missing) = lock::forgotten(&String::from_utf8_lossy(&content), lock) {
            return Err(RequirementsError::Behind {
                path: path.to_owned(),
                missing,
            });
        }
        self.found.files.push((project, content));
        self.found.files.extend(further);
        Ok(())
    }

    fn lines(&mut self, path: &str, text: &str) -> Result<(), RequirementsError> {
        for (number, line) in logical_lines(text) {
            match classify(&line) {
                Line::Include(target) if is_remote(target) => {}
                Line::Include(target) => {
                    let by = format!("{path}:{number}");
                    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                    let target = join(folder, target).ok_or_else(|| RequirementsError::Outside {
                        by: Some(by.clone()),
                        path: target.to_owned(),
                    })?;
                    self.file(&target, Some(by))?;
                }
                Line::Local => self.found.local = true,
                Line::Package(_) | Line::Other => {}
            }
        }
        Ok(())
    }
}

enum Line<'a> {
    /// `-r` and `-c`: another file.
    Include(&'a str),
    /// Something in the application's tree.
    Local,
    Package(&'a str),
    Other,
}

fn classify(line: &str) -> Line<'_> {
    let other =
        option(line, &["-r"], &["--requirement"]).or_else(|| option(line, &["-c"], &["--constraint"]));
    if let Some(target) = other {
        return Line::Include(target);
    }
    let (line, editable) = match option(line, &["-e"], &["--editable"]) {
        Some(target) => (target, true),
        None => (line, false),
    };
    // Wheels that are found in the tree are installed from it like a package that lies there.
    if let Some(place) = option(line, &["-f"], &["--find-links"]) {
        return if is_remote(place) {
            Line::Other
        } else {
            Line::Local
        };
    }
    if line.starts_with('-') {
        return Line::Other;
    }
    let name_ends = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(name_ends);
    let rest = without_extras(rest.trim_start());
    if let Some(place) = rest.strip_prefix('@') {
        return if is_remote(place.trim_start()) {
            Line::Other
        } else {
            Line::Local
        };
    }
    if is_remote(line) {
        return Line::Other;
    }
    let target = line.split_whitespace().next().unwrap_or_default();
    if editable || is_path(target) {
        Line::Local
    } else {
        Line::Package(name)
    }
}

/// The value of an option that stands at the line's start: `-r x`, `-rx`, `--requirement x`, `--requirement=x`.
fn option<'a>(line: &'a str, short: &[&str], long: &[&str]) -> Option<&'a str> {
    let value = short
        .iter()
        .find_map(|name| line.strip_prefix(name))
        .or_else(|| {
            long.iter().find_map(|name| {
                let rest = line.strip_prefix(name)?;
                rest.strip_prefix('=')
                    .or_else(|| rest.starts_with(char::is_whitespace).then_some(rest))
            })
        })?
        .trim();
    let unquoted = ['"', '\'']
        .iter()
        .find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(unquoted.unwrap_or(value)).filter(|value| !value.is_empty())
}

fn without_extras(text: &str) -> &str {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// An address of another machine: `https://…`, `git+ssh://…`. `file:` is none.
fn is_remote(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    !scheme.is_empty() && scheme.chars().all(plain) && scheme != "file" && !scheme.ends_with("+file")
}

/// As pip decides it: `.`, anything with a slash, a `file:` address, an archive.
fn is_path(text: &str) -> bool {
    let target = text.split('[').next().unwrap_or(text);
    let lower = target.to_ascii_lowercase();
    let archive = [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"]
        .iter()
        .any(|end| lower.ends_with(end));
    target.starts_with('.') || target.contains('/') || lower.starts_with("file:") || archive
}

/// Lines as pip joins them: a backslash at the end continues a line, ` #` begins a comment. With the number of
/// the first physical line of each.
fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, physical) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (number, mut line) = open.take().unwrap_or((index + 1, String::new()));
        // A comment's line is never continued, and ends what was.
        let comment = physical.trim_start().starts_with('#');
        match physical.strip_suffix('\\') {
            Some(part) if !comment => {
                line.push_str(part);
                open = Some((number, line));
            }
            _ => {
                if comment && !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(physical);
                lines.push((number, line));
            }
        }
    }
    lines.extend(open);
    lines
        .into_iter()
        .map(|(number, line)| (number, without_comment(&line).trim().to_owned()))
        .filter(|(_, line)| !line.is_empty())
        .collect()
}

/// A `#` begins a comment only at the start or behind a blank: `…#egg=name` is none.
fn without_comment(line: &str) -> &str {
    let mut blank = true;
    for (at, letter) in line.char_indices() {
        if letter == '#' && blank {
            return &line[..at];
        }
        blank = letter.is_whitespace();
    }
    line
}

/// A package's name as PyPI compares it.
fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
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
