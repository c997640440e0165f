use git2::{ErrorCode, Oid};

use super::printable::printable;
use super::{Repository, SourceError};
use crate::config::distance;
use crate::model::{CommitSummary, Relation};

const REMOTE: &str = "refs/remotes/";
const KINDS: [&str; 3] = ["refs/heads/", "refs/tags/", REMOTE];

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
        let mut found = self.named();
        found.retain(|(_, name)| !name.ends_with("/HEAD") && !name.contains(char::is_control));
        found.sort();
        found.into_iter().map(|(_, name)| name).collect()
    }

    /// All branches, tags and remote branches, each with its kind's place in [`KINDS`].
    fn named(&self) -> Vec<(usize, String)> {
        let Ok(mut references) = self.git.references() else {
            return Vec::new();
        };
        let named = references.names().filter_map(|name| {
            let name = name.ok()?;
            let (kind, rest) = KINDS
                .iter()
                .enumerate()
                .find_map(|(kind, prefix)| Some((kind, name.strip_prefix(prefix)?)))?;
            Some((kind, rest.to_owned()))
        });
        named.collect()
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
        let mut found: Vec<(usize, String)> = Vec::new();
        for (kind, name) in self.named() {
            // A remote's branch may be meant by its own name alone.
            let own = name.split_once('/').filter(|_| KINDS[kind] == REMOTE);
            let spellings = [Some(name.as_str()), own.map(|(_, branch)| branch)];
            let slips = spellings.iter().flatten().filter_map(|name| distance(rev, name)).min();
            found.extend(slips.map(|slips| (slips, name.clone())));
        }
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
