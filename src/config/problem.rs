//! What is wrong in the file, and the line it stands on.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fmt;
use std::ops::Range;

/// One thing that is wrong in `deployer.toml`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key's full dotted name; empty where the text is not TOML at all.
    pub key: String,
    /// Reads on after the key's name: `is missing`.
    pub message: String,
    /// The way out, where there is an obvious one.
    pub help: Option<String>,
    pub place: Place,
}

/// Where a problem stands in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// The line as it is shown: a variable's value is left out, for it may be a secret.
    text: String,
    /// Where in `text` the mark begins, and how many characters it covers.
    mark: (usize, usize),
}

/// Why a value is refused; the reader adds the key's name and the place.
#[derive(Debug)]
pub(super) struct Complaint {
    pub(super) message: String,
    pub(super) help: Option<String>,
    /// The part of the value that is wrong, where it is not the whole.
    pub(super) span: Option<Range<usize>>,
}

impl Complaint {
    pub(super) fn new(message: impl Into<String>) -> Complaint {
        Complaint { message: message.into(), help: None, span: None }
    }

    pub(super) fn help(mut self, help: impl Into<String>) -> Complaint {
        self.help = Some(help.into());
        self
    }

    pub(super) fn at(mut self, span: Range<usize>) -> Complaint {
        self.span.get_or_insert(span);
        self
    }
}

/// `Err` of the complaint where something is not right.
pub(super) fn ensure(right: bool, complaint: Complaint) -> Result<(), Complaint> {
    if right { Ok(()) } else { Err(complaint) }
}

/// Collects problems while a file is read, so that one run reports all of them.
pub(super) struct Problems<'a> {
    source: &'a str,
    /// With the order in which they came.
    found: RefCell<HashMap<Found, usize>>,
    /// What no message may show.
    hidden: RefCell<Vec<Range<usize>>>,
}

