//! Why an action failed, by name: what the host's part says, and [`super::explain()`] explains.

use serde::Deserialize;

use super::Migrations;
use crate::model::{Answer, Served};

/// What is known of an action that failed.
#[derive(Clone, Debug, Default)]
pub struct ActionFailure {
    /// Why; `None`: it did not come to an end.
    pub reason: Option<Reason>,
    /// What its tools printed, oldest first.
    pub output: Vec<String>,
    /// What the look at the migrations found.
    pub migrations: Option<Migrations>,
    /// Whether the user asked to stop.
    pub interrupted: bool,
}

/// A reason, as `Failed` in `templates/agent/wire.py` carries it.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// A program of the host's ended with this status.
    ToolFailed {
        tool: String,
        status: i32,
    },
    /// A line of `deployer.toml` did; it means whatever its author meant.
    CommandFailed {
        status: i32,
    },
    /// A signal ended the action itself.
    Killed {
        signal: i32,
    },
    /// It was asked to end.
    Stopped,
    /// A file could not be written or read; what was printed says which, and why.
    NotWritten,
    /// The host's part has a mistake; what was printed says where.
    Broken,
    /// A git is at work in the slot's repository.
    GitBusy,
    /// git cannot copy what the host has in the other slot.
    NotLent,
    /// git refuses to check out a submodule.
    NoSubmodule,
    /// A shared folder has files of the commit's.
    SharedTracked,
    /// Live runs from the virtualenv, though its Python does not start.
    VirtualenvLive,
    NoUv,
    /// The requirements bring no gunicorn.
    NoGunicorn,
    /// What runs in the slot does not end.
    StillRunning,
    /// The slot's port is held by something else.
    PortTaken,
    /// What was started has ended.
    Died {
        status: i32,
    },
    /// What was started does not answer as expected.
    Unhealthy {
        health: Answer,
    },
    /// systemd would not run it, and was asked for.
    NoSystemd,
    /// The command for static files left no folder.
    NoFolder,
    /// A pending migration would break what runs now.
    MigrationsStop,
    /// Nobody can tell what would be migrated.
    MigrationsUnread,
    /// A path that is not for `prune` to remove.
    NotOurs,
    /// A slot uses the virtualenv.
    InUse,
    /// A process of the release that becomes live did not stay.
    ProcessesDied,
    /// The links or their record could not be written: nothing was switched.
    SwitchNotWritten,
    /// The release that became live was not proven, or did not hold.
    SwitchFailed(Box<SwitchFailure>),
    /// It was proven here, but not on every host of its fleet: it was taken back.
    Recalled(Box<SwitchFailure>),
    /// It is live and proven, but that could not be written down.
    NotRecorded,
    /// It is live and proven, but not all of its processes are in their place.
    NotHandedOver,
}

impl Reason {
    /// The status of a program, as a shell counts it.
    pub fn status(&self) -> Option<i32> {
        match self {
            Reason::ToolFailed { status, .. } | Reason::CommandFailed { status } => Some(*status),
            Reason::Killed { signal } => Some(128 + signal),
            _ => None,
        }
    }
}

/// What the switch says when it did not hold.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct SwitchFailure {
    /// Whether the reload command succeeded.
    pub accepted: bool,
    /// What it said.
    pub said: String,
    /// What the front door served in the end.
    pub answer: Option<Served>,
    /// What the guard saw, where it was the guard that went back.
    #[serde(default)]
    pub watched: Option<String>,
    /// Whether the old release was seen to be served again.
    pub restored: bool,
    /// What is served now.
    pub now: Served,
}
