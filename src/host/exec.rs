//! A command's words, as a command that any login shell passes on unharmed.

use std::fmt::Write;

use super::error::ShellError;
use crate::shell::quote;
use crate::ssh::LONGEST_COMMAND;

/// The command that becomes these words. Its input is untouched.
///
/// # Errors
/// Where a value cannot be an argument, or all is too long.
pub fn exec_command(words: &[&str]) -> Result<String, ShellError> {
    let mut command = String::from("exec sh -c 'eval \"$(printf %b \"$1\")\"' deployer 'exec");
    for word in words {
        for byte in [" ", &quote(word)?].concat().bytes() {
            match byte {
                // What some login shell takes for its own even in quotes.
                b'\'' | b'\\' | b'!' | 0..=31 | 127.. => {
                    let _ = write!(command, "\\0{byte:03o}");
                }
                plain => command.push(char::from(plain)),
            }
        }
    }
    command.push('\'');
    match command.len() {
        length if length > LONGEST_COMMAND => Err(ShellError::TooLong(length)),
        _ => Ok(command),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn awkward_words_arrive_to_the_letter() {
        let values = [
            "it's",
            "$HOME",
            "*",
            "",
            "two\nlines\n",
            "!x",
            "ü",
            "{a,b}",
            "-n",
            "\\",
            "\\0101",
            "%s",
            "`id`",
            "a;b",
            "\"q\"",
            "~",
        ];
        let line = exec_command(&[&["printf", "%s\\0"], &values[..]].concat()).unwrap();
        assert!(line.is_ascii() && !line.contains(['\n', '!']), "{line}");
        let output = Command::new("sh").args(["-c", &line]).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.split_terminator('\0').collect::<Vec<_>>(), values);
    }

    #[test]
    fn nul_is_refused() {
        assert!(exec_command(&["a\0b"]).is_err());
    }
}
