//! Revisions, the work tree, and what a commit holds.

use deployer::git::SourceError;
use deployer::model::Relation;

use crate::git::repository::{self, Repo};

#[test]
fn revisions_as_git_takes_them() {
    let repo = Repo::new();
    assert!(matches!(repo.open().resolve("HEAD"), Err(SourceError::NoCommit)));
    let first = repo.commit("first");
    repo.git(&["tag", "-a", "v1", "-m", "one"]);
    let second = repo.commit("second: \x1b[31mred");
    repo.git(&["branch", "feature/login"]);
    repo.write("file", "x");
    repo.git(&["add", "file"]);
    let source = repo.open();
    for rev in ["v1", "HEAD~1", "main^", &first[..8], "@~", ":/first", "v1^{commit}"] {
        assert_eq!(source.resolve(rev).unwrap().id, first, "{rev}");
    }
    let found = source.resolve("feature/login").unwrap();
    assert_eq!(found.id, second);
    assert_eq!(found.subject, "second: \u{fffd}[31mred");

    let blob = repo.git(&["rev-parse", ":file"]);
    assert!(matches!(source.resolve(&blob), Err(SourceError::NotACommit { kind, .. }) if kind == "blob"));
    let unknown = source.resolve("feature/logn").unwrap_err().to_string();
    assert_eq!(
        unknown,
        "no commit is called `feature/logn` here; did you mean feature/login, or does it need a `git fetch`?"
    );
    for rev in ["-h", "--all", "", "^HEAD", "HEAD..v1", "a\0b", "deadbeef", "HEAD~99", "--output=x"] {
        let error = source.resolve(rev).unwrap_err();
        assert!(
            matches!(error, SourceError::UnknownRevision { .. } | SourceError::NotACommit { .. }),
            "{rev}: {error}"
        );
    }
}

#[test]
fn a_spelling_that_only_git_knows() {
    let repo = Repo::new();
    let first = repo.commit("first");
    repo.git(&["remote", "add", "origin", "."]);
    repo.git(&["push", "-q", "-u", "origin", "main:elsewhere"]);
    repo.git(&["config", "push.default", "upstream"]);
    repo.git(&["fetch", "-q"]);
    repo.commit("second");
    assert_eq!(repo.open().resolve("@{push}").unwrap().id, first);
}

#[test]
fn short_hashes_that_are_ambiguous() {
    let repo = Repo::new();
    // Among a few hundred commits two share four digits; make them until two do.
    let mut stream = String::new();
    for n in 0..1500 {
        stream.push_str(&format!(
            "commit refs/heads/main\ncommitter Ada <a@b> {} +0000\ndata <<E\ncommit {n}\nE\n",
            1_700_000_000 + n
        ));
    }
    let (done, said) = repository::git_at(&repo.path, &["fast-import", "--quiet"], Some(stream.as_bytes()));
    assert!(done, "{said}");
    let mut ids: Vec<String> = repo.git(&["rev-list", "main"]).lines().map(str::to_owned).collect();
    ids.sort();
    let twins = ids.windows(2).find(|pair| pair[0][..4] == pair[1][..4]).unwrap();
    let error = repo.open().resolve(&twins[0][..4]).unwrap_err();
    let SourceError::AmbiguousRevision { candidates, .. } = &error else {
        panic!("{error}");
    };
    assert!(candidates.iter().any(|it| it.starts_with(&twins[0][..12]) && it.contains("(commit ")));
    assert!(candidates.iter().any(|it| it.starts_with(&twins[1][..12])));
}

#[test]
fn relations() {
    let repo = Repo::new();
    let base = repo.commit("base");
    let next = repo.commit("next");
    repo.git(&["checkout", "-q", "-b", "other", &base]);
    let other = repo.commit("other");
    let source = repo.open();
    let relation = |held: &str, wanted: &str| source.relation(held, wanted).unwrap();
    assert_eq!(relation(&base, &base), Relation::Same);
    assert_eq!(relation(&base, &next), Relation::Ahead(1));
    assert_eq!(relation(&next, &base), Relation::Behind(1));
    assert_eq!(relation(&next, &other), Relation::Diverged { ahead: 1, behind: 1 });
    assert_eq!(relation(&"1".repeat(40), &other), Relation::HeldUnknown);
    assert_eq!(relation("", &other), Relation::HeldUnknown);
}

