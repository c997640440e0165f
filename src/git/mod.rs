//! Floor 4: the user's own repository: which commit, is anything uncommitted, and the bundle a host lacks.

mod bundle;
mod changes;
mod error;
mod pack;
mod printable;
mod repository;
mod revision;
mod sendable;
mod status;
mod submodule;
mod tracking;

pub use bundle::Bundle;
pub use error::SourceError;
pub use pack::{PackProgress, PackStage, Packer};
pub use repository::Repository;
pub use submodule::Submodule;
pub use tracking::Tracking;

/// For `crate::fuzz`.
#[cfg(test)]
pub(crate) mod fuzzed {
    pub(crate) fn gitmodules(text: &str) {
        if let Err(error) = super::submodule::parse(text.as_bytes(), "0123456") {
            let _ = error.to_string();
        }
    }
}
