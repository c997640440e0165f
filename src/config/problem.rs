//! What is wrong in the file, drawn with the line it stands on.

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::ops::Range;

use serde_json::Value as Json;

/// Why a value is refused; the reader adds the key's name and the place.
#[derive(Debug, PartialEq, Eq, Hash)]
pub(super) struct Complaint {
    /// Reads on after the key's name: `is missing`.
    pub(super) message: String,
    /// The way out; empty where there is no obvious one.
    help: String,
    /// The part of the value that is wrong, where it is not the whole.
    span: Range<usize>,
    /// What the key takes, as a JSON schema says it; the reader of a single value tells.
    pub(super) takes: Option<Json>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Complaint {
        Complaint { message: message.into(), help: String::new(), span: NOWHERE, takes: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Complaint {
        self.help = help.into();
        self
    }

    /// Says what would be right to a schema.
    pub(super) fn takes(mut self, schema: Json) -> Complaint {
        self.takes = Some(schema);
        self
    }

    /// Says where, if that was not said more exactly.
    pub(super) fn at(mut self, span: Range<usize>) -> Complaint {
        if self.span == NOWHERE {
            self.span = span;
        }
        self
    }
}

const NOWHERE: Range<usize> = usize::MAX..usize::MAX;

/// Complains of what is not right.
pub(super) fn ensure(right: bool, complaint: Complaint) -> Result<(), Complaint> {
    if right { Ok(()) } else { Err(complaint) }
}

/// Collects problems while a file is read, so that one run reports all of them.
pub(super) struct Problems<'a> {
    source: &'a str,
    /// Keys with what is wrong, in the order in which they came. A line is drawn only at the end, when it is known what
    /// must stay hidden.
    found: RefCell<HashMap<(String, Complaint), usize>>,
    /// What no message may show.
    hidden: RefCell<Vec<Range<usize>>>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(source: &'a str) -> Problems<'a> {
        Problems { source, found: RefCell::default(), hidden: RefCell::default() }
    }

    /// Adds a problem; what is missing as a whole has no span, and is missed at the file's end.
    pub(super) fn add(&self, key: &str, span: Option<Range<usize>>, complaint: Complaint) {
        let end = self.source.trim_end().len();
        let mut found = self.found.borrow_mut();
        let number = found.len();
        // An application's table is read once for each environment, and is wrong each time.
        found.entry((key.to_owned(), complaint.at(span.unwrap_or(end..end)))).or_insert(number);
    }

    /// What the keys take that were found wrong.
    pub(super) fn taken(self) -> BTreeMap<String, Json> {
        let told = |((key, complaint), _): ((String, Complaint), usize)| Some((key, complaint.takes?));
        self.found.into_inner().into_iter().filter_map(told).collect()
    }

    /// Keeps a part of the file, and a comment behind it, out of every message.
    pub(super) fn hide(&self, span: Range<usize>) {
        let rest = self.source.get(span.end..).unwrap_or_default();
        let gap = |letter: char| letter != '\n' && letter.is_whitespace();
        let is_commented = rest.trim_start_matches(gap).starts_with('#');
        let comment = rest.split('\n').next().filter(|_| is_commented);
        let end = span.end + comment.map_or(0, str::len);
        self.hidden.borrow_mut().push(span.start..end);
    }

    /// The problems as people expect them of a compiler, in the order of the file's lines: `line:column: what`, the line, a
    /// mark, the way out. Of very many the first, and how many more there are.
    pub(super) fn into_texts(self) -> Vec<String> {
        let mut found: Vec<_> = self.found.into_inner().into_iter().collect();
        found.sort_by_key(|((_, complaint), number)| (complaint.span.start, *number));
        let more = found.len().saturating_sub(MOST);
        found.truncate(MOST);
        let hidden = self.hidden.into_inner();
        let draw = |((key, complaint), _): &((String, _), _)| drawn(self.source, &hidden, key, complaint);
        let mut texts: Vec<String> = found.iter().map(draw).collect();
        if let Some(last) = texts.last_mut().filter(|_| more > 0) {
            last.push_str(&format!("\n\n  and {more} more like these"));
        }
        texts
    }
}

/// Problems that are shown; nobody reads more of them.
const MOST: usize = 50;

fn drawn(source: &str, hidden: &[Range<usize>], key: &str, complaint: &Complaint) -> String {
    let before = &source[..floor_boundary(source, complaint.span.start)];
    let number = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    let key = if key.is_empty() { String::new() } else { format!(" `{key}`") };
    let (line, from, width) = shown(source, &complaint.span, hidden);
    let gutter = number.to_string().len() + 2;
    let help = if complaint.help.is_empty() { String::new() } else { format!("\n  {}", complaint.help) };
    format!(
        "{number}:{column}:{key} {}\n  {number} | {line}\n{:gutter$} | {:from$}{}{help}",
        complaint.message,
        "",
        "",
        "^".repeat(width)
    )
}

/// Longer lines are shown in part.
const WIDEST: usize = 120;

/// The line as it may be shown, where the mark below it begins, and how many characters that covers.
fn shown(source: &str, span: &Range<usize>, hidden: &[Range<usize>]) -> (String, usize, usize) {
    let start = floor_boundary(source, span.start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line = source[line_start..].split('\n').next().unwrap_or_default();
    let (mut first, mut last) = (line_start, line_start + line.trim_end().len());
    if line.len() > WIDEST {
        first = first.max(floor_boundary(source, start.saturating_sub(WIDEST / 3)));
        last = last.min(floor_boundary(source, start + WIDEST * 2 / 3));
    }
    let start = start.min(last);
    let letter = source[start..last].chars().next().map_or(0, char::len_utf8);
    let end = floor_boundary(source, span.end).clamp(start + letter, last);

    let near: Vec<_> = hidden.iter().filter(|part| part.start < last && first < part.end).collect();
    let veiled = |part: Range<usize>| -> String {
        let mut was_hidden = false;
        let veil = |(at, letter): (usize, char)| {
            let at = part.start + at;
            let goes_on = std::mem::replace(&mut was_hidden, near.iter().any(|part| part.contains(&at)));
            match letter {
                _ if was_hidden => (!goes_on).then_some('…'),
                // A raw escape sequence would speak to the reader's terminal.
                control if control.is_control() => Some(' '),
                letter => Some(letter),
            }
        };
        source[part.clone()].char_indices().filter_map(veil).collect()
    };
    let (mut before, mark, mut after) = (veiled(first..start), veiled(start..end), veiled(end..last));
    // What is hidden in two of the parts is one.
    if before.ends_with('…') && mark.starts_with('…') {
        before.pop();
    }
    if after.starts_with('…') && mark.ends_with('…') {
        after.remove(0);
    }
    if first > line_start {
        before.insert(0, '…');
    }
    if last < line_start + line.trim_end().len() {
        after.push('…');
    }
    let (from, width) = (before.chars().count(), mark.chars().count().max(1));
    (before + &mark + &after, from, width)
}

fn floor_boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A problem as it is drawn.
    fn problem(source: &str, wrong: &str, hidden: &[&str]) -> String {
        let range = |part: &str| {
            let at = source.find(part).expect("a part of the text");
            at..at + part.len()
        };
        let problems = Problems::new(source);
        hidden.iter().for_each(|part| problems.hide(range(part)));
        problems.add("key", Some(range(wrong)), Complaint::new("is wrong"));
        problems.into_texts().remove(0)
    }

    #[test]
    fn the_mark_stands_under_what_is_wrong() {
        let drawn = problem("a = 1\r\nb\t= ü, bad\r\nc = 3", "bad", &[]);
        assert_eq!(drawn, "2:8: `key` is wrong\n  2 | b = ü, bad\n    |        ^^^");
    }

    #[test]
    fn what_is_hidden_moves_the_mark_and_not_the_column() {
        let source = "e = { A = \"secret\", B = \"other\" }, bad";
        let drawn = |wrong| problem(source, wrong, &["\"secret\"", "\"other\""]);
        let line = "is wrong\n  1 | e = { A = …, B = … }, bad\n    | ";
        assert_eq!(drawn("bad"), format!("1:36: `key` {line}                      ^^^"));
        assert_eq!(drawn("\"other\""), format!("1:25: `key` {line}                 ^"));
        assert_eq!(drawn("other"), format!("1:26: `key` {line}                 ^"));
    }

    #[test]
    fn a_long_line_is_shown_where_it_is_wrong() {
        let source = format!("a = [{}bad, {}]", "\"x\", ".repeat(1000), "\"y\", ".repeat(1000));
        let drawn = problem(&source, "bad", &[]);
        let lines: Vec<&str> = drawn.lines().collect();
        assert!(lines[0].starts_with("1:5006:"), "{drawn}");
        let (shown, mark) = (lines[1].trim_start_matches("  1 | "), lines[2].trim_start_matches("    | "));
        assert!(
            shown.chars().count() <= WIDEST + 2 && shown.starts_with('…') && shown.ends_with('…'),
            "{drawn}"
        );
        let from = mark.chars().take_while(|letter| *letter == ' ').count();
        assert_eq!(shown.chars().skip(from).take(3).collect::<String>(), "bad", "{drawn}");
    }
}
