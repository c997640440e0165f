//! An example of each shape of `--json`, made by the types themselves.

use std::time::Duration;

use deployer::config::Difference;
use deployer::doctor::{Check, Diagnosis};
use deployer::model::{Color, CommitSummary, End, HistoryEntry, LoggedCommit, RecordedCommand, Release};
use deployer::plan::status::{
    CommandsReport, EnvironmentStatus, HistoryReport, HostStatus, LockHolder, Problem, ProcessStatus, Run,
    Seen, ServedStatus, SlotHealth, SlotStatus, StatusReport, WebProcess,
};
use deployer::plan::variables::{Standing, Values, Variable, VariableKind, VariablesReport};
use deployer::plan::{
    Column, Commits, Counted, Event, Failure, Migration, Migrations, Moment, Names, Operation, PackageChange,
    PlannedStep, Preview, Space, Traffic, Unit, Verdict, World, WorldSlot,
};
use serde::Serialize;

/// Longer lines are broken.
const WIDTH: usize = 96;

/// By the name of its mark.
pub(super) fn all() -> [(&'static str, String); 7] {
    [
        ("events", events()),
        ("status", layout(&json(&status()), 0)),
        ("env", layout(&json(&variables()), 0)),
        ("plan", layout(&json(&preview()), 0)),
        ("doctor", layout(&json(&diagnosis()), 0)),
        ("history", layout(&json(&history()), 0)),
        ("commands", layout(&json(&commands()), 0)),
    ]
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("JSON")
}

fn text(text: &str) -> String {
    text.to_owned()
}

fn some(words: &str) -> Option<String> {
    Some(text(words))
}

fn commit() -> CommitSummary {
    CommitSummary { id: text("a1b2c3d4…"), subject: text("Fix the header") }
}

fn logged() -> LoggedCommit {
    LoggedCommit { id: commit().id, subject: commit().subject, author: text("Ann"), at: 1_795_000_000 }
}

fn before() -> CommitSummary {
    CommitSummary { id: text("0f9e8d7c…"), subject: text("Say hello") }
}

fn world() -> World {
    let slot = |color, commit, word| WorldSlot { color, commit: Some(commit), word: text(word) };
    World {
        live: Some(slot(Color::Blue, before(), "served")),
        next: Some(slot(Color::Green, commit(), "healthy")),
        run: some("deployer prod cutover"),
    }
}

/// A line each.
fn events() -> String {
    let (number, total, title) = (2, 7, text("build the virtualenv"));
    let took = Duration::from_millis(12_100);
    let events = [
        Event::Connecting { host: text("web1.example") },
        Event::Asking { what: text("the passphrase") },
        Event::Connected { host: text("web1.example"), own_ssh: None, took: Duration::from_millis(84) },
        Event::Intent {
            verb: "deploy",
            doing: "deploying {commit} to {environment}",
            switches: false,
            environment: text("prod"),
            by: text("ann@laptop"),
            commit: Some(commit()),
            ahead_of_live: Some(1),
            host: text("web1.example"),
            slot: Some(Color::Green),
        },
        Event::Planned { number, title: title.clone(), touches: text("next") },
        Event::StepStarted { number, total, title: title.clone() },
        Event::Progress { done: 4096, total: 8192, unit: Unit::Bytes },
        Event::Command { line: text("virtualenv …") },
        Event::Output { line: text("Collecting flask") },
        Event::StepFinished { number, total, title: title.clone(), took, note: some("built with pip") },
        Event::StepFailed { number, total, title, took },
        Event::Brings {
            from: WorldSlot { color: Color::Blue, commit: Some(before()), word: String::new() },
            to: WorldSlot { color: Color::Green, commit: Some(commit()), word: String::new() },
            commits: vec![logged()],
            count: 1,
        },
        Event::Moment { moment: Moment::Swap, at: 1_795_000_060.204 },
        Event::Traffic(Traffic {
            by: Counted::Log,
            begin: 1_795_000_060.0,
            width: 1.0,
            columns: vec![Column { old: 41, new: 12, lost: 0, usual: Some(3.1), slowest: Some(9.8) }],
        }),
        Event::Note { message: text("…") },
        Event::Warning { message: text("…") },
        Event::Opened { url: text("http://localhost:8888/") },
        Event::World(world()),
        Event::Done { what: text("wrote deployer.toml"), run: some("deployer prod doctor") },
        Event::File { file: text("/etc/nginx/sites-available/shop-prod.conf"), text: text("server {…") },
    ];
    let mut lines: Vec<String> = events.iter().map(|event| layout(&json(event), 0)).collect();
    lines.push(layout(&failure(), 0));
    lines.join("\n")
}

/// As `report` puts it together.
fn failure() -> String {
    #[derive(Serialize)]
    struct Line {
        event: &'static str,
        #[serde(flatten)]
        failure: Failure,
        log: &'static str,
    }
    let what = "could not test nginx's configuration on web1.example (exit 1): sudo -n /usr/sbin/nginx -t";
    let failure = Failure { world: Some(world()), ..Failure::new("nginx.test", what) }
        .output(vec![text("nginx: [emerg] unknown directive …")])
        .why("…")
        .advise("…");
    json(&Line { event: "failure", failure, log: "/home/ann/.local/state/deployer/….log" })
}

fn refusal() -> Failure {
    Failure::new("port.taken", "port 8889 of green is held by process 812 of user bob (node)")
        .why("it is not this slot's gunicorn, so it was left alone")
        .advise("stop it, or give the slot another port in deployer.toml")
}

fn status() -> StatusReport {
    let live = SlotStatus {
        color: Color::Blue,
        commit: Some(commit()),
        age_seconds: Some(7200),
        by: some("ann@laptop"),
        port: 8888,
        process: WebProcess::Running { pid: 4242, uptime_seconds: Some(7190) },
        health: SlotHealth::Healthy,
        survives_reboot: Some(true),
        processes: vec![ProcessStatus {
            name: text("worker"),
            singleton: false,
            runs: vec![Run { pid: 4250, uptime_seconds: 7189 }],
        }],
    };
    let next = SlotStatus {
        color: Color::Green,
        commit: None,
        age_seconds: None,
        by: None,
        port: 8889,
        process: WebProcess::Stopped,
        health: SlotHealth::Unknown { why: text("nothing runs") },
        survives_reboot: None,
        processes: Vec::new(),
    };
    let reached = HostStatus {
        served: ServedStatus::Known { color: Some(Color::Blue), commit: Some(commit()) },
        lock: Some(LockHolder { by: text("ann@laptop"), doing: some("deploy"), age_seconds: Some(180) }),
        live: Some(live),
        next: Some(next),
        problems: vec![Problem { what: text("…"), run: some("deployer prod deploy") }],
    };
    let environment = |name, host, seen| EnvironmentStatus { name: text(name), host: text(host), seen };
    StatusReport {
        environments: vec![
            environment("prod", "web1.example", Seen::Reached(Box::new(reached))),
            environment("staging", "web2.example", Seen::Unreachable { error: text("connection refused") }),
        ],
    }
}

fn variables() -> VariablesReport {
    let variable = |name, kind, live, next, values| Variable {
        name: text(name),
        kind,
        live: Some(live),
        next: Some(next),
        local: Standing::Set,
        values,
    };
    let values = Values { live: None, next: some("hello"), local: some("hello") };
    VariablesReport {
        environment: text("prod"),
        host: text("web1.example"),
        live: Some(Color::Blue),
        next: Some(Color::Green),
        variables: vec![
            variable("SECRET_KEY", VariableKind::Secret, Standing::Same, Standing::Differs, None),
            variable("GREETING", VariableKind::Plain, Standing::Missing, Standing::Same, Some(values)),
        ],
    }
}

fn preview() -> Preview {
    let step = |title, touches| PlannedStep { title: text(title), touches };
    let names = |added| Names { added: vec![text(added)], ..Names::default() };
    let operation = Operation {
        what: text("Remove field note from Order"),
        verdict: Verdict::Stop,
        why: some("what runs now still reads and writes it"),
    };
    Preview {
        environment: text("prod"),
        host: text("web1.example"),
        commit: commit(),
        live: Some(before()),
        slot: Some(Color::Green),
        commits: Commits { out: vec![logged()], out_count: 1, ..Commits::default() },
        packages: vec![PackageChange { name: text("flask"), from: some("==3.1.1"), to: some("==3.1.2") }],
        builds_virtualenv: Some(true),
        migrations: vec![text("shop/migrations/0003_note.py")],
        migrations_touched: Vec::new(),
        judged: Some(Migrations {
            pending: vec![Migration { name: text("shop.0003_note"), operations: vec![operation] }],
        }),
        unjudged: None,
        variables: names("GREETING"),
        secrets: names("SECRET_KEY"),
        config: vec![Difference { key: text("gunicorn.workers"), from: some("2"), to: some("4") }],
        deploy: vec![step("seed a1b2c3d", "nothing"), step("start gunicorn on port 8889", "next")],
        cutover: vec![step("switch to green and reload nginx", "live")],
        space: Space { needed: 28_000_000, guessed: false, free: Some(61_000_000_000), short: false },
        warnings: vec![text("…")],
        refused: Some(refusal()),
        now: 1_795_000_072,
    }
}

fn diagnosis() -> Diagnosis {
    Diagnosis {
        environment: text("prod"),
        host: text("web1.example"),
        user: text("deploy"),
        checks: vec![
            Check::good("python", "3.11.2, /usr/bin/python3"),
            Check::note("reboot", "systemd starts nothing of deploy without a login")
                .root("loginctl enable-linger deploy"),
        ],
    }
}

fn history() -> HistoryReport {
    let release = Release {
        subject: commit().subject,
        by: text("ann@laptop"),
        at: 1_795_000_000,
        virtualenv: text("5d1f…"),
        files: vec![text("requirements.txt")],
        ..Release::of(&commit().id)
    };
    let entry = HistoryEntry {
        verb: text("cutover"),
        color: Color::Blue,
        commit: commit().id,
        subject: commit().subject,
        by: text("ann@laptop"),
        at: 1_795_000_060.2,
        seconds: 0.4,
        previous: Some(before().id),
        why: None,
        release: Some(release),
    };
    HistoryReport { environment: text("prod"), history: vec![entry], now: 1_795_000_072.9 }
}

fn commands() -> CommandsReport {
    let begun = |verb, at, seconds| RecordedCommand {
        verb: text(verb),
        by: text("ann@laptop"),
        at,
        seconds: Some(seconds),
        ..RecordedCommand::default()
    };
    let failed = RecordedCommand {
        end: End::Failed,
        commit: Some(commit().id),
        step: some("virtualenv"),
        reason: some("unexplained"),
        ..begun("deploy", 1_795_000_000.1, 12.4)
    };
    let cutover = RecordedCommand {
        end: End::Done,
        commit: Some(commit().id),
        switched: Some(true),
        ..begun("cutover", 1_795_000_060.0, 0.6)
    };
    let run = RecordedCommand {
        end: End::Done,
        command: some("python"),
        exit: Some(0),
        ..begun("run", 1_795_000_070.4, 2.5)
    };
    CommandsReport { environment: text("prod"), commands: vec![failed, cutover, run], now: 1_795_000_072.9 }
}

/// A value on one line where it fits, else its parts on lines of their own. Only blanks are put in.
fn layout(json: &str, indent: usize) -> String {
    let (parts, line) = parts(json);
    if parts.is_empty() || indent + line.chars().count() <= WIDTH {
        return line;
    }
    let pad = " ".repeat(indent + 2);
    let inner: Vec<String> = parts
        .iter()
        .map(|part| match part.split_once("\":").filter(|_| json.starts_with('{')) {
            Some((key, value)) => format!("{pad}{key}\": {}", layout(value, indent + 2)),
            None => format!("{pad}{}", layout(part, indent + 2)),
        })
        .collect();
    let (open, close) = (&json[..1], &json[json.len() - 1..]);
    format!("{open}\n{}\n{}{close}", inner.join(",\n"), " ".repeat(indent))
}

/// The elements of an array or an object as they stand, and all of it on one line with blanks for the eye.
fn parts(json: &str) -> (Vec<&str>, String) {
    let (mut depth, mut is_text, mut is_escaped, mut from) = (0, false, false, 1);
    let (mut parts, mut line) = (Vec::new(), String::new());
    for (at, letter) in json.char_indices() {
        line.push(letter);
        match letter {
            _ if is_escaped => is_escaped = false,
            '\\' if is_text => is_escaped = true,
            '"' => is_text = !is_text,
            _ if is_text => {}
            '[' | '{' => depth += 1,
            ']' | '}' => {
                depth -= 1;
                if depth == 0 && at > from {
                    parts.push(&json[from..at]);
                }
            }
            ',' => {
                line.push(' ');
                if depth == 1 {
                    parts.push(&json[from..at]);
                    from = at + 1;
                }
            }
            ':' => line.push(' '),
            _ => {}
        }
    }
    (parts, line)
}
