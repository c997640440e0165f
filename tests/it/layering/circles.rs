//! No two files of `src` need each other, at any remove: each can be read after those that it uses.

use std::collections::{BTreeMap, BTreeSet};

use super::sources;

#[test]
fn no_circle_between_files() {
    let sources = sources::all();
    let files = Files::new(&sources);
    let circles = files.circles();
    assert!(
        circles.is_empty(),
        "files that need each other: {circles:#?}\n{:#?}",
        files.uses_within(&circles)
    );
}

/// Files by their modules, as `["ssh", "wire"]`, and the files that each one uses.
struct Files<'s> {
    by_module: BTreeMap<Vec<String>, &'s str>,
    texts: BTreeMap<&'s str, &'s str>,
    uses: BTreeMap<&'s str, BTreeSet<&'s str>>,
}

impl<'s> Files<'s> {
    fn new(sources: &'s [(String, String)]) -> Files<'s> {
        let by_module = sources.iter().map(|(file, _)| (module(file), &**file)).collect();
        let texts = sources.iter().map(|(file, text)| (&**file, &**text)).collect();
        let mut files = Files { by_module, texts, uses: BTreeMap::new() };
        for (file, text) in sources {
            let here = module(file);
            let mut used: BTreeSet<&str> = files
                .paths(text, &here)
                .into_iter()
                .filter(|(path, is_door)| !(*is_door && path.starts_with(&here)))
                .filter_map(|(path, _)| files.file_of(&path, 0))
                .collect();
            used.remove(&**file);
            files.uses.insert(file, used);
        }
        files
    }

    /// The paths that a text names, from the top; whether each only passes a name of a child on: `pub use child::Name;`.
    fn paths(&self, text: &str, here: &[String]) -> Vec<(Vec<String>, bool)> {
        let mut found = Vec::new();
        for (at, mark) in
            ["crate::", "deployer::", "self::", "super::"].iter().flat_map(|mark| text.match_indices(mark))
        {
            let before = text[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' {
                continue;
            }
            let (mut base, mut rest) = match mark {
                "self::" => (here.to_vec(), &text[at + mark.len()..]),
                "super::" => (here.to_vec(), &text[at..]),
                _ => (Vec::new(), &text[at + mark.len()..]),
            };
            while let Some(further) = rest.strip_prefix("super::") {
                base.pop();
                rest = further;
            }
            let is_door = is_public_use(&text[..at]);
            found.extend(tree(rest).into_iter().map(|path| ([base.clone(), path].concat(), is_door)));
        }
        // Children by their bare names.
        for child in
            self.by_module.keys().filter(|path| path.split_last().is_some_and(|(_, above)| above == here))
        {
            let name = child.last().expect("a name");
            for (at, _) in text.match_indices(&format!("{name}::")) {
                let before = text[..at].chars().next_back().unwrap_or(' ');
                if !(before.is_alphanumeric() || before == '_' || before == ':') {
                    let is_door = is_public_use(&text[..at]);
                    found.extend(tree(&text[at..]).into_iter().map(|path| ([here, &path].concat(), is_door)));
                }
            }
        }
        found
    }

    /// The file that defines what a path names, through the doors of rooms.
    fn file_of(&self, path: &[String], depth: usize) -> Option<&'s str> {
        let longest = (1..=path.len()).rev().find(|length| self.by_module.contains_key(&path[..*length]))?;
        let file = self.by_module[&path[..longest]];
        let Some(name) = path.get(longest).filter(|_| depth < 8) else {
            return Some(file);
        };
        let here = &path[..longest];
        let imports = self.texts[file].split(';').filter(|item| item.contains("use "));
        let passed_on = imports.flat_map(|item| self.paths(&format!("{item};"), here)).map(|(path, _)| path);
        let mut passed_on =
            passed_on.filter(|passed| passed.last() == Some(name) && passed.len() > 1 && passed != path);
        let door = passed_on.find_map(|passed| self.file_of(&passed, depth + 1));
        Some(door.unwrap_or(file))
    }

