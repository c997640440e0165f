use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use git2::{ErrorClass, ErrorCode, ObjectType, Oid};

use super::SourceError;
use super::printable::printable;

/// What a symbolic link is in a tree.
const LINK: i32 = 0o120_000;
/// More links than this in a row are taken for a circle.
const MOST_LINKS: usize = 8;
/// Enough to recognise an application by.
const MOST_FILES: usize = 20_000;
const LARGEST: u64 = 512 * 1024;

/// A git repository of the user's, read only.
pub struct Repository {
    pub(super) git: git2::Repository,
}

impl Repository {
    /// Finds the repository that `start` lies in: a clone, a linked worktree or a submodule's checkout.
    pub fn discover(start: &Path) -> Result<Repository, SourceError> {
        match git2::Repository::discover(start) {
            Ok(git) => Ok(Repository { git }),
            Err(error) => Err(cannot_open(start, error)),
        }
    }

    /// Opens the repository at exactly this path, a work tree or a git directory; `None` where there is none.
    pub(super) fn open(path: &Path) -> Result<Option<Repository>, SourceError> {
        match git2::Repository::open(path) {
            Ok(git) => Ok(Some(Repository { git })),
            Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
            Err(error) => Err(cannot_open(path, error)),
        }
    }

    /// The top of the work tree; `None` for a bare repository.
    pub fn top(&self) -> Option<&Path> {
        self.git.workdir()
    }

    /// git's user.name: of the repository that `start` lies in, else the user's own.
    pub fn user_name(start: &Path) -> Option<String> {
        let around = git2::Repository::discover(start).and_then(|git| git.config());
        let config = around.or_else(|_| git2::Config::open_default()).ok()?;
        let name = printable(config.get_string("user.name").ok()?.trim().as_bytes());
        (!name.is_empty()).then_some(name)
    }

    /// The files below a folder of the work tree that git does not ignore, as paths from that folder, with the text of
    /// those that `is_read` asks for. A tree of thousands of files is only begun.
    pub fn files(&self, below: &Path, is_read: fn(&str) -> bool) -> Vec<(String, String)> {
        let mut found = Vec::new();
        let mut folders = vec![below.to_path_buf()];
        while let Some(folder) = folders.pop() {
            let Ok(entries) = std::fs::read_dir(&folder) else {
                continue;
            };
            for entry in entries.flatten() {
                let path = entry.path();
                let kind = entry.file_type();
                let name = entry.file_name().to_string_lossy().into_owned();
                let is_hidden = name.starts_with('.') && !is_read(&name);
                if is_hidden || found.len() >= MOST_FILES || self.git.is_path_ignored(&path).unwrap_or(true) {
                    continue;
                }
                if kind.as_ref().is_ok_and(std::fs::FileType::is_dir) {
                    let is_foreign = ["pyvenv.cfg", ".git"].iter().any(|name| path.join(name).exists())
                        || entry.file_name() == "node_modules";
                    if !is_foreign {
                        folders.push(path);
                    }
                } else if let Some(name) = path.strip_prefix(below).ok().and_then(Path::to_str) {
                    let is_small = entry.metadata().is_ok_and(|data| data.is_file() && data.len() <= LARGEST);
                    let text = if is_small && is_read(name) {
                        std::fs::read_to_string(&path).unwrap_or_default()
                    } else {
                        String::new()
                    };
                    found.push((name.to_owned(), text));
                }
            }
        }
        found
    }

    /// Contents of the file at `path` in a commit, through symbolic links; `None` where there is no such file.
    pub fn read(&self, commit: &str, path: &str) -> Result<Option<Vec<u8>>, SourceError> {
        let root = self.root(commit)?;
        let mut path = PathBuf::from(path);
        for _ in 0..MOST_LINKS {
            let Some(entry) = at(&root, &path, commit)? else {
                return Ok(None);
            };
            if entry.kind() != Some(ObjectType::Blob) {
                return Ok(None);
            }
            let blob = self.git.find_blob(entry.id()).map_err(|e| self.unreadable(commit, e))?;
            if entry.filemode() != LINK {
                return Ok(Some(blob.content().to_vec()));
            }
            let Some(target) = follow(&path, blob.content()) else {
                return Ok(None);
            };
            path = target;
        }
        Ok(None)
    }

    /// Name of the tree of a directory in a commit; `.` is its top. `None` where there is no such directory.
    pub fn tree(&self, commit: &str, directory: &str) -> Result<Option<String>, SourceError> {
        let root = self.root(commit)?;
        let directory = plain(Path::new(directory));
        if directory.as_os_str().is_empty() {
            return Ok(Some(root.id().to_string()));
        }
        let entry = at(&root, &directory, commit)?;
        Ok(entry.filter(|entry| entry.kind() == Some(ObjectType::Tree)).map(|entry| entry.id().to_string()))
    }