/// A problem before its line is drawn: only at the end is it known what must stay hidden.
#[derive(PartialEq, Eq, Hash)]
struct Found {
    key: String,
    message: String,
    help: Option<String>,
    span: Range<usize>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(source: &'a str) -> Problems<'a> {
        Problems { source, found: RefCell::default(), hidden: RefCell::default() }
    }

    /// Adds a problem; what is missing as a whole has no span, and is missed at the file's end.
    pub(super) fn add(&self, key: &str, span: Option<Range<usize>>, complaint: Complaint) {
        let end = self.source.trim_end().len();
        let problem = Found {
            key: key.to_owned(),
            message: complaint.message,
            help: complaint.help,
            span: complaint.span.or(span).unwrap_or(end..end),
        };
        let mut found = self.found.borrow_mut();
        let number = found.len();
        // An application's table is read once for each environment, and is wrong each time.
        found.entry(problem).or_insert(number);
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

    /// The problems in the order of the file's lines; beyond the first of very many, how many more there are.
    pub(super) fn into_sorted(self) -> Vec<Problem> {
        let mut found: Vec<(Found, usize)> = self.found.into_inner().into_iter().collect();
        found.sort_by_key(|(problem, number)| (problem.span.start, *number));
        let more = found.len().saturating_sub(MOST);
        found.truncate(MOST);
        let hidden = merged(self.hidden.into_inner());
        let mut problems: Vec<Problem> = found
            .into_iter()
            .map(|(problem, _)| Problem {
                place: place(self.source, &problem.span, &hidden),
                key: problem.key,
                message: problem.message,
                help: problem.help,
            })
            .collect();
        if let Some(last) = problems.last_mut().filter(|_| more > 0) {
            let help = last.help.take().map(|help| help + "\n\n  ").unwrap_or_default();
            last.help = Some(format!("{help}and {more} more like these"));
        }
        problems
    }
}

/// Problems that are shown; nobody reads more of them.
const MOST: usize = 50;

/// The same parts in order, with what overlaps as one.
fn merged(mut parts: Vec<Range<usize>>) -> Vec<Range<usize>> {
    parts.sort_by_key(|part| part.start);
    let mut merged: Vec<Range<usize>> = Vec::new();
    for part in parts {
        match merged.last_mut() {
            Some(last) if part.start < last.end => last.end = last.end.max(part.end),
            _ => merged.push(part),
        }
    }
    merged
}

/// Longer lines are shown in part.
const WIDEST: usize = 120;

fn place(source: &str, span: &Range<usize>, hidden: &[Range<usize>]) -> Place {
    let start = floor_boundary(source, span.start);
    let line_start = source[..start].rfind('\n').map_or(0, |at| at + 1);
    let line_end = source[start..].find('\n').map_or(source.len(), |at| start + at);
    let end = floor_boundary(source, span.end.max(start)).min(line_end);
    let end = start + source[start..end].trim_end().len();

    let (mut first, mut last) = (line_start, line_end);
    if line_end - line_start > WIDEST {
        first = first.max(floor_boundary(source, start.saturating_sub(WIDEST / 3)));
        last = last.min(floor_boundary(source, start + WIDEST * 2 / 3));
    }
    let mut shown: Vec<char> = Vec::new();
    if first > line_start {
        shown.push('…');
    }
    let mut mark = (None, None);
    let mut veil = None;
    for (at, letter) in source[first..last].trim_end().char_indices() {
        let at = first + at;
        let now = hidden.partition_point(|range| range.end <= at);
        let now = hidden.get(now).is_some_and(|range| range.contains(&at)).then_some(now);
        if now.is_none() || now != veil {
            shown.push(match letter {
                _ if now.is_some() => '…',
                // A raw escape sequence would speak to the reader's terminal.
                control if control.is_control() => ' ',
                letter => letter,
            });
        }
        veil = now;
        let column = shown.len() - 1;
        if at >= start {
            mark.0.get_or_insert(column);
        }
        if at < end {
            mark.1 = Some(column + 1);
        }
    }
    let from = mark.0.unwrap_or(shown.len());
    let width = mark.1.unwrap_or(0).saturating_sub(from).max(1);
    if last < line_end {
        shown.push('…');
    }
    Place {
        line: source[..start].matches('\n').count() + 1,
        column: source[line_start..start].chars().count() + 1,
        text: shown.into_iter().collect(),
        mark: (from, width),
    }
}

fn floor_boundary(source: &str, at: usize) -> usize {
    let mut at = at.min(source.len());
    while !source.is_char_boundary(at) {
        at -= 1;
    }
    at
}

impl Problem {
    /// Writes the problem as people expect of a compiler: `file:line:column: what`, the line, a mark, the way out.
    pub(super) fn write(&self, f: &mut fmt::Formatter<'_>, file: &str) -> fmt::Result {
        let place = &self.place;
        write!(f, "{file}:{}:{}:", place.line, place.column)?;
        if !self.key.is_empty() {
            write!(f, " `{}`", self.key)?;
        }
        write!(f, " {}", self.message)?;
        let gutter = place.line.to_string().len() + 2;
        let (before, width) = place.mark;
        write!(f, "\n  {} | {}", place.line, place.text)?;
        write!(f, "\n{:gutter$} | {:before$}{}", "", "", "^".repeat(width))?;
        match &self.help {
            Some(help) => write!(f, "\n  {help}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(source: &str, wrong: &str, hidden: &[&str]) -> (usize, usize, String, String) {
        let range = |part: &str| {
            let at = source.find(part).expect("a part of the text");
            at..at + part.len()
        };
        let hidden: Vec<Range<usize>> = hidden.iter().map(|part| range(part)).collect();
        let place = place(source, &range(wrong), &hidden);
        let (from, width) = place.mark;
        let under = place.text.chars().skip(from).take(width).collect();
        (place.line, place.column, place.text, under)
    }

    #[test]
    fn the_mark_stands_under_what_is_wrong() {
        let (line, column, text, under) = marked("a = 1\r\nb\t= ü, bad\r\nc = 3", "bad", &[]);
        assert_eq!((line, column), (2, 8));
        assert_eq!((text.as_str(), under.as_str()), ("b = ü, bad", "bad"));
    }

    #[test]
    fn what_is_hidden_moves_the_mark_and_not_the_column() {
        let source = "e = { A = \"secret\", B = \"other\" }, bad";
        let (_, column, text, under) = marked(source, "bad", &["\"secret\"", "\"other\""]);
        assert_eq!((text.as_str(), under.as_str()), ("e = { A = …, B = … }, bad", "bad"));
        assert_eq!(column, 36);
        assert_eq!(marked(source, "\"other\"", &["\"other\""]).3, "…");
    }

    #[test]
    fn a_long_line_is_shown_where_it_is_wrong() {
        let source = format!("a = [{}bad, {}]", "\"x\", ".repeat(1000), "\"y\", ".repeat(1000));
        let (_, column, text, under) = marked(&source, "bad", &[]);
        assert_eq!((column, under.as_str()), (5006, "bad"));
        assert!(text.chars().count() <= WIDEST + 2, "{text}");
        assert!(text.starts_with('…') && text.ends_with('…'), "{text}");
    }
}
