//! All Python files of a repository, and what a name in one of them stands for.

use std::collections::BTreeMap;

use super::sources::Sources;
use super::statements::{Statement, is_name, literal, statements};

/// How many imports are followed from one name.
const DEPTH: usize = 6;

pub(super) struct PythonModule<'a> {
    pub(super) path: &'a str,
    pub(super) statements: Vec<Statement>,
    /// Its own dotted name, from the repository's top.
    name: String,
    /// Name in this file → dotted name of what it stands for.
    imports: BTreeMap<String, String>,
}

pub(super) struct Modules<'a> {
    pub(super) all: Vec<PythonModule<'a>>,
}

impl<'a> Modules<'a> {
    pub(super) fn new(sources: &'a Sources) -> Modules<'a> {
        let module = |(path, text): (&'a str, &str)| {
            let statements = statements(text);
            let bare = path.strip_suffix(".py").unwrap_or(path);
            let is_package = bare.ends_with("__init__");
            let name = bare.trim_end_matches("__init__").trim_end_matches('/').replace('/', ".");
            let package =
                if is_package { &name[..] } else { name.rsplit_once('.').map_or("", |(package, _)| package) };
            let imports = statements.iter().flat_map(|statement| imports(&statement.text, package)).collect();
            PythonModule { path, statements, imports, name }
        };
        Modules { all: sources.python().into_iter().map(module).collect() }
    }

    pub(super) fn at(&self, path: &str) -> Option<usize> {
        self.all.iter().position(|module| module.path == path)
    }

    /// The file of a module, by its whole name or by the end of it: what is on Python's path is not known.
    pub(super) fn named(&self, name: &str) -> Option<usize> {
        let end = format!(".{name}");
        let is = |module: &&(usize, &PythonModule)| module.1.name == name || module.1.name.ends_with(&end);
        let all = self.all.iter().enumerate();
        all.filter(|it| is(&it)).min_by_key(|(_, module)| module.name.len()).map(|(at, _)| at)
    }

    /// Where a dotted name that a file uses is made: the file, and its name there.
    pub(super) fn origin(&self, file: usize, dotted: &str) -> Option<(usize, String)> {
        let (mut file, mut dotted) = (file, dotted.to_owned());
        for _ in 0..DEPTH {
            let (head, rest) = dotted.split_once('.').unwrap_or((&dotted, ""));
            let Some(target) = self.all[file].imports.get(head) else {
                return (rest.is_empty() && self.makes(file, head)).then(|| (file, head.to_owned()));
            };
            let whole = match rest {
                "" => target.clone(),
                rest => format!("{target}.{rest}"),
            };
            let (module, name) = self.inside(&whole)?;
            // `from . import x` in x's own package, where x is made there.
            if module == file && name == dotted {
                return self.makes(file, &name).then_some((file, name));
            }
            (file, dotted) = (module, name);
        }
        None
    }

    /// The longest beginning of a dotted name that is a file, and what is left of it.
    fn inside(&self, whole: &str) -> Option<(usize, String)> {
        let mut at = whole.len();
        while let Some(dot) = whole[..at].rfind('.') {
            at = dot;
            if let Some(file) = self.named(&whole[..at]) {
                return Some((file, whole[at + 1..].to_owned()));
            }
        }
        None
    }

    fn makes(&self, file: usize, name: &str) -> bool {
        self.all[file].statements.iter().any(|statement| {
            let of = |pair: Option<(&str, &str)>| pair.is_some_and(|(made, _)| made == name);
            of(statement.assignment()) || of(statement.function()) || of(statement.class())
        })
    }

    /// A text that is known without running anything: a string, a constant that is one everywhere, `f"{PREFIX}/x"`.
    pub(super) fn text(&self, expression: &str) -> Option<String> {
        let expression = expression.trim();
        if let Some(text) = literal(expression) {
            return Some(text.to_owned());
        }
        if let Some(text) = expression.strip_prefix('f').and_then(literal) {
            let mut found = String::new();
            for (index, part) in text.split('{').enumerate() {
                match (index, part.split_once('}')) {
                    (0, _) => found.push_str(part),
                    (_, Some((name, rest))) => {
                        found.push_str(&self.constant(name)?);
                        found.push_str(rest);
                    }
                    _ => return None,
                }
            }
            return Some(found);
        }
        self.constant(expression)
    }

    fn constant(&self, dotted: &str) -> Option<String> {
        let name = dotted.rsplit('.').next()?;
        if !dotted.split('.').all(is_name) {
            return None;
        }
        let statements = self.all.iter().flat_map(|module| &module.statements);
        let mut values = statements
            .filter_map(Statement::assignment)
            .filter(|(made, _)| *made == name)
            .map(|(_, value)| literal(value).map(str::to_owned));
        let first = values.next()??;
        values.all(|other| other.as_deref() == Some(&first)).then_some(first)
    }
}

/// The names that a statement imports, with what they stand for.
fn imports(text: &str, package: &str) -> Vec<(String, String)> {
    let named = |item: &str| -> Option<(String, String)> {
        let item = item.trim().trim_matches(['(', ')']).trim();
        let (name, own) = item.split_once(" as ").unwrap_or((item, item));
        let (name, own) = (name.trim(), own.trim());
        name.split('.').all(is_name).then(|| (own.to_owned(), name.to_owned()))
    };
    if let Some(list) = text.strip_prefix("import ") {
        // `import a.b` makes `a` known.
        let known = |(own, name): (String, String)| {
            if own == name {
                let top = name.split('.').next().unwrap_or_default().to_owned();
                (top.clone(), top)
            } else {
                (own, name)
            }
        };
        return list.split(',').filter_map(named).map(known).collect();
    }
    let Some((from, list)) = text.strip_prefix("from ").and_then(|text| text.split_once(" import ")) else {
        return Vec::new();
    };
    let from = from.trim();
    let bare = from.trim_start_matches('.');
    let dots = from.len() - bare.len();
    let mut base = package;
    for _ in 1..dots {
        base = base.rsplit_once('.').map_or("", |(above, _)| above);
    }
    let base = match (dots, base, bare) {
        (0, _, bare) => bare.to_owned(),
        (_, "", bare) => bare.to_owned(),
        (_, base, "") => base.to_owned(),
        (_, base, bare) => format!("{base}.{bare}"),
    };
    let whole = |(own, name): (String, String)| {
        if base.is_empty() { (own, name) } else { (own, format!("{base}.{name}")) }
    };
    list.split(',').filter_map(named).map(whole).collect()
}
