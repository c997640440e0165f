//! The guide: its generated parts are current, its links lead somewhere, and `help` shows it.
//!
//! `DEPLOYER_WRITE_GUIDE=1 tests/run.sh guide::` writes the generated parts anew.

mod reference;
mod samples;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use deployer::commands::names;
use deployer::guide::{GROUPS, chapters};
use deployer::plan::CODES;

fn top() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// What the binary prints on standard output.
fn deployer(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
    command.args(arguments).current_dir("/").env_remove("COLUMNS").envs(variables.iter().copied());
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

/// Every text that people read in a repository's browser, by its path.
fn texts() -> Vec<(PathBuf, String)> {
    let guide = fs::read_dir(top().join("src/guide")).expect("the guide");
    let chapters = guide.map(|entry| entry.expect("an entry").path());
    let others = ["README.md", "CONTRIBUTING.md", "SECURITY.md"].map(|name| top().join(name));
    let paths = chapters.chain(others).filter(|path| path.extension().is_some_and(|end| end == "md"));
    paths.map(|path| (path.clone(), fs::read_to_string(&path).expect("a text"))).collect()
}

/// The lines outside of fenced code.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// The anchors that a browser gives to the headings of a text.
fn anchors(text: &str) -> BTreeSet<String> {
    let headings = prose(text).filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|letter| letter.is_alphanumeric() || " -_".contains(*letter));
            kept.map(|letter| if letter == ' ' { '-' } else { letter }).collect()
        })
        .collect()
}

