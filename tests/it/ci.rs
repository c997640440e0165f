//! The examples for build services, played: their very lines of shell on a fresh runner, against a throwaway host.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{APP, Ran, Site, ran, row};
use tempfile::TempDir;

const GITHUB: &str = include_str!("../../examples/ci/github.yml");
const GITLAB: &str = include_str!("../../examples/ci/gitlab-ci.yml");

/// The lines below `key` in a YAML file that are indented deeper than it.
fn below<'a>(text: &'a str, key: &str) -> Vec<&'a str> {
    let depth = |line: &str| line.len() - line.trim_start().len();
    let mut lines = text.lines().skip_while(|line| line.trim() != key);
    let own = depth(lines.next().unwrap_or_else(|| panic!("no {key:?}")));
    lines.take_while(|line| line.trim().is_empty() || depth(line) > own).map(str::trim).collect()
}

/// The shell of GitHub's steps with these names, a step each.
fn github(steps: &[&str]) -> Vec<String> {
    let named = steps.iter().map(|name| {
        let (_, step) =
            GITHUB.split_once(&format!("- name: {name}\n")).unwrap_or_else(|| panic!("no step {name:?}"));
        below(step, "run: |").join("\n")
    });
    named.collect()
}

/// GitLab's `script`, which one shell runs.
fn gitlab() -> String {
    let lines = below(GITLAB, "script:");
    let lines = lines.iter().filter_map(|line| line.strip_prefix("- "));
    lines.collect::<Vec<_>>().join("\n")
}

/// Half a minute of watching is for the real thing.
fn hasten(script: &str) -> String {
    assert!(!script.contains("cargo"), "{script}");
    script.replace("--watch 30s", "--watch 1s")
}

/// A site that is reached by its address, as by a runner that has no ssh_config, and a runner's clone of its repository.
fn site() -> (Site, TempDir) {
    let mut site = Site::new();
    site.alias = "127.0.0.1".to_string();
    site.environment = format!("port = {}\nuser = {:?}\n", site.host.ssh_port(), site.host.user());
    site.configure();
    site.commit("reach it by its address");
    site.done(&["prod", "deploy", "--cutover"]);
    site.change();
    (site, tempfile::tempdir().expect("a folder"))
}

fn clone(site: &Site, folder: &Path) -> std::path::PathBuf {
    let work = folder.join("work");
    let from = site.repo.path().to_str().expect("text");
    crate::support::git(folder, &["clone", "--quiet", from, work.to_str().expect("text")]);
    work
}

/// What a runner has in its environment: nothing of this machine's but the PATH.
fn runner(script: &str, work: &Path, home: &Path, more: &[(&str, String)]) -> Ran {
    fs::create_dir_all(home).expect("a home");
    let binary = Path::new(env!("CARGO_BIN_EXE_deployer"));
    let path = format!(
        "{}:{}",
        binary.parent().expect("a folder").display(),
        std::env::var("PATH").unwrap_or_default()
    );
    let mut command = Command::new("bash");
    command
        .args(["--noprofile", "--norc", "-eo", "pipefail", "-c", script])
        .current_dir(work)
        .env_clear()
        .env("PATH", path)
        .env("HOME", home)
        .env("CI", "true")
        .envs(more.iter().map(|(name, value)| (*name, value.as_str())))
        .stdin(Stdio::null());
    ran(command.output().expect("bash runs"))
}

fn pinned(site: &Site) -> String {
    let text = fs::read_to_string(site.host.known_hosts()).expect("known_hosts");
    text.lines()
        .find(|line| line.contains(&format!("[127.0.0.1]:{}", site.host.ssh_port())))
        .expect("the host's key")
        .to_string()
}

