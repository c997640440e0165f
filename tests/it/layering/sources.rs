//! The files of `src` as text without comments and tests.

use std::fs;
use std::path::{Path, PathBuf};

pub(super) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// Every source file, by its path below `src`, with what is compiled into the program.
pub(super) fn all() -> Vec<(String, String)> {
    let top = top();
    let mut found: Vec<(String, String)> = super::files(&top)
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&top).expect("a file below src").to_string_lossy().into_owned();
            (name, code(&fs::read_to_string(&path).expect("a source file")))
        })
        .filter(|(name, _)| !is_for_tests(name))
        .collect();
    found.sort();
    found
}

fn is_for_tests(name: &str) -> bool {
    let file = name.rsplit('/').next().unwrap_or(name);
    file == "tests.rs" || name.contains("tests/")
}

/// Without comments, and without items that are marked `#[cfg(test)]`, as rustfmt lays them out.
fn code(text: &str) -> String {
    const MARK: &str = "#[cfg(test)]";
    let mut code = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.trim_start().starts_with(MARK) {
            let indent = line.len() - line.trim_start().len();
            let end = format!("{}}}", " ".repeat(indent));
            for line in lines.by_ref() {
                if line.ends_with(';') && !line.starts_with(&" ".repeat(indent + 1)) || line == end {
                    break;
                }
            }
        } else if !line.trim_start().starts_with("//") {
            code.push_str(line);
            code.push('\n');
        }
    }
    code
}

#[test]
fn tests_and_comments_are_left_out() {
    let text = "//! Doc.\nuse a;\n#[cfg(test)]\nmod fuzzed;\nfn b() {\n    // c\n    d();\n}\n\n#[cfg(test)]\nmod tests {\n    use e;\n}\nf!();\n";
    assert_eq!(code(text), "use a;\nfn b() {\n    d();\n}\n\nf!();\n");
}
