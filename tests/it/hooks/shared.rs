//! Folders that outlive a release.

use std::fs;

use crate::hooks::passed;
use crate::support::Site;

fn sharing(directories: &str) -> Site {
    let mut site = Site::new();
    site.extra = format!("[shared]\ndirectories = {directories}\n");
    site.configure();
    site
}

#[test]
fn what_users_upload_outlives_every_release() {
    let site = sharing("[\"media\", \"var/data\"]");
    site.write(".gitignore", "media/*\n!media/.gitkeep\n");
    site.write("media/.gitkeep", "");
    site.commit("with a folder for media");
    site.done(&["prod", "deploy"]);
    // As the application would, through its own work tree.
    fs::write(site.path("blue/repo/media/cat.jpg"), "a cat").expect("an upload");
    fs::write(site.path("blue/repo/var/data/db"), "a table").expect("a database");
    site.done(&["prod", "cutover"]);
    for round in 0..3 {
        site.change();
        site.go_live();
        for color in ["blue", "green"] {
            if round > 0 || color == "green" {
                let cat = site.path(&format!("{color}/repo/media/cat.jpg"));
                assert_eq!(fs::read_to_string(cat).expect("the upload"), "a cat", "{color}, round {round}");
            }
        }
    }
    assert_eq!(fs::read_to_string(site.path("shared/var/data/db")).expect("it is there"), "a table");
    passed("uploads outlive every release");
}

#[test]
fn what_was_in_a_slot_comes_along() {
    let mut site = Site::new();
    site.write(".gitignore", "media/\n");
    site.commit("without sharing");
    site.go_live();
    fs::create_dir_all(site.path("blue/repo/media/2024")).expect("a folder");
    fs::write(site.path("blue/repo/media/2024/cat.jpg"), "a cat").expect("an upload");
    site.extra = "[shared]\ndirectories = [\"media\"]\n".to_string();
    site.configure();
    site.change();
    site.done(&["prod", "deploy"]);
    let cat = |slot: &str| fs::read_to_string(site.path(&format!("{slot}/repo/media/2024/cat.jpg"))).ok();
    assert_eq!(cat("green").as_deref(), Some("a cat"), "live's files are there already");
    // Live still has a folder of its own; what comes until the cutover is taken over when its slot is built anew.
    fs::write(site.path("blue/repo/media/2024/dog.jpg"), "a dog").expect("an upload");
    fs::write(site.path("shared/media/2024/cat.jpg"), "a newer cat").expect("a change");
    site.done(&["prod", "cutover"]);
    site.change();
    site.go_live();
    assert_eq!(cat("blue").as_deref(), Some("a newer cat"));
    let dog = site.path("blue/repo/media/2024/dog.jpg");
    assert_eq!(fs::read_to_string(dog).expect("the upload"), "a dog");
    passed("what was in a slot before its folder was shared comes along");
}

/// The slot that is built next has an older one, which must not win.
#[test]
fn what_live_has_comes_along_before_what_an_older_release_left() {
    let mut site = Site::new();
    site.write(".gitignore", "data/\n");
    site.commit("without sharing");
    for (color, users) in [("blue", "one user"), ("green", "one user and more")] {
        site.change();
        site.done(&["prod", "deploy"]);
        fs::create_dir_all(site.path(&format!("{color}/repo/data"))).expect("a folder");
        fs::write(site.path(&format!("{color}/repo/data/users")), users).expect("a file");
        site.done(&["prod", "cutover"]);
    }
    site.extra = "[shared]\ndirectories = [\"data\"]\n".to_string();
    site.configure();
    site.change();
    site.go_live();
    let users = fs::read_to_string(site.path("live/repo/data/users")).expect("a file");
    assert_eq!(users, "one user and more");
    passed("what live has comes along, not what an older release left");
}

#[test]
fn a_folder_with_files_of_the_commits_is_refused_before_anything_is_touched() {
    let site = sharing("[\"media\"]");
    site.go_live();
    site.write("media/logo.png", "a logo");
    site.commit("with a logo");
    let before = fs::metadata(site.path("green")).ok().and_then(|slot| slot.modified().ok());
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    for word in ["media/logo.png", "git rm -r --cached media"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    assert_eq!(fs::metadata(site.path("green")).ok().and_then(|slot| slot.modified().ok()), before);
    passed("a shared folder that the commit has files in is refused");
}
