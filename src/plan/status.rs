//! What `status` found, environment by environment.
//!
//! Its JSON shape is a promise to scripts: fields are added, never renamed, removed or given another meaning.
//! The guide's chapter `json` has an example that is made of these types.
//! What is not known or not there is `null`; ages are whole seconds by the host's clock.

use serde::Serialize;

use crate::model::{Color, CommitSummary, HistoryEntry, RecordedCommand, Role};

#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct StatusReport {
    /// In the order of `deployer.toml`.
    pub environments: Vec<EnvironmentStatus>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnvironmentStatus {
    pub name: String,
    pub host: String,
    #[serde(flatten)]
    pub seen: Seen,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Seen {
    Unreachable {
        /// One line.
        error: String,
    },
    Reached(Box<HostStatus>),
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct HostStatus {
    /// What nginx really serves, asked through the front door.
    pub served: ServedStatus,
    pub lock: Option<LockHolder>,
    /// `None` where no such link, or no slot behind it, exists.
    pub live: Option<SlotStatus>,
    pub next: Option<SlotStatus>,
    pub problems: Vec<Problem>,
}

impl HostStatus {
    pub fn slot(&self, role: Role) -> Option<&SlotStatus> {
        match role {
            Role::Live => self.live.as_ref(),
            Role::Next => self.next.as_ref(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum ServedStatus {
    Known { color: Option<Color>, commit: Option<CommitSummary> },
    Unknown { why: String },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LockHolder {
    /// `user@machine`.
    pub by: String,
    /// The verb that holds it: `deploy`.
    pub doing: Option<String>,
    pub age_seconds: Option<u64>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SlotStatus {
    pub color: Color,
    /// `None` while nothing was deployed into the slot.
    pub commit: Option<CommitSummary>,
    /// Since the release was built.
    pub age_seconds: Option<u64>,
    /// Who built it, as `user@machine`.
    pub by: Option<String>,
    pub port: u16,
    pub process: WebProcess,
    pub health: SlotHealth,
    /// Whether it starts again by itself after a reboot; `None`: nobody asked, or nothing runs.
    pub survives_reboot: Option<bool>,
    /// What the slot runs beside its web server; of live also what should run.
    pub processes: Vec<ProcessStatus>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProcessStatus {
    /// Its key in `[processes]`.
    pub name: String,
    pub singleton: bool,
    /// Each time that it was started and lives; one is right.
    pub runs: Vec<Run>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Run {
    pub pid: u32,
    pub uptime_seconds: u64,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum WebProcess {
    Running {
        pid: u32,
        uptime_seconds: Option<u64>,
    },
    Stopped,
    /// The port is held by a process that is not ours.
    Stranger {
        /// Who: `pid 812 (node server.js)`.
        what: String,
    },
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum SlotHealth {
    Healthy,
    Unhealthy { why: String },
    Unknown { why: String },
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Problem {
    pub what: String,
    /// The command that mends it, where one does.
    pub run: Option<String>,
}

/// What `history` found: the proven switches of an environment.
#[derive(Clone, Debug, Serialize)]
pub struct HistoryReport {
    pub environment: String,
    /// Oldest first.
    pub history: Vec<HistoryEntry>,
    /// The host's clock, in seconds since 1970.
    pub now: f64,
}

/// What `history --all` found: the commands that the host recorded.
#[derive(Clone, Debug, Serialize)]
pub struct CommandsReport {
    pub environment: String,
    /// Oldest first.
    pub commands: Vec<RecordedCommand>,
    /// The host's clock, in seconds since 1970.
    pub now: f64,
}
