//! What the host's shell says, line by line, as values.

use serde::Deserialize;

use super::host_shell::ShellError;
use crate::model::{Answer, HostState, Lock};
use crate::plan::{Found, FoundKind, Migrations, SwitchFailure};
use crate::ssh::Exit;

/// What the host says.
#[derive(Debug)]
pub enum Message {
    /// A command that is not on the host's PATH.
    Missing(String),
    /// The user may not write below the root, or its disk is full.
    Unwritable,
    /// Somebody else holds the lock, and is waited for.
    Locked(Option<Lock>),
    /// Somebody else holds the lock, and the wait is over.
    Denied,
    State(Box<HostState>),
    Begin(usize),
    End(usize, i32),
    /// The line that was sent has been worked off, with this status.
    Idle(i32),
    Note(String),
    Warning(String),
    Migrations(Migrations),
    Health(Answer),
    /// A wrong answer that the wait for health has seen for a while.
    Probed(Answer),
    Died(i32),
    SwitchFailed(Box<SwitchFailure>),
    Watched(Watched),
    Draining(Draining),
    Found(Found),
    /// A line that a tool printed.
    Log(String),
    /// Everything printed before was handed over.
    Flushed,
    /// The shell has ended.
    Ended(Exit),
    /// Nothing came in the time given.
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

/// Reads what stands behind the nonce; `None`: nothing to act upon.
pub(crate) fn parse(said: &str) -> Result<Option<Message>, ShellError> {
    let strange = || ShellError::Strange(said.chars().take(200).collect());
    let (word, rest) = said.split_once(' ').unwrap_or((said, ""));
    let number = |text: &str| text.trim().parse::<i32>().map_err(|_| strange());
    fn json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, ShellError> {
        serde_json::from_str(text).map_err(|error| ShellError::Strange(error.to_string()))
    }
    Ok(Some(match word {
        "hello" | "acquired" | "switched" => return Ok(None),
        "missing" => Message::Missing(rest.to_string()),
        "unwritable" => Message::Unwritable,
        "locked" => Message::Locked(json(rest)?),
        "denied" => Message::Denied,
        "state" => Message::State(Box::new(json(rest)?)),
        "begin" => Message::Begin(number(rest)? as usize),
        "end" => {
            let (step, status) = rest.split_once(' ').ok_or_else(strange)?;
            Message::End(number(step)? as usize, number(status)?)
        }
        "idle" => Message::Idle(number(rest)?),
        "note" => Message::Note(json(rest)?),
        "warning" => Message::Warning(json(rest)?),
        "migrations" => Message::Migrations(json(rest)?),
        "health" => Message::Health(json(rest)?),
        "probed" => Message::Probed(json(rest)?),
        "died" => Message::Died(number(rest)?),
        "watched" => Message::Watched(json(rest)?),
        "draining" => Message::Draining(json(rest)?),
        "found" => Message::Found(found(rest).ok_or_else(strange)?),
        "switch_failed" => Message::SwitchFailed(Box::new(json(rest)?)),
        _ => return Err(strange()),
    }))
}

/// `virtualenv 61440 c0ffee`.
fn found(text: &str) -> Option<Found> {
    let (kind, rest) = text.split_once(' ')?;
    let (kilobytes, name) = rest.split_once(' ')?;
    let kind = match kind {
        "virtualenv" => FoundKind::Virtualenv,
        "unfinished" => FoundKind::Unfinished,
        "leftover" => FoundKind::Leftover,
        _ => return None,
    };
    let name = name.to_string();
    let kilobytes = kilobytes.parse().ok()?;
    Some(Found { kind, name, kilobytes })
}
