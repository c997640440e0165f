//! Completion, asked by a real bash; and the man pages, read by a real groff's rules as far as they are ours.

use std::path::Path;
use std::process::Command;

use tempfile::TempDir;

const CONFIG: &str = r#"
[gunicorn]
app = "app:app"

[environments.prod]
host = "web1.example"
root = "/srv/hello"
ports = { blue = 8888, green = 8889 }
url = "http://web1.example"
nginx.test = ["true"]
nginx.reload = ["true"]

[environments.staging]
host = "web2.example"
root = "/srv/hello"
ports = { blue = 8888, green = 8889 }
url = "http://web2.example"
nginx.test = ["true"]
nginx.reload = ["true"]
"#;

/// What bash is to do before it prints its candidates; `$1` is the folder of the binary, the rest are the typed words.
const ASK: &str = r#"
PATH=$1:$PATH
shift
source <(deployer completions bash)
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_TYPE=9
_clap_complete_deployer deployer "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
printf '%s\n' "${COMPREPLY[@]}"
"#;

fn binary() -> &'static Path {
    Path::new(env!("CARGO_BIN_EXE_deployer"))
}

fn git(folder: &Path, words: &[&str]) {
    let done = Command::new("git")
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org"])
        .args(words)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .output();
    let done = done.expect("git runs");
    assert!(done.status.success(), "{words:?}: {done:?}");
}

fn repository() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::write(folder.path().join("deployer.toml"), CONFIG).expect("a file");
    for words in [
        &["init", "--quiet", "--initial-branch=main"][..],
        &["add", "--all"],
        &["commit", "--quiet", "--message=one"],
        &["branch", "feature/header"],
        &["tag", "v1.4.2"],
    ] {
        git(folder.path(), words);
    }
    folder
}

/// What bash would offer at a TAB after these words.
fn offered(folder: &Path, line: &[&str]) -> Vec<String> {
    let output = Command::new("bash")
        .args(["--norc", "-c", ASK, "bash"])
        .arg(binary().parent().expect("a folder"))
        .args(line)
        .current_dir(folder)
        .output()
        .expect("bash runs");
    assert!(output.stderr.is_empty(), "{output:?}");
    let text = String::from_utf8(output.stdout).expect("text");
    text.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

#[test]
fn bash_completes_environments_then_commands_then_options() {
    let repo = repository();
    let inside = repo.path().join("deep/down");
    std::fs::create_dir_all(&inside).expect("a folder");
    let offered = |line: &[&str]| offered(&inside, line);
    let has = |line: &[&str], wanted: &[&str], unwanted: &[&str]| {
        let found = offered(line);
        for word in wanted {
            assert!(found.iter().any(|it| it == word), "{line:?}: no {word} in {found:?}");
        }
        for word in unwanted {
            assert!(!found.iter().any(|it| it == word), "{line:?}: {word} in {found:?}");
        }
    };
    // What needs an environment is offered behind one.
    has(&["deployer", ""], &["prod", "staging", "status", "rehearse"], &["deploy", "web1.example"]);
    assert_eq!(offered(&["deployer", "sta"]), ["staging", "status"]);
    has(
        &["deployer", "prod", ""],
        &["deploy", "cutover", "rollback", "status"],
        &["staging", "completions", "help"],
    );
    assert_eq!(offered(&["deployer", "prod", "cut"]), ["cutover"]);
    assert_eq!(offered(&["deployer", "-v", "prod", "cut"]), ["cutover"]);
    has(
        &["deployer", "prod", "deploy", "--"],
        &["--allow-dirty", "--cutover", "--dry-run", "--watch"],
        &["--message"],
    );
    has(&["deployer", "prod", "deploy", ""], &["main", "feature/header", "v1.4.2"], &[]);
    assert_eq!(offered(&["deployer", "prod", "deploy", "fea"]), ["feature/header"]);
    assert_eq!(offered(&["deployer", "completions", "z"]), ["zsh"]);
    assert_eq!(offered(&["deployer", "--color", "al"]), ["always"]);
    assert_eq!(offered(&["deployer", "help", "so"]), ["socket"]);
}

#[test]
fn bash_completes_where_there_is_no_configuration() {
    let nowhere = tempfile::tempdir().expect("a folder");
    let found = offered(nowhere.path(), &["deployer", ""]);
    for word in ["deploy", "status", "completions"] {
        assert!(found.iter().any(|it| it == word), "{word} is not in {found:?}");
    }
    assert_eq!(offered(nowhere.path(), &["deployer", "prod", "zzz"]), Vec::<String>::new());

    // Another file can be named, also a broken one.
    std::fs::write(nowhere.path().join("x.toml"), CONFIG).expect("a file");
    let found = offered(nowhere.path(), &["deployer", "--config", "x.toml", "st"]);
    assert!(found.contains(&"staging".to_string()), "{found:?}");
    std::fs::write(nowhere.path().join("x.toml"), "[").expect("a file");
    assert_eq!(offered(nowhere.path(), &["deployer", "--config", "x.toml", "sta"]), ["status"]);
}

#[test]
fn every_command_has_its_man_page() {
    let folder = tempfile::tempdir().expect("a folder");
    let out = folder.path().join("man1");
    let run = |words: &[&str]| {
        let output = Command::new(binary()).args(words).output().expect("the binary runs");
        (
            output.status.code(),
            String::from_utf8_lossy(&output.stdout).into_owned(),
            String::from_utf8_lossy(&output.stderr).into_owned(),
        )
    };
    let (code, said, _) = run(&["man", "--out", out.to_str().expect("text")]);
    assert_eq!(code, Some(0));
    assert_eq!(said.lines().count(), std::fs::read_dir(&out).expect("a folder").count());
    for command in ["", "-deploy", "-cutover", "-status", "-man"] {
        let path = out.join(format!("deployer{command}.1"));
        let text =
            std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        assert!(text.contains(".SH SYNOPSIS"), "{text}");
    }
    let (code, page, _) = run(&["man", "deploy"]);
    assert_eq!(code, Some(0));
    assert_eq!(page, std::fs::read_to_string(out.join("deployer-deploy.1")).expect("a page"));
    // The grammar and the exit codes are there, not only the options.
    assert!(page.contains("<ENV> deploy"), "{page}");
    assert!(page.contains("deployer prod deploy v1"), "{page}");
    assert!(page.contains("\\-\\-allow\\-dirty"), "{page}");
    let (code, _, error) = run(&["man", "nonsense"]);
    assert_eq!(code, Some(2));
    assert!(error.contains("nonsense"), "{error}");
}