#[test]
fn links_lead_somewhere() {
    let mut wrong = Vec::new();
    for (path, text) in texts() {
        for line in prose(&text) {
            for (_, rest) in line.match_indices("](").map(|(at, _)| line.split_at(at + 2)) {
                let target = rest.split(')').next().unwrap_or_default();
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let to = match file {
                    "" => path.clone(),
                    file => path.parent().expect("a folder").join(file),
                };
                let is_there = file.starts_with("https://")
                    || to.exists()
                        && (anchor.is_empty()
                            || fs::read_to_string(&to).is_ok_and(|text| anchors(&text).contains(anchor)));
                if !is_there {
                    wrong.push(format!("{}: {target}", path.display()));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_chapter_is_a_topic_and_no_command_has_its_name() {
    let files: BTreeSet<String> = texts()
        .into_iter()
        .filter(|(path, _)| path.parent().is_some_and(|folder| folder.ends_with("src/guide")))
        .map(|(path, _)| path.file_stem().expect("a name").to_string_lossy().into_owned())
        .collect();
    let topics: BTreeSet<String> = chapters().map(|chapter| chapter.name.to_owned()).collect();
    assert_eq!(files, topics);
    assert_eq!(topics.iter().find(|topic| names().contains(&&***topic)), None);
    let help = deployer(&["help"], &[]);
    for (group, chapters) in GROUPS {
        assert!(help.contains(group), "{help}");
        for chapter in *chapters {
            assert!(help.contains(chapter.name), "{}", chapter.name);
            assert!(chapter.text.starts_with("# "), "{}", chapter.name);
        }
    }
}

/// What the renderer does not know would be shown as it stands.
#[test]
fn chapters_use_no_more_of_markdown_than_is_rendered() {
    for chapter in chapters() {
        assert_eq!(chapter.text.matches("\n```").count() % 2, 0, "{}", chapter.name);
        let shown = deployer::guide::render(chapter.text, 80, true);
        let shown = anstream::adapter::strip_str(&shown).to_string();
        let mut is_list = false;
        for line in prose(chapter.text) {
            let odd = ["![", "> ", "* ", "+ ", "    ", "~~~", "<", "  - "];
            let is_odd = odd.iter().any(|mark| line.starts_with(mark)) && !line.starts_with("<!-- ");
            assert!(!is_odd, "{}: {line}", chapter.name);
            // A line that is indented belongs to an item of a list.
            is_list = is_list && !line.is_empty()
                || line.starts_with("- ")
                || line.starts_with(|c: char| c.is_ascii_digit());
            assert!(is_list || !line.starts_with(' '), "{}: {line}", chapter.name);
        }
        for mark in ["**", "](", "<!--", "```"] {
            assert!(!shown.contains(mark), "{}: {mark} in\n{shown}", chapter.name);
        }
    }
}

#[test]
fn the_readme_is_short() {
    let lines = fs::read_to_string(top().join("README.md")).expect("the README").lines().count();
    assert!(lines <= 250, "{lines} lines");
}

#[test]
fn a_chapter_is_plain_in_a_pipe_and_goes_to_the_pager_on_a_terminal() {
    let piped = deployer(&["help", "hooks"], &[("PAGER", "false")]);
    assert!(piped.starts_with("HOOKS\n") && !piped.contains('\u{1b}'), "{piped}");
    assert!(piped.lines().any(|line| line.contains("`release`")), "{piped}");
    assert!(deployer(&["help", "hooks", "--color", "always"], &[]).contains("\u{1b}[36m"));

    let on_terminal = |variables: &str| {
        let line = format!("env {variables} {} help hooks", env!("CARGO_BIN_EXE_deployer"));
        let output = Command::new("script")
            .args(["-qec", &line, "/dev/null"])
            .env("TERM", "xterm")
            .env_remove("NO_COLOR")
            .stdin(std::process::Stdio::null())
            .output();
        String::from_utf8_lossy(&output.expect("script runs").stdout).into_owned()
    };
    let paged = on_terminal("PAGER='sed s/^/paged:/'");
    assert!(paged.starts_with("paged:\u{1b}[1mHOOKS"), "{paged:?}");
    let plain = on_terminal("NO_COLOR=1 PAGER='sed s/^/paged:/'");
    assert!(plain.starts_with("paged:HOOKS") && !plain.contains('\u{1b}'), "{plain:?}");
    assert!(on_terminal("PAGER=no-such-program").contains("HOOKS"));
    assert!(on_terminal("PAGER=").contains("HOOKS"));
}

#[test]
fn help_explains_commands_topics_and_codes() {
    assert_eq!(deployer(&["help"], &[]), deployer(&["--help"], &[]));
    assert!(deployer(&["help", "deploy"], &[]).starts_with("Build a commit"));
    let code = deployer(&["help", "reload.refused"], &[]);
    assert!(code.contains("restored or affected."), "{code}");
    let unknown =
        Command::new(env!("CARGO_BIN_EXE_deployer")).args(["help", "hoks"]).output().expect("it runs");
    let said = String::from_utf8_lossy(&unknown.stderr);
    assert_eq!(unknown.status.code(), Some(2), "{said}");
    assert!(said.contains("deployer help hooks"), "{said}");
}

/// Failures are made by `Failure::new` and `Failure::usage`, or get the code of an error; all of these are plain words in `src`.
#[test]
fn every_code_is_in_the_table_and_every_row_is_used() {
    let names: Vec<&str> = CODES.iter().map(|code| code.name).collect();
    assert!(names.is_sorted(), "the table is in the order of names");
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "twice");
    let (mut used, mut unknown) = (BTreeSet::new(), Vec::new());
    for path in sources(&top().join("src")) {
        if path.ends_with("plan/code.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).expect("a source file");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        for word in text.split('"').skip(1).step_by(1) {
            if let Some(name) = names.iter().find(|name| **name == word) {
                used.insert(*name);
            }
        }
        for mark in ["Failure::new(", "Failure::usage(", "{ code: "] {
            for (at, _) in text.match_indices(mark) {
                let rest = text[at + mark.len()..].trim_start();
                let Some(word) = rest.strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
                    continue;
                };
                if !names.contains(&word) {
                    unknown.push(format!("{}: {word}", path.display()));
                }
            }
        }
        // An error's own code: the words of `fn code`.
        if let Some((_, rest)) = text.split_once("fn code(&self) -> &'static str {") {
            let body = rest.split("\n    }").next().unwrap_or_default();
            let words = body.split('"').skip(1).step_by(2).filter(|word| !names.contains(word));
            unknown.extend(words.map(|word| format!("{}: {word}", path.display())));
        }
    }
    let dead: Vec<_> = names.iter().filter(|name| !used.contains(**name)).collect();
    assert!(unknown.is_empty(), "not in the table of src/plan/code.rs:\n{}", unknown.join("\n"));
    assert!(dead.is_empty(), "in the table, but used nowhere: {dead:?}");
}

#[test]
fn every_event_has_an_example() {
    let source = fs::read_to_string(top().join("src/plan/event.rs")).expect("the events");
    let (_, rest) = source.split_once("pub enum Event {").expect("the enum");
    let body = rest.split("\n}").next().unwrap_or_default();
    let variants = body.lines().filter_map(|line| {
        let name = line.strip_prefix("    ")?.split([' ', '(', ',']).next()?;
        name.starts_with(char::is_uppercase).then(|| name.to_owned())
    });
    let json = fs::read_to_string(top().join("src/guide/json.md")).expect("the chapter");
    let mut count = 0;
    for variant in variants {
        let mut name = String::new();
        for letter in variant.chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        // Data has no `event`: a file.
        let is_there = [format!("\"event\": \"{name}\""), format!("{{\"{name}\": ")]
            .iter()
            .any(|mark| json.contains(mark));
        assert!(is_there, "no example of {name}");
        count += 1;
    }
    assert!(count > 10, "{count}");
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    entries
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .filter(|path| path.extension().is_some_and(|end| end == "rs") && !path.ends_with("tests.rs"))
        .collect()
}
