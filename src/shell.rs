//! What is said to a POSIX shell: commands, each value a quoted argument.

use std::fmt::Write;

/// A value that no shell argument can carry.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("a value holds a NUL character, which no argument can carry: {0:?}")]
pub struct NulError(pub String);

/// A command with its arguments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    function: &'static str,
    arguments: Vec<String>,
}

impl Call {
    pub fn new(function: &'static str) -> Call {
        Call { function, arguments: Vec::new() }
    }

    #[must_use]
    pub fn arg(mut self, value: impl Into<String>) -> Call {
        self.arguments.push(value.into());
        self
    }

    #[must_use]
    pub fn args<T: Into<String>>(mut self, values: impl IntoIterator<Item = T>) -> Call {
        self.arguments.extend(values.into_iter().map(Into::into));
        self
    }

    /// The call as one line: a line feed inside a value is spelled `$newline`, a variable of the script's.
    pub fn line(&self) -> Result<String, NulError> {
        let mut line = self.function.to_string();
        for argument in &self.arguments {
            line.push(' ');
            let lines: Vec<String> = argument.split('\n').map(quote).collect::<Result<_, _>>()?;
            line.push_str(&lines.join("\"$newline\""));
        }
        Ok(line)
    }
}

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

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    /// What a real `sh` makes of a call.
    fn echoed(values: &[&str]) -> Vec<String> {
        let line = Call::new("show").args(values.iter().copied()).line().unwrap();
        assert!(!line.contains('\n'), "{line:?} is one line");
        let script =
            format!("newline='\n'\nshow() {{ for word; do printf '%s\\0' \"$word\"; done; }}\n{line}");
        let output = Command::new("sh").arg("-c").arg(script).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        text.split_terminator('\0').map(str::to_string).collect()
    }

    #[test]
    fn awkward_values_arrive_to_the_letter() {
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
            "`id`",
            "a;b",
            "\"q\"",
            "~",
            "$newline",
        ];
        assert_eq!(echoed(&values), values);
    }

    #[test]
    fn nul_is_refused() {
        assert!(Call::new("show").arg("a\0b").line().is_err());
    }
}