    /// Sets of files each of which leads to all others of its set.
    fn circles(&self) -> Vec<BTreeSet<&'s str>> {
        let reached: BTreeMap<&str, BTreeSet<&str>> =
            self.uses.keys().map(|file| (*file, self.reached_from(file))).collect();
        let mut circles: Vec<BTreeSet<&str>> = Vec::new();
        for (file, others) in &reached {
            if others.contains(file) && !circles.iter().any(|circle| circle.contains(file)) {
                circles.push(others.iter().copied().filter(|other| reached[other].contains(file)).collect());
            }
        }
        circles
    }

    fn reached_from(&self, file: &str) -> BTreeSet<&'s str> {
        let mut reached = BTreeSet::new();
        let mut waiting: Vec<&str> = self.uses[file].iter().copied().collect();
        while let Some(next) = waiting.pop() {
            if reached.insert(next) {
                waiting.extend(self.uses[next].iter().copied());
            }
        }
        reached
    }

    fn uses_within(&self, circles: &[BTreeSet<&'s str>]) -> Vec<String> {
        let within = |circle: &BTreeSet<&'s str>| -> Vec<String> {
            let arrows = circle
                .iter()
                .flat_map(|file| self.uses[file].intersection(circle).map(move |used| (file, used)));
            arrows.map(|(file, used)| format!("{file} -> {used}")).collect()
        };
        circles.iter().flat_map(within).collect()
    }
}

/// `ssh/wire.rs` is the module `ssh::wire`, `ssh/mod.rs` is `ssh`.
fn module(file: &str) -> Vec<String> {
    let parts = file.trim_end_matches(".rs").split('/').filter(|part| *part != "mod" && *part != "lib");
    parts.map(str::to_owned).collect()
}

/// Whether what follows is the tree of a `pub use`.
fn is_public_use(before: &str) -> bool {
    let item = before.rsplit([';', '}']).next().unwrap_or(before).trim_start();
    item.starts_with("pub") && item.trim_end().ends_with("use")
}

/// The paths of a tree as in `use`: `a::{b, c::D}` are `a::b` and `a::c::D`.
fn tree(text: &str) -> Vec<Vec<String>> {
    let text = text.trim_start();
    if let Some(inside) = text.strip_prefix('{') {
        let (mut depth, mut begin, mut paths) = (0, 0, Vec::new());
        for (at, letter) in inside.char_indices() {
            match letter {
                '{' => depth += 1,
                ',' | '}' if depth == 0 => {
                    if !inside[begin..at].trim().is_empty() {
                        paths.extend(tree(&inside[begin..at]));
                    }
                    begin = at + 1;
                    if letter == '}' {
                        break;
                    }
                }
                '}' => depth -= 1,
                _ => {}
            }
        }
        return paths;
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (name, rest) = (text[..end].to_owned(), &text[end..]);
    if name.is_empty() || name == "self" {
        return vec![Vec::new()];
    }
    match rest.strip_prefix("::") {
        Some(rest) => tree(rest).into_iter().map(|path| [vec![name.clone()], path].concat()).collect(),
        None => vec![vec![name]],
    }
}

#[test]
fn circles_are_found_through_doors_and_bare_names() {
    let text = |file: &str, text: &str| (file.to_owned(), text.to_owned());
    let sources = [
        text("lib.rs", "pub mod a;\npub mod b;\n"),
        text("a/mod.rs", "mod one;\nmod two;\npub use one::{One, Other};\n"),
        text("a/one.rs", "use super::two::Two;\n"),
        text("a/two.rs", "use crate::b::{self, B};\n"),
        text("b.rs", "fn f() {\n    crate::a::One::new();\n}\n"),
        text("c.rs", "mod child;\nuse child::Child;\nuse crate::b;\n"),
        text("c/child.rs", "fn g() {\n    super::helper();\n}\n"),
    ];
    let files = Files::new(&sources);
    assert!(files.uses["a/mod.rs"].is_empty(), "a door needs nothing");
    let circles = [vec!["a/one.rs", "a/two.rs", "b.rs"], vec!["c.rs", "c/child.rs"]];
    assert_eq!(files.circles(), circles.map(|circle| circle.into_iter().collect::<BTreeSet<_>>()));
}