#[test]
fn a_fresh_github_runner_releases() {
    let (site, folder) = site();
    let work = clone(&site, folder.path());
    let home = folder.path().join("home");
    let page = folder.path().join("summary.md");
    let more = [
        // A secret loses the line feed at its end.
        ("DEPLOY_KEY", fs::read_to_string(site.host.identity()).expect("a key").trim_end().to_string()),
        ("DEPLOY_KNOWN_HOSTS", pinned(&site)),
        ("SECRET_KEY", "not used here".to_string()),
        ("GITHUB_ACTIONS", "true".to_string()),
        ("GITHUB_ACTOR", "ann".to_string()),
        ("GITHUB_STEP_SUMMARY", page.display().to_string()),
    ];
    let mut last = None;
    for script in github(&["Key of this job, key of the host", "Deploy"]) {
        // Each step has a shell of its own.
        let ran = runner(&hasten(&script), &work, &home, &more);
        assert_eq!(ran.code, 0, "{script}\n{}{}", ran.stdout, ran.stderr);
        last = Some(ran);
    }
    let said = last.expect("a step").stderr;
    let head = site.git(&["rev-parse", "--short=7", "HEAD"]);
    let (_, body) = site.get("/");
    assert!(body.contains(&head), "{body}");
    // The secret key lay in a file of its owner's alone.
    let mode = std::os::unix::fs::PermissionsExt::mode(
        &fs::metadata(home.join(".ssh/id_ed25519")).expect("a key").permissions(),
    );
    assert_eq!(mode & 0o777, 0o600);

    assert!(said.contains("by ann@github"), "{said}");
    assert!(said.contains("::group::"), "{said}");
    assert_eq!(said.matches("::group::").count(), said.matches("::endgroup::").count(), "{said}");
    assert!(said.contains("  live after") && said.contains("  in all"), "{said}");
    let page = fs::read_to_string(page).expect("a summary");
    assert_eq!(page.matches("### ").count(), 1, "{page}");
    for text in [
        "✅ deploy of prod",
        &format!("| commit |  | {head} change 0 |"),
        "| live before |",
        "switch to green",
    ] {
        assert!(page.contains(text), "{text:?} is not in:\n{page}");
    }
}

#[test]
fn a_fresh_gitlab_runner_releases_and_a_wrong_host_is_refused() {
    let (site, folder) = site();
    let work = clone(&site, folder.path());
    let known = folder.path().join("known_hosts");
    fs::write(&known, pinned(&site)).expect("a file");
    let more = [
        ("DEPLOY_KEY", site.host.identity().display().to_string()),
        ("DEPLOY_KNOWN_HOSTS", known.display().to_string()),
        ("GITLAB_CI", "true".to_string()),
    ];
    let script = hasten(&gitlab());
    let ran = runner(&script, &work, &folder.path().join("home"), &more);
    assert_eq!(ran.code, 0, "{script}\n{}{}", ran.stdout, ran.stderr);
    let head = site.git(&["rev-parse", "--short=7", "HEAD"]);
    assert!(site.get("/").1.contains(&head));
    assert!(ran.stderr.contains("section_start:") && ran.stderr.contains("section_end:"), "{}", ran.stderr);
    assert!(ran.stderr.contains("  in all"), "{}", ran.stderr);

    // Somebody else's key under the host's name: the pin holds, and the run is marked.
    let (name, _) = pinned(&site)
        .split_once(' ')
        .map(|(name, rest)| (name.to_string(), rest.to_string()))
        .expect("a name");
    let public = fs::read_to_string(site.host.identity().with_extension("pub")).expect("a public key");
    fs::write(&known, format!("{name} {public}")).expect("a file");
    let more = [
        ("DEPLOY_KEY", site.host.identity().display().to_string()),
        ("DEPLOY_KNOWN_HOSTS", known.display().to_string()),
        ("GITHUB_ACTIONS", "true".to_string()),
    ];
    let ran = runner(&script, &work, &folder.path().join("another"), &more);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("::error title=deployer::"), "{}", ran.stderr);
    assert!(site.get("/").1.contains(&head));
}

/// What build services take for instructions, as somebody's commit, log, lock or reply may hold it.
const INSTRUCTIONS: &str = "##[set-output name=x]y ##vso[task.setvariable variable=x]y ###[error]";