    /// The files of a commit at a path or below it, by their paths; a submodule and a link count as files.
    pub fn files_at(&self, commit: &str, path: &str) -> Result<Vec<String>, SourceError> {
        let root = self.root(commit)?;
        let Some(entry) = at(&root, Path::new(path), commit)? else {
            return Ok(Vec::new());
        };
        if entry.kind() != Some(ObjectType::Tree) {
            return Ok(vec![path.to_owned()]);
        }
        let tree = self.git.find_tree(entry.id()).map_err(|e| self.unreadable(commit, e))?;
        let mut files = Vec::new();
        tree.walk(git2::TreeWalkMode::PreOrder, |folder, entry| {
            if entry.kind() != Some(ObjectType::Tree) {
                let name = String::from_utf8_lossy(entry.name_bytes());
                files.push(format!("{path}/{folder}{name}"));
            }
            git2::TreeWalkResult::Ok
        })
        .map_err(|e| self.unreadable(commit, e))?;
        Ok(files)
    }

    pub(super) fn commit(&self, id: &str) -> Result<git2::Commit<'_>, SourceError> {
        let oid = Oid::from_str(id).map_err(SourceError::git(format!("`{id}` is not an object name")))?;
        self.git.find_commit(oid).map_err(|e| self.unreadable(id, e))
    }

    pub(super) fn root(&self, commit: &str) -> Result<git2::Tree<'_>, SourceError> {
        self.commit(commit)?.tree().map_err(|e| self.unreadable(commit, e))
    }

    /// Tells objects that are missing from other trouble.
    pub(super) fn unreadable(&self, commit: &str, error: git2::Error) -> SourceError {
        if error.code() == ErrorCode::NotFound {
            SourceError::MissingObjects {
                commit: commit.to_owned(),
                partial: self.is_partial(),
                detail: error.message().to_owned(),
            }
        } else {
            SourceError::git(format!("cannot read {commit}"))(error)
        }
    }

    /// Whether the clone leaves out objects that its remote promised to give later.
    pub(super) fn is_partial(&self) -> bool {
        let Ok(mut config) = self.git.config() else {
            return false;
        };
        let Ok(config) = config.snapshot() else {
            return false;
        };
        if config.get_bytes("extensions.partialclone").is_ok() {
            return true;
        }
        let mut promised = false;
        if let Ok(entries) = config.entries(Some(r"^remote\..*\.promisor$")) {
            let _ = entries.for_each(|entry| promised |= entry.value_bytes() != b"false");
        }
        promised
    }

    /// The local `git`, set on this repository's objects and on nothing that the caller's environment says.
    pub(super) fn command(&self) -> Command {
        let mut command = Command::new("git");
        for variable in [
            "GIT_DIR",
            "GIT_COMMON_DIR",
            "GIT_WORK_TREE",
            "GIT_INDEX_FILE",
            "GIT_OBJECT_DIRECTORY",
            "GIT_ALTERNATE_OBJECT_DIRECTORIES",
            "GIT_NAMESPACE",
            "GIT_SHALLOW_FILE",
            "GIT_GRAFT_FILE",
            "GIT_TRACE",
        ] {
            command.env_remove(variable);
        }
        command
            .env("LC_ALL", "C")
            .env("GIT_NO_REPLACE_OBJECTS", "1") // libgit2 knows no replacements: both must see one history
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }
}

fn at(
    root: &git2::Tree<'_>,
    path: &Path,
    commit: &str,
) -> Result<Option<git2::TreeEntry<'static>>, SourceError> {
    let path = plain(path);
    let leaves = |part| !matches!(part, Component::Normal(_));
    if path.as_os_str().is_empty() || path.components().any(leaves) {
        return Ok(None);
    }
    match root.get_path(&path) {
        Ok(entry) => Ok(Some(entry)),
        Err(error) if error.code() == ErrorCode::NotFound => Ok(None),
        Err(error) => Err(SourceError::git(format!("cannot read {} in {commit}", path.display()))(error)),
    }
}

/// A path as a tree spells it, without `.`.
fn plain(path: &Path) -> PathBuf {
    path.components().filter(|part| !matches!(part, Component::CurDir)).collect()
}

/// Where a symbolic link in the tree points, if that is in the tree.
fn follow(link: &Path, target: &[u8]) -> Option<PathBuf> {
    let target = std::str::from_utf8(target).ok()?;
    if target.starts_with('/') {
        return None;
    }
    let mut path = link.parent().map(Path::to_path_buf).unwrap_or_default();
    for part in target.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if !path.pop() {
                    return None;
                }
            }
            name => path.push(name),
        }
    }
    Some(path)
}

fn cannot_open(path: &Path, error: git2::Error) -> SourceError {
    let path = path.to_path_buf();
    let message = error.message();
    if error.code() == ErrorCode::Owner {
        SourceError::Owner { path }
    } else if let Some(format) = unsupported(message) {
        SourceError::Unsupported { path, format }
    } else if error.code() == ErrorCode::NotFound && error.class() != ErrorClass::Odb {
        SourceError::NotARepository { start: path }
    } else {
        SourceError::git(format!("cannot open the git repository at {}", path.display()))(error)
    }
}

/// libgit2 gives formats that it does not know no code of their own, only these words.
fn unsupported(message: &str) -> Option<String> {
    let message = message.to_lowercase();
    for (word, name) in [
        ("refstorage", "reftable"),
        ("object format", "sha256 object names"),
        ("objectformat", "sha256 object names"),
        ("sha256", "sha256 object names"),
    ] {
        if message.contains(word) {
            return Some(name.to_owned());
        }
    }
    (message.contains("unsupported extension") || message.contains("unsupported repository version"))
        .then_some(message)
}
