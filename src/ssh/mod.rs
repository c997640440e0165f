//! Floor 3: the one way to a host. One SSH session, on which everything travels. It knows nothing of what it carries.
//!
//! **Why libssh2, and what it costs.** The session is ours, in this process: a command takes 6.3 round trips from the
//! first packet to its answer, where OpenSSH's own client takes 11; what fails is a typed error and not a line of
//! stderr; Ctrl-C, silence and floods are noticed wherever the program stands; and nothing needs to be installed. For
//! that, the rest of a client is written here: ssh_config, known_hosts, the choice of keys and algorithms, jumps,
//! tunnels. What libssh2 cannot do the user's own `ssh` does (`openssh`): ProxyCommand, `Match exec`, FIDO keys, host
//! certificates, and a connection of theirs that is open. Both are a `Transport`; `route` chooses.
//!
//! libssh2's session never blocks inside the library: each call is tried, and between tries the socket is polled, so
//! that a timeout, a dead peer and Ctrl-C are noticed. From the bottom up: a `Carrier` moves the bytes of a socket on a
//! thread of its own, a `Wire` drives libssh2 on top of it, a `Connection` is a wire on which the login is done, a
//! `Pipe` is a libssh2 channel without its traps. [`Session`] and [`Channel`] are what others see.

mod algorithms;
mod attach;
mod auth;
mod carrier;
mod channel;
mod connection;
mod dial;
mod error;
#[cfg(test)]
#[path = "../../tests/fuzz/ssh.rs"]
pub(crate) mod fuzzed;
mod host_key;
mod host_key_error;
mod interrupt;
mod jump;
mod keyfile;
mod known_hosts;
mod libssh2;
mod lines;
mod local_terminal;
mod openssh;
mod options;
mod patience;
mod pattern;
mod pipe;
mod relay;
mod route;
mod session;
mod ssh_config;
mod transport;
mod trust;
mod tunnel;
mod wire;

pub use channel::{Channel, Output};
pub use connection::LONGEST_COMMAND;
pub use error::{Attempt, AttemptResult, ConnectError, RemoteError};
pub use host_key::HostKey;
pub use host_key_error::{Distrust, HostKeyError, HowToReach};
pub use interrupt::Interrupt;
pub use lines::Lines;
pub use openssh::askpass;
pub use options::{ConnectOptions, NoPrompt, Prompt, user_name};
pub use pipe::{Exit, Received};
pub use session::Session;
