use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use git2::Oid;

use super::printable::printable;
use super::{Repository, SourceError};

/// How a tree marks a submodule.
const GITLINK: i32 = 0o160_000;
/// Submodules nested deeper than this are taken for a circle.
const DEEPEST: usize = 16;
/// How the sections begin that name other files: `include` and `includeIf`.
const INCLUDE: &[u8] = b"include";

/// A submodule as a commit wants it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Submodule {
    /// As its superproject's `.gitmodules` calls it.
    pub name: String,
    /// From the top of the outermost repository.
    pub path: String,
    /// Where its repository belongs below the outermost `.git`: `modules/<name>`, nested for nested ones.
    pub git_dir: String,
    pub commit: String,
    /// As `.gitmodules` has it, perhaps relative; empty where it has none.
    pub url: String,
    local: PathBuf,
}

impl Submodule {
    /// Its repository on this machine.
    pub fn repository(&self) -> Result<Repository, SourceError> {
        Repository::open(&self.local)?
            .ok_or_else(|| SourceError::SubmoduleNotInitialized { path: self.path.clone() })
    }
}

impl Repository {
    /// The submodules of a commit and theirs in turn, each after the one that holds it. All of them must be here
    /// with the commits that are wanted of them.
    pub fn submodules(&self, commit: &str) -> Result<Vec<Submodule>, SourceError> {
        let mut found = Vec::new();
        self.collect(commit, None, 0, &mut found)?;
        Ok(found)
    }

    fn collect(
        &self,
        commit: &str,
        within: Option<&Submodule>,
        depth: usize,
        found: &mut Vec<Submodule>,
    ) -> Result<(), SourceError> {
        let bad = |what: String| SourceError::BadSubmodules { commit: commit.to_owned(), what };
        if depth > DEEPEST {
            return Err(bad("submodules are nested too deeply".to_owned()));
        }
        let root = self.root(commit)?;
        for (name, entry) in self.declared(commit)? {
            let Some(path) = entry.path else { continue };
            if !stays_below(&name) || !stays_below(&path) {
                let what = format!("`{}` at `{}` leads out of the repository", name, path);
                return Err(bad(printable(what.as_bytes())));
            }
            let Ok(link) = root.get_path(Path::new(&path)) else {
                continue; // declared, but not in this commit
            };
            if link.filemode() != GITLINK {
                continue;
            }
            let (outer_path, outer_dir) = match within {
                Some(outer) => (format!("{}/", outer.path), format!("{}/", outer.git_dir)),
                None => (String::new(), String::new()),
            };
            let full = format!("{outer_path}{path}");
            let (local, repository) = self.checkout_of(&name, &path, &full, link.id())?;
            let submodule = Submodule {
                git_dir: format!("{outer_dir}modules/{name}"),
                name,
                path: full,
                commit: link.id().to_string(),
                url: entry.url.unwrap_or_default(),
                local,
            };
            found.push(submodule.clone());
            repository.collect(&submodule.commit, Some(&submodule), depth + 1, found)?;
        }
        Ok(())
    }

    /// Where the submodule is on this machine: its checkout, or the repository that an earlier checkout left in
    /// the git directory (that of this worktree, or the one that all share).
    fn checkout_of(
        &self,
        name: &str,
        path: &str,
        full: &str,
        commit: Oid,
    ) -> Result<(PathBuf, Repository), SourceError> {
        let places = [
            self.git.workdir().map(|top| top.join(path)),
            Some(self.git.path().join("modules").join(name)),
            Some(self.git.commondir().join("modules").join(name)),
        ];
        let mut initialized = false;
        for place in places.into_iter().flatten() {
            let Some(repository) = Repository::open(&place)? else {
                continue;
            };
            initialized = true;
            if repository.git.find_commit(commit).is_ok() {
                return Ok((place, repository));
            }
        }
        let path = full.to_owned();
        Err(if initialized {
            SourceError::SubmoduleCommitMissing { path, commit: commit.to_string() }
        } else {
            SourceError::SubmoduleNotInitialized { path }
        })
    }

    /// Whether libgit2 may look at the submodules of the work tree: it opens every file that a `.gitmodules` includes,
    /// and a pipe holds it up for good. git follows none.
    pub(super) fn check_gitmodules(&self) -> Result<(), SourceError> {
        self.check_gitmodules_below(0)
    }

