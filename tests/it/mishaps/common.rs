//! What the cases share: how a host is brought into a state, and how its state is asserted.

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use serde_json::Value;

use crate::support::{self, Ran, Site, ran};

pub(crate) const SOON: Duration = Duration::from_secs(20);

pub(crate) fn passed(case: &str) {
    support::row("faults", case, "ok");
}

/// Two releases: the first is live, the second waits in next. Their full commits.
pub(crate) fn one_live_one_next(site: &Site) -> (String, String) {
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();
    let second = site.change();
    site.done(&["prod", "deploy", "--allow-dirty"]);
    (first, second)
}

/// The slot that a link leads to.
#[track_caller]
pub(crate) fn link(site: &Site, name: &str) -> String {
    site.link(name).unwrap_or_else(|| panic!("no link {name}"))
}

pub(crate) fn other(color: &str) -> &'static str {
    if color == "blue" { "green" } else { "blue" }
}

/// Asserts that a commit is served, and that links and `status` say the same; returns the status.
#[track_caller]
pub(crate) fn assert_live(site: &Site, commit: &str) -> Value {
    let (code, body) = site.get("/");
    let color = link(site, "live");
    assert_eq!(code, 200, "{body}");
    assert_eq!(body, format!("hello from {color} {}\n", &commit[..7]));
    assert_eq!(link(site, "next"), other(&color));
    let status = site.status();
    assert_eq!(status["served"]["color"], *color, "{status}");
    assert_eq!(status["served"]["commit"]["id"], *commit, "{status}");
    assert_eq!(status["live"]["color"], *color, "{status}");
    assert_eq!(status["live"]["commit"]["id"], *commit, "{status}");
    assert_eq!(status["live"]["health"]["state"], "healthy", "{status}");
    status
}

/// The same, and `status` has nothing to complain of.
#[track_caller]
pub(crate) fn assert_well(site: &Site, commit: &str) -> Value {
    site.until_free(SOON);
    let status = assert_live(site, commit);
    assert_eq!(status["problems"], Value::Array(Vec::new()), "{status}");
    assert!(!site.path(".deployer/switch").exists());
    status
}

/// Runs `deployer`, expects an exit code and every one of these texts on standard error.
#[track_caller]
pub(crate) fn expect(site: &Site, arguments: &[&str], code: i32, texts: &[&str]) -> Ran {
    site.deployer(arguments).check(code, texts)
}

/// The end of a run that was started by [`Site::start`].
#[track_caller]
pub(crate) fn ended(child: Child) -> Ran {
    ran(child.wait_with_output().expect("the binary ends"))
}

#[track_caller]
pub(crate) fn assert_problem(status: &Value, what: &str, run: Option<&str>) {
    let problems = status["problems"].as_array().expect("problems");
    let found =
        problems.iter().find(|problem| problem["what"].as_str().is_some_and(|text| text.contains(what)));
    let found = found.unwrap_or_else(|| panic!("{what:?} is not in {problems:?}"));
    if let Some(run) = run {
        assert_eq!(found["run"], *run);
    }
}

/// The host's own record of what was live.
pub(crate) fn history(site: &Site) -> Vec<Value> {
    fs::read_to_string(site.path(".deployer/history.jsonl"))
        .unwrap_or_default()
        .lines()
        .filter_map(|line| serde_json::from_str(line).ok())
        .collect()
}

/// The verb and commit of the last entry of the history.
pub(crate) fn last(site: &Site) -> (String, String) {
    let entry = history(site).pop().expect("an entry");
    let text = |name: &str| entry[name].as_str().unwrap_or_default().to_string();
    (text("verb"), text("commit"))
}

/// Changes the settings of nginx in `deployer.toml`, which are its last table; the change is committed.
pub(crate) fn nginx(site: &Site, reload: &[&str], further: &str) {
    site.configure();
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).expect("deployer.toml");
    let words = serde_json::to_string(reload).expect("words");
    let lines: Vec<String> = text
        .lines()
        .map(|line| {
            if line.starts_with("reload = ") && !reload.is_empty() {
                format!("reload = {words}")
            } else {
                line.to_string()
            }
        })
        .collect();
    fs::write(&path, format!("{}\n{further}\n", lines.join("\n"))).expect("deployer.toml");
}

/// A reload command that first runs a line of shell.
pub(crate) fn reload_after(site: &Site, script: &str) -> Vec<String> {
    let reload = deployer::shell::display(&site.host.nginx_reload_command());
    vec!["/bin/sh".into(), "-c".into(), format!("{script}; {reload}")]
}

pub(crate) fn words(words: &[String]) -> Vec<&str> {
    words.iter().map(String::as_str).collect()
}

/// The master process of a slot, by its pid file.
#[track_caller]
pub(crate) fn master(site: &Site, color: &str) -> u32 {
    let path = site.path(&format!("{color}/etc/app.pid"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.trim().parse().expect("a number")
}

/// Makes a file look as old as this, in `touch -d`'s words.
pub(crate) fn age(path: &Path, when: &str) {
    let done = Command::new("touch").args(["-d", when]).arg(path).status().expect("touch");
    assert!(done.success());
}

/// Asks for a path in another thread.
pub(crate) fn ask(site: &Site, path: &str) -> std::thread::JoinHandle<(u16, String)> {
    let (door, name, path) = (site.door(), site.host.server_name().to_string(), path.to_string());
    std::thread::spawn(move || support::http(door, &name, &path))
}
