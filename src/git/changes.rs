use git2::{Delta, DiffOptions, Oid, Sort};

use super::printable::printable;
use super::{Repository, SourceError};
use crate::model::{ChangeKind, FileChange, LoggedCommit};

impl Repository {
    /// The commits that `to` has and `from` lacks, newest first, `most` of them; and how many there are. Both must be here.
    pub fn log(&self, from: &str, to: &str, most: usize) -> Result<(Vec<LoggedCommit>, usize), SourceError> {
        let failed = |error| self.unreadable(to, error);
        let mut walk = self.git.revwalk().map_err(failed)?;
        walk.set_sorting(Sort::TOPOLOGICAL | Sort::TIME).map_err(failed)?;
        walk.push(self.commit(to)?.id()).map_err(failed)?;
        walk.hide(self.commit(from)?.id()).map_err(failed)?;
        let (mut found, mut count) = (Vec::new(), 0);
        for id in walk {
            count += 1;
            if found.len() < most {
                found.push(self.logged(id.map_err(failed)?)?);
            }
        }
        Ok((found, count))
    }

    /// Whether a commit is here.
    pub fn has(&self, commit: &str) -> bool {
        self.known(commit).is_some()
    }

    fn logged(&self, id: Oid) -> Result<LoggedCommit, SourceError> {
        let commit = self.commit(&id.to_string())?;
        let author = commit.author();
        Ok(LoggedCommit {
            id: id.to_string(),
            subject: printable(commit.summary_bytes().unwrap_or_default()),
            author: printable(author.name_bytes()),
            at: author.when().seconds(),
        })
    }

    /// The files that differ below a folder; all of them where there is no `from`.
    pub fn changes(
        &self,
        from: Option<&str>,
        to: &str,
        directory: &str,
    ) -> Result<Vec<FileChange>, SourceError> {
        let failed = |error| self.unreadable(to, error);
        let old = from.map(|from| self.root(from)).transpose()?;
        let new = self.root(to)?;
        let mut options = DiffOptions::new();
        options.ignore_submodules(true);
        if directory != "." {
            options.pathspec(directory).disable_pathspec_match(true);
        }
        let diff =
            self.git.diff_tree_to_tree(old.as_ref(), Some(&new), Some(&mut options)).map_err(failed)?;
        let objects = self.git.odb().map_err(failed)?;
        let mut changes = Vec::new();
        for delta in diff.deltas() {
            let (kind, file) = match delta.status() {
                Delta::Added => (ChangeKind::Added, delta.new_file()),
                Delta::Deleted => (ChangeKind::Removed, delta.old_file()),
                _ => (ChangeKind::Modified, delta.new_file()),
            };
            let Some(path) = file.path_bytes() else { continue };
            let bytes = match kind {
                ChangeKind::Removed => 0,
                _ => objects.read_header(file.id()).map_or(0, |(size, _)| size as u64),
            };
            let path = printable(path);
            changes.push(FileChange { path, kind, bytes });
        }
        Ok(changes)
    }
}
