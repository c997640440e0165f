//! What the agent found on a host: what `templates/agent/observe.py` tells.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::{Color, CommitSummary, Freeze, Holder, Lock, Release, age, whole_seconds};

/// A host as it was at one moment.
#[derive(Clone, Debug, Deserialize)]
pub struct HostState {
    /// The host's clock, in seconds since 1970.
    pub now: f64,
    /// The user that the session runs as.
    pub user: String,
    /// The host's own name.
    pub name: String,
    pub root: Disk,
    /// Where the host has these tools; `None`: not on the PATH.
    pub tools: BTreeMap<String, Option<String>>,
    /// The interpreter's version, kind and real path: what a virtualenv is bound to.
    pub python: String,
    pub live: Link,
    pub next: Link,
    /// What a probe shows to a slot's snippet, so that it names itself.
    pub key: Option<String>,
    /// The command that held the lock last and was cut off, as it wrote itself down.
    pub interrupted: Option<Holder>,
    /// The step in which it was.
    pub interrupted_step: Option<String>,
    /// What that step touches, as its plan said; an older deployer did not write it down.
    #[serde(default)]
    pub interrupted_touches: Option<String>,
    /// When it was cut off, in seconds since 1970 by the host's clock.
    #[serde(default)]
    pub interrupted_at: Option<f64>,
    /// Who holds the lock at this moment.
    pub lock: Option<Lock>,
    /// A cutover whose switch has begun and was never seen to end.
    pub switch: Option<UnfinishedSwitch>,
    /// Somebody asked for a pause: no deploy and no cutover until it is lifted.
    #[serde(default)]
    pub freeze: Option<Freeze>,
    /// The last cutovers and rollbacks, oldest first.
    #[serde(default)]
    pub history: Vec<HistoryEntry>,
    /// Migrations that were applied although the release that was live then may not survive them, oldest first.
    #[serde(default)]
    pub accepted: Vec<Accepted>,
    /// How many of live's commits next lacks; absent where nobody asked, or one of them is not known.
    #[serde(default)]
    pub lost: Option<usize>,
    /// Keys of the virtualenvs that are complete.
    pub virtualenvs: Vec<String>,
    pub blue: SlotState,
    pub green: SlotState,
    /// What nginx serves, asked through the front door; absent where nobody asked.
    #[serde(default)]
    pub served: Option<Served>,
    /// The health check by the way that visitors take; absent where nobody asked.
    #[serde(default)]
    pub door: Option<Answer>,
    /// The systemd that could run this user's processes; `None`: there is none.
    #[serde(default)]
    pub systemd: Option<Systemd>,
    /// Whether there is a folder where older deployers put static files aside, and none where they lie now.
    #[serde(default)]
    pub static_in_shared: bool,
    /// What the user's crontab says of the environment; absent where nobody asked.
    #[serde(default)]
    pub crontab: Option<Crontab>,
}

/// Where systemd runs a user's processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Systemd {
    pub scope: Scope,
    /// Whether it runs them while the user is not logged in.
    pub lingers: bool,
    /// Whether the user may write units where it looks for them.
    #[serde(default = "yes")]
    pub writable: bool,
}

fn yes() -> bool {
    true
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// The user's own systemd.
    User,
    /// The system's, for root.
    System,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Crontab {
    /// The host has no cron.
    Missing,
    /// It does not start the environment after a reboot.
    Silent,
    Starts,
}

/// The unit of a slot's web server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum UnitState {
    #[default]
    None,
    /// systemd knows it, and does not start it after a reboot.
    Written,
    Enabled,
}

impl Disk {
    /// Whether next to nothing can be written.
    pub fn is_full(&self) -> bool {
        self.free.is_some_and(|bytes| bytes < 64 * 1024) || self.inodes == Some(0)
    }
}

impl HostState {
    pub fn slot(&self, color: Color) -> &SlotState {
        match color {
            Color::Blue => &self.blue,
            Color::Green => &self.green,
        }
    }

