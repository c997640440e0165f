//! An SQLite database that an application keeps beside its sources, where each slot would have one of its own.

use super::modules::Modules;
use super::recognised::{Database, Framework, Recognised};
use super::scan;
use super::sources::{Sources, below, folder, join};
use super::statements::{Statement, strings};

const ENDS: [&str; 4] = [".db", ".sqlite", ".sqlite3", ".db3"];

pub(super) fn database(
    sources: &Sources,
    modules: &Modules,
    found: &Recognised,
    by_instance: bool,
) -> Option<Database> {
    let all = modules
        .all
        .iter()
        .flat_map(|module| module.statements.iter().map(move |statement| (module.path, statement)));
    let uses = |statement: &Statement| {
        ["sqlite:", "sqlite+", "backends.sqlite3", "sqlite3.connect(", "aiosqlite.connect("]
            .iter()
            .any(|mark| statement.text.contains(mark))
            || statement.text.contains("instance_path") && named(&statement.text).is_some()
    };
    let mut best: Option<Database> = None;
    for (path, statement) in all.filter(|(_, statement)| uses(statement)) {
        let Some(file) = file(modules, found, path, &statement.text, by_instance) else {
            continue;
        };
        let parent = file.as_deref().map(folder).filter(|parent| *parent != ".");
        let free = parent.filter(|parent| is_free(sources, &join(&found.directory, parent)));
        let database = Database {
            folder: free.map(str::to_owned),
            file,
            instead: scan::variables(&statement.text, &[]).into_iter().next(),
        };
        // Where one place only uses it and another names it, the one that names it tells more.
        if best.as_ref().is_none_or(|best| best.file.is_none() && database.file.is_some()) {
            best = Some(database);
        }
    }
    best
}

/// The file that a statement names, below the application's folder; `Some(None)`: there is one, somewhere. `None`: it lies
/// elsewhere, or in memory.
fn file(
    modules: &Modules,
    found: &Recognised,
    path: &str,
    text: &str,
    by_instance: bool,
) -> Option<Option<String>> {
    let strings = strings(text);
    if strings.iter().any(|string| string.contains(":memory:")) {
        return None;
    }
    let is_django = found.kind == Some(Framework::Django);
    let top = found.python_path.as_deref().unwrap_or(".");
    let address = strings.iter().find(|string| string.starts_with("sqlite"));
    let rest = address.and_then(|address| address.split_once("://")).map(|(_, rest)| rest);
    if text.contains("instance_path") {
        return Some(named(text).map(|name| join(&join(top, "instance"), &name)));
    }
    match rest {
        Some(rest) if rest.starts_with("//") && !rest.contains('{') => return None,
        Some("") => return None,
        Some(rest) if rest.len() > 1 && !rest.contains('{') => {
            let name = rest.trim_start_matches('/').split('?').next().unwrap_or_default();
            let name = name.trim_start_matches("./");
            let base = if by_instance { join(top, "instance") } else { ".".to_owned() };
            return Some(Some(join(if is_django { top } else { &base }, name)));
        }
        Some(rest) if rest.contains('}') => {
            let name = rest.rsplit('}').next().unwrap_or_default().trim_start_matches('/');
            return Some((!name.is_empty()).then(|| join(&base(modules, found, path, text), name)));
        }
        _ => {}
    }
    // Behind the key's own quote.
    let key = text.find("NAME\"").or_else(|| text.find("NAME'")).map(|at| at + 5);
    let at = key.or_else(|| text.find("connect(")).unwrap_or(0);
    let parts = joined(&text[at..], address.copied());
    match parts {
        Some(name) if name.starts_with('/') => None,
        Some(name) => Some(Some(join(&base(modules, found, path, text), &name))),
        None => Some(None),
    }
}

/// The path that strings make which follow each other, up to the one that ends like a database's file.
fn joined(text: &str, not: Option<&str>) -> Option<String> {
    let mut parts: Vec<&str> = Vec::new();
    for string in strings(text).into_iter().filter(|string| Some(*string) != not) {
        let is_file = ENDS.iter().any(|end| string.ends_with(end));
        let is_folder = string.chars().all(|c| c.is_alphanumeric() || "-_./".contains(c));
        if is_file {
            parts.push(string.trim_start_matches("./"));
            return Some(parts.join("/"));
        }
        // Keys and names of variables stand there too.
        if is_folder && string.chars().any(|c| c.is_ascii_lowercase()) && !string.contains('.') {
            parts.push(string)
        } else {
            parts.clear()
        }
    }
    None
}

fn named(text: &str) -> Option<String> {
    let found = strings(text).into_iter().rev();
    found.into_iter().find(|string| ENDS.iter().any(|end| string.ends_with(end))).map(str::to_owned)
}

/// The folder that a path is counted from: as many above the file as its constant says.
fn base(modules: &Modules, found: &Recognised, path: &str, text: &str) -> String {
    if found.kind == Some(Framework::Django) {
        return found.python_path.clone().unwrap_or_else(|| ".".to_owned());
    }
    let constants = modules.all.iter().flat_map(|module| {
        let values = module.statements.iter().filter_map(Statement::assignment);
        values.map(move |(name, value)| (module.path, name, value))
    });
    let is_used =
        |name: &str| text.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == name);
    let mut by_file = constants.filter(|(_, name, value)| value.contains("__file__") && is_used(name));
    let (at, value) = if text.contains("__file__") {
        (path, text)
    } else {
        match by_file.next() {
            Some((at, _, value)) => (at, value),
            None => return ".".to_owned(),
        }
    };
    let above = value.matches("dirname(").count() + value.matches(".parent").count();
    let above = above + value.matches("parents[1]").count() + value.matches("pardir").count();
    let above = above + value.matches("\"..\"").count() + value.matches("'..'").count();
    let mut base = at;
    for _ in 0..above.max(1) {
        base = folder(base);
    }
    below(base, &found.directory).unwrap_or(".").to_owned()
}

/// Whether nothing lies in a folder but what holds it open, and databases.
fn is_free(sources: &Sources, folder: &str) -> bool {
    let inside = |path: &&str| below(path, folder).is_some();
    let is_data = |path: &str| {
        let name = path.rsplit('/').next().unwrap_or(path);
        name.starts_with(".git") || name == ".keep" || ENDS.iter().any(|end| name.ends_with(end))
    };
    sources.paths().into_iter().filter(inside).all(is_data)
}

impl Database {
    /// What a person has to know of it.
    pub(super) fn note(&self) -> String {
        let file = self.file.as_deref().map_or(String::new(), |file| format!(", {file},"));
        let unless = match &self.instead {
            Some(name) => format!(", unless {name} names another"),
            None => String::new(),
        };
        match &self.folder {
            Some(folder) => format!(
                "the sources name an SQLite database{file} in the work tree{unless}: [shared] holds {folder}, so that both \
                 slots have the same one"
            ),
            None => format!(
                "the sources name an SQLite database{file} in the work tree{unless}: each slot would have one of its own, and \
                 a deploy puts it aside; let its file be alone in a folder of [shared]"
            ),
        }
    }
}
