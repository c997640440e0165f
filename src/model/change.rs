use serde::Serialize;

/// A commit as a log shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LoggedCommit {
    pub id: String,
    pub subject: String,
    pub author: String,
    /// When it was written, in seconds since 1970.
    pub at: i64,
}

/// A file that differs between two commits; its path is that in the repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileChange {
    pub path: String,
    pub kind: ChangeKind,
    /// Bytes of the new content.
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChangeKind {
    Added,
    Removed,
    Modified,
}
