//! The house has floors: a room uses only rooms on lower floors. Also: every file can be held in the head.

mod circles;
mod names;
mod sources;

use std::fs;
use std::path::{Path, PathBuf};

/// Room and floor; a room may use those on lower floors, and itself.
const FLOORS: &[(&str, u8)] = &[
    ("model", 0),
    ("config", 1),
    ("shell", 1),
    ("template", 1),
    ("gunicorn", 2),
    ("launch", 2),
    ("lock", 2),
    ("nginx", 2),
    ("probe", 2),
    ("python", 2),
    ("unit", 2),
    ("doctor", 3),
    ("init", 3),
    ("settings", 3),
    ("plan", 3),
    ("ssh", 3),
    ("git", 4),
    ("host", 4),
    ("rehearsal", 4),
    ("secrets", 4),
    ("guide", 5),
    ("ui", 5),
    ("commands", 6),
    ("main", 7),
];

fn floor(room: &str) -> Option<u8> {
    FLOORS.iter().find(|(name, _)| *name == room).map(|(_, floor)| *floor)
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).expect("a folder of the crate") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The room that a file is in: its folder, or its own name at the top.
fn room(path: &Path, src: &Path) -> String {
    let inside = path.strip_prefix(src).expect("a file below src");
    let first = inside.components().next().expect("a name").as_os_str().to_string_lossy();
    first.trim_end_matches(".rs").to_string()
}

/// The rooms that a text names by `crate::layering::room` or `deployer::room`, also inside braces.
fn used(text: &str) -> Vec<String> {
    let mut rooms = Vec::new();
    for mark in ["crate::", "deployer::"] {
        for (at, _) in text.match_indices(mark) {
            let rest = &text[at + mark.len()..];
            let names = match rest.strip_prefix('{') {
                Some(list) => list.split(';').next().unwrap_or_default(),
                None => rest,
            };
            let mut depth = 0;
            let mut name = String::new();
            for letter in names.chars().chain(" ".chars()) {
                match letter {
                    'a'..='z' | '_' if depth == 0 => name.push(letter),
                    _ => {
                        if depth == 0 && floor(&name).is_some() {
                            rooms.push(name.clone());
                        }
                        name.clear();
                        match letter {
                            '{' => depth += 1,
                            '}' => depth -= 1,
                            _ => {}
                        }
                        if !rest.starts_with('{') || depth < 0 {
                            break;
                        }
                    }
                }
            }
        }
    }
    rooms
}

#[test]
fn no_arrow_points_up() {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut wrong = Vec::new();
    for path in files(&src) {
        let here = room(&path, &src);
        if here == "lib" {
            continue;
        }
        let level = floor(&here).unwrap_or_else(|| panic!("{} is in no room of the table", path.display()));
        let text = fs::read_to_string(&path).expect("a source file");
        let code: String =
            text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n");
        for other in used(&code) {
            if other != here && floor(&other).is_some_and(|floor| floor >= level) {
                wrong.push(format!("{}: {here} (floor {level}) uses {other}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_reader_of_uses_sees_them() {
    assert_eq!(used("use crate::plan::{self, Event};"), ["plan"]);
    assert_eq!(used("use crate::{gunicorn, nginx};"), ["gunicorn", "nginx"]);
    assert_eq!(used("use crate::{model::{Color, State}, ui};"), ["model", "ui"]);
    assert_eq!(used("    crate::ui::print();"), ["ui"]);
}

#[test]
fn files_are_short() {
    let top = Path::new(env!("CARGO_MANIFEST_DIR"));
    for path in files(&top.join("src")) {
        let text = fs::read_to_string(&path).expect("a source file");
        let code = text.split("#[cfg(test)]").next().unwrap_or_default().lines().count();
        assert!(code <= 400, "{} has {code} lines before its tests", path.display());
    }
}
