//! Who holds a host, and who asked for a pause.

use serde::Deserialize;

/// Who holds the lock, as they wrote it down when they took it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Holder {
    /// `user@machine`.
    pub by: String,
    /// `deploy`, `cutover`…
    pub verb: String,
    /// Commit, where the command is about one.
    #[serde(default)]
    pub commit: Option<String>,
}

/// A lock that is held.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(untagged)]
pub enum Lock {
    Lease(Lease),
    Stranger(Stranger),
}

/// A deployer's command that holds the lock.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct Lease {
    pub holder: Holder,
    /// For how long, in seconds by the host's clock.
    pub age: f64,
    /// The step in which its holder is.
    pub step: Option<String>,
    /// For how long its client has given no sign of life, in seconds.
    pub silent: f64,
}

/// A process that holds the lock and is no deployer's command.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Stranger {
    /// `None`: this user may not see it.
    pub pid: Option<u32>,
    pub user: Option<String>,
    pub command: String,
    /// Whether it belongs to the user who deploys, who may end it.
    pub ours: bool,
}

impl Stranger {
    /// How it is ended; `force` is the command that can, where it is the deploy user's own.
    pub fn end(&self, force: &str, host: &str) -> String {
        match (self.ours, self.pid) {
            (true, _) => format!("end it: {force}"),
            (false, Some(pid)) => format!("only root can end it; on {host}: kill {pid}"),
            (false, None) => {
                format!(
                    "only root can tell what it is; on {host}: lslocks --notruncate | grep .deployer/lock"
                )
            }
        }
    }
}

/// A pause that a person asked for.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize, serde::Serialize)]
pub struct Freeze {
    /// `user@machine`.
    pub by: String,
    pub message: String,
    /// Seconds since 1970 by the host's clock.
    pub at: i64,
}
