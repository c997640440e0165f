//! What can go wrong between this side and the agent.

use std::time::Duration;

use crate::shell::NulError;
use crate::ssh::RemoteError;

#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Nul(#[from] NulError),
    #[error("cannot read what is to be sent: {0}")]
    Upload(#[from] std::io::Error),
    #[error("the command for the host is {0} bytes long, more than SSH carries")]
    TooLong(usize),
    #[error("the host said something that this version does not understand: {0}")]
    Strange(String),
    #[error("there is no {0} on its PATH")]
    NoPython(String),
    #[error("the host did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the host sends without end: {0}")]
    Endless(String),
}
