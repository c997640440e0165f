//! Floor 6: one file a verb, with its arguments, its help, and what it does.

// The doc comments of arguments are their help, where a word in brackets is a table of `deployer.toml`.
#![allow(rustdoc::broken_intra_doc_links)]

mod context;
mod fleet;
mod hooks;
mod invocation;
mod job;
mod judge;
mod line;
mod local;
mod person;
mod secrets;
mod seed;
mod verb;

pub use completions::complete;
use context::{Context, Vault};
pub use line::{CommandLine, parse};
use verb::{AnyVerb, Group};

macro_rules! cfg_if {
    ($(if #[help = $heading:literal] { $(mod $verb:ident;)* }) else *) => {
        $($(mod $verb;)*)*

        /// The verbs in the order in which a person meets them.
        const GROUPS: &[Group] =
            &[$(Group { heading: $heading, verbs: &[$((stringify!($verb), &$verb::VERB)),*] }),*];
    };
}

// Every verb: a line here and the file that it names are all that there is of one. The macro has this name and this shape
// because rustfmt finds files through no other.
cfg_if! {
    if #[help = "First steps"] {
        mod init;
        mod doctor;
        mod setup;
        mod rehearse;
    } else if #[help = "Release"] {
        mod plan;
        mod deploy;
        mod open;
        mod cutover;
        mod rollback;
        mod restart;
    } else if #[help = "Look"] {
        mod status;
        mod history;
        mod logs;
        mod env;
    } else if #[help = "Work on the host"] {
        mod run;
        mod stop;
        mod prune;
        mod lock;
        mod unlock;
    } else if #[help = "This program"] {
        mod completions;
        mod man;
        mod schema;
        mod help;
    }
}

/// All verbs by their names.
fn verbs() -> impl Iterator<Item = (&'static str, &'static AnyVerb)> {
    GROUPS.iter().flat_map(|group| group.verbs).copied()
}

/// The names of all verbs, in the order in which a person meets them.
pub fn names() -> Vec<&'static str> {
    verbs().map(|(name, _)| name).collect()
}
