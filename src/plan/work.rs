//! What the larger actions are told: the host gets it as it stands.

use std::fmt;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::Failure;
use crate::model::{Color, CommitSummary, Secret};
use crate::shell::display;

/// Objects that the host may lack.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Seed {
    /// The submodule that they are of, by its folder in the git directory (`modules/name`); `None`: the application's own repository.
    pub module: Option<String>,
    pub commit: CommitSummary,
    /// Where on the host their git directory is.
    pub git: String,
    /// The same in the other slot, which the host copies from what this one lacks.
    pub other: String,
    /// Where on the host they arrive.
    pub upload: String,
    /// Commits that the host has in either.
    #[serde(skip)]
    pub haves: Vec<String>,
}

/// A virtualenv that is to be there, named by what it is made of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct BuildVirtualenv {
    pub key: String,
    /// Whether it is there already.
    pub complete: bool,
    pub color: Color,
    pub commit: CommitSummary,
    pub interpreter: String,
    /// `auto`, `pip` or `uv`.
    pub installer: &'static str,
    /// The application's folder.
    pub directory: String,
    /// The requirements file, from there.
    pub requirements: Option<String>,
    /// What brings gunicorn beside them; `-`: they do; `none`: it is not needed.
    pub gunicorn: String,
    /// The requirement files; empty: built in the work tree.
    pub files: Vec<String>,
    /// What is installed instead of the requirements file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lines: Option<String>,
    pub install_args: Vec<String>,
}

/// A look at what Django would migrate, in a folder of its own, or in the slot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LookAtMigrations {
    pub accepted: bool,
    /// In the slot.
    pub inside: bool,
    /// Only where it was not possible before.
    pub again: bool,
    /// Whether it is done once more if it is not possible now.
    pub later: bool,
    /// Whether what is accepted is written down.
    pub notes: bool,
    pub folder: String,
    /// Where objects arrive that the host lacks.
    pub upload: String,
    pub color: Color,
    pub commit: CommitSummary,
    pub by: String,
    pub directory: String,
    pub shared: Vec<String>,
    pub virtualenv: Option<String>,
    /// Whether another release runs on the same database.
    pub beside: bool,
    /// Bound on it.
    pub seconds: u64,
    /// How the launcher starts a process.
    pub web: String,
    #[serde(serialize_with = "reveal")]
    pub variables: Secret,
}

/// The cutover itself.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Switch {
    pub from: Color,
    pub to: Color,
    pub commit: String,
    pub moves_links: bool,
    /// Whether nginx must be reloaded; with the socket cutover it follows the link by itself.
    pub reloads: bool,
    /// Processes that the new slot starts and the old one ends.
    pub hands_over: Vec<String>,
    /// What the history will hold of it.
    pub entry: Value,
    /// The status that the health check gets from a healthy release through the front door, where that is not as expected.
    pub usual: Option<String>,
    /// How long it waits for what is decided of its fleet, in seconds; `None`: it is alone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decide_within: Option<f64>,
}

/// A file below the root.
#[derive(Clone, PartialEq, Eq, Serialize)]
pub struct File {
    pub path: String,
    /// In octal digits.
    pub mode: &'static str,
    #[serde(serialize_with = "reveal")]
    pub content: Secret,
}

impl File {
    pub(super) fn new(path: String, content: impl Into<String>) -> File {
        File { path, mode: "644", content: Secret::new(content) }
    }
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)
    }
}

/// For the wire alone.
pub(super) fn reveal<S: Serializer>(secret: &Secret, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.reveal())
}

impl Seed {
    /// The host could not copy what it has in the other slot.
    pub(super) fn not_lent(&self, what: String) -> Failure {
        let other = &self.other;
        Failure::new("seed.other", what)
            .why(format!("git cannot copy what the host has in {other} already"))
            .advise(format!(
                "put it aside; the release there goes on running: {}",
                display(&["mv".to_string(), other.clone(), format!("{other}.broken")])
            ))
            .advise("then run the same command again: it sends everything")
    }
}

impl Switch {
    /// What a person reads, in the present.
    pub(super) fn title(&self) -> String {
        let to = self.to;
        let what = match (self.moves_links, self.reloads) {
            (true, true) => format!("switch to {to} and reload nginx"),
            (true, false) => format!("switch to {to}"),
            (false, _) => format!("reload nginx for {to}"),
        };
        match &*self.hands_over {
            [] => what,
            names => format!("{what}, hand {} over", names.join(", ")),
        }
    }
}

/// What a deploy's virtualenv is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Virtualenv {
    /// Same key, same packages.
    pub key: String,
    /// The requirement files, by their paths in the repository.
    pub files: Vec<String>,
    /// Whether it needs the whole work tree, since a requirement is a path in it.
    pub local: bool,
    /// What is installed instead of a lock that no installer reads.
    pub lines: Option<String>,
}
