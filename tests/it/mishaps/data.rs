use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::mishaps::common::passed;
use crate::support::{APP, Ran, Site, git};

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
    fs::write(repo.join("my data/db.sqlite3-wal"), "what it has not taken in yet").expect("a log");
    fs::write(repo.join("thumbs.db"), "something else").expect("a file");

    site.change();
    let ran = site.done(&["prod", "deploy"]);
    let kept = next.join("removed").join(before);
    assert_eq!(fs::read(kept.join("my data/db.sqlite3")).expect("it was kept"), database);
    assert!(kept.join("my data/db.sqlite3-wal").exists());
    assert!(!kept.join("thumbs.db").exists() && !repo.join("thumbs.db").exists());
    assert!(ran.stderr.contains("moved my data/db.sqlite3 to"), "{ran:?}");
    passed("an SQLite file in the work tree: moved aside, and said");

    site.change();
    let ran = site.done(&["prod", "deploy"]);
    assert!(!ran.stderr.contains("moved"), "{ran:?}");
}

/// Where nothing in the work tree tells of it: the application has it open.
#[test]
fn a_database_beside_the_work_tree_is_seen_while_it_is_open() {
    let site = Site::new();
    let open = "import sqlite3\nPEOPLE = sqlite3.connect('../people.db', check_same_thread=False)\n\
                PEOPLE.execute('CREATE TABLE IF NOT EXISTS person (name TEXT)')\nPEOPLE.commit()\n";
    site.write("app.py", &format!("{open}{APP}"));
    site.commit("keep people beside the work tree");
    site.go_live();
    site.change();
    for arguments in [["prod", "plan"], ["prod", "deploy"]] {
        let ran = site.deployer(&arguments);
        let said = format!("{}{}", ran.stdout, ran.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
        let place = "the database ../people.db lies in ";
        assert!(said.contains(place) && said.contains("let it be alone in a folder of [shared]"), "{ran:?}");
    }
    passed("an SQLite file beside the work tree: told of while it is open");
}

#[test]
fn a_database_is_known_by_its_content_whatever_it_is_called() {
    let site = Site::new();
    site.write("committed.db", "SQLite format 3\0 as the commit has it");
    site.write("changed.db", "SQLite format 3\0 as the commit has it");
    site.commit("with databases");
    site.done(&["prod", "deploy"]);
    let next = fs::canonicalize(site.path("next")).expect("next");
    let repo = next.join("repo");
    let names: Vec<PathBuf> = [
        "dätä.sqlite3".as_bytes(),
        b"-dash.db",
        b"quo\"te.db",
        b"line\nfeed.db",
        b"no extension",
        b"l\xe4tin.db",
        b"deep/er/$HOME `x`.db",
        b"another repository/x.db",
        b"changed.db",
        b"soon.db",
    ]
    .map(|name| Path::new(OsStr::from_bytes(name)).to_path_buf())
    .to_vec();
    git(&repo, &["init", "--quiet", "another repository"]);
    for (number, name) in names.iter().enumerate() {
        let path = repo.join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(&path, format!("SQLite format 3\0 {number}")).expect("a database");
        for beside in ["-wal", "-shm", "-journal"] {
            let mut path = path.clone().into_os_string();
            path.push(beside);
            fs::write(path, format!("{number}")).expect("what is beside it");
        }
    }
    site.write("soon.db", "a file of the commit's");
    site.commit("with a file of a database's name");
    let before = git(&repo, &["rev-parse", "--short", "HEAD"]);
    let ran = site.done(&["prod", "deploy"]);
    let kept = next.join("removed").join(before);
    for (number, name) in names.iter().enumerate() {
        let of = |beside: &str| {
            let mut path = kept.join(name).into_os_string();
            path.push(beside);
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path:?}: {error}: {ran:?}"))
        };
        assert_eq!(of(""), format!("SQLite format 3\0 {number}"));
        assert_eq!([of("-wal"), of("-shm"), of("-journal")], [&*number.to_string(); 3]);
    }
    assert!(!kept.join("committed.db").exists());
    assert!(ran.stderr.contains("moved -dash.db, another repository/x.db"), "{ran:?}");
    let text = |path: &str| fs::read_to_string(repo.join(path)).expect("a file");
    assert_eq!(text("soon.db"), "a file of the commit's");
    assert_eq!(text("changed.db"), "SQLite format 3\0 as the commit has it");

    // The same commit again, with another database of the same name.
    let commit = git(&repo, &["rev-parse", "--short", "HEAD"]);
    for folder in [commit.clone(), format!("{commit}.2")] {
        let database = format!("SQLite format 3\0 for {folder}");
        fs::write(repo.join("-dash.db"), &database).expect("a database");
        site.done(&["prod", "deploy"]);
        let kept = next.join("removed").join(folder).join("-dash.db");
        assert_eq!(fs::read_to_string(kept).expect("it was kept"), database);
    }
    passed("SQLite files of ten awkward names: none lost, none overwritten");
}

/// What a newcomer has: a file beside the code, which the application makes when it starts.
#[test]
fn a_database_that_a_cutover_leaves_behind_is_told_before_it_does() {
    let mut site = Site::new();
    site.extra = "[env]\nUSERS = \"users\"\n".to_string();
    site.configure();
    site.write(".gitignore", "/users\n/data/\n");
    let database = "import sqlite3\nwith sqlite3.connect(os.environ['USERS']) as users:\n    users.execute('CREATE TABLE IF NOT EXISTS users (name)')\n";
    site.write("app.py", &format!("{APP}\n{database}"));
    site.write("world.sqlite", "SQLite format 3\0 of the commit's own");
    site.commit("with users");
    let told = |ran: &Ran, color: &str| {
        let text = format!("the database users lies in {color}'s own work tree: after a cutover");
        ran.stdout.contains(&text) || ran.stderr.contains(&text)
    };
    // The first cutover leaves nothing behind; the next one would.
    let ran = site.done(&["prod", "deploy"]);
    assert!(!ran.stderr.contains("work tree"), "{ran:?}");
    let ran = site.done(&["prod", "cutover"]);
    assert!(told(&ran, "blue"), "{ran:?}");
    let problems = site.status()["problems"].to_string();
    assert!(problems.contains("the database users lies in blue's own work tree"), "{problems}");
    site.change();
    for command in [&["prod", "plan"][..], &["prod", "deploy"], &["prod", "cutover", "--dry-run"]] {
        let ran = site.done(command);
        assert!(told(&ran, "blue"), "{ran:?}");
        let both = format!("{}{}", ran.stdout, ran.stderr);
        assert!(both.contains("[shared] directories = [\"data\"]"), "{both}");
    }

    site.extra = "[shared]\ndirectories = [\"data\"]\n[env]\nUSERS = \"data/users\"\n".to_string();
    site.configure();
    site.commit("users in a folder of their own");
    site.go_live();
    site.change();
    for command in [&["prod", "plan"][..], &["prod", "deploy"], &["prod", "cutover"]] {
        let ran = site.done(command);
        assert!(!told(&ran, "blue") && !told(&ran, "green"), "{ran:?}");
    }
    assert_eq!(site.status()["problems"].to_string(), "[]");
    passed(
        "a database in the work tree: told by status, plan, deploy and cutover, with the mend, and no more once it is shared",
    );
}
