//! What a command can show at its end.

use serde::Serialize;

use super::look::Look;
use super::texts::Texts;

/// Something to show: lines for a person, one JSON object for a script.
pub trait Report: Serialize + Texts {
    fn lines(&self, look: Look) -> Vec<String>;
}
