//! A text as it reads once what hides in it is undone: escape sequences, encodings, quotes. Each step knows the way back to
//! the place that a word came from.

use std::ops::Range;

use super::escape::{Piece, escape};

const ESC: char = '\u{1b}';

/// What one step made of a text.
#[derive(Default)]
pub(super) struct View {
    text: String,
    parts: Vec<Part>,
}

/// A run of a view's text, and what it was made of.
struct Part {
    at: usize,
    from: Range<usize>,
    /// Byte for byte; otherwise the whole of it stands for the whole.
    copied: bool,
}

impl View {
    fn copy(&mut self, source: &str, from: Range<usize>) {
        if from.is_empty() {
            return;
        }
        let at = self.text.len();
        self.text.push_str(&source[from.clone()]);
        match self.parts.last_mut() {
            Some(last) if last.copied && last.from.end == from.start => last.from.end = from.end,
            _ => self.parts.push(Part { at, from, copied: true }),
        }
    }

    fn put(&mut self, letter: char, from: Range<usize>) {
        self.parts.push(Part { at: self.text.len(), from, copied: false });
        self.text.push(letter);
    }

    /// [`View::copy`] without what no reader sees.
    fn copy_visible(&mut self, source: &str, from: Range<usize>) {
        let mut begin = from.start;
        for (at, letter) in source[from.clone()].char_indices() {
            if is_invisible(letter) {
                let at = from.start + at;
                self.copy(source, begin..at);
                begin = at + letter.len_utf8();
            }
        }
        self.copy(source, begin..from.end);
    }

    /// Where a range of this text, which is not empty, comes from.
    fn source(&self, range: Range<usize>) -> Range<usize> {
        let part = |at: usize| &self.parts[self.parts.partition_point(|part| part.at <= at) - 1];
        let (first, last) = (part(range.start), part(range.end - 1));
        let start = if first.copied { first.from.start + (range.start - first.at) } else { first.from.start };
        let end = if last.copied { last.from.start + (range.end - last.at) } else { last.from.end };
        start..end
    }
}

/// A text after some steps.
pub(super) struct DecodedText<'t> {
    original: &'t str,
    way: Vec<View>,
}

impl<'t> DecodedText<'t> {
    pub(super) fn new(original: &'t str) -> DecodedText<'t> {
        let way = Vec::new();
        DecodedText { original, way }
    }

    pub(super) fn text(&self) -> &str {
        self.way.last().map_or(self.original, |view| &view.text)
    }

    /// Where a range of the text stands in the original.
    pub(super) fn source(&self, range: Range<usize>) -> Range<usize> {
        self.way.iter().rev().fold(range, |range, view| view.source(range))
    }

    /// Takes out what no reader sees. Returns whether another one would take out more.
    pub(super) fn strip(&mut self, strip: Strip) -> bool {
        if strip == Strip::AllSequences && self.text().contains(is_c1) {
            self.way.push(seven_bit(self.text()));
        }
        let text = self.text();
        let seen: Vec<Range<usize>> = match strip {
            Strip::Controls if !text.contains(is_invisible) => return false,
            Strip::Controls => std::iter::once(0..text.len()).collect(),
            Strip::Colours => between_colours(text),
            Strip::Sequences | Strip::AllSequences => between_sequences(text),
        };
        // Of those beyond ASCII it is not sure that they begin anything.
        let is_rest = text.contains(is_c1) || seen.iter().any(|range| text[range.clone()].contains(ESC));
        let mut view = View::default();
        for range in seen {
            view.copy_visible(text, range);
        }
        self.way.push(view);
        is_rest
    }

    /// Undoes one layer of what programs write in place of letters; false where there is none.
    pub(super) fn decode(&mut self) -> bool {
        let view = decoded(self.text());
        let is_changed = view.is_some();
        self.way.extend(view);
        is_changed
    }

    /// Reads `+` as forms do.
    pub(super) fn read_as_form(&mut self) {
        let text = self.text();
        let mut view = View::default();
        view.copy(text, 0..text.len());
        view.text = text.replace('+', " ");
        self.way.push(view);
    }

    /// Takes all quotes out.
    pub(super) fn unquote(&mut self) {
        self.keep(|letter, _| !matches!(letter, '\'' | '"' | '\\'));
    }

    /// Whether there are so many digits in a row, whatever stands between them.
    pub(super) fn has_digits(&self, most: usize) -> bool {
        let mut count = 0;
        self.text().bytes().any(|byte| {
            match byte {
                b' ' | b':' | b'-' | b',' | b'x' => {}
                digit if digit.is_ascii_hexdigit() => count += 1,
                _ => count = 0,
            }
            count >= most
        })
    }

    /// Leaves bytes that are written as digits next to each other: `70:61`, `0x70, 0x61`.
    pub(super) fn join_digits(&mut self) {
        self.keep(|letter, rest| !matches!(letter, ' ' | ':' | '-' | ',' | 'x') && !rest.starts_with("0x"));
        if let Some(view) = self.way.last_mut() {
            view.text.make_ascii_lowercase();
        }
    }

    fn keep(&mut self, keep: impl Fn(char, &str) -> bool) {
        let text = self.text();
        let mut view = View::default();
        let mut begin = 0;
        for (at, letter) in text.char_indices() {
            if !keep(letter, &text[at..]) {
                view.copy(text, begin..at);
                begin = at + letter.len_utf8();
            }
        }
        view.copy(text, begin..text.len());
        self.way.push(view);
    }
}

/// How much of a text is taken for a terminal's instructions: readers differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Strip {
    /// Control characters alone; what follows them is text.
    Controls,
    /// And colours, as most filters have it.
    Colours,
    /// And all that begins with ESC.
    Sequences,
    /// And all that begins with one of the control characters beyond ASCII.
    AllSequences,
}

