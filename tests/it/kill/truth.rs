//! What is so, read by the test itself, and what `deployer status` says of it.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::time::{Duration, Instant};

use serde_json::Value;

use super::stage::{BOUND, Stage};
use crate::support::until;

/// Slot and short commit that the front door answers from.
pub fn door(stage: &Stage) -> Option<(String, String)> {
    let (status, body) = stage.site.get("/");
    let words: Vec<&str> = body.split_whitespace().collect();
    match (status, &words[..]) {
        (200, ["hello", "from", color, commit]) => Some((color.to_string(), commit.to_string())),
        _ => None,
    }
}

/// Whether a slot's application answers by itself, within a moment.
fn answers(stage: &Stage, color: &str) -> bool {
    let ports = stage.site.host.app_ports();
    let port = if color == "blue" { ports.blue } else { ports.green };
    let ask = || -> std::io::Result<String> {
        let mut link = TcpStream::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
        link.set_read_timeout(Some(Duration::from_secs(2)))?;
        link.write_all(b"GET / HTTP/1.0\r\n\r\n")?;
        let mut answer = String::new();
        link.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().is_ok_and(|answer| answer.split(' ').nth(1) == Some("200"))
}

/// Compares every word of the status with what is so; returns the problems it names.
#[track_caller]
pub fn check_status(stage: &Stage, case: &str) -> Vec<String> {
    let deadline = Instant::now() + BOUND;
    loop {
        let (free, before) = (stage.is_free(), moving(stage));
        let compared = catch_unwind(AssertUnwindSafe(|| compare(stage, case)));
        // A host that goes on alone, or whose application is just coming up, is in motion: what was read twice need not
        // be the same thing. One that stands still is read once.
        let stands = free && stage.is_free() && moving(stage) == before;
        match compared {
            Ok(problems) => return problems,
            Err(panic) if stands || Instant::now() > deadline => resume_unwind(panic),
            Err(_) => {}
        }
    }
}

/// What changes while the host's side of a command goes on.
fn moving(stage: &Stage) -> String {
    let read = |path: &str| fs::read_to_string(stage.site.path(path)).unwrap_or_default();
    ["blue/etc/app.pid", "green/etc/app.pid", ".deployer/journal", ".deployer/child", ".deployer/holder"]
        .map(read)
        .into_iter()
        .chain(["blue", "green"].map(|color| answers(stage, color).to_string()))
        .collect::<Vec<_>>()
        .join("|")
}

fn compare(stage: &Stage, case: &str) -> Vec<String> {
    let status = stage.site.status();
    assert_eq!(status["state"], "reached", "{case}: {status}");
    match door(stage) {
        Some((color, commit)) => {
            assert_eq!(status["served"]["color"], *color, "{case}: {status}");
            let said = status["served"]["commit"]["id"].as_str().unwrap_or("");
            assert!(said.starts_with(&commit), "{case}: {commit}: {status}");
        }
        None => assert!(status["served"]["commit"].is_null(), "{case}: {status}"),
    }
    for role in ["live", "next"] {
        let said = &status[role];
        if let Some(color) = stage.site.link(role) {
            assert_eq!(said["color"], *color, "{case}: {role}: {status}");
            let healthy = said["health"]["state"] == "healthy";
            assert_eq!(healthy, answers(stage, &color), "{case}: {role}: {status}");
            let pid = fs::read_to_string(stage.site.path(&color).join("etc/app.pid")).unwrap_or_default();
            if let (Ok(pid), "running") =
                (pid.trim().parse::<u64>(), said["process"]["state"].as_str().unwrap_or(""))
            {
                assert_eq!(said["process"]["pid"], pid, "{case}: {role}: {status}");
            }
        }
    }
    assert_eq!(status["lock"].is_null(), stage.is_free(), "{case}: {status}");
    let problems = status["problems"].as_array().cloned().unwrap_or_default();
    problems.iter().map(|problem| problem["what"].as_str().unwrap_or("").to_string()).collect()
}

/// After a run that converged: no problem, no lock, and live is what is served.
#[track_caller]
pub fn check_whole(stage: &Stage, case: &str) {
    let problems = check_status(stage, case);
    assert!(problems.is_empty(), "{case}: {problems:?}");
    let (live, next) = (stage.site.link("live"), stage.site.link("next"));
    assert!(live.is_some() && next.is_some() && live != next, "{case}: {live:?} {next:?}");
    if let Some((color, _)) = door(stage) {
        assert_eq!(live.as_deref(), Some(&*color), "{case}");
    }
    for name in ["holder", "journal", "session", "child", "interrupted", "interrupted.journal", "switch"] {
        assert!(!stage.home(name).exists(), "{case}: .deployer/{name} is left");
    }
    until(&format!("{case}: no stray process"), BOUND, || strays(stage).is_empty());
}

/// Processes of the host's scripts: everything of the host but its servers and applications.
pub fn strays(stage: &Stage) -> Vec<String> {
    let marker = format!("DEPLOYER_REHEARSAL={}", stage.site.host.folder().display()).into_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let path = entry.path();
        let Ok(environ) = fs::read(path.join("environ")) else {
            continue;
        };
        if !environ.split(|byte| *byte == 0).any(|variable| variable == marker) {
            continue;
        }
        let command = fs::read(path.join("cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        let short: String = command.chars().take(120).collect();
        if !["nginx", "gunicorn", "sshd"].iter().any(|server| short.contains(server)) && !short.is_empty() {
            found.push(format!("{} {short}", entry.file_name().to_string_lossy()));
        }
    }
    found
}

/// The short hash of what is checked out in a slot, by the record of its release.
pub fn released(stage: &Stage, color: &str) -> Option<String> {
    let text = fs::read_to_string(stage.site.path(color).join("etc/release.json")).ok()?;
    let value: Value = serde_json::from_str(&text).ok()?;
    value["commit"].as_str().map(str::to_string)
}
