//! Text that others wrote, made harmless and cut to size before it reaches a terminal.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// One line that cannot drive the terminal: escape sequences are dropped, and of the other control characters and
/// those that reorder their neighbours nothing is left but a mark.
pub(crate) fn clean(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    // Sequences that begin with the one-character CSI, OSC... of ISO 6429 lose that character below,
    // and their rest is then mere text.
    for piece in anstream::adapter::strip_str(text) {
        for character in piece.chars() {
            match character {
                '\t' => safe.push_str("    "),
                '\n' | '\r' => safe.push(' '),
                hidden if is_unsafe(hidden) => safe.push('\u{fffd}'),
                plain => safe.push(plain),
            }
        }
    }
    safe
}

/// [`clean`] for what a tool prints: of a line that redraws itself with carriage returns, what is left standing.
pub(crate) fn clean_output(line: &str) -> String {
    let line = line.trim_end_matches(['\r', '\n']);
    clean(line.rsplit('\r').next().unwrap_or(line))
}

/// Control characters, and the marks that make text read in another order than it is written.
pub(crate) fn is_unsafe(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{061c}' | '\u{2028}' | '\u{2029}')
        || matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Columns that a text takes on a terminal; colours take none.
pub(crate) fn width(text: &str) -> usize {
    pieces(text).map(|(piece, is_color)| if is_color { 0 } else { piece.width() }).sum()
}

/// The text padded with spaces to `columns`.
pub(crate) fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{}", " ".repeat(missing))
}

/// As much of the text as fits in `columns`, an ellipsis where something is missing, and all of its colours.
pub(crate) fn clip(text: &str, columns: Option<usize>, unicode: bool) -> String {
    let Some(columns) = columns.filter(|columns| width(text) > *columns) else {
        return text.to_owned();
    };
    let ellipsis = if unicode { "…" } else { "..." };
    if columns < width(ellipsis) {
        return ".".repeat(columns);
    }
    let room = columns - width(ellipsis);
    let (mut kept, mut used, mut is_full) = (String::new(), 0, false);
    for (piece, is_color) in pieces(text) {
        if is_color {
            kept.push_str(piece);
            continue;
        }
        for character in piece.chars() {
            if is_full {
                break;
            }
            used += character.width().unwrap_or(0);
            is_full = used > room;
            if is_full {
                kept.truncate(kept.trim_end().len());
                kept.push_str(ellipsis);
            } else {
                kept.push(character);
            }
        }
    }
    kept
}

/// Pieces of a text, and whether each is a colour, as [`super::look::Look`] writes them.
fn pieces(text: &str) -> impl Iterator<Item = (&str, bool)> {
    text.split_inclusive('m').flat_map(|piece| {
        let (words, color) = piece.split_at(piece.rfind('\u{1b}').unwrap_or(piece.len()));
        [(words, false), (color, true)]
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_commit_subject_cannot_drive_the_terminal() {
        assert_eq!(clean("\u{1b}[31mred\u{1b}[0m"), "red");
        assert_eq!(clean("\u{1b}]0;owned\u{7}title"), "title");
        assert_eq!(clean("a\u{1b}[2Jb\u{8}\u{8}c"), "abc");
        assert_eq!(clean("first\rsecond\nthird"), "first second third");
        assert_eq!(clean("pay \u{202e}esrever"), "pay \u{fffd}esrever");
        assert!(!clean("\u{9b}31m \u{9d}0;x\u{9c} \u{1b}P1$r\u{1b}\\ \u{1b}").contains(char::is_control));
    }

    #[test]
    fn ordinary_text_passes_unchanged() {
        for text in ["", "Grüße, 世界 🎉", "a 'quoted' $HOME `x`", "emoji 👩‍💻"] {
            assert_eq!(clean(text), text);
        }
    }

    #[test]
    fn a_line_that_redraws_itself_shows_its_last_state() {
        assert_eq!(clean_output("10 %\r50 %\r100 %\r\n"), "100 %");
        assert_eq!(clean_output("plain"), "plain");
    }

    #[test]
    fn clipping_counts_columns_not_bytes() {
        assert_eq!(clip("short", Some(10), true), "short");
        assert_eq!(clip("exactly", Some(7), true), "exactly");
        assert_eq!(clip("one two three", Some(8), true), "one two…");
        assert_eq!(clip("one two three", Some(8), false), "one t...");
        assert_eq!(clip("世界世界", Some(6), true), "世界…");
        assert_eq!(clip("anything", None, true), "anything");
        assert_eq!(clip("anything", Some(0), true), "");
        let colored = "\u{1b}[1mmeal\u{1b}[0m \u{1b}[2mof many\u{1b}[0m";
        assert_eq!(width(colored), 12);
        assert_eq!(clip(colored, Some(12), true), colored);
        assert_eq!(clip(colored, Some(9), true), "\u{1b}[1mmeal\u{1b}[0m \u{1b}[2mof…\u{1b}[0m");
    }
}
