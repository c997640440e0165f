//! Floor 4: the values of `[secrets]`, found on the local side, and kept out of whatever is shown.

mod command;
mod dotenv;
mod escape;
mod find;
mod redact;
mod view;

pub(crate) use find::{Findings, Lookup, LookupInterrupted, find};
pub(crate) use redact::Concealed;
#[cfg(test)]
pub(crate) use redact::Redactor;

/// For `crate::fuzz`.
#[cfg(test)]
pub(crate) mod fuzzed {
    pub(crate) fn dotenv(text: &str) {
        let _ = super::dotenv::parse(text);
    }
}
