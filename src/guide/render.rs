//! A chapter becomes lines for a terminal. It knows as much of Markdown as the chapters use: headings, paragraphs, lists,
//! fenced code, tables, and inside a line `code`, **strong** and links. A test holds that they use no more.

use anstyle::{AnsiColor, Style};
use unicode_width::UnicodeWidthStr;

/// Wider lines are hard to read.
const WIDEST: usize = 100;
/// A column of a table is not made narrower than this.
const NARROWEST: usize = 12;

/// Wraps a chapter to a width, with escape sequences where colour is wanted. Code is never wrapped.
#[must_use]
pub fn render(markdown: &str, columns: usize, color: bool) -> String {
    let mut page = Page { columns: columns.min(WIDEST), color, text: String::new(), in_list: false };
    let mut lines = markdown.lines().peekable();
    while let Some(line) = lines.next() {
        if line.is_empty() || line.starts_with("<!--") {
            continue;
        }
        if line.starts_with("```") {
            let code: Vec<&str> = lines.by_ref().take_while(|line| !line.starts_with("```")).collect();
            page.code(&code);
        } else if let Some(heading) = line.strip_prefix('#') {
            page.heading(heading.trim_start_matches('#').trim(), line.starts_with("# "));
        } else {
            let mut block = vec![line];
            while let Some(line) = lines.next_if(|line| goes_on(&block, line)) {
                block.push(line);
            }
            page.block(&block);
        }
    }
    page.text
}

/// Whether a line belongs to the block that was begun: a paragraph, one item of a list, or a table.
fn goes_on(block: &[&str], line: &str) -> bool {
    if line.is_empty() || line.starts_with("```") || line.starts_with("<!--") {
        return false;
    }
    if block[0].starts_with('|') { line.starts_with('|') } else { marker(line).is_none() }
}

/// What an item of a list begins with: `- `, or a number.
fn marker(line: &str) -> Option<&str> {
    let digits = line.trim_start_matches(|letter: char| letter.is_ascii_digit());
    let numbered = digits.len() < line.len() && digits.starts_with(". ");
    if numbered {
        Some(&line[..line.len() - digits.len() + 2])
    } else {
        line.strip_prefix("- ").map(|_| &line[..2])
    }
}

struct Page {
    columns: usize,
    color: bool,
    text: String,
    /// Whether the last block was an item of a list: those stand together.
    in_list: bool,
}

