//! Faults of the local repository: what is not committed, not there, or would be lost.

use crate::fixture::{live, meet, meet_showing};

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
    let met = meet(
        &site,
        "an_older_commit_and_forced",
        &["prod", "deploy", &base, "--force"],
        0,
    );
    assert_eq!(met.next()["commit"]["id"], *base);
    let again = meet(&site, "the_same_commit_again", &["prod", "deploy", &base], 0);
    assert_eq!(again.next()["commit"], met.next()["commit"]);
    assert_eq!(again.next()["health"]["state"], "healthy");
}
