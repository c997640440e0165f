//! Floor 4: the values of `[secrets]`, found on the local side, and kept out of whatever is shown.

mod command;
mod dotenv;
mod find;
mod redact;

pub use find::{Lack, Lookup, find};
pub use redact::Redactor;
