use std::path::PathBuf;

/// Why the local repository cannot be read, or cannot be sent as it is.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{} is not inside a git repository", .start.display())]
    NotARepository { start: PathBuf },

    #[error(
        "the git repository at {} is in a format that is not supported yet ({format}); \
         deploy from a clone in git's default format: git clone --no-local {} <folder>",
        .path.display(), .path.display()
    )]
    Unsupported { path: PathBuf, format: String },

    #[error(
        "the git repository at {} belongs to another user; if you trust it: \
         git config --global --add safe.directory {}",
        .path.display(), .path.display()
    )]
    Owner { path: PathBuf },

    #[error("the repository has no commit yet")]
    NoCommit,

    #[error("no commit is called `{rev}` here{}", hint(.near))]
    UnknownRevision { rev: String, near: Vec<String> },

    #[error("`{rev}` is ambiguous, give more digits: {}", .candidates.join(", "))]
    AmbiguousRevision { rev: String, candidates: Vec<String> },

    #[error("`{rev}` names a {kind}, not a commit")]
    NotACommit { rev: String, kind: String },

    #[error(
        "this clone is shallow: the history of {commit} is cut off, so a host could not verify it; \
         complete it with `git fetch --unshallow` (GitHub Actions: `fetch-depth: 0`; GitLab: `GIT_DEPTH: 0`)"
    )]
    Shallow { commit: String },

    #[error(
        "objects of {commit} are not in this {}: {detail}; {}",
        if *.partial { "partial clone" } else { "repository" },
        if *.partial { "get them with `git fetch --refetch --no-filter`" }
        else { "see `git fsck`, and fetch or clone again" }
    )]
    MissingObjects { commit: String, partial: bool, detail: String },

    #[error(
        "{} kept in Git LFS, whose contents are not in the commit and would arrive as pointers: {}; \
         commit them without LFS (`git lfs migrate export`) or load them when the application starts",
        if .files.len() == 1 { "a file is" } else { "files are" }, list(.files)
    )]
    Lfs { files: Vec<String> },

    #[error("submodule `{path}` is not checked out here; run `git submodule update --init --recursive`")]
    SubmoduleNotInitialized { path: String },

    #[error("submodule `{path}` lacks commit {commit} here; run `git -C '{path}' fetch`")]
    SubmoduleCommitMissing { path: String, commit: String },

    #[error(".gitmodules of {commit}: {what}")]
    BadSubmodules { commit: String, what: String },

    #[error("interrupted")]
    Interrupted,

    #[error("{what}: {source}")]
    Io {
        what: String,
        #[source]
        source: std::io::Error,
    },

    #[error("{what}: {}", .source.message())]
    Git {
        what: String,
        #[source]
        source: git2::Error,
    },
}

impl SourceError {
    pub(super) fn git(what: impl Into<String>) -> impl FnOnce(git2::Error) -> SourceError {
        let what = what.into();
        move |source| SourceError::Git { what, source }
    }

    pub(super) fn io(what: impl Into<String>) -> impl FnOnce(std::io::Error) -> SourceError {
        let what = what.into();
        move |source| SourceError::Io { what, source }
    }
}

fn hint(near: &[String]) -> String {
    if near.is_empty() {
        "; does it need a `git fetch`?".to_owned()
    } else {
        format!("; did you mean {}, or does it need a `git fetch`?", near.join(", "))
    }
}

fn list(files: &[String]) -> String {
    const SHOWN: usize = 5;
    let mut text = files.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if files.len() > SHOWN {
        text.push_str(&format!(" and {} more", files.len() - SHOWN));
    }
    text
}
