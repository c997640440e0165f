//! What a host lacks arrives, whole, by either packer.

use deployer::git::{PackStage, Packer, SourceError};

use crate::git::host::{BOTH, SEED, bundle, refuses, take};
use crate::git::repository::{self, Repo};

#[test]
fn first_push_then_a_fix_then_nothing() {
    for packer in BOTH {
        let repo = Repo::new();
        repo.write("app.py", "app = 1\n");
        repo.write("big.txt", (0..20_000).map(|n| format!("line {n} {}\n", n * 7919)).collect::<String>());
        let first = repo.commit("first");
        let host = Repo::new();

        let mut whole = bundle(&repo, &first, &[], packer).unwrap().unwrap();
        assert_eq!((whole.objects, whole.packer), (4, packer));
        take(&host, &mut whole);
        assert_eq!(host.git(&["rev-parse", SEED]), first);

        repo.write("app.py", "app = 2\n");
        let second = repo.commit("second");
        let mut fix = bundle(&repo, &second, &[&first, &"1".repeat(40)], packer).unwrap().unwrap();
        assert_eq!(fix.objects, 3, "a commit, a tree, a blob");
        assert!(fix.bytes < 1000, "{}", fix.bytes);
        refuses(&Repo::new(), &mut fix);
        take(&host, &mut fix);
        assert_eq!(host.git(&["show", &format!("{SEED}:app.py")]), "app = 2");

        for (commit, have) in [(&second, &second), (&first, &second)] {
            assert!(bundle(&repo, commit, &[have], packer).unwrap().is_none());
        }
    }
}

#[test]
fn diverged_histories_arrive_whole() {
    for packer in BOTH {
        let repo = Repo::new();
        repo.write("a", "a");
        repo.commit("base");
        repo.write("b", "b");
        let held = repo.commit("held");
        let host = Repo::new();
        take(&host, &mut bundle(&repo, &held, &[], packer).unwrap().unwrap());
        repo.git(&["reset", "-q", "--hard", "HEAD~1"]);
        repo.write("c", "c");
        let wanted = repo.commit("wanted");
        take(&host, &mut bundle(&repo, &wanted, &[&held], packer).unwrap().unwrap());
        assert_eq!(host.git(&["rev-parse", SEED]), wanted);
    }
}

#[test]
fn one_line_of_a_large_file() {
    let repo = Repo::new();
    let mut seed = 7u64;
    let mut text = String::new();
    while text.len() < 2_000_000 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        text.push_str(&format!("{seed:x}\n"));
    }
    repo.write("data.txt", &text);
    let first = repo.commit("first");
    repo.write("data.txt", text.replacen('\n', " changed\n", 1));
    let second = repo.commit("second");
    let host = Repo::new();
    take(&host, &mut bundle(&repo, &first, &[], Packer::Git).unwrap().unwrap());
    let mut thin = repo.open().bundle(&second, SEED, &[first], &mut |_| true).unwrap().unwrap();
    assert_eq!(thin.packer, Packer::Git);
    assert!(thin.bytes < 5000, "{}", thin.bytes);
    take(&host, &mut thin);
}

#[test]
fn names_and_subjects_that_are_no_utf8() {
    use std::os::unix::ffi::OsStrExt;
    let repo = Repo::new();
    let name = std::ffi::OsStr::from_bytes(b"caf\xe9");
    std::fs::create_dir(repo.path.join(name)).unwrap();
    std::fs::write(repo.path.join(name).join(name), "x").unwrap();
    repo.git(&["add", "-A"]);
    let message = repo.path.with_file_name("message");
    std::fs::write(&message, b"caf\xe9 au lait\n\nmore").unwrap();
    // Without an encoding git itself would make UTF-8 of it.
    let encoding = ["-c", "i18n.commitEncoding=ISO-8859-1"];
    repo.git(&[encoding[0], encoding[1], "commit", "-q", "-F", message.to_str().unwrap()]);
    let source = repo.open();
    let commit = source.resolve("HEAD").unwrap();
    assert_eq!(commit.subject, "caf\u{fffd} au lait");
    source.check_sendable(&commit.id).unwrap();
    std::fs::write(repo.path.join(name).join(name), "yy").unwrap();
    assert_eq!(source.dirty(true).unwrap(), [" M caf\u{fffd}/caf\u{fffd}"]);
    for packer in BOTH {
        take(&Repo::new(), &mut bundle(&repo, &commit.id, &[], packer).unwrap().unwrap());
    }
}

