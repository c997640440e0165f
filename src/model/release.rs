use serde::{Deserialize, Serialize};

/// A commit as a person knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommitSummary {
    /// Full hexadecimal object name.
    pub id: String,
    /// First line of its message, lossily decoded.
    pub subject: String,
}

/// The first seven digits of a commit, as `git log --oneline` shows them.
pub fn short(commit: &str) -> &str {
    commit.get(..7).unwrap_or(commit)
}

impl CommitSummary {
    /// The first seven digits, as `git log --oneline` shows them.
    pub fn short(&self) -> &str {
        short(&self.id)
    }
}

/// One commit built in a slot: what `etc/release.json` on the host holds.
///
/// Every field but `commit` may be missing in a file that an older version wrote.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Release {
    /// Full hexadecimal object name.
    pub commit: String,
    /// First line of the commit's message.
    #[serde(default)]
    pub subject: String,
    /// Who deployed it, as `user@machine`.
    #[serde(default)]
    pub by: String,
    /// When it was built, in seconds since 1970 by the host's clock.
    #[serde(default)]
    pub at: i64,
    /// Key of the virtualenv it runs in.
    #[serde(default)]
    pub virtualenv: String,
    /// The requirement files that the virtualenv was built from, by their paths in the repository.
    #[serde(default)]
    pub files: Vec<String>,
    /// Whether its virtualenv needs the whole work tree.
    #[serde(default)]
    pub local: bool,
    /// Number of the last migrations accepted before it was built: those after it, it does not know.
    #[serde(default)]
    pub accepted: u64,
}

impl Release {
    /// A release of which nothing but the commit is known.
    pub fn of(commit: &str) -> Release {
        Release {
            commit: commit.to_string(),
            subject: String::new(),
            by: String::new(),
            at: 0,
            virtualenv: String::new(),
            files: Vec::new(),
            local: false,
            accepted: 0,
        }
    }

    /// Whether it was built by this tool, and so can be built again.
    pub fn is_recorded(&self) -> bool {
        self.at > 0
    }

    /// When it was built, as the host's other times are told.
    #[allow(clippy::cast_precision_loss)]
    pub fn built(&self) -> f64 {
        self.at as f64
    }

    pub fn summary(&self) -> CommitSummary {
        CommitSummary { id: self.commit.clone(), subject: self.subject.clone() }
    }
}
