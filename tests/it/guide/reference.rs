//! The generated parts of the guide: keys, commands, codes, and examples of JSON. Each stands after a mark
//! `<!-- generated: NAME -->`, as far as the next line of prose.

use std::fmt::Write as _;
use std::fs;

use deployer::commands::names;
use deployer::plan::CODES;

use super::{deployer, samples, top};

#[test]
fn the_reference_is_current() {
    let mut stale = Vec::new();
    let mut current = |chapter: &str, parts: &[(&str, String)]| {
        let path = top().join(format!("src/guide/{chapter}.md"));
        let old = fs::read_to_string(&path).expect("a chapter");
        let new = parts.iter().fold(old.clone(), |text, (name, part)| replaced(&text, name, part));
        if old != new {
            match std::env::var_os("DEPLOYER_WRITE_GUIDE") {
                Some(_) => fs::write(&path, new).expect("the chapter is written"),
                None => stale.push(chapter.to_owned()),
            }
        }
    };
    current("keys", &[("keys", keys())]);
    current("commands", &[("commands", commands())]);
    current("codes", &[("exit", exit_codes()), ("codes", codes())]);
    let json = samples::all().map(|(name, lines)| (name, format!("```json\n{lines}\n```\n")));
    current("json", &json);
    assert!(
        stale.is_empty(),
        "stale: {stale:?}; DEPLOYER_WRITE_GUIDE=1 cargo test --test it guide:: writes them"
    );
}

/// The text with what stands between a mark and the end of the generated part replaced.
fn replaced(text: &str, name: &str, part: &str) -> String {
    let mark = format!("<!-- generated: {name} -->\n");
    let (before, after) = text.split_once(&mark).unwrap_or_else(|| panic!("no mark {mark}"));
    let rest = after.split_once("<!-- end -->\n").map_or(after, |(_, rest)| rest);
    format!("{before}{mark}\n{}\n\n<!-- end -->\n{rest}", part.trim())
}

fn codes() -> String {
    CODES.iter().map(|code| code.markdown() + "\n").collect()
}

/// From the comments of the enum, which is where their meaning is said once.
fn exit_codes() -> String {
    let source = fs::read_to_string(top().join("src/model/exit.rs")).expect("the exit codes");
    let mut table = "| exit code | meaning |\n|---|---|\n".to_owned();
    let mut meaning = String::new();
    for line in source.lines().map(str::trim) {
        if let Some(words) = line.strip_prefix("/// ") {
            meaning = words.trim_end_matches('.').to_owned();
        } else if let Some((_, number)) = line.strip_suffix(',').and_then(|line| line.split_once(" = ")) {
            let (first, rest) = meaning.split_at(1);
            writeln!(table, "| {number} | {}{rest} |", first.to_lowercase()).expect("a String");
        }
    }
    table
}

/// Every command's help, as it prints it, but for the options that all of them have.
fn commands() -> String {
    let common = "Options of every command:";
    let top = deployer(&["help"], &[]);
    let options = top.split_once(common).and_then(|(_, rest)| rest.split_once("\n\n")).expect("options").0;
    let mut text = format!("## Options of every command\n\n```\n{}\n```\n", options.trim_matches('\n'));
    let listed = top.lines().filter_map(|line| line.strip_prefix("  ")?.split(' ').next());
    for name in listed.filter(|name| names().contains(name)) {
        let help = deployer(&["help", name], &[]);
        let (own, rest) = help.split_once(common).unwrap_or((&help, ""));
        let rest = rest.split_once("\n\n").map_or("", |(_, rest)| rest);
        let (about, own) = own.split_once("\n\n").expect("what it does, then the usage");
        let help = format!("{own}{rest}");
        write!(text, "\n## `{name}`\n\n{about}.\n\n```\n{}\n```\n", help.trim_end()).expect("a String");
    }
    text
}

/// The starter file names every key with its default and a word about it: each line becomes an item, each table a section.
fn keys() -> String {
    let starter = fs::read_to_string(top().join("templates/deployer.toml")).expect("the starter");
    let mut sections = vec![("At the top".to_owned(), String::new(), Vec::<String>::new())];
    for line in starter.lines().skip_while(|line| line.starts_with('#')) {
        let (code, comment) = split(line);
        let is_example = code.starts_with("# ");
        let code = code.trim_start_matches("# ");
        let (heading, note, items) = sections.last_mut().expect("a section");
        if code.starts_with('[') {
            sections.push((format!("`{code}`"), comment.to_owned(), Vec::new()));
        } else if let Some((key, value)) = code.split_once(" = ") {
            // Its keys are behind comment signs because it stands for tables of any name.
            let is_default = !is_example || heading.contains("NAME");
            let item = if !is_default || comment.starts_with("required") {
                format!("`{key}`, such as `{value}`")
            } else {
                format!("`{key}` = `{value}`")
            };
            items.push(item);
            go_on(items.last_mut().expect("an item"), comment);
        } else {
            go_on(items.last_mut().unwrap_or(note), comment);
        }
    }
    let section = |(heading, note, items): (String, String, Vec<String>)| {
        let note = if note.is_empty() { note } else { sentence(&note) + "\n\n" };
        let items: String = items.iter().map(|item| format!("- {item}\n")).collect();
        format!("## {heading}\n\n{note}{items}")
    };
    sections.into_iter().map(section).collect::<Vec<_>>().join("\n")
}

/// Adds a comment to what was said before.
fn go_on(text: &mut String, comment: &str) {
    let joint = match text.chars().last() {
        _ if comment.is_empty() => "",
        Some('`') if !text.contains(": ") => ": ",
        Some(',') => " ",
        _ => "; ",
    };
    *text += joint;
    *text += comment;
}

fn sentence(words: &str) -> String {
    let (first, rest) = words.split_at(1);
    first.to_uppercase() + rest.trim_end_matches('.') + "."
}

/// A line of the starter, and the comment behind it. A line that is commented out keeps its sign.
fn split(line: &str) -> (&str, &str) {
    let is_words = |text: &str| text.starts_with("#  ") || text == "#";
    if is_words(line) {
        return ("", line.trim_start_matches(['#', ' ']));
    }
    let mut quoted = false;
    for (at, letter) in line.char_indices().skip(1) {
        match letter {
            '"' if !line[..at].ends_with('\\') => quoted = !quoted,
            '#' if !quoted => return (line[..at].trim_end(), line[at + 1..].trim()),
            _ => {}
        }
    }
    (line.trim_end(), "")
}
