//! The status as a table that a person reads: one block an environment, one row a slot.

use super::look::Look;
use super::report::Report;
use super::table::Table;
use super::text::{clean, pad, width};
use crate::model::{Color, CommitSummary, Role, age};
use crate::plan::status::{
    EnvironmentStatus, HostStatus, LockHolder, ProcessStatus, Seen, ServedStatus, SlotHealth, SlotStatus,
    StatusReport, WebProcess,
};

/// Where the second column of a slot's rows begins: `  live  green  `.
const LEFT: usize = 15;
/// Room for `3ab9d42` and for `unhealthy` below it.
const WORD: usize = 9;

impl Report for StatusReport {
    fn lines(&self, look: Look) -> Vec<String> {
        if self.environments.is_empty() {
            return vec!["no environments".to_owned()];
        }
        let mut lines = Vec::new();
        let mut previous_was_block = false;
        for environment in &self.environments {
            let block = environment_lines(environment, look);
            // Neighbours of one line each may stand together.
            if !lines.is_empty() && (previous_was_block || block.len() > 1) {
                lines.push(String::new());
            }
            previous_was_block = block.len() > 1;
            lines.extend(block);
        }
        lines
    }
}

fn environment_lines(environment: &EnvironmentStatus, look: Look) -> Vec<String> {
    let name = look.strong(&clean(&environment.name));
    let head = format!("{name} on {}", clean(&environment.host));
    match &environment.seen {
        Seen::Unreachable { error } => {
            let error = clean(error);
            vec![format!("{head}: {} {error}", look.bad("unreachable:"))]
        }
        Seen::Reached(host) => {
            let mut lines = vec![head];
            lines.extend(host_lines(host, look));
            lines
        }
    }
}

fn host_lines(host: &HostStatus, look: Look) -> Vec<String> {
    let mut lines = Vec::new();
    // What is said of a slot in one line, and in two where there is no room for that.
    let (mut whole, mut halves) = (Table::default(), Table::default());
    for slot in [&host.live, &host.next].into_iter().flatten() {
        let [built, port, process] = facts(slot);
        halves.row([built.clone(), port.clone()]);
        whole.row([built, port, process]);
    }
    let mut facts = whole.lines().into_iter().zip(halves.lines());
    for role in [Role::Live, Role::Next] {
        match host.slot(role) {
            Some(slot) => lines.extend(slot_lines(role, slot, facts.next().unwrap_or_default(), look)),
            None => lines.push(format!("  {}  {}", look.strong(role.as_str()), look.faint("none"))),
        }
    }
    lines.push(format!("  {}  {}", look.strong("site"), served(host, look)));
    if let Some(lock) = &host.lock {
        lines.push(format!("  {}  {}", look.strong("lock"), holder(lock, look)));
    }
    for problem in &host.problems {
        lines.push(format!("  {} {}", look.doubtful("!"), clean(&problem.what)));
        if let Some(run) = &problem.run {
            lines.push(format!("    run: {}", look.hint(&clean(run))));
        }
    }
    lines
}

/// Three cells: what was deployed when by whom, the port, the process.
fn facts(slot: &SlotStatus) -> [String; 3] {
    let built = slot.age_seconds.map(|seconds| format!("{} ago", age(seconds)));
    let by = slot.by.as_ref().map(|by| format!("by {}", clean(by)));
    let built: Vec<String> = [built, by].into_iter().flatten().collect();
    let process = process(&slot.process);
    [built.join(" "), format!("port {}", slot.port), process]
}

fn process(process: &WebProcess) -> String {
    match process {
        WebProcess::Running { pid, uptime_seconds: Some(up) } => format!("pid {pid}, up {}", age(*up)),
        WebProcess::Running { pid, .. } => format!("pid {pid}"),
        WebProcess::Stopped => "stopped".to_owned(),
        WebProcess::Stranger { what } => format!("port held by a stranger: {}", clean(what)),
    }
}