#[test]
fn a_linked_worktree_and_a_folder_in_it() {
    let repo = Repo::new();
    repo.write("sub/app.py", "1");
    repo.commit("base");
    let beside = Repo::at(repo.path.with_file_name("beside"));
    repo.git(&["worktree", "add", "-q", "-b", "side", beside.path.to_str().unwrap()]);
    beside.write("sub/app.py", "2");
    assert_eq!(beside.open().dirty(true).unwrap(), [" M sub/app.py"]);
    assert!(repo.open().dirty(true).unwrap().is_empty());
    let commit = beside.commit("beside");
    let source = deployer::git::Repository::discover(&beside.path.join("sub")).unwrap();
    assert_eq!(source.resolve("HEAD").unwrap().id, commit);
    assert_eq!(source.top().unwrap().canonicalize().unwrap(), beside.path.canonicalize().unwrap());
    source.check_sendable(&commit).unwrap();
    for packer in BOTH {
        let host = Repo::new();
        take(&host, &mut bundle(&beside, &commit, &[], packer).unwrap().unwrap());
        assert_eq!(host.git(&["rev-parse", SEED]), commit);
    }
}

/// 2,000 commits that end in 10,000 files, with some text that deltas and some that does not.
fn large() -> (Repo, String) {
    use std::fmt::Write;
    let repo = Repo::new();
    let mut stream = String::new();
    let mut seed = 1u64;
    for n in 0..2000u64 {
        writeln!(stream, "commit refs/heads/main\ncommitter Ada <a@b> {} +0000", 1_700_000_000 + n).unwrap();
        writeln!(stream, "data <<E\ncommit {n}\nE").unwrap();
        for file in n * 5..n * 5 + 5 {
            write!(stream, "M 100644 inline d{}/s{}/f{file}.py\ndata <<E\n", file % 20, file % 200).unwrap();
            for _ in 0..60 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                writeln!(stream, "value_{file} = {seed}").unwrap();
            }
            stream.push_str("E\n");
        }
        stream.push('\n');
    }
    let (done, said) = repository::git_at(&repo.path, &["fast-import", "--quiet"], Some(stream.as_bytes()));
    assert!(done, "{said}");
    repo.git(&["reset", "-q", "--hard"]);
    let commit = repo.git(&["rev-parse", "HEAD"]);
    (repo, commit)
}

#[test]
fn a_large_repository_shows_progress_and_can_be_stopped() {
    let (repo, commit) = large();
    let source = repo.open();
    source.check_sendable(&commit).unwrap();
    assert!(source.dirty(true).unwrap().is_empty());

    for packer in BOTH {
        let mut stages = Vec::new();
        let mut whole = source
            .bundle_with(&commit, SEED, &[], Some(packer), &mut |now| {
                if stages.last() != Some(&now.stage) {
                    stages.push(now.stage);
                }
                true
            })
            .unwrap()
            .unwrap();
        assert!(stages.contains(&PackStage::Compressing), "{stages:?}");
        take(&Repo::new(), &mut whole);

        for stop_at in [PackStage::Counting, PackStage::Compressing] {
            let stopped =
                source.bundle_with(&commit, SEED, &[], Some(packer), &mut |now| now.stage != stop_at);
            assert!(matches!(stopped, Err(SourceError::Interrupted)), "{packer:?} {stop_at:?}");
        }
    }
}

/// Where the test below tells itself which repository to pack.
const WITHOUT_GIT: &str = "DEPLOYER_TEST_PACK_WITHOUT_GIT";

#[test]
fn without_git_libgit2_packs() {
    // A test cannot change its own PATH while others run, so it runs itself again without one.
    if let Some(path) = std::env::var_os(WITHOUT_GIT) {
        let repo = Repo::at(path.into());
        let commit = repo.open().resolve("HEAD").unwrap().id;
        let whole = repo.open().bundle(&commit, SEED, &[], &mut |_| true).unwrap().unwrap();
        assert_eq!(whole.packer, Packer::Libgit2);
        assert!(repo.open().resolve("@{push}").is_err());
        return;
    }
    let repo = Repo::new();
    repo.write("a", "a");
    repo.commit("a");
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "git::bundles::without_git_libgit2_packs"])
        .env(WITHOUT_GIT, &repo.path)
        .env("PATH", "/nonexistent")
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}
