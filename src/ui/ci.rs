//! Folding of a step's output in the logs of build services, and the mark of an error: no other instruction to them.

use std::borrow::Cow;

use super::options::Ci;
use super::text::clean;

/// Letters that the name of an instruction has at most.
const LONGEST: usize = 40;

/// The fold that is open, if any.
#[derive(Default)]
pub(crate) struct Fold {
    open: bool,
    /// Section names must not repeat within a job.
    number: usize,
}

impl Fold {
    /// The line that opens a fold, unless one is open.
    pub(crate) fn open(&mut self, ci: Ci, title: &str, unix: i64) -> Option<String> {
        if self.open {
            return None;
        }
        self.open = true;
        self.number += 1;
        let title = clean(title);
        let title = harmless(&title);
        Some(match ci {
            Ci::Github => format!("::group::{}", title.replace('%', "%25")),
            Ci::Gitlab => format!(
                "\u{1b}[0Ksection_start:{unix}:deployer_{}[collapsed=true]\r\u{1b}[0K{title}",
                self.number
            ),
            Ci::Other => return None,
        })
    }

    /// The line that closes the open fold.
    pub(crate) fn close(&mut self, ci: Ci, unix: i64) -> Option<String> {
        if !self.open {
            return None;
        }
        self.open = false;
        Some(match ci {
            Ci::Github => "::endgroup::".to_owned(),
            Ci::Gitlab => format!("\u{1b}[0Ksection_end:{unix}:deployer_{}\r\u{1b}[0K", self.number),
            Ci::Other => return None,
        })
    }
}

/// The line by which GitHub marks a run with an error, at its top; its own signs are written as it wants them.
pub(crate) fn error(what: &str) -> String {
    let what = clean(what).replace('%', "%25");
    format!("::error title=deployer::{}", broken(&what))
}

/// A line that no build service takes for an instruction: those begin with `::` after blanks, and those of the older kind
/// have `##[` or `##vso[` anywhere. (GitLab's need control characters, which no line of ours has.)
pub(crate) fn harmless(line: &str) -> String {
    let line = broken(line);
    if line.trim_start().starts_with("::") { format!("|{line}") } else { line.into_owned() }
}

fn broken(line: &str) -> Cow<'_, str> {
    if !line.contains("##") {
        return Cow::Borrowed(line);
    }
    let mut safe = String::with_capacity(line.len() + 8);
    for (at, letter) in line.char_indices() {
        safe.push(letter);
        let begins = line[at..].strip_prefix("##").is_some_and(|rest| {
            let name = rest.bytes().take(LONGEST).take_while(u8::is_ascii_alphanumeric).count();
            rest[name..].starts_with('[')
        });
        if begins {
            safe.push(' ');
        }
    }
    Cow::Owned(safe)
}

/// [`harmless`] for what is passed on byte for byte, GitLab's own among it: a line or the rest of one, with its end.
pub(crate) fn harmless_bytes(line: &[u8]) -> Vec<u8> {
    let mut safe = Vec::with_capacity(line.len());
    for piece in line.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
        for (index, chunk) in piece.utf8_chunks().enumerate() {
            match index {
                0 => safe.extend(harmless(&unfolded(chunk.valid())).bytes()),
                _ => safe.extend(broken(&unfolded(chunk.valid())).bytes()),
            }
            safe.extend(chunk.invalid());
        }
    }
    safe
}

/// Without the mark by which GitLab knows the line of a fold.
fn unfolded(text: &str) -> String {
    text.replace("\u{1b}[0Ksection_", "section_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workflow_commands_lose_their_power() {
        assert_eq!(harmless("::set-env name=x::y"), "|::set-env name=x::y");
        assert_eq!(harmless("  \u{a0}::error::x"), "|  \u{a0}::error::x");
        assert_eq!(harmless("x ##[error]y"), "x # #[error]y");
        assert_eq!(harmless("###[a] ##vso[b] ## [c] ##"), "## #[a] # #vso[b] ## [c] ##");
        assert_eq!(
            harmless_bytes(b"\xff ##[a]\r::b::\xff##vso[c]\n  ::d\x1b[0Ksection_end:1:x"),
            b"\xff # #[a]\r|::b::\xff# #vso[c]\n|  ::dsection_end:1:x"
        );
        assert_eq!(harmless("std::fmt"), "std::fmt");
    }

    #[test]
    fn an_error_is_one_line_and_no_other_instruction() {
        assert_eq!(
            error("100 %\n::set-env name=x::y ##[error]"),
            "::error title=deployer::100 %25 ::set-env name=x::y # #[error]"
        );
    }

    #[test]
    fn folds_open_once_and_close_once() {
        let mut fold = Fold::default();
        assert_eq!(fold.close(Ci::Github, 1), None);
        let opened = fold.open(Ci::Github, "100 %\n::error::x", 1);
        assert_eq!(opened.as_deref(), Some("::group::100 %25 ::error::x"));
        assert_eq!(fold.open(Ci::Github, "again", 1), None);
        assert_eq!(fold.close(Ci::Github, 2).as_deref(), Some("::endgroup::"));
        let opened = fold.open(Ci::Gitlab, "build", 3);
        assert_eq!(
            opened.as_deref(),
            Some("\u{1b}[0Ksection_start:3:deployer_2[collapsed=true]\r\u{1b}[0Kbuild")
        );
        assert_eq!(
            fold.close(Ci::Gitlab, 4).as_deref(),
            Some("\u{1b}[0Ksection_end:4:deployer_2\r\u{1b}[0K")
        );
    }
}
