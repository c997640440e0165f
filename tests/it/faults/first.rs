//! First deploys: of a large repository, and of one with a submodule.

use std::fmt::Write as _;
use std::io::Write as _;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::faults::fixture::{live, meet};
use crate::support::{Site, git, row};

/// Adds 2,000 commits that end in 10,000 files.
fn grow(site: &Site) {
    let mut stream = String::new();
    let mut seed = 1u64;
    let base = site.git(&["rev-parse", "HEAD"]);
    for commit in 0..2000u64 {
        let when = 1_700_000_000 + commit;
        let _ = writeln!(stream, "commit refs/heads/main\ncommitter Ann <ann@example.org> {when} +0000");
        let _ = writeln!(stream, "data <<E\ncommit {commit}\nE");
        if commit == 0 {
            let _ = writeln!(stream, "from {base}");
        }
        for file in commit * 5..commit * 5 + 5 {
            let _ = write!(stream, "M 100644 inline d{}/s{}/f{file}.py\ndata <<E\n", file % 20, file % 200);
            for _ in 0..40 {
                seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                let _ = writeln!(stream, "value_{file} = {seed}");
            }
            stream.push_str("E\n");
        }
        stream.push('\n');
    }
    let mut import = Command::new("git")
        .current_dir(site.repo.path())
        .args(["fast-import", "--quiet"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git runs");
    let mut input = import.stdin.take().expect("its input");
    input.write_all(stream.as_bytes()).expect("git reads it");
    drop(input);
    assert!(import.wait().expect("git ends").success());
    site.git(&["reset", "--quiet", "--hard"]);
}

#[test]
fn ten_thousand_files_and_two_thousand_commits() {
    let site = Site::new();
    grow(&site);
    assert_eq!(site.git(&["rev-list", "--count", "HEAD"]), "2001");
    let began = Instant::now();
    let ran = site.done(&["prod", "deploy"]);
    let took = began.elapsed();
    let shown: Vec<&str> = ran.stderr.lines().filter(|line| line.contains(" of ")).collect();
    assert!(shown.len() >= 2, "progress, line by line: {}", ran.stderr);
    assert!(shown.iter().any(|line| line.contains(" MB of ")), "{shown:?}");
    let files = git(&site.path("next/repo"), &["ls-files"]).lines().count();
    assert!(files >= 10_000, "{files} files");
    site.done(&["prod", "cutover"]);
    assert_eq!(site.status()["live"]["health"]["state"], "healthy");
    row(
        "faults",
        "first deploy of 10,000 files and 2,000 commits",
        format!("{:.1} s, {} lines of progress", took.as_secs_f64(), shown.len()),
    );
}

#[test]
fn a_submodule() {
    let site = live();
    let module = tempfile::tempdir().unwrap();
    git(module.path(), &["init", "--quiet", "--initial-branch=main"]);
    let say = |word: &str| {
        std::fs::write(module.path().join("words.py"), format!("WORD = {word:?}\n")).unwrap();
        git(module.path(), &["add", "--all"]);
        git(module.path(), &["commit", "--quiet", "--message", word]);
    };
    say("one");
    let url = module.path().to_str().unwrap();
    site.git(&["submodule", "--quiet", "add", url, "lib/words"]);
    let app = "from lib.words.words import WORD\ndef app(environ, start_response):\n    start_response('200 OK', [])\n    return [WORD.encode()]\n";
    site.write("app.py", app);
    let one = site.commit("say a word of the submodule");
    meet(&site, "submodule", &["prod", "deploy"], 0);
    site.done(&["prod", "cutover"]);
    assert_eq!(site.get("/").1, "one");

    // With a history of its own, so that the first word does not come along with it.
    git(module.path(), &["checkout", "--quiet", "--orphan", "anew"]);
    say("two");
    git(module.path(), &["branch", "--quiet", "--force", "main"]);
    git(module.path(), &["checkout", "--quiet", "main"]);
    let inside = site.repo.path().join("lib/words");
    git(&inside, &["fetch", "--quiet", "origin", "main"]);
    git(&inside, &["reset", "--quiet", "--hard", "FETCH_HEAD"]);
    site.commit("say another");
    meet(&site, "submodule_moved_on", &["prod", "deploy"], 0);
    site.done(&["prod", "cutover"]);
    assert_eq!(site.get("/").1, "two");

    // The slot that a rollback over two releases is built in never had the first word.
    say("three");
    git(&inside, &["pull", "--quiet", "origin", "main"]);
    site.commit("say a third");
    site.go_live();
    let held = site.path("next/repo/.git/modules/lib/words");
    git(&held, &["gc", "--quiet", "--prune=now"]);
    site.done(&["prod", "rollback", &one[..7]]);
    assert_eq!(site.get("/").1, "one");
}

#[test]
fn the_other_slots_repository_lacks_a_file() {
    let site = live();
    let lender = site.path("live/repo/.git");
    // git packed what it took from the bundle: unpack it, but for one file.
    let packs = lender.join("objects/pack");
    let aside = site.path("aside");
    std::fs::rename(&packs, &aside).expect("the packs");
    for file in std::fs::read_dir(&aside).expect("the packs").flatten() {
        if file.path().extension().is_some_and(|kind| kind == "pack") {
            let pack = std::fs::File::open(file.path()).expect("a pack");
            let unpack = Command::new("git")
                .arg("--git-dir")
                .arg(&lender)
                .args(["unpack-objects", "-q"])
                .stdin(pack)
                .status();
            assert!(unpack.expect("git runs").success());
        }
    }
    let blob = git(&lender, &["rev-parse", "HEAD:app.py"]);
    let object = lender.join("objects").join(&blob[..2]).join(&blob[2..]);
    std::fs::remove_file(object).expect("the object");
    site.change();
    meet(&site, "lender_lacks_a_file", &["prod", "deploy"], 1);
    // As it advises.
    std::fs::rename(&lender, lender.with_extension("git.broken")).expect("put aside");
    site.go_live();
    site.done(&["prod", "rollback"]);
}

/// git's own words are the reason.
#[test]
fn a_submodule_that_git_refuses() {
    let site = Site::new();
    let module = tempfile::tempdir().unwrap();
    git(module.path(), &["init", "--quiet", "--initial-branch=main"]);
    git(module.path(), &["commit", "--quiet", "--allow-empty", "--message", "one"]);
    let url = module.path().to_str().unwrap();
    site.git(&["submodule", "--quiet", "add", url, "lib/words"]);
    site.git(&["config", "--file", ".gitmodules", "--unset", "submodule.lib/words.url"]);
    site.commit("forget where the submodule is from");
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    let why = "why:   fatal: No url found for submodule path 'lib/words' in .gitmodules";
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
}
