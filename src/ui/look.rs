//! How lines look on one surface: coloured or not, with ticks or with words, cut to a width or not.

use anstyle::{AnsiColor, Style};

use super::text;

/// Where lines are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Columns {
    Unlimited,
    Fixed(usize),
    /// The width that the terminal has at the moment of printing; people resize it.
    OfTerminal,
}

/// The looks of one output stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Look {
    pub color: bool,
    /// Whether ticks and the like may be used; ASCII stands in for them otherwise.
    pub unicode: bool,
    /// Where lines are cut; only a terminal has such a place.
    pub columns: Columns,
}

impl Look {
    /// For files: complete and without colour.
    pub const PLAIN: Look = Look { color: false, unicode: true, columns: Columns::Unlimited };

    /// How many columns there are now.
    pub(crate) fn columns(self) -> Option<usize> {
        match self.columns {
            Columns::Unlimited => None,
            Columns::Fixed(columns) => Some(columns),
            Columns::OfTerminal => terminal_size::terminal_size_of(std::io::stderr())
                .or_else(terminal_size::terminal_size)
                .map(|(width, _)| usize::from(width.0).max(20)),
        }
    }

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

    /// As much of a line as fits.
    pub(crate) fn clip(self, line: &str) -> String {
        self.clip_to(line, self.columns())
    }

    pub(crate) fn clip_to(self, line: &str, columns: Option<usize>) -> String {
        text::clip(line, columns, self.unicode)
    }
}
