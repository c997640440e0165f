//! Words for a POSIX shell, quoted.

use std::fmt::Write;

/// A value that no shell argument can carry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a value holds a NUL character, which no argument can carry: {0:?}")]
pub struct NulError(pub String);

/// Quotes a value, so that a POSIX shell reads it back as one word, to the letter.
pub fn quote(value: &str) -> Result<String, NulError> {
    shlex::try_quote(value).map(|word| word.into_owned()).map_err(|_| NulError(value.to_string()))
}

/// Quotes the words of a command for a person to paste.
pub fn display(words: &[String]) -> String {
    let mut line = String::new();
    for word in words {
        let word = shlex::try_quote(word).map_or_else(|_| format!("{word:?}"), |word| word.into_owned());
        let _ = write!(line, "{}{word}", if line.is_empty() { "" } else { " " });
    }
    line
}
