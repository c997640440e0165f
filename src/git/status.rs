use git2::{Status, StatusOptions, SubmoduleIgnore, SubmoduleStatus};

use super::printable::printable;
use super::{Repository, SourceError};

impl Repository {
    /// What is not committed, a line each as `git status --short` writes it (` M app.py`, `?? new.py`), sorted
    /// by path. Submodules count, ignored files do not, untracked files if `untracked`.
    pub fn dirty(&self, untracked: bool) -> Result<Vec<String>, SourceError> {
        if self.git.is_bare() {
            return Ok(Vec::new());
        }
        self.check_gitmodules()?;
        let mut options = StatusOptions::new();
        options.include_untracked(untracked).include_ignored(false).renames_head_to_index(true);
        let statuses = self
            .git
            .statuses(Some(&mut options))
            .map_err(SourceError::git("cannot compare the work tree with the commit"))?;
        let index = self.git.index().ok();
        let mut lines = Vec::new();
        for entry in statuses.iter() {
            let status = entry.status();
            let path = entry.path_bytes();
            let absent_by_wish = || {
                index.as_ref().is_some_and(|index| {
                    let found = std::str::from_utf8(path).ok();
                    let found = found.and_then(|path| index.get_path(path.as_ref(), 0));
                    found.is_some_and(|e| {
                        e.flags_extended & git2::IndexEntryExtendedFlag::SKIP_WORKTREE.bits() != 0
                    })
                })
            };
            if status == Status::WT_DELETED && absent_by_wish() {
                continue; // a sparse checkout leaves it out
            }
            if status == Status::WT_MODIFIED && !untracked && self.only_untracked_inside(path) {
                continue;
            }
            let letters = if status.is_conflicted() { self.conflict(path) } else { letters(status) };
            let Some(letters) = letters else { continue };
            // For what was renamed, libgit2 gives the old path as the entry's own.
            let renamed = entry.head_to_index().filter(|_| status.is_index_renamed());
            let names = renamed
                .as_ref()
                .and_then(|delta| Some((delta.old_file().path_bytes()?, delta.new_file().path_bytes()?)));
            lines.push(match names {
                Some((old, new)) => format!("{letters} {} -> {}", printable(old), printable(new)),
                None => format!("{letters} {}", printable(path)),
            });
        }
        Ok(lines)
    }

    /// Whether `path` is a submodule that is dirty for nothing but untracked files in it.
    fn only_untracked_inside(&self, path: &[u8]) -> bool {
        let Ok(path) = std::str::from_utf8(path) else {
            return false;
        };
        let is_submodule = self
            .git
            .index()
            .is_ok_and(|index| index.get_path(path.as_ref(), 0).is_some_and(|e| e.mode == 0o160_000));
        is_submodule
            && self.git.submodule_status(path, SubmoduleIgnore::Untracked).is_ok_and(|status| {
                !status.intersects(
                    SubmoduleStatus::WD_MODIFIED
                        | SubmoduleStatus::WD_INDEX_MODIFIED
                        | SubmoduleStatus::WD_WD_MODIFIED,
                )
            })
    }

    /// git's two letters for a path that a merge left in conflict.
    fn conflict(&self, path: &[u8]) -> Option<String> {
        let index = self.git.index().ok()?;
        for conflict in index.conflicts().ok()?.filter_map(Result::ok) {
            let sides = (&conflict.ancestor, &conflict.our, &conflict.their);
            let any = conflict.our.as_ref().or(conflict.their.as_ref()).or(conflict.ancestor.as_ref());
            if any.is_some_and(|entry| entry.path == path) {
                return Some(
                    match sides {
                        (Some(_), None, None) => "DD",
                        (None, Some(_), None) => "AU",
                        (Some(_), Some(_), None) => "UD",
                        (None, None, Some(_)) => "UA",
                        (Some(_), None, Some(_)) => "DU",
                        (None, Some(_), Some(_)) => "AA",
                        _ => "UU",
                    }
                    .to_owned(),
                );
            }
        }
        Some("UU".to_owned())
    }
}

/// The index's letter and the work tree's, as git's short format has them; `None` where nothing changed.
fn letters(status: Status) -> Option<String> {
    if status == Status::WT_NEW {
        return Some("??".to_owned());
    }
    let index = match status {
        s if s.is_index_renamed() => 'R',
        s if s.is_index_new() => 'A',
        s if s.is_index_deleted() => 'D',
        s if s.is_index_typechange() => 'T',
        s if s.is_index_modified() => 'M',
        _ => ' ',
    };
    let tree = match status {
        s if s.is_wt_deleted() => 'D',
        s if s.is_wt_typechange() => 'T',
        s if s.is_wt_modified() => 'M',
        _ => ' ',
    };
    (index != ' ' || tree != ' ').then(|| format!("{index}{tree}"))
}