    /// How long ago that was, by the host's clock: `3 min`.
    pub fn ago(&self, at: f64) -> String {
        age(whole_seconds(self.now - at))
    }

    /// The host's clock, in whole seconds since 1970.
    #[allow(clippy::cast_possible_truncation)]
    pub fn seconds(&self) -> i64 {
        self.now as i64
    }

    /// The slot that nginx serves, where it says so.
    pub fn served_color(&self) -> Option<Color> {
        self.served.as_ref()?.slot().map(|slot| slot.color)
    }

    /// Whether nginx follows the `live` link by itself.
    pub fn serves_by_socket(&self) -> bool {
        self.served.as_ref().and_then(Served::slot).is_some_and(|slot| slot.by_socket)
    }

    /// Whether anything was ever laid out below the root.
    pub fn is_fresh(&self) -> bool {
        !self.live.exists && !self.next.exists && !self.blue.exists && !self.green.exists
    }
}

/// The disk that the root is on, or will be.
#[derive(Clone, Debug, Deserialize)]
pub struct Disk {
    /// The nearest folder above that exists.
    pub ancestor: String,
    pub writable: bool,
    /// Bytes free for this user.
    #[serde(default)]
    pub free: Option<u64>,
    #[serde(default)]
    pub inodes: Option<u64>,
}

/// One of the links `live` and `next`.
#[derive(Clone, Debug, Deserialize)]
pub struct Link {
    /// Its text; `None`: no link is there.
    pub target: Option<String>,
    /// The slot it leads to; `None`: it dangles, or leads elsewhere.
    pub color: Option<Color>,
    /// Whether anything of that name is there.
    pub exists: bool,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct SlotState {
    pub exists: bool,
    pub release: Option<Release>,
    /// What the slot's repository can be asked to build upon: reference → commit.
    pub refs: BTreeMap<String, String>,
    pub repository: bool,
    /// Why git would not read the repository.
    pub repository_error: Option<String>,
    /// The commit that is checked out.
    pub head: Option<String>,
    /// Commits that the submodules asked about hold, by their names.
    pub modules: BTreeMap<String, Vec<String>>,
    /// SQLite files in the work tree that no commit brings, some of them if there are many.
    pub databases: Vec<String>,
    pub snippet: String,
    /// Name of the virtualenv that `env` leads to.
    pub environment: Option<String>,
    /// The processes that the launcher can become: the names in `etc/run`.
    pub run: Vec<String>,
    /// What the slot's release runs beside its web server while it is live.
    pub processes: BTreeMap<String, Described>,
    /// Those of them that systemd starts after a reboot.
    pub enabled: Vec<String>,
    /// What of that runs, each as often as it was started.
    pub running: BTreeMap<String, Vec<Process>>,
    pub pid_file: PidFile,
    pub unit: UnitState,
    /// What the pid file says, where it says a number.
    pub pid: Option<i64>,
    pub listener: Option<Listener>,
    /// Whether it listens on a Unix socket of its own too, or would if it ran.
    pub socket: bool,
    /// The slot's own gunicorn, where it runs.
    pub process: Option<Process>,
    /// One probe at the slot's port; absent where nobody asked or nothing listens.
    pub health: Option<Answer>,
}

/// What a release says of one of its processes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct Described {
    /// Whether two of it must never run at once.
    pub singleton: bool,
}