impl Page {
    fn line(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    /// A blank line between blocks.
    fn begin(&mut self, item: bool) {
        let stands_close = item && self.in_list;
        if !self.text.is_empty() && !stands_close {
            self.text.push('\n');
        }
        self.in_list = item;
    }

    fn heading(&mut self, heading: &str, top: bool) {
        self.begin(false);
        let heading = plain(&self.spans(heading));
        let shown = if top { heading.to_uppercase() } else { heading };
        let strong = paint(&shown, Style::new().bold(), self.color);
        self.line(&strong);
    }

    fn code(&mut self, lines: &[&str]) {
        self.begin(false);
        for line in lines {
            let code = paint(line, AnsiColor::Cyan.on_default(), self.color);
            self.line(&format!("    {code}"));
        }
    }

    fn block(&mut self, lines: &[&str]) {
        if lines[0].starts_with('|') {
            return self.table(lines);
        }
        let marker = marker(lines[0]);
        self.begin(marker.is_some());
        let indent = marker.map_or(0, str::len);
        let text = lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ");
        let text = &text[indent..];
        for (number, line) in wrap(&self.spans(text), self.columns - indent, self.color).iter().enumerate() {
            let start = match marker {
                Some("- ") if number == 0 => "• ",
                Some(marker) if number == 0 => marker,
                _ => &" ".repeat(indent),
            };
            self.line(&format!("{start}{line}"));
        }
    }

    fn table(&mut self, lines: &[&str]) {
        self.begin(false);
        let rows: Vec<Vec<Vec<Span>>> = lines
            .iter()
            .filter(|line| line.chars().any(|letter| !"|- :".contains(letter)))
            .map(|line| cells(line).into_iter().map(|cell| self.spans(&cell)).collect())
            .collect();
        let widths = widths(&rows, self.columns);
        for (number, row) in rows.iter().enumerate() {
            let cells: Vec<Vec<String>> =
                row.iter().zip(&widths).map(|(cell, width)| wrap(cell, *width, self.color)).collect();
            for line in 0..cells.iter().map(Vec::len).max().unwrap_or(0) {
                let part = |cell: &Vec<String>, width: usize| {
                    let text = cell.get(line).cloned().unwrap_or_default();
                    let used = anstream::adapter::strip_str(&text).to_string().width();
                    text + &" ".repeat(width.saturating_sub(used))
                };
                let parts: Vec<String> =
                    cells.iter().zip(&widths).map(|(cell, width)| part(cell, *width)).collect();
                self.line(&parts.join("  "));
            }
            if number == 0 {
                let rule: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
                self.line(&rule.join("  "));
            }
        }
    }

    /// A line's `code`, **strong** and links. A link to another chapter becomes the command that shows it. Without colour,
    /// code keeps its marks.
    fn spans(&self, text: &str) -> Vec<Span> {
        let mut rest = text;
        let mut spans: Vec<Span> = Vec::new();
        let code = AnsiColor::Cyan.on_default();
        let word = |text: &str| {
            if self.color {
                Span { text: text.to_owned(), style: code }
            } else {
                Span { text: format!("`{text}`"), style: code }
            }
        };
        let text = |text: &str| Span { text: text.to_owned(), style: Style::new() };
        while let Some(letter) = rest.chars().next() {
            let next = rest.find(['`', '*', '[']).unwrap_or(rest.len());
            let ticks = rest.len() - rest.trim_start_matches('`').len();
            if next > 0 {
                spans.push(text(&rest[..next]));
                rest = &rest[next..];
            } else if ticks > 0
                && let Some((inner, after)) = rest[ticks..].split_once(&rest[..ticks])
            {
                spans.push(word(inner.trim_matches(|letter| ticks > 1 && letter == ' ')));
                rest = after;
            } else if let Some((inner, after)) =
                rest.strip_prefix("**").and_then(|rest| rest.split_once("**"))
            {
                spans.extend(
                    self.spans(inner).into_iter().map(|span| Span { style: span.style.bold(), ..span }),
                );
                rest = after;
            } else if let Some((inner, target, after)) = link(rest) {
                spans.extend(self.spans(inner));
                let file = target.split('#').next().unwrap_or_default();
                match file.strip_suffix(".md").filter(|name| !name.contains('/')) {
                    _ if file.is_empty() => {}
                    Some(name) => {
                        spans.extend([text(" ("), word(&format!("deployer help {name}")), text(")")]);
                    }
                    None => spans.push(text(&format!(" ({})", file.trim_start_matches("../")))),
                }
                rest = after;
            } else {
                spans.push(text(&rest[..letter.len_utf8()]));
                rest = &rest[letter.len_utf8()..];
            }
        }
        spans
    }
}

/// The cells of a row; a bar in them is written `\|`.
fn cells(line: &str) -> Vec<String> {
    let inner = line.trim().trim_start_matches('|').trim_end_matches('|').replace("\\|", "\u{1}");
    inner.split('|').map(|cell| cell.trim().replace('\u{1}', "|")).collect()
}

/// As wide as what they hold; where that is too much, the widest give way.
fn widths(rows: &[Vec<Vec<Span>>], columns: usize) -> Vec<usize> {
    let count = rows.iter().map(Vec::len).max().unwrap_or(0);
    let wide =
        |column: usize| rows.iter().filter_map(|row| row.get(column)).map(|cell| plain(cell).width()).max();
    let mut widths: Vec<usize> = (0..count).map(|column| wide(column).unwrap_or(0)).collect();
    while widths.iter().sum::<usize>() + 2 * count.saturating_sub(1) > columns {
        match widths.iter_mut().max() {
            Some(widest) if *widest > NARROWEST => *widest -= 1,
            _ => break,
        }
    }
    widths
}

/// A piece of a line, and how it looks.
struct Span {
    text: String,
    style: Style,
}

/// `[text](target)` at the start of a line, and what follows it.
fn link(rest: &str) -> Option<(&str, &str, &str)> {
    let (text, rest) = rest.strip_prefix('[')?.split_once("](")?;
    let (target, rest) = rest.split_once(')')?;
    (!text.contains(['[', ']'])).then_some((text, target, rest))
}

fn plain(spans: &[Span]) -> String {
    spans.iter().map(|span| &*span.text).collect()
}

fn paint(text: &str, style: Style, color: bool) -> String {
    if color && style != Style::new() && !text.is_empty() {
        format!("{style}{text}{style:#}")
    } else {
        text.to_owned()
    }
}

/// Breaks at blanks, as late as it fits.
fn wrap(spans: &[Span], columns: usize, color: bool) -> Vec<String> {
    let mut lines = vec![String::new()];
    let mut used = 0;
    // A word may be made of several spans: `code`, then a comma.
    let mut word = String::new();
    let mut wide = 0;
    let flush = |lines: &mut Vec<String>, used: &mut usize, word: &mut String, wide: &mut usize| {
        if word.is_empty() {
            return;
        }
        if *used > 0 && *used + 1 + *wide > columns {
            lines.push(String::new());
            *used = 0;
        }
        if let Some(line) = lines.last_mut() {
            if *used > 0 {
                line.push(' ');
                *used += 1;
            }
            line.push_str(word);
            *used += *wide;
        }
        word.clear();
        *wide = 0;
    };
    for span in spans {
        for (number, part) in span.text.split(' ').enumerate() {
            if number > 0 {
                flush(&mut lines, &mut used, &mut word, &mut wide);
            }
            word.push_str(&paint(part, span.style, color));
            wide += part.width();
        }
    }
    flush(&mut lines, &mut used, &mut word, &mut wide);
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAMPLE: &str = "\
# The title

A paragraph with `code`, **strong words** and [a link](hooks.md#order), which goes on
in a second line; [here](#x), [there](../../examples/x).

## Below

- an item that is long enough to be wrapped
  and continued
- `another`

1. first

```toml
[table]                              # code is never wrapped, however long it is
```

| key | meaning |
|---|---|
| `a \\| b` | a text that must be wrapped, as it is wider than the page |
";

    #[test]
    fn a_chapter_is_wrapped_and_its_marks_are_gone() {
        insta::assert_snapshot!(render(SAMPLE, 40, false));
    }

    #[test]
    fn colour_takes_no_room() {
        let colored = render(SAMPLE, 40, true);
        assert!(colored.contains("\u{1b}[1m") && colored.contains("\u{1b}[36m"), "{colored}");
        let wide = render("`a` and **b**, `c`", 40, true);
        assert_eq!(anstream::adapter::strip_str(&wide).to_string(), "a and b, c\n");
    }
}
