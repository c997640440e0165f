use std::io;
use std::path::{Path, PathBuf};

/// Why a throwaway host could not be started, changed or taken down.
#[derive(Debug, thiserror::Error)]
pub enum HostError {
    #[error("it needs Linux: rehearse in a Linux container or machine; all other commands work from here")]
    System,

    #[error(
        "{program} is not installed here: run `apt-get install openssh-server nginx` (as root) and try again"
    )]
    Missing { program: &'static str },

    #[error("cannot use {}: {source}", path.display())]
    File { path: PathBuf, source: io::Error },

    #[error("the path {} cannot be written into the settings of sshd and nginx: set TMPDIR to a folder whose path has no quote, backslash, percent sign or line break", path.display())]
    Path { path: PathBuf },

    #[error("no free port was found on 127.0.0.1")]
    Ports,

    #[error("cannot run {program}: {source}")]
    Run { program: String, source: io::Error },

    /// It ended, or never began to listen; `log` holds the last lines that it wrote.
    #[error("{program} did not start: {}", if log.is_empty() { "it wrote nothing" } else { log })]
    Start { program: String, log: String },

    #[error("processes of the throwaway host in {} did not end: {pids:?}", folder.display())]
    Left { folder: PathBuf, pids: Vec<u32> },
}

impl HostError {
    pub(super) fn file(path: &Path) -> impl FnOnce(io::Error) -> HostError {
        let path = path.to_path_buf();
        move |source| HostError::File { path, source }
    }
}
