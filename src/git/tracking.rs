use std::path::Path;

use super::{Repository, SourceError};

/// How git stands to a file of the work tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tracking {
    /// In the index, and so in the next commit.
    Tracked,
    Ignored,
    /// Neither: `git add .` would take it.
    Untracked,
}

impl Repository {
    /// How the repository around a file stands to it; `None` where there is none.
    ///
    /// # Errors
    /// Where the repository cannot be read.
    pub fn tracking(file: &Path) -> Result<Option<Tracking>, SourceError> {
        let Some(repository) = file.parent().and_then(|folder| Repository::discover(folder).ok()) else {
            return Ok(None);
        };
        let git = &repository.git;
        // Without the links on the way, so that both are counted from the same top.
        let real = |path: &Path| {
            let (folder, name) = (path.parent()?.canonicalize().ok()?, path.file_name()?);
            Some(folder.join(name))
        };
        let top = git.workdir().and_then(|top| top.canonicalize().ok());
        let (Some(top), Some(file)) = (top, real(file)) else {
            return Ok(None);
        };
        let Ok(inside) = file.strip_prefix(&top) else {
            return Ok(None);
        };
        let failed = || SourceError::git("cannot tell whether git tracks the file");
        let index = git.index().map_err(failed())?;
        if (0..4).any(|stage| index.get_path(inside, stage).is_some()) {
            return Ok(Some(Tracking::Tracked));
        }
        Ok(Some(if git.is_path_ignored(inside).map_err(failed())? {
            Tracking::Ignored
        } else {
            Tracking::Untracked
        }))
    }
}