fn slot_lines(role: Role, slot: &SlotStatus, (whole, half): (String, String), look: Look) -> Vec<String> {
    let room = look.columns().map(|columns| columns.saturating_sub(LEFT + WORD + 2).max(10));
    let (commit, subject) = match &slot.commit {
        Some(commit) => (clean(commit.short()), clean(&commit.subject)),
        None => ("empty".to_owned(), "nothing was deployed here yet".to_owned()),
    };
    let mut lines = vec![format!(
        "  {}  {}  {}  {}",
        look.strong(role.as_str()),
        pad(slot.color.as_str(), 5),
        pad(&commit, WORD),
        look.clip_to(&subject, room),
    )];
    let (word, detail) = health(slot, look);
    let is_wide = room.is_some_and(|room| width(&whole) > room);
    lines.push(format!("{}{}  {}", " ".repeat(LEFT), pad(&word, WORD), if is_wide { half } else { whole }));
    let below = is_wide.then(|| process(&slot.process)).into_iter().chain(detail);
    let below = below.chain(slot.processes.iter().map(|process| beside(process, look)));
    lines.extend(below.map(|text| format!("{}{text}", " ".repeat(LEFT + WORD + 2))));
    for line in &mut lines {
        line.truncate(line.trim_end().len());
    }
    lines
}

/// What runs beside the web server: `worker  pid 4250, up 2 h`.
fn beside(process: &ProcessStatus, look: Look) -> String {
    let runs: Vec<String> =
        process.runs.iter().map(|run| format!("pid {}, up {}", run.pid, age(run.uptime_seconds))).collect();
    let what = match runs.len() {
        0 => look.bad("does not run"),
        1 => runs.concat(),
        _ => look.bad(&runs.join("; ")),
    };
    format!("{}  {what}", clean(&process.name))
}

/// The word, and what there is to say about it.
fn health(slot: &SlotStatus, look: Look) -> (String, Option<String>) {
    match &slot.health {
        SlotHealth::Healthy => (look.good("healthy"), None),
        SlotHealth::Unhealthy { why } => (look.bad("unhealthy"), Some(clean(why))),
        // That nothing answers where nothing runs need not be said twice.
        SlotHealth::Unknown { .. } if slot.process == WebProcess::Stopped => (look.faint("-"), None),
        SlotHealth::Unknown { why } => (look.doubtful("unknown"), Some(clean(why))),
    }
}

fn served(host: &HostStatus, look: Look) -> String {
    let (color, commit) = match &host.served {
        ServedStatus::Known { color, commit } => (*color, commit.as_ref()),
        ServedStatus::Unknown { why } => {
            return look.doubtful(&format!("what is served is unknown: {}", clean(why)));
        }
    };
    let said = named(color, commit);
    let Some(live) = &host.live else {
        return look.doubtful(&format!("serves {said}, but no slot is live"));
    };
    let differs = color.is_some_and(|color| color != live.color)
        || commit.is_some_and(|commit| live.commit.as_ref().map(|live| &live.id) != Some(&commit.id));
    if differs {
        let live = named(Some(live.color), live.commit.as_ref());
        look.bad(&format!("serves {said}, but live is {live}"))
    } else {
        look.good(&format!("serves {said}"))
    }
}

/// `blue a1b2c3d`.
fn named(color: Option<Color>, commit: Option<&CommitSummary>) -> String {
    let color = color.map(|color| color.to_string());
    let commit = commit.map(|commit| clean(commit.short()));
    let parts: Vec<String> = [color, commit].into_iter().flatten().collect();
    if parts.is_empty() { "an unnamed release".to_owned() } else { parts.join(" ") }
}

fn holder(lock: &LockHolder, look: Look) -> String {
    let mut said = format!("held by {}", clean(&lock.by));
    if let Some(seconds) = lock.age_seconds {
        said.push_str(&format!(" for {}", age(seconds)));
    }
    if let Some(doing) = &lock.doing {
        said.push_str(&format!(" ({})", clean(doing)));
    }
    look.doubtful(&said)
}

#[cfg(test)]
mod tests;
