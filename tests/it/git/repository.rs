//! Repositories of the real git, in folders of their own.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

pub(crate) fn git_at(folder: &Path, arguments: &[&str], input: Option<&[u8]>) -> (bool, String) {
    use std::io::Write;
    let mut command = Command::new("git");
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("GIT_") {
            command.env_remove(name);
        }
    }
    let mut child = command
        .current_dir(folder)
        .args(["-c", "protocol.file.allow=always"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .env("GIT_AUTHOR_NAME", "Ada")
        .env("GIT_AUTHOR_EMAIL", "ada@example.org")
        .env("GIT_COMMITTER_NAME", "Ada")
        .env("GIT_COMMITTER_EMAIL", "ada@example.org")
        .env("LC_ALL", "C")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("git is on the PATH");
    let mut stdin = child.stdin.take().unwrap();
    if let Some(input) = input {
        stdin.write_all(input).unwrap();
    }
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    let mut said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        said.push_str(&String::from_utf8_lossy(&output.stderr));
    }
    (output.status.success(), said.trim_end().to_owned())
}

/// A repository in a folder of its own.
pub(crate) struct Repo {
    _folder: Option<tempfile::TempDir>,
    pub(crate) path: PathBuf,
}

impl Repo {
    pub(crate) fn new() -> Repo {
        let repo = Repo::empty();
        repo.git(&["init", "-q", "-b", "main"]);
        repo
    }

    pub(crate) fn empty() -> Repo {
        let folder = tempfile::tempdir().unwrap();
        Repo { path: folder.path().join("re po"), _folder: Some(folder) }.made()
    }

    fn made(self) -> Repo {
        std::fs::create_dir_all(&self.path).unwrap();
        self
    }

    pub(crate) fn at(path: PathBuf) -> Repo {
        Repo { _folder: None, path }
    }

    #[track_caller]
    pub(crate) fn git(&self, arguments: &[&str]) -> String {
        let (done, said) = git_at(&self.path, arguments, None);
        assert!(done, "git {arguments:?}: {said}");
        said
    }

    pub(crate) fn try_git(&self, arguments: &[&str]) -> (bool, String) {
        git_at(&self.path, arguments, None)
    }

    pub(crate) fn write(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = self.path.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, contents).unwrap();
    }

    /// Commits everything, and returns the commit's name.
    pub(crate) fn commit(&self, message: &str) -> String {
        self.git(&["add", "-A"]);
        self.git(&["commit", "-q", "--allow-empty", "-m", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    pub(crate) fn open(&self) -> deployer::git::Repository {
        deployer::git::Repository::discover(&self.path).unwrap()
    }
}
