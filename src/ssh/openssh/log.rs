//! What an `ssh` writes down of what it does: apart from what a command says.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::{Path, PathBuf};

/// The file that `ssh -E` names.
pub(super) struct Log(PathBuf);

impl Log {
    pub(super) fn at(path: PathBuf) -> Log {
        Log(path)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    pub(super) fn append(&self) -> io::Result<File> {
        OpenOptions::new().create(true).append(true).open(&self.0)
    }

    pub(super) fn clear(&self) {
        // It need not be there.
        let _ = fs::remove_file(&self.0);
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.0).unwrap_or_default()).into_owned()
    }

    pub(super) fn has(&self, words: &str) -> bool {
        self.text().contains(words)
    }

    /// The status that the master has passed on.
    pub(super) fn exit_status(&self) -> Option<i32> {
        after(&self.text(), "eceived exit status from master ")?.parse().ok()
    }

    /// Whether the master has opened what it was asked for.
    pub(super) fn is_opened(&self) -> bool {
        self.has("master session id: ")
    }

    /// Why the host has not opened it.
    pub(super) fn refusal(&self) -> Option<String> {
        let text = self.text();
        let why = after(&text, "request failed: ").or_else(|| after(&text, "Permission denied: "));
        why.map(str::to_owned)
    }

    /// The lines that are more than a trace: what a ProxyCommand says, and what goes wrong.
    pub(super) fn words(&self) -> Vec<String> {
        let text = self.text();
        let is_trace = |line: &&str| {
            line.is_empty() || ["debug", "Authenticated to "].iter().any(|mark| line.starts_with(mark))
        };
        text.lines().map(str::trim).filter(|line| !is_trace(line)).map(str::to_owned).collect()
    }

    /// The last of them: a ProxyCommand's words come before those of `ssh`.
    pub(super) fn last_words(&self) -> Option<String> {
        let words = self.words();
        (!words.is_empty()).then(|| words[words.len().saturating_sub(3)..].join("; "))
    }

    /// The key that the host has shown, and the one that it has accepted.
    pub(super) fn keys(&self) -> (String, String) {
        let text = self.text();
        let last = |mark| after(&text, mark).unwrap_or("unknown").to_owned();
        (last("Server host key: "), last("Server accepts key: ").trim_end_matches(" explicit").to_owned())
    }
}

/// What follows `mark` in the last line that has it.
pub(super) fn after<'t>(text: &'t str, mark: &str) -> Option<&'t str> {
    let line = text.lines().rev().find(|line| line.contains(mark))?;
    line.split_once(mark).map(|(_, rest)| rest.trim())
}
