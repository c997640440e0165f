//! Takes known values out of whatever is shown or kept, in the spellings in which programs print them.

use std::fmt::Write;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

use crate::model::Secrets;
use crate::shell::quote;

/// Shorter values would blacken every other word, and show by that what they are.
const SHORTEST: usize = 4;
/// A line of a longer value, a key in PEM say, that is known by itself; shorter ones are common words.
const SHORTEST_LINE: usize = 8;
/// Of an encoded value, this much is surely no chance.
const SHORTEST_CODE: usize = 8;

/// What must not be shown, and the name that stands for it.
#[derive(Clone, Default)]
pub struct Redactor {
    /// The longest first: one value may be part of another.
    patterns: Vec<(String, String)>,
}

impl Redactor {
    pub fn new(secrets: &Secrets) -> Redactor {
        let mut patterns: Vec<(String, String)> = Vec::new();
        for (name, secret) in secrets {
            let mark = format!("[{name} redacted]");
            for pattern in spellings(secret.reveal()) {
                if !patterns.iter().any(|(known, _)| *known == pattern) {
                    patterns.push((pattern, mark.clone()));
                }
            }
        }
        patterns.sort_by_key(|(pattern, _)| std::cmp::Reverse(pattern.len()));
        Redactor { patterns }
    }

    /// Replaces every known value in a text.
    pub fn apply(&self, text: &mut String) {
        for (pattern, mark) in &self.patterns {
            if text.contains(pattern) {
                *text = text.replace(pattern, mark);
            }
        }
    }
}

/// A value as it stands, line by line, and as programs write it: quoted, escaped, in base64, in a URL.
fn spellings(value: &str) -> Vec<String> {
    let mut all = Vec::new();
    if value.len() < SHORTEST {
        return all;
    }
    all.push(value.to_owned());
    // Output comes line by line.
    if value.contains('\n') {
        let lines = value.lines().map(str::trim);
        all.extend(
            lines
                .filter(|line| line.len() >= SHORTEST_LINE)
                .map(str::to_owned),
        );
    }
    all.extend(quote(value).ok());
    all.push(escaped(value, "\"\\"));
    all.push(escaped(value, "'\\"));
    all.push(percent(value, "-_.~", "%20"));
    all.push(percent(value, "-_.~/", "%20"));
    all.push(percent(value, "-_.~*", "+"));
    all.extend(base64(value.as_bytes()));
    all
}

/// As JSON and Python write it between quotes.
fn escaped(value: &str, special: &str) -> String {
    let mut text = String::new();
    for letter in value.chars() {
        match letter {
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            letter if special.contains(letter) => text.extend(['\\', letter]),
            letter => text.push(letter),
        }
    }
    text
}

fn percent(value: &str, safe: &str, space: &str) -> String {
    let mut text = String::new();
    for byte in value.bytes() {
        match char::from(byte) {
            ' ' => text.push_str(space),
            letter if letter.is_ascii_alphanumeric() || safe.contains(letter) => text.push(letter),
            _ => drop(write!(text, "%{byte:02X}")),
        }
    }
    text
}

/// In base64 a value looks in one of three ways, by where it begins in what was encoded, `user:password` say. Its first
/// and last letters hang on its neighbours, and are left out.
fn base64(value: &[u8]) -> Vec<String> {
    let mut codes = Vec::new();
    for shift in 0..3_usize {
        let mut bytes = vec![0; shift];
        bytes.extend(value);
        let first = (shift * 8).div_ceil(6);
        let end = bytes.len() * 8 / 6;
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let code = engine.encode(&bytes);
            codes.extend(code.get(first..end).map(str::to_owned));
        }
    }
    codes.retain(|code| code.len() >= SHORTEST_CODE);
    codes
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Secret;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE};

    fn redactor(secrets: &[(&str, &str)]) -> Redactor {
        let secrets = secrets
            .iter()
            .map(|(name, value)| ((*name).to_owned(), Secret::new(*value)));
        Redactor::new(&secrets.collect())
    }

    fn redacted(redactor: &Redactor, text: &str) -> String {
        let mut text = text.to_owned();
        redactor.apply(&mut text);
        text
    }

    #[test]
    fn a_value_is_found_in_every_spelling() {
        let value = "p?ss w/\"rd\u{fc}'$x>>>";
        let redactor = redactor(&[("DB", value)]);
        let basic = STANDARD.encode(format!("ann:{value}"));
        for text in [
            value.to_owned(),
            format!("{value:?}"),
            serde_json::to_string(value).unwrap(),
            quote(value).unwrap(),
            STANDARD.encode(value),
            URL_SAFE.encode(value),
            basic,
            STANDARD.encode(format!("x{value}y")),
            "postgres://u:p%3Fss%20w%2F%22rd%C3%BC%27%24x%3E%3E%3E@h/d".to_owned(),
            "q=p%3Fss+w%2F%22rd%C3%BC%27%24x%3E%3E%3E&".to_owned(),
        ] {
            let shown = redacted(&redactor, &format!("before {text} after"));
            assert!(shown.contains("[DB redacted]"), "{text}: {shown}");
            assert!(!shown.contains("w/") && !shown.contains("rd"), "{shown}");
        }
    }

    #[test]
    fn longer_values_go_first_and_short_ones_stay() {
        let redactor = redactor(&[("A", "hunter2"), ("B", "hunter2-and-more"), ("C", "on")]);
        let shown = redacted(&redactor, "hunter2-and-more hunter2 on");
        assert_eq!(shown, "[B redacted] [A redacted] on");
    }

    #[test]
    fn a_key_of_many_lines_is_found_line_by_line() {
        let redactor = redactor(&[("KEY", "-----BEGIN KEY-----\nMIIEvQIBADAN\nend\n")]);
        assert_eq!(redacted(&redactor, "> MIIEvQIBADAN"), "> [KEY redacted]");
        assert_eq!(redacted(&redactor, "the end"), "the end");
    }
}
