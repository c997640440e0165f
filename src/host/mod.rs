//! Floor 4: a host of ours: starts the agent there, and speaks its one protocol.

mod agent;
mod error;
#[cfg(test)]
pub(crate) mod fuzzed;
mod message;
mod packed;
mod request;
mod session;

pub use agent::TakeLease;
pub use error::ShellError;
pub use message::{Draining, Message, RecordName, RecordedCommands, SiteAnswer, SlotPlace, Unread, Watched};
pub use packed::exec_command;
pub use request::{Began, Request, SiteFiles, SitePut, Step};
pub use session::{HostSession, Opening, nonce};
