//! Faults of the local repository: what is not committed, not there, or would be lost.

use std::fs;

use crate::faults::fixture::{live, meet, meet_showing};
use crate::support::{git, ran};

#[test]
fn what_no_commit_holds_is_refused() {
    let site = live();
    site.write("app.py", "# half done\n");
    meet_showing(&site, "dirty_work_tree", &["prod", "deploy"], 1, true);
    site.git(&["checkout", "--quiet", "app.py"]);
    site.write("notes.txt", "not committed\n");
    meet_showing(&site, "untracked_file", &["prod", "deploy"], 1, true);
    let met = meet(&site, "allow_dirty", &["prod", "deploy", "--allow-dirty"], 0);
    assert_eq!(met.next()["health"]["state"], "healthy");
    assert!(!site.path("next/repo/notes.txt").exists());
}

#[test]
fn a_commit_that_is_not_there() {
    let site = live();
    meet(&site, "unknown_commit", &["prod", "deploy", "no-such-branch"], 1);
    meet(&site, "unknown_hash", &["prod", "deploy", "1234567"], 1);
}

#[test]
fn history_is_lost_only_by_force() {
    let site = live();
    let base = site.git(&["rev-parse", "HEAD"]);
    site.change();
    site.done(&["prod", "deploy"]);
    meet(&site, "an_older_commit", &["prod", "deploy", &base], 1);
    site.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    site.write("other.txt", "another way\n");
    site.commit("go another way");
    meet(&site, "diverged_history", &["prod", "deploy"], 1);
    let met = meet(&site, "diverged_and_forced", &["prod", "deploy", "--force"], 0);
    assert_eq!(met.next()["commit"]["subject"], "go another way");
    let met = meet(&site, "an_older_commit_and_forced", &["prod", "deploy", &base, "--force"], 0);
    assert_eq!(met.next()["commit"]["id"], *base);
    let again = meet(&site, "the_same_commit_again", &["prod", "deploy", &base], 0);
    assert_eq!(again.next()["commit"], met.next()["commit"]);
    assert_eq!(again.next()["health"]["state"], "healthy");
}

/// Ann and Bob have a clone each, and both build upon what is live.
#[test]
fn what_somebody_else_made_live_is_not_replaced_without_a_word() {
    let site = live();
    let bobs = tempfile::tempdir().expect("a folder");
    let from = site.repo.path().to_str().expect("text");
    git(bobs.path(), &["clone", "--quiet", from, "."]);
    let bob = |arguments: &[&str]| {
        let mut command = site.command(arguments);
        // A shell of a container: nobody is logged in.
        command.current_dir(bobs.path()).env_remove("USER");
        ran(command.output().expect("the binary runs")).done(arguments)
    };
    fs::write(bobs.path().join("bobs.txt"), "his").expect("a file");
    git(bobs.path(), &["config", "user.name", "Bob Example"]);
    git(bobs.path(), &["add", "--all"]);
    git(bobs.path(), &["commit", "--quiet", "--message", "what Bob did"]);
    bob(&["prod", "deploy", "--cutover"]);
    site.change();
    let met = meet(&site, "live_is_of_somebody_else", &["prod", "deploy", "--cutover"], 1);
    let said = &met.ran.stderr;
    assert!(said.contains("Bob Example@") && said.contains("what Bob did"), "{said}");
    let planned = site.deployer(&["prod", "plan"]);
    assert_eq!(planned.code, 1, "{planned:?}");
    assert!(planned.stderr.contains("Bob Example@"), "{planned:?}");

    site.git(&["fetch", "--quiet", bobs.path().to_str().expect("text"), "main:bobs"]);
    meet(&site, "live_has_diverged", &["prod", "deploy"], 1);
    meet(&site, "live_is_newer", &["prod", "deploy", "HEAD~1"], 1);
    let forced = site.done(&["prod", "deploy", "--force"]);
    assert!(!forced.stderr.contains("lacks"), "{forced:?}");
    let status = site.status();
    assert_eq!(status["live"]["commit"]["subject"], "what Bob did");

    // Whoever cuts over need not be who forced it.
    let lacks = "lacks 1 commit(s) that live (green) has; Bob Example@";
    let switched = site.done(&["prod", "cutover"]);
    assert!(switched.stderr.contains(lacks), "{switched:?}");
    assert!(switched.stderr.contains("what Bob did"), "{switched:?}");
    // Typed twice, it goes back, and a way back is none that takes by surprise.
    let again = site.done(&["prod", "cutover"]);
    assert!(again.stderr.contains("is what live replaced"), "{again:?}");
    site.done(&["prod", "cutover"]);
    let back = site.done(&["prod", "rollback"]);
    assert!(!back.stderr.contains("lacks"), "{back:?}");

    site.git(&["merge", "--quiet", "--no-edit", "bobs"]);
    let merged = site.done(&["prod", "deploy", "--cutover"]);
    assert!(!merged.stderr.contains("lacks"), "{merged:?}");
}
