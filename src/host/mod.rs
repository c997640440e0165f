//! Floor 4: a host of ours: connects, starts the agent there, speaks its one protocol, observes, carries plans out, and
//! turns what fails into failures.

mod agent;
mod connect;
mod error;
mod exec;
mod execute;
mod failure;
mod fleet;
#[cfg(test)]
#[path = "../../tests/fuzz/host.rs"]
pub(crate) mod fuzzed;
mod lease;
mod look;
mod message;
mod observe;
mod request;
mod session;
mod upload;
mod work;

pub use connect::connect;
pub use error::ShellError;
pub use exec::exec_command;
pub use failure::{lost, no_scripts};
pub use fleet::{Fleet, FleetMember, worst};
pub use lease::TakeLease;
pub use message::{Draining, Message, RecordName, RecordedCommands, SiteAnswer, SlotPlace, Unread, Watched};
pub use observe::{Host, ask, start};
pub use request::{After, Began, Request, SentAction, SiteFiles, SitePut};
pub use session::{HostSession, Opening, nonce};
pub use upload::Upload;
pub use work::Work;
