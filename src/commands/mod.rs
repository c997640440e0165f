//! Floor 5: one file a verb, each observe → plan → execute.

mod context;
mod cutover;
mod deploy;
mod doctor;
mod execute;
mod hold;
mod host;
mod init;
mod local;
mod logs;
mod open;
mod outlook;
mod prune;
mod rehearse;
mod run;
mod script;
mod setup;
mod status;
mod variables;
mod vault;

pub use context::Context;
pub use cutover::{CutoverOptions, cutover, rollback};
pub use deploy::{DeployOptions, deploy};
pub use doctor::{DoctorOptions, doctor};
pub use hold::{history, lock, stop, unlock};
pub use init::{Ask, InitOptions, init};
pub use logs::{LogsOptions, logs};
pub use open::{OpenOptions, open};
pub use outlook::{OutlookOptions, outlook};
pub use prune::prune;
pub use rehearse::{Rehearsal, rehearse};
pub use run::run;
pub use setup::{SetupOptions, setup};
pub use status::status;
pub use variables::variables;
pub use vault::Vault;