#[test]
fn dirty_is_what_git_calls_dirty() {
    let repo = Repo::new();
    for name in ["kept", "changed", "gone", "staged", "moved from a name", "mode"] {
        repo.write(name, format!("{name}\n").repeat(20));
    }
    repo.write(".gitignore", "*.pyc\n");
    repo.commit("base");
    assert!(repo.open().dirty(true).unwrap().is_empty());

    repo.write("changed", "x");
    repo.write("staged", "y");
    repo.git(&["add", "staged"]);
    repo.git(&["mv", "moved from a name", "renamed"]);
    std::fs::remove_file(repo.path.join("gone")).unwrap();
    repo.write("ignored.pyc", "");
    repo.write("new/a", "");
    repo.write("added", "");
    repo.git(&["add", "added"]);
    repo.write("added", "more");
    // git quotes what has blanks and sorts otherwise; the words are the same.
    let theirs = |options: &str| {
        let said = repo.git(&["-c", "core.quotePath=false", "status", "--short", options]);
        let mut lines: Vec<String> = said.lines().map(|line| line.replace('"', "")).collect();
        lines.sort();
        lines
    };
    for (untracked, options) in [(true, "-unormal"), (false, "-uno")] {
        let mut ours = repo.open().dirty(untracked).unwrap();
        ours.sort();
        assert_eq!(ours, theirs(options));
    }
    assert!(repo.open().dirty(true).unwrap().contains(&" M changed".to_owned()));
    assert!(repo.open().dirty(true).unwrap().contains(&"?? new/".to_owned()));
}

#[test]
fn a_conflict_and_a_sparse_checkout() {
    let repo = Repo::new();
    repo.write("a", "1");
    repo.write("deep/b", "1");
    repo.commit("base");
    repo.git(&["branch", "side"]);
    repo.write("a", "2");
    repo.commit("ours");
    repo.git(&["checkout", "-q", "side"]);
    repo.write("a", "3");
    repo.commit("theirs");
    assert!(!repo.try_git(&["merge", "main"]).0);
    assert_eq!(repo.open().dirty(true).unwrap(), ["UU a"]);
    repo.git(&["merge", "--abort"]);
    repo.git(&["sparse-checkout", "set", "--no-cone", "/a"]);
    assert!(!repo.path.join("deep/b").exists());
    assert!(repo.open().dirty(true).unwrap().is_empty());
}

#[test]
fn files_and_trees_of_a_commit() {
    let repo = Repo::new();
    repo.write("app/requirements.txt", "flask\n");
    repo.write("common.txt", "gunicorn\n");
    for (target, link) in
        [("../common.txt", "app/link.txt"), ("/etc/passwd", "app/out"), ("loop", "app/loop")]
    {
        std::os::unix::fs::symlink(target, repo.path.join(link)).unwrap();
    }
    let commit = repo.commit("base");
    repo.write("app/requirements.txt", "changed in the work tree only\n");
    let source = repo.open();
    let read = |path: &str| source.read(&commit, path).unwrap().map(|it| String::from_utf8(it).unwrap());
    assert_eq!(read("app/requirements.txt").as_deref(), Some("flask\n"));
    assert_eq!(read("./app/link.txt").as_deref(), Some("gunicorn\n"));
    for path in ["app", "absent", "app/absent", "app/out", "app/loop", "../x", "", "app/requirements.txt/x"] {
        assert_eq!(read(path), None, "{path}");
    }
    assert_eq!(source.tree(&commit, ".").unwrap().unwrap(), repo.git(&["rev-parse", "HEAD^{tree}"]));
    assert_eq!(source.tree(&commit, "./app/").unwrap().unwrap(), repo.git(&["rev-parse", "HEAD:app"]));
    for path in ["absent", "common.txt", "../x"] {
        assert_eq!(source.tree(&commit, path).unwrap(), None, "{path}");
    }
}

#[test]
fn what_is_no_repository_or_one_in_a_new_format() {
    let folder = Repo::empty();
    let error = deployer::git::Repository::discover(&folder.path).err().unwrap();
    assert!(matches!(error, SourceError::NotARepository { .. }), "{error}");
    for (format, name) in [("--object-format=sha256", "sha256"), ("--ref-format=reftable", "reftable")] {
        let repo = Repo::empty();
        let (made, said) = repo.try_git(&["init", "-q", format]);
        assert!(made, "this test needs a git that knows {format}: {said}");
        let error = deployer::git::Repository::discover(&repo.path).err().unwrap();
        assert!(error.to_string().contains(name), "{error}");
        assert!(matches!(error, SourceError::Unsupported { .. }), "{error}");
    }
}
