//! Commands that a host has recorded.

use serde::{Deserialize, Serialize};

/// A command that held the lease, or that `run` or `setup` brought.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct RecordedCommand {
    /// `deploy`, `stop`, `run`...
    pub verb: String,
    /// `user@machine`.
    pub by: String,
    /// When it began, in seconds since 1970 by the host's clock.
    pub at: f64,
    /// How long it took; `None`: its end is not recorded.
    pub seconds: Option<f64>,
    pub end: End,
    /// The commit that it brought.
    pub commit: Option<String>,
    /// Whether it made a release live; `None`: it did not come so far.
    pub switched: Option<bool>,
    /// The step that was its last, where it failed.
    pub step: Option<String>,
    /// Why that failed, by name.
    pub reason: Option<String>,
    /// The program that `run` started; its arguments may hold secrets.
    pub command: Option<String>,
    /// That program's exit code.
    pub exit: Option<u8>,
}

/// How a command ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum End {
    Done,
    /// It was refused, or found nothing to do.
    Unchanged,
    Failed,
    /// Killed, or without its client.
    CutOff,
    Running,
    /// What `run` started ended unseen, or still runs.
    #[default]
    Unknown,
}
