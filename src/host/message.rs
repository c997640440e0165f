//! What a host's agent says: one line each, the session's nonce and one object of JSON.

use serde::{Deserialize, Serialize};

use super::error::ShellError;
use crate::model::{Answer, HostState, Lock, RecordedCommand};
use crate::plan::{Found, Migrations, Moment, Reason, Traffic, variables::HostVariables};
use crate::ssh::Exit;

/// What the host says.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Message {
    /// The host has not got this version of the agent.
    Wanted,
    /// The interpreter is not on the host's PATH.
    NoPython,
    /// The user may not write below the root, or its disk is full.
    Unwritable,
    /// Somebody else holds the lease, and is waited for.
    Locked(Option<Lock>),
    /// Somebody else holds the lease, and the wait is over.
    Denied,
    State(Box<HostState>),
    Begin(usize),
    /// Whether an action came to its end.
    End(usize, bool),
    /// Why the action that runs failed.
    Failed(Reason),
    /// What was asked for has been done, or has failed.
    Done(bool),
    Note(String),
    Warning(String),
    Migrations(Migrations),
    /// A wrong answer that the wait for health has seen for a while.
    Probed(Answer),
    Watched(Watched),
    /// The release is proven on this host, which waits for what is decided of its fleet.
    Proven,
    Draining(Draining),
    Moment {
        moment: Moment,
        at: f64,
    },
    Traffic(Traffic),
    Found(Vec<Found>),
    Variables(HostVariables),
    Where(SlotPlace),
    Commands(RecordedCommands),
    Site(SiteAnswer),
    /// A log cannot be read.
    Unread(Unread),
    /// The color that `live` or `next` means now, whose log is followed.
    Moved(String),
    /// The agent has a mistake.
    Broken(String),
    /// A line that a tool printed.
    #[serde(skip)]
    Log(String),
    /// What was printed, as it came: a log.
    #[serde(skip)]
    Raw(Vec<u8>),
    /// Everything printed before was handed over.
    #[serde(skip)]
    Flushed,
    /// The agent has ended.
    #[serde(skip)]
    Ended(Exit),
    /// Nothing came in the time given.
    #[serde(skip)]
    Nothing,
}

/// One look of the guard at a release that has just become live.
#[derive(Clone, Debug, Deserialize)]
pub struct Watched {
    /// How long it goes on, in seconds.
    pub left: f64,
    /// What is wrong, if anything is.
    pub why: Option<String>,
    /// What nginx's access log counts since the switch, where it can be read.
    pub requests: Option<u64>,
    pub errors: Option<u64>,
}

/// nginx's workers from before the last reload still have requests.
#[derive(Clone, Debug, Deserialize)]
pub struct Draining {
    pub workers: u32,
    /// How long they are waited for, in seconds.
    pub left: f64,
}

/// Which slot a word means, and whether a release can run in it.
#[derive(Clone, Debug, Deserialize)]
pub struct SlotPlace {
    pub color: Option<crate::model::Color>,
    pub ready: bool,
    /// That of what is about to run there.
    #[serde(default)]
    pub record: Option<RecordName>,
}

/// The commands that a host has recorded.
#[derive(Debug, Deserialize)]
pub struct RecordedCommands {
    pub now: f64,
    /// Oldest first.
    pub commands: Vec<RecordedCommand>,
}

/// By what a command is found again among those that are recorded.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct RecordName {
    at: f64,
    pid: u32,
}

/// What is there of a site, or what came of writing it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SiteAnswer {
    /// The file's text; `None`: there is no file, or none that may be read.
    pub text: Option<String>,
    pub exists: bool,
    pub linked: bool,
    pub dangling: bool,
    pub writable: bool,
    pub ipv6: bool,
    pub certificate: bool,
    /// Only root may know whether there is a certificate.
    pub secret: bool,
    /// The step that failed: `write`, `link`, `test` or `reload`.
    pub failed: Option<String>,
    /// What the tools said.
    pub said: String,
}

/// Why a log cannot be read.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Unread {
    pub error: String,
    pub path: String,
    pub group: Option<String>,
    pub why: Option<String>,
}

/// Reads what stands behind the nonce.
pub(super) fn parse(said: &str) -> Result<Message, ShellError> {
    serde_json::from_str(said).map_err(|error| {
        let said: String = said.chars().take(200).collect();
        ShellError::Strange(format!("{error}: {said}"))
    })
}
