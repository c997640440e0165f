//! Processes of this machine, whoever started them.

use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

use super::until;

/// Whether it runs, and does not only wait to be reaped.
pub fn alive(pid: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(')').is_some_and(|(_, rest)| !rest.trim_start().starts_with(['Z', 'X']))
}

fn parent(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

fn children(pid: u32) -> Vec<u32> {
    fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
        .filter(|child| parent(*child) == Some(pid))
        .collect()
}

pub fn signal(name: &str, pids: &[u32]) {
    let line = r#"name=$1; shift; for pid; do kill -s "$name" "$pid"; done"#;
    let _ = Command::new("sh")
        .args(["-c", line, "sh", name])
        .args(pids.iter().map(u32::to_string))
        .stderr(Stdio::null())
        .status();
}

/// Kills a process and its children, and waits until they are gone.
pub fn kill_family(pid: u32) {
    let mut family = children(pid);
    family.insert(0, pid);
    signal("KILL", &family);
    until("killed processes are gone", Duration::from_secs(20), || !family.iter().any(|pid| alive(*pid)));
}
