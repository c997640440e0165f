//! One noun, one place: no name of a type is defined twice.

use std::collections::BTreeMap;

#[test]
fn no_type_name_is_defined_twice() {
    let mut defined: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (file, text) in super::sources::all() {
        for name in text.lines().filter_map(type_name) {
            defined.entry(name.to_owned()).or_default().push(file.clone());
        }
    }
    defined.retain(|_, files| files.len() > 1);
    assert!(defined.is_empty(), "give each a name of its own: {defined:#?}");
}

/// The type that a line begins to define.
fn type_name(line: &str) -> Option<&str> {
    // What is indented is an associated type, or a type of one function.
    let line = match line.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ")?.1,
        Some(rest) => rest.trim_start(),
        None => line,
    };
    let rest =
        ["struct ", "enum ", "trait ", "type ", "union "].iter().find_map(|word| line.strip_prefix(word))?;
    let end = rest.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(rest.len());
    Some(&rest[..end])
}

#[test]
fn definitions_are_seen() {
    for (line, name) in [
        ("pub struct Session {", Some("Session")),
        ("pub(super) enum Answer<'a> {", Some("Answer")),
        ("pub(in crate::a) trait Prompt {", Some("Prompt")),
        ("type Point = (u32, u32);", Some("Point")),
        ("    type Output = ();", None),
        ("fn structure() {", None),
    ] {
        assert_eq!(type_name(line), name, "{line}");
    }
}
