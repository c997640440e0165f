use git2::{ErrorCode, Oid};

use super::{Repository, SourceError};
use crate::config::distance;
use crate::model::{CommitSummary, Relation};

impl Repository {
    /// The commit that `rev` names, in any of git's ways: a branch, a tag, a short hash, `HEAD~2`, `@{upstream}`.
    pub fn resolve(&self, rev: &str) -> Result<CommitSummary, SourceError> {
        let object = match self.git.revparse_single(rev) {
            Ok(object) => object,
            Err(error) if error.code() == ErrorCode::Ambiguous => return self.resolve_ambiguous(rev),
            Err(_) if matches!(rev, "HEAD" | "@") && self.is_unborn() => {
                return Err(SourceError::NoCommit);
            }
            Err(_) => match self.resolve_by_git(rev) {
                Some(object) => object,
                None => {
                    return Err(SourceError::UnknownRevision {
                        rev: printable(rev.as_bytes()),
                        near: self.near(rev),
                    });
                }
            },
        };
        match object.peel_to_commit() {
            Ok(commit) => Ok(summary(&commit)),
            Err(error) if error.code() == ErrorCode::NotFound => Err(self.unreadable(rev, error)),
            Err(_) => Err(SourceError::NotACommit {
                rev: printable(rev.as_bytes()),
                kind: object.kind().map_or("thing", |kind| kind.str()).to_owned(),
            }),
        }
    }

    /// How `wanted`, which must be here, stands to `held`, which need not be.
    pub fn relation(&self, held: &str, wanted: &str) -> Result<Relation, SourceError> {
        let wanted = self.commit(wanted)?.id();
        let Some(held) = self.known(held) else {
            return Ok(Relation::HeldUnknown);
        };
        if held == wanted {
            return Ok(Relation::Same);
        }
        let (ahead, behind) =
            self.git.graph_ahead_behind(wanted, held).map_err(|e| self.unreadable(&wanted.to_string(), e))?;
        Ok(match (ahead, behind) {
            (ahead, 0) => Relation::Ahead(ahead),
            (0, behind) => Relation::Behind(behind),
            (ahead, behind) => Relation::Diverged { ahead, behind },
        })
    }

    /// The names of branches and tags, those of branches first, each in order.
    pub fn names(&self) -> Vec<String> {
        let Ok(mut references) = self.git.references() else {
            return Vec::new();
        };
        let kinds = ["refs/heads/", "refs/tags/", "refs/remotes/"];
        let mut found: Vec<(usize, String)> = references
            .names()
            .filter_map(Result::ok)
            .filter_map(|name| {
                let kind = kinds.iter().position(|kind| name.starts_with(kind))?;
                Some((kind, name[kinds[kind].len()..].to_owned()))
            })
            .filter(|(_, name)| !name.ends_with("/HEAD") && !name.contains(char::is_control))
            .collect();
        found.sort();
        found.into_iter().map(|(_, name)| name).collect()
    }

    /// Whether HEAD is a branch without a commit.
    fn is_unborn(&self) -> bool {
        self.git.head().is_err_and(|error| error.code() == ErrorCode::UnbornBranch)
    }

    /// The commit with this full name, if it is here.
    pub(super) fn known(&self, id: &str) -> Option<Oid> {
        let oid = Oid::from_str(id).ok().filter(|_| id.len() == 40)?;
        self.git.find_commit(oid).ok().map(|commit| commit.id())
    }

    /// A short hash may be shared with a tree or a blob, which nobody means; only commits that share it count.
    fn resolve_ambiguous(&self, rev: &str) -> Result<CommitSummary, SourceError> {
        let digits = rev.to_ascii_lowercase();
        let mut commits = Vec::new();
        if let Ok(odb) = self.git.odb() {
            let _ = odb.foreach(|id| {
                if id.to_string().starts_with(&digits)
                    && let Ok(object) = self.git.find_object(*id, None)
                    && let Ok(commit) = object.peel_to_commit()
                {
                    commits.push(summary(&commit));
                }
                true
            });
        }
        commits.sort_by(|a, b| a.id.cmp(&b.id));
        commits.dedup();
        if let [only] = commits.as_slice() {
            return Ok(only.clone());
        }
        let candidates =
            commits.iter().map(|commit| format!("{} ({})", &commit.id[..12], commit.subject)).collect();
        Err(SourceError::AmbiguousRevision { rev: rev.to_owned(), candidates })
    }

    /// The few spellings that only git itself knows, such as `@{push}`.
    fn resolve_by_git(&self, rev: &str) -> Option<git2::Object<'_>> {
        if rev.is_empty() || rev.starts_with(['-', '^']) || rev.contains('\0') {
            return None; // git would take these for options, or for an exclusion
        }
        let output = self
            .command()
            .arg("--git-dir")
            .arg(self.git.path())
            .args(["rev-parse", "--verify", "--quiet"])
            .arg(format!("{rev}^{{commit}}"))
            .output()
            .ok()?;
        let id = String::from_utf8(output.stdout).ok()?;
        let oid = Oid::from_str(id.trim()).ok().filter(|_| output.status.success())?;
        self.git.find_object(oid, None).ok()
    }

    /// The up to three branches and tags that are spelled most like `rev`.
    fn near(&self, rev: &str) -> Vec<String> {
        let Ok(mut references) = self.git.references() else {
            return Vec::new();
        };
        let mut found: Vec<(usize, String)> = references
            .names()
            .filter_map(Result::ok)
            .filter_map(|name| {
                let short = ["refs/heads/", "refs/tags/", "refs/remotes/"]
                    .iter()
                    .find_map(|prefix| name.strip_prefix(prefix))?;
                // A remote's branch may be meant by its own name alone.
                let own = short.split_once('/').filter(|_| name.starts_with("refs/remotes/"));
                let spellings = [Some(short), own.map(|(_, branch)| branch)];
                let slips = spellings.iter().flatten().filter_map(|name| distance(rev, name)).min()?;
                Some((slips, short.to_owned()))
            })
            .collect();
        found.sort();
        found.into_iter().take(3).map(|(_, name)| name).collect()
    }
}

fn summary(commit: &git2::Commit<'_>) -> CommitSummary {
    CommitSummary {
        id: commit.id().to_string(),
        subject: printable(commit.summary_bytes().unwrap_or_default()),
    }
}

/// Text of the repository's, fit for a terminal: lossily decoded, and without control characters, which a
/// commit's author could use to rewrite what stands on the screen.
pub(super) fn printable(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes)
        .chars()
        .map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_cannot_steer_the_terminal() {
        assert_eq!(printable(b"red \x1b[31m caf\xe9"), "red \u{fffd}[31m caf\u{fffd}");
    }
}