impl SlotState {
    /// The commit that the slot holds: its release's, else that of its work tree, of which no subject is known.
    pub fn commit(&self) -> Option<CommitSummary> {
        let release = self.release.as_ref().map(Release::summary);
        release.or_else(|| self.head.clone().map(|id| CommitSummary { id, subject: String::new() }))
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum PidFile {
    #[default]
    None,
    /// Not a number.
    Garbage,
    /// A process that is gone.
    Stale,
    /// A process that lives and is not the slot's.
    Stranger,
    Ours,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Listener {
    /// `None`: it belongs to a user whose processes cannot be seen.
    pub pid: Option<u32>,
    pub user: String,
    pub ours: bool,
    pub command: String,
}

#[derive(Clone, Debug, Deserialize)]
pub struct Process {
    pub pid: u32,
    /// When it started, in seconds since 1970 by the host's clock.
    pub started: f64,
}

/// What one probe came back with: of a slot at its port, or through the front door.
#[derive(Clone, Debug, Default, PartialEq, Deserialize)]
pub struct Answer {
    #[serde(default)]
    pub ok: bool,
    /// The HTTP status; `None`: there was no answer, `error` says why.
    #[serde(default)]
    pub status: Option<u16>,
    #[serde(default)]
    pub error: Option<String>,
    /// The first bytes of the body.
    #[serde(default)]
    pub body: Option<String>,
    /// Where a redirect leads.
    #[serde(default)]
    pub location: Option<String>,
    /// How long a release stayed healthy before this answer, in seconds.
    #[serde(default)]
    pub settled: Option<f64>,
    /// How long nothing else was answered, where that ended the wait, in seconds.
    #[serde(default)]
    pub steady: Option<f64>,
    /// Through the front door: whether nginx asked the application, or answered by itself; `None`: it does not tell.
    #[serde(default)]
    pub passed: Option<bool>,
}

/// What nginx says it serves.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Served {
    Slot(ServedSlot),
    /// Something answered, but not a snippet of ours.
    Unknown {
        unknown: String,
    },
    /// Nothing answered.
    Silent {
        error: String,
    },
}

/// What a slot's snippet says of itself.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct ServedSlot {
    pub color: Color,
    /// `none` for a slot that never held a release.
    pub commit: String,
    /// Whether nginx follows the `live` link by itself, as the socket cutover needs it.
    #[serde(default)]
    pub by_socket: bool,
    /// What the health check got there, where a switch asked.
    #[serde(default)]
    pub health: Option<Answer>,
}

impl Served {
    pub fn slot(&self) -> Option<&ServedSlot> {
        match self {
            Served::Slot(slot) => Some(slot),
            _ => None,
        }
    }
}

/// Migrations that somebody accepted, as a line of `.deployer/migrations.jsonl`.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Accepted {
    /// From 1 on; a release notes down the last one before it.
    pub number: u64,
    /// The commit that brought them.
    pub commit: String,
    /// `user@machine`.
    pub by: String,
    /// Seconds since 1970 by the host's clock.
    pub at: f64,
    pub operations: Vec<AcceptedOperation>,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct AcceptedOperation {
    /// `app.0002_name`.
    pub migration: String,
    pub what: String,
    pub why: String,
}

/// One switch that was proven, as a line of `.deployer/history.jsonl`.
#[derive(Clone, Debug, PartialEq, Deserialize, serde::Serialize)]
pub struct HistoryEntry {
    /// `cutover`, `rollback`, or `rolled back` where the guard did it.
    pub verb: String,
    /// The slot that became live.
    pub color: Color,
    pub commit: String,
    #[serde(default)]
    pub subject: String,
    #[serde(default)]
    pub by: String,
    /// When it began, in seconds since 1970 by the host's clock. Order is the file's, never this.
    pub at: f64,
    /// From the swap to the proof.
    #[serde(default)]
    pub seconds: f64,
    /// The commit that was live before.
    #[serde(default)]
    pub previous: Option<String>,
    /// Why the guard rolled back.
    #[serde(default)]
    pub why: Option<String>,
    /// How the release was built, so that it can be built again.
    #[serde(default)]
    pub release: Option<Release>,
}

#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct UnfinishedSwitch {
    pub from: Color,
    pub to: Color,
    /// Seconds since 1970 by the host's clock.
    pub at: f64,
}
