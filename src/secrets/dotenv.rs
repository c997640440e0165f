//! Files of `NAME=VALUE` lines. No library: those that there are replace `$` inside a value, and show it in errors.

use std::collections::BTreeMap;
use std::str::Chars;

/// The number of the line that is no `NAME=VALUE`, from 1.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadLine(pub(super) usize);

/// Reads a file's text: blank lines, `#` comments, an optional `export`, values plain, in '…' as they stand, or in "…"
/// with \n, \t, \", \\ and \$; quoted values may have several lines. `$` means nothing.
pub(super) fn parse(text: &str) -> Result<BTreeMap<String, String>, BadLine> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let mut values = BTreeMap::new();
    let mut rest = text;
    while !rest.is_empty() {
        let bad = || BadLine(text[..text.len() - rest.len()].matches('\n').count() + 1);
        let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
        let trimmed = line.trim();
        if trimmed.is_empty() || trimmed.starts_with('#') {
            rest = after;
            continue;
        }
        let at = line.find('=').ok_or_else(bad)?;
        let name = line[..at].trim();
        let name = name.strip_prefix("export ").unwrap_or(name).trim();
        if name.is_empty() || name.contains(char::is_whitespace) {
            return Err(bad());
        }
        let (value, left) = value(&rest[at + 1..]).ok_or_else(bad)?;
        values.insert(name.to_owned(), value);
        rest = left;
    }
    Ok(values)
}

/// The value that a text begins with, and what comes after its line.
fn value(text: &str) -> Option<(String, &str)> {
    let text = text.trim_start_matches([' ', '\t']);
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let quote = match text.chars().next() {
        Some(quote @ ('"' | '\'')) => quote,
        _ => {
            let end = line.find(" #").or_else(|| line.find("\t#")).unwrap_or(line.len());
            let end = if line.starts_with('#') { 0 } else { end };
            return Some((line[..end].trim().to_owned(), after));
        }
    };
    let mut letters = text[1..].chars();
    let mut value = String::new();
    loop {
        match letters.next()? {
            letter if letter == quote => break,
            '\\' if quote == '"' => value.push_str(&escaped(&mut letters)?),
            letter => value.push(letter),
        }
    }
    let left = letters.as_str();
    let (tail, after) = left.split_once('\n').unwrap_or((left, ""));
    let tail = tail.trim();
    (tail.is_empty() || tail.starts_with('#')).then_some((value, after))
}

fn escaped(letters: &mut Chars<'_>) -> Option<String> {
    Some(match letters.next()? {
        'n' => "\n".to_owned(),
        'r' => "\r".to_owned(),
        't' => "\t".to_owned(),
        plain @ ('"' | '\\' | '$' | '\'') => plain.to_string(),
        other => format!("\\{other}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_spellings_are_read() {
        let text = "\u{feff}# a comment\n\nPLAIN=a b$c  # why\r\nexport E = x#y\nS='it$ \\n' # z\nD=\"a\\n\\\"b\\$\"\nEMPTY=\n\
                    PEM=\"-----BEGIN\nabc=\n-----END\"\nLAST=1";
        let values = parse(text).unwrap();
        let expected = [
            ("D", "a\n\"b$"),
            ("E", "x#y"),
            ("EMPTY", ""),
            ("LAST", "1"),
            ("PEM", "-----BEGIN\nabc=\n-----END"),
            ("PLAIN", "a b$c"),
            ("S", "it$ \\n"),
        ];
        let values: Vec<_> = values.iter().map(|(name, value)| (&**name, &**value)).collect();
        assert_eq!(values, expected);
    }

    #[test]
    fn a_long_file_is_read_once() {
        let began = std::time::Instant::now();
        let text: String = (0..40_000).map(|number| format!("A{number}=\"a value\"\n")).collect();
        assert_eq!(parse(&text).unwrap().len(), 40_000);
        assert_eq!(parse(&format!("{text}hunter2")).unwrap_err(), BadLine(40_001));
        assert!(began.elapsed().as_secs() < 10, "{:?}", began.elapsed());
    }

    #[test]
    fn what_is_no_line_is_named_by_its_number() {
        assert_eq!(parse("A=1\nhunter2\n").unwrap_err(), BadLine(2));
        assert_eq!(parse("A=\"open\n").unwrap_err(), BadLine(1));
        assert_eq!(parse("A=\"x\ny\" z\n").unwrap_err(), BadLine(1));
        assert_eq!(parse("B=1\na b=2\n").unwrap_err(), BadLine(2));
    }
}
