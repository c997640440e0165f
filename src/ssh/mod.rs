//! Floor 3: the one way to a host. One SSH session, on which everything travels: scripts, git objects, probes.
//!
//! The session never blocks inside libssh2: each call is tried, and between tries the socket is polled, so that a
//! timeout, a dead peer and Ctrl-C are noticed wherever the program stands.

mod algorithms;
mod attach;
mod auth;
mod carrier;
mod channel;
mod dial;
mod error;
#[cfg(test)]
pub(crate) mod fuzzed;
mod host_key_error;
mod interrupt;
mod jump;
mod keyfile;
mod known_hosts;
mod lines;
mod local_terminal;
mod options;
mod patience;
mod pattern;
mod session;
mod ssh_config;
mod trust;
mod tunnel;
mod wire;

pub use channel::{Channel, Exit, Output, Received};
pub use error::{Attempt, AttemptResult, ConnectError, RemoteError};
pub use host_key_error::{HostKeyError, Way};
pub use interrupt::Interrupt;
pub use known_hosts::HostKey;
pub use lines::Lines;
pub use options::{ConnectOptions, NoPrompt, Prompt};
pub use session::{LONGEST_COMMAND, Session};