/// Prints instructions wherever it can, and answers with them where it is asked to.
const SPEAKS: &str = r#"
import sys
TEXT = b"::set-env name=x::y\n  ::set-output name=x::y\nshown\r::error::x\n##[set-output name=x]y ##vso[task.setvariable variable=x]y\n"
sys.stderr.buffer.write(TEXT)
sys.stderr.flush()
"#;

/// The lines in which a runner finds an instruction that is none of ours.
fn instructions(said: &str) -> Vec<&str> {
    let ours = ["::group::", "::endgroup::", "::error title=deployer::"];
    let is_old = |line: &str| {
        line.split("##").skip(1).any(|rest| {
            rest.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric()).starts_with('[')
        })
    };
    said.split(['\n', '\r'])
        .filter(|line| {
            let new = line.trim_start();
            is_old(line) || new.starts_with("::") && !ours.iter().any(|own| new.starts_with(own))
        })
        .collect()
}

#[test]
fn nothing_that_is_shown_instructs_a_build_service() {
    let mut site = Site::new();
    site.extra = "[health]\nstart_timeout = \"3s\"\n".to_string();
    site.configure();
    site.write("app.py", &format!("{SPEAKS}{APP}"));
    site.commit(INSTRUCTIONS);
    site.go_live();
    site.write("app.py", &format!("{SPEAKS}{APP}\nraise RuntimeError({INSTRUCTIONS:?})\n"));
    site.commit(&format!("::error::x {INSTRUCTIONS}"));
    let lock = format!("::error::x {INSTRUCTIONS}");
    let print = format!(
        "printf '%s\\n' '{INSTRUCTIONS}' ' ::set-env name=x::y' >&2; printf '::x::\\r::y::{INSTRUCTIONS}'"
    );
    let commands: &[&[&str]] = &[
        &["prod", "deploy"],
        &["prod", "plan"],
        &["prod", "lock", "-m", &lock],
        &["prod", "cutover"],
        &["status"],
        &["prod", "history"],
        &["prod", "env", "--values"],
        &["prod", "doctor"],
        &["prod", "logs"],
        &["prod", "logs", "deploy"],
        &["prod", "run", "sh", "-c", &print],
        &["prod", "unlock"],
    ];
    let services: &[(&str, &str)] =
        &[("GITHUB_ACTIONS", "true"), ("TF_BUILD", "True"), ("GITLAB_CI", "true"), ("CI", "1")];
    let mut count = 0;
    for service in services {
        for arguments in commands {
            // JSON is the same everywhere.
            for json in [false, true].into_iter().take(if service.0 == "TF_BUILD" { 2 } else { 1 }) {
                // Of the shell's own stream, as a runner's script has it.
                let mut command = Command::new("sh");
                let plain = site.command(arguments);
                command.args(["-c", "\"$@\"; exit $?", "sh", env!("CARGO_BIN_EXE_deployer")]);
                command.args(json.then_some("--json")).args(*arguments).current_dir(site.repo.path());
                for (name, value) in plain.get_envs() {
                    if let Some(value) = value {
                        command.env(name, value);
                    }
                }
                let ran =
                    ran(command.env(service.0, service.1).stdin(Stdio::null()).output().expect("it runs"));
                let both = format!("{}\n{}", ran.stdout, ran.stderr);
                assert_eq!(instructions(&both), Vec::<&str>::new(), "{service:?} {json} {arguments:?}");
                // What is JSON holds the same text as ever.
                if json && arguments[0] == "status" {
                    let commit = &ran.status()["live"]["commit"]["subject"];
                    assert_eq!(commit, INSTRUCTIONS);
                }
                count += 1;
            }
        }
    }
    // For who takes it in hand, data is what it was.
    let mut piped = site.command(&["prod", "run", "sh", "-c", &print]);
    let piped = ran(piped.env("GITHUB_ACTIONS", "true").output().expect("it runs"));
    assert_eq!(piped.stdout, format!("::x::\r::y::{INSTRUCTIONS}"));
    let plain = site.deployer(&["prod", "logs"]);
    assert!(plain.stdout.contains("\n##[set-output name=x]y ##vso["), "{}", plain.stdout);
    row("build services", "instructions", format!("ok: none in {count} runs"));
}
