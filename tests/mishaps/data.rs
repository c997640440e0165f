use std::fs;

use crate::common::passed;
use crate::support::{Site, git};

/// Django's default: a database beside the code, which git ignores.
#[test]
fn a_database_in_the_work_tree_is_moved_and_not_lost() {
    let site = Site::new();
    site.write(".gitignore", "*.sqlite3\n*.db\n");
    site.commit("ignore the database");
    site.done(&["prod", "deploy"]);
    let next = fs::canonicalize(site.path("next")).expect("next");
    let repo = next.join("repo");
    let before = git(&repo, &["rev-parse", "--short", "HEAD"]);
    fs::create_dir_all(repo.join("my data")).expect("a folder");
    let database = b"SQLite format 3\0 and its pages";
    fs::write(repo.join("my data/db.sqlite3"), database).expect("a database");
    fs::write(
        repo.join("my data/db.sqlite3-wal"),
        "what it has not taken in yet",
    )
    .expect("a log");
    fs::write(repo.join("thumbs.db"), "something else").expect("a file");

    site.change();
    let ran = site.done(&["prod", "deploy"]);
    let kept = next.join("removed").join(before);
    assert_eq!(
        fs::read(kept.join("my data/db.sqlite3")).expect("it was kept"),
        database
    );
    assert!(kept.join("my data/db.sqlite3-wal").exists());
    assert!(!kept.join("thumbs.db").exists() && !repo.join("thumbs.db").exists());
    assert!(ran.stderr.contains("moved my data/db.sqlite3 to"), "{ran:?}");
    passed("an SQLite file in the work tree: moved aside, and said");

    site.change();
    let ran = site.done(&["prod", "deploy"]);
    assert!(!ran.stderr.contains("moved"), "{ran:?}");
}
