//! What a person is asked, on the terminal of this program.

use std::io::{IsTerminal, Write as _};
use std::path::{Path, PathBuf};

use crate::ssh::Prompt;

/// Asks on the terminal, where there is one.
#[derive(Clone, Copy, Debug)]
pub struct Terminal;

impl Prompt for Terminal {
    fn passphrase(&mut self, key: &Path, attempt: usize) -> Option<String> {
        if !std::io::stdin().is_terminal() {
            return None;
        }
        let again = if attempt > 1 { "wrong; again, " } else { "" };
        let key: PathBuf = key.into();
        rpassword::prompt_password(format!("{again}passphrase for {}: ", key.display())).ok()
    }

    fn can_answer(&self) -> bool {
        std::io::stdin().is_terminal()
    }

    fn answer(&mut self, question: &str) -> Option<String> {
        rpassword::prompt_password(question).ok()
    }
}

impl Terminal {
    /// Whether anybody is there to answer.
    #[must_use]
    pub fn is_there(self) -> bool {
        std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
    }

    /// The answer, which may be empty; `None` where there is none to come.
    #[must_use]
    pub fn ask(self, question: &str) -> Option<String> {
        let mut err = std::io::stderr();
        let _ = write!(err, "{question} ").and_then(|()| err.flush());
        let mut line = String::new();
        let bytes = std::io::stdin().read_line(&mut line).ok()?;
        (bytes > 0).then(|| line.trim().to_string())
    }
}
