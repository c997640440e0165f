//! What cannot be sent is named beforehand; submodules are found.

use deployer::git::{Packer, SourceError};

use crate::git::host::{SEED, take};
use crate::git::repository::Repo;

/// A clone over the file transport, which alone makes shallow and partial clones of a local repository.
fn clone(of: &Repo, arguments: &[&str]) -> Repo {
    of.git(&["config", "uploadpack.allowFilter", "true"]);
    let clone = Repo::empty();
    let url = format!("file://{}", of.path.display());
    let mut all = vec!["clone", "-q"];
    all.extend(arguments);
    all.extend([url.as_str(), "."]);
    clone.git(&all);
    clone
}

#[test]
fn a_shallow_clone_is_named_until_it_is_complete() {
    let repo = Repo::new();
    repo.commit("one");
    repo.commit("two");
    let last = repo.commit("three");
    let clone = clone(&repo, &["--depth", "2"]);
    let error = clone.open().check_sendable(&last).unwrap_err();
    assert!(matches!(error, SourceError::Shallow { .. }), "{error}");
    assert!(error.to_string().contains("git fetch --unshallow"), "{error}");
    clone.git(&["fetch", "-q", "--unshallow"]);
    clone.open().check_sendable(&last).unwrap();
}

#[test]
fn a_partial_clone_is_named_and_never_asks_the_network() {
    let repo = Repo::new();
    repo.write("old", "old");
    repo.commit("one");
    std::fs::remove_file(repo.path.join("old")).unwrap();
    repo.write("new", "new");
    let last = repo.commit("two");

    let bare = clone(&repo, &["--filter=blob:none", "--no-checkout"]);
    let error = bare.open().check_sendable(&last).unwrap_err();
    let named = |error: &SourceError| matches!(error, SourceError::MissingObjects { partial: true, .. });
    assert!(named(&error), "{error}");

    // With the work tree checked out only an old file is missing, which the pack meets.
    let checked_out = clone(&repo, &["--filter=blob:none"]);
    let source = checked_out.open();
    source.check_sendable(&last).unwrap();
    let count = || checked_out.git(&["count-objects", "-v"]);
    let before = count();
    let error = source.bundle(&last, SEED, &[], &mut |_| true).unwrap_err();
    assert!(named(&error), "{error}");
    assert!(error.to_string().contains("--refetch"), "{error}");
    assert_eq!(count(), before);

    checked_out.git(&["fetch", "-q", "--refetch", "--no-filter"]);
    let host = Repo::new();
    let mut whole = checked_out.open().bundle(&last, SEED, &[], &mut |_| true).unwrap().unwrap();
    // An old git, which knows no GIT_NO_LAZY_FETCH, would ask the network; so none is used here at all.
    assert_eq!(whole.packer, Packer::Libgit2);
    take(&host, &mut whole);
}

#[test]
fn an_object_that_is_lost_is_named() {
    let repo = Repo::new();
    repo.write("a", "contents");
    let commit = repo.commit("one");
    let blob = repo.git(&["rev-parse", "HEAD:a"]);
    std::fs::remove_file(repo.path.join(".git/objects").join(&blob[..2]).join(&blob[2..])).unwrap();
    let error = repo.open().bundle(&commit, SEED, &[], &mut |_| true).unwrap_err();
    assert!(matches!(error, SourceError::MissingObjects { partial: false, .. }), "{error}");
}

#[test]
fn lfs_pointers_are_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 3\n";
    let repo = Repo::new();
    repo.write("elsewhere/looks-like-one.txt", pointer);
    repo.write(".gitattributes", "# filter=lfs once\n*.txt text\n");
    let innocent = repo.commit("no lfs");
    repo.open().check_sendable(&innocent).unwrap();

    repo.write("data/.gitattributes", "*.bin filter=lfs diff=lfs merge=lfs -text\n");
    repo.write("data/model one.bin", pointer);
    repo.write("data/deep/two.bin", pointer);
    repo.write("data/readme", "text");
    // git would run the filter, which is not installed here.
    repo.git(&["config", "filter.lfs.clean", "cat"]);
    let commit = repo.commit("lfs");
    let error = repo.open().check_sendable(&commit).unwrap_err();
    let SourceError::Lfs { files } = &error else {
        panic!("{error}");
    };
    assert_eq!(files, &["data/deep/two.bin", "data/model one.bin"]);
    repo.open().check_sendable(&innocent).unwrap();
}

