//! Where values come from, and what is said where there is none.

use std::time::Duration;

use crate::support::{Site, row};

const SUITE: &str = "secrets";

/// The application, answering with its secrets.
const APP: &str = r#"
import os

def app(environ, start_response):
    names = ["FROM_ENV", "FROM_FILE", "OTHER", "FROM_COMMAND", "GREETING"]
    body = "|".join(os.environ.get(name, "-") for name in names).encode()
    start_response("200 OK", [("Content-Length", str(len(body)))])
    return [body]
"#;

fn site() -> Site {
    let mut site = Site::new();
    site.extra = "[env]\nGREETING = \"plain\"\n\n[secrets]\nFROM_ENV = { env = \"LOCAL_NAME\" }\n\
                  FROM_FILE = { file = \".env.prod\" }\nOTHER = { file = \".env.prod\", key = \"KEY\" }\n\
                  FROM_COMMAND = { command = [\"sh\", \"-c\", \"cat pass; echo run >>count\"] }\n"
        .to_string();
    site.configure();
    site.write("app.py", APP);
    site.write(".gitignore", ".env.prod\npass\ncount\n");
    site.commit("answer with secrets");
    site.write(".env.prod", "FROM_FILE='it'\nexport KEY=\"two\\nlines\"\n");
    site.write("pass", "a b'c$d\n");
    site
}

#[test]
fn values_arrive_from_everywhere() {
    let site = site();
    let deploy = |arguments: &[&str]| {
        let output = site.command(arguments).env("LOCAL_NAME", "ü").output();
        crate::support::ran(output.expect("the binary runs"))
    };
    let ran = deploy(&["prod", "deploy"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(!ran.stderr.contains("warning"), "{}", ran.stderr);
    let count = || std::fs::read_to_string(site.repo.path().join("count")).unwrap_or_default();
    assert_eq!(count(), "run\n");
    site.done(&["prod", "cutover"]);
    assert_eq!(site.get("/"), (200, "ü|it|two\nlines|a b'c$d|plain".to_string()));
    assert_eq!(count(), "run\n", "only a verb that needs values asks for them");
    row(SUITE, "env, file, key, command", "ok: all arrived, each asked once");

    // A rollback to a release that stands needs no values; one that builds it anew does.
    let first = site.git(&["rev-parse", "HEAD"]);
    for _ in 0..2 {
        site.change();
        assert_eq!(deploy(&["prod", "deploy"]).code, 0);
        site.done(&["prod", "cutover"]);
    }
    site.done(&["prod", "rollback"]);
    let ran = site.deployer(&["prod", "rollback", &first]);
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("FROM_ENV: the local environment has no variable LOCAL_NAME"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("site:  The live site is not affected."), "{}", ran.stderr);
    site.until_free(Duration::from_secs(20));
    site.write("pass", "new\n");
    let ran = deploy(&["prod", "rollback", &first]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(site.get("/").1, "ü|it|two\nlines|new|plain");
    row(SUITE, "rollback", "ok: values are asked for where a release is built again");
}

#[test]
fn all_that_is_missing_is_said_before_the_host_is_asked() {
    let site = site();
    std::fs::remove_file(site.repo.path().join("pass")).expect("it was there");
    site.write(".env.prod", "OTHER=hunter2\n");
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 2, "{ran:?}");
    let shown = ran.stderr.replace(&site.repo.path().display().to_string(), "REPO");
    let log = shown.lines().filter(|line| !line.starts_with("log:"));
    insta::assert_snapshot!(log.collect::<Vec<_>>().join("\n"));
    row(SUITE, "missing", "ok: exit 2, all named at once");
}

#[test]
fn a_file_that_git_tracks_is_refused_and_one_it_would_take_is_warned_of() {
    let site = site();
    site.write("pass", "x\n");
    site.write(".gitignore", "pass\ncount\n");
    let deploy = || {
        let mut command = site.command(&["prod", "deploy", "--allow-dirty"]);
        crate::support::ran(command.env("LOCAL_NAME", "long enough").output().expect("the binary runs"))
    };
    let ran = deploy();
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stderr.contains(".env.prod holds secrets and git does not ignore it"), "{}", ran.stderr);
    site.git(&["add", ".env.prod"]);
    let ran = deploy();
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(ran.stderr.contains("FROM_FILE: ") && ran.stderr.contains("is tracked by git"), "{}", ran.stderr);
    assert!(ran.stderr.contains("git rm --cached"), "{}", ran.stderr);
    row(SUITE, "tracked file", "ok: refused; one that is not ignored is warned of");
}
