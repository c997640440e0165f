//! Floor 4: a host of ours: opens its own part there, speaks its protocol, and carries a plan out.

#[cfg(test)]
pub(crate) mod fuzzed;
mod host_shell;
mod message;
mod packed;

pub use host_shell::{HostShell, Opening, ShellError, nonce};
pub use message::{Draining, Message, Watched};
pub use packed::{python_command, shell_command};