    fn check_gitmodules_below(&self, depth: usize) -> Result<(), SourceError> {
        let Some(top) = self.git.workdir().filter(|_| depth <= DEEPEST) else {
            return Ok(());
        };
        let (file, here) = (top.join(".gitmodules"), top.display().to_string());
        match std::fs::symlink_metadata(&file) {
            Ok(found) if found.is_file() => {
                let text = std::fs::read(&file).map_err(SourceError::io("cannot read .gitmodules"))?;
                check_includes(&text, &here)?;
            }
            Ok(_) => {
                let what = "it is no ordinary file, and git takes no other".to_owned();
                return Err(SourceError::BadSubmodules { commit: here, what });
            }
            Err(_) => {}
        }
        let Ok(index) = self.git.index() else {
            return Ok(());
        };
        for entry in index.iter().filter(|entry| entry.mode == GITLINK as u32) {
            let path = top.join(std::ffi::OsStr::from_bytes(&entry.path));
            if let Ok(Some(submodule)) = Repository::open(&path) {
                submodule.check_gitmodules_below(depth + 1)?;
            }
        }
        Ok(())
    }

    /// What `.gitmodules` declares, by name.
    fn declared(&self, commit: &str) -> Result<BTreeMap<String, Declared>, SourceError> {
        match self.read(commit, ".gitmodules")? {
            Some(text) => parse(&text, commit),
            None => Ok(BTreeMap::new()),
        }
    }
}

/// Reads a `.gitmodules` of a commit.
pub(super) fn parse(text: &[u8], commit: &str) -> Result<BTreeMap<String, Declared>, SourceError> {
    let mut declared: BTreeMap<String, Declared> = BTreeMap::new();
    check_includes(text, commit)?;
    // libgit2 reads configuration from files only.
    let trouble = "cannot make a temporary file";
    let mut file = tempfile::NamedTempFile::new().map_err(SourceError::io(trouble))?;
    file.write_all(text).map_err(SourceError::io(trouble))?;
    let bad = |error: git2::Error| SourceError::BadSubmodules {
        commit: commit.to_owned(),
        what: error.message().to_owned(),
    };
    let config = git2::Config::open(file.path()).map_err(bad)?;
    let entries = config.entries(None).map_err(bad)?;
    let read = |entry: &git2::ConfigEntry<'_>| {
        let key = entry.name().ok()?.strip_prefix("submodule.")?;
        let (name, key) = key.rsplit_once('.')?;
        let value = entry.has_value().then(|| entry.value().ok())??.to_owned();
        Some((name.to_owned(), key.to_owned(), value))
    };
    entries
        .for_each(|entry| {
            if let Some((name, key, value)) = read(entry) {
                let submodule = declared.entry(name).or_default();
                match key.as_str() {
                    "path" => submodule.path = Some(value.trim_end_matches('/').to_owned()),
                    "url" => submodule.url = Some(value),
                    _ => {}
                }
            }
        })
        .map_err(bad)?;
    Ok(declared)
}

/// Refuses what libgit2 would follow to another file. Any `[include` counts, wherever it stands: no reading of a line is
/// to be a matter of opinion here.
fn check_includes(text: &[u8], place: &str) -> Result<(), SourceError> {
    let begins = |at: usize| {
        let word: Vec<u8> = text[at + 1..]
            .iter()
            .filter(|byte| !byte.is_ascii_whitespace())
            .take(INCLUDE.len())
            .map(u8::to_ascii_lowercase)
            .collect();
        word == INCLUDE
    };
    let brackets = text.iter().enumerate().filter(|(_, byte)| **byte == b'[');
    if brackets.map(|(at, _)| at).any(begins) {
        Err(SourceError::BadSubmodules {
            commit: place.to_owned(),
            what: "it includes another file, which git does not follow; take its [include] out".to_owned(),
        })
    } else {
        Ok(())
    }
}

#[derive(Default)]
pub(super) struct Declared {
    path: Option<String>,
    url: Option<String>,
}

/// Whether a path from the repository can be joined to a folder without leaving it.
fn stays_below(path: &str) -> bool {
    !path.is_empty()
        && !path.contains('\0')
        && Path::new(path).components().all(|part| matches!(part, Component::Normal(name) if name != ".git"))
}

#[cfg(test)]
mod tests {
    use super::{check_includes, stays_below};

    #[test]
    fn includes_are_found_however_they_are_written() {
        let is_bad = |text: &str| check_includes(text.as_bytes(), "x").is_err();
        for text in [
            "[include]\npath = x",
            "[Include] path = x",
            "[submodule \"a\"]\n\tpath = a\n[ includeIf \"gitdir:x\"]",
            "\u{feff}[INCLUDE]",
        ] {
            assert!(is_bad(text), "{text}");
        }
        for text in ["", "[submodule \"include\"]\n\tpath = include\n\turl = ../include", "["] {
            assert!(!is_bad(text), "{text}");
        }
    }

    #[test]
    fn paths_that_lead_out_are_noticed() {
        for path in ["", "/etc", "../x", "a/../../b", ".git/hooks", "a\0b"] {
            assert!(!stays_below(path), "{path:?}");
        }
        for path in ["lib", "a/b c", "ü"] {
            assert!(stays_below(path), "{path:?}");
        }
    }
}