#[test]
fn submodules_of_submodules() {
    let inner = Repo::new();
    inner.write("i", "inner");
    let inner_commit = inner.commit("inner");
    let outer = Repo::new();
    outer.git(&[
        "submodule",
        "--quiet",
        "add",
        "--name",
        "in/ner",
        inner.path.to_str().unwrap(),
        "lib/inner",
    ]);
    let outer_commit = outer.commit("outer");
    let top = Repo::new();
    top.git(&["submodule", "--quiet", "add", "--name", "out", outer.path.to_str().unwrap(), "vendor/outer"]);
    let commit = top.commit("top");

    let missing = |repo: &Repo, path: &str| {
        let error = repo.open().submodules(&commit).unwrap_err();
        assert!(error.to_string().contains("git submodule update --init --recursive"), "{error}");
        assert!(error.to_string().contains(&format!("`{path}`")), "{error}");
    };
    missing(&top, "vendor/outer/lib/inner");
    let clone = clone(&top, &[]);
    missing(&clone, "vendor/outer");
    for repo in [&top, &clone] {
        repo.git(&["submodule", "--quiet", "update", "--init", "--recursive"]);
        let found = repo.open().submodules(&commit).unwrap();
        let told: Vec<_> = found
            .iter()
            .map(|it| (it.name.as_str(), it.path.as_str(), it.git_dir.as_str(), it.commit.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("out", "vendor/outer", "modules/out", outer_commit.as_str()),
                ("in/ner", "vendor/outer/lib/inner", "modules/out/modules/in/ner", inner_commit.as_str()),
            ]
        );
        assert_eq!(found[0].url, outer.path.to_str().unwrap());
        for submodule in &found {
            let repository = submodule.repository().unwrap();
            repository.check_sendable(&submodule.commit).unwrap();
            let host = Repo::new();
            let bundle = repository.bundle(&submodule.commit, SEED, &[], &mut |_| true);
            take(&host, &mut bundle.unwrap().unwrap());
            assert_eq!(host.git(&["rev-parse", SEED]), submodule.commit);
        }
    }
    // A checkout is itself a repository to deploy from.
    let checkout = deployer::git::Repository::discover(&clone.path.join("vendor/outer/lib")).unwrap();
    assert_eq!(checkout.resolve("HEAD").unwrap().id, outer_commit);

    // Dirty inside, and then with what nobody has fetched.
    clone.write("vendor/outer/untracked", "");
    assert_eq!(clone.open().dirty(true).unwrap(), [" M vendor/outer"]);
    assert!(clone.open().dirty(false).unwrap().is_empty());
    clone.write("vendor/outer/.gitmodules", "");
    assert_eq!(clone.open().dirty(false).unwrap(), [" M vendor/outer"]);

    let newer = Repo::at(top.path.join("vendor/outer")).commit("newer");
    let commit = top.commit("newer");
    clone.git(&["fetch", "-q", "--no-recurse-submodules"]);
    let error = clone.open().submodules(&commit).unwrap_err().to_string();
    assert_eq!(
        error,
        format!("submodule `vendor/outer` lacks commit {newer} here; run `git -C 'vendor/outer' fetch`")
    );
}

/// git follows no include of a `.gitmodules`; libgit2 would open the pipe, and wait for ever.
#[test]
fn what_gitmodules_includes_is_never_opened() {
    let module = Repo::new();
    module.commit("module");
    let top = Repo::new();
    top.git(&["submodule", "--quiet", "add", module.path.to_str().unwrap(), "lib"]);
    let pipe = top.path.join("pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    top.git(&["config", "core.excludesFile", "/dev/null"]);
    std::fs::write(top.path.join(".git/info/exclude"), "pipe\n").unwrap();
    let text = std::fs::read_to_string(top.path.join(".gitmodules")).unwrap();
    let include = format!("[include]\n\tpath = {}\n", pipe.display());
    top.write(".gitmodules", format!("{include}{text}"));
    let commit = top.commit("include a pipe");

    // In a process of this machine nothing can end a thread that waits for a pipe.
    let (told, said) = std::sync::mpsc::channel();
    let path = top.path.clone();
    std::thread::spawn(move || {
        let source = deployer::git::Repository::discover(&path).unwrap();
        let found = source.submodules(&commit).unwrap_err().to_string();
        let dirty = source.dirty(true).unwrap_err().to_string();
        told.send([found, dirty])
    });
    let said = said.recv_timeout(std::time::Duration::from_secs(20)).expect("it waits for the pipe");
    for error in said {
        assert!(error.contains(".gitmodules") && error.contains("take its [include] out"), "{error}");
    }
}
