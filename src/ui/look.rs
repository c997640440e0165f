//! How lines look on one surface: coloured or not, with ticks or with words, cut to a width or not.

use anstyle::{AnsiColor, Style};

use super::text;

/// The looks of one output stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Look {
    pub(crate) color: bool,
    /// Whether ticks and the like may be used; ASCII stands in for them otherwise.
    pub(crate) unicode: bool,
    /// Where lines are cut; only a terminal has such a place.
    pub(crate) columns: Option<usize>,
}

impl Look {
    /// For files: complete and without colour.
    pub(crate) const PLAIN: Look = Look { color: false, unicode: true, columns: None };

    fn paint(self, style: Style, words: &str) -> String {
        if self.color && !words.is_empty() { format!("{style}{words}{style:#}") } else { words.to_owned() }
    }

    pub(crate) fn good(self, words: &str) -> String {
        self.paint(AnsiColor::Green.on_default(), words)
    }

    pub(crate) fn bad(self, words: &str) -> String {
        self.paint(AnsiColor::Red.on_default().bold(), words)
    }

    pub(crate) fn doubtful(self, words: &str) -> String {
        self.paint(AnsiColor::Yellow.on_default(), words)
    }

    /// Something to type, or a path to open.
    pub(crate) fn hint(self, words: &str) -> String {
        self.paint(AnsiColor::Cyan.on_default(), words)
    }

    pub(crate) fn strong(self, words: &str) -> String {
        self.paint(Style::new().bold(), words)
    }

    pub(crate) fn faint(self, words: &str) -> String {
        self.paint(Style::new().dimmed(), words)
    }

    pub(crate) fn tick(self) -> String {
        self.good(if self.unicode { "✓" } else { "ok    " })
    }

    pub(crate) fn cross(self) -> String {
        self.bad(if self.unicode { "✗" } else { "FAILED" })
    }

    /// Stands before each line that a tool printed. Such a line can then never be taken for one of ours, nor for
    /// an instruction to a build service.
    pub(crate) fn bar(self) -> &'static str {
        if self.unicode { "│" } else { "|" }
    }

    pub(crate) fn dash(self) -> &'static str {
        if self.unicode { "—" } else { "-" }
    }

    pub(crate) fn clip(self, words: &str, columns: Option<usize>) -> String {
        text::clip(words, columns, self.unicode)
    }
}