/// Nothing to see in itself: control characters, marks of direction, joiners, and what stands for broken bytes.
fn is_invisible(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{feff}' | '\u{fff9}'..='\u{fffd}')
        || matches!(letter, '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(letter, '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{e0000}'..='\u{e0fff}')
}

fn is_c1(letter: char) -> bool {
    ('\u{80}'..='\u{9f}').contains(&letter)
}

/// Writes the control characters beyond ASCII as the sequences that they stand for.
fn seven_bit(text: &str) -> View {
    let mut view = View::default();
    let mut begin = 0;
    for (at, letter) in text.char_indices().filter(|(_, letter)| is_c1(*letter)) {
        view.copy(text, begin..at);
        begin = at + letter.len_utf8();
        for letter in [Some(ESC), char::from_u32(u32::from(letter) - 0x40)].into_iter().flatten() {
            view.put(letter, at..begin);
        }
    }
    view.copy(text, begin..text.len());
    view
}

/// What stands between CSI sequences.
fn between_colours(text: &str) -> Vec<Range<usize>> {
    let mut kept = Vec::new();
    let mut begin = 0;
    for (at, letter) in text.char_indices() {
        let lead = match letter {
            ESC if text[at..].starts_with("\u{1b}[") => 2,
            '\u{9b}' => 2,
            _ => continue,
        };
        let rest = &text.as_bytes()[at + lead..];
        let body = rest.iter().take_while(|byte| (0x20..0x40).contains(*byte)).count();
        if at >= begin && rest.get(body).is_some_and(|byte| (0x40..0x7f).contains(byte)) {
            kept.push(begin..at);
            begin = at + lead + body + 1;
        }
    }
    kept.push(begin..text.len());
    kept
}

/// What is left where text is made fit for a terminal.
fn between_sequences(text: &str) -> Vec<Range<usize>> {
    anstream::adapter::strip_str(text)
        .map(|piece| {
            let at = piece.as_ptr() as usize - text.as_ptr() as usize;
            at..at + piece.len()
        })
        .collect()
}

fn decoded(text: &str) -> Option<View> {
    let mut view = View::default();
    // Bytes that are written one by one; together they may be a letter.
    let mut bytes: Vec<(u8, Range<usize>)> = Vec::new();
    let (mut at, mut begin) = (0, 0);
    while let Some(found) = text[at..].find(['%', '&', '\\']) {
        at += found;
        let Some((piece, length)) = escape(&text[at..]) else {
            at += 1;
            continue;
        };
        if begin < at {
            letters(&mut view, &mut bytes);
            view.copy(text, begin..at);
        }
        let from = at..at + length;
        (at, begin) = (from.end, from.end);
        match piece {
            Piece::Byte(byte) => bytes.push((byte, from)),
            Piece::Letter(letter) => {
                letters(&mut view, &mut bytes);
                view.put(letter, from);
            }
        }
    }
    letters(&mut view, &mut bytes);
    if begin == 0 {
        return None;
    }
    view.copy(text, begin..text.len());
    Some(view)
}

/// Bytes as UTF-8, and where they are none, as Latin-1.
fn letters(view: &mut View, bytes: &mut Vec<(u8, Range<usize>)>) {
    let raw: Vec<u8> = bytes.iter().map(|(byte, _)| *byte).collect();
    let mut next = 0;
    let mut put = |letter: char, count: usize| {
        let from = bytes[next].1.start..bytes[next + count - 1].1.end;
        view.put(letter, from);
        next += count;
    };
    for chunk in raw.utf8_chunks() {
        chunk.valid().chars().for_each(|letter| put(letter, letter.len_utf8()));
        chunk.invalid().iter().for_each(|byte| put(char::from(*byte), 1));
    }
    bytes.clear();
}
