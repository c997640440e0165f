//! A throwaway host on loopback: its own sshd and nginx in a temporary folder, gone when the value is dropped.
//!
//! It is tidy, not confined: its sessions have every right of the user who started it.

mod daemon;
mod error;
mod host;
mod leftover;
mod load;
mod nginx;
mod options;
mod ports;
mod processes;
mod sshd;
mod traffic;

pub use error::HostError;
pub use host::ThrowawayHost;
pub use leftover::{Leftover, tidy_up};
pub use load::{Load, LoadReport, Outcome, Reply, Running};
pub use options::HostOptions;
pub use ports::{Port, reserve_port};
