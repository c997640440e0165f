use std::time::Duration;

use super::stage::Stage;
use crate::support::{row, until};

const BOUND: Duration = Duration::from_secs(30);
const SUITE: &str = "a Debian host";

/// It ends at TERM, but not while somebody holds it.
const WORKER: &str = "import os, signal, time
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
while not ending or os.path.exists('/tmp/hold-' + os.environ['BLUEGREEN']):
    time.sleep(0.05)
";

const PROCESSES: &str = "[processes]\nworker = { command = \"python worker.py worker; true\", settle = \"300ms\" }\n\
    beat = { command = \"python beat.py beat\", singleton = true, settle = \"300ms\" }\n";

fn stage(case: &str) -> Option<Stage> {
    let mut stage = Stage::new(case)?;
    stage.extra = PROCESSES.to_string();
    stage.configure();
    stage.write("worker.py", WORKER);
    stage.write("beat.py", WORKER.replace("/tmp/hold-", "/tmp/never-").as_str());
    stage.commit("with workers");
    Some(stage)
}

/// The numbers of all that runs under a name, whoever started it.
fn pids(stage: &Stage, name: &str) -> Vec<String> {
    let found =
        stage.host.ssh("deploy", &format!("pgrep -f '^python [w]orker.py {name}|^python [b]eat.py {name}'"));
    found.stdout.lines().map(str::to_string).collect()
}

/// Each runs once, in this slot.
#[track_caller]
fn run_in(stage: &Stage, color: &str) {
    until("each runs, in live alone", BOUND, || {
        let status = stage.status();
        let (live, next) = (&status["live"], &status["next"]);
        let rows = live["processes"].as_array().cloned().unwrap_or_default();
        live["color"] == color
            && rows.len() == 2
            && rows.iter().all(|row| row["runs"].as_array().map(Vec::len) == Some(1))
            && next["processes"] == serde_json::json!([])
    });
    // Longer than systemd waits before it starts something again.
    let since = std::time::Instant::now();
    while since.elapsed() < Duration::from_secs(3) {
        for name in ["worker", "beat"] {
            assert_eq!(pids(stage, name).len(), 1, "{name}");
        }
    }
}

#[track_caller]
fn is_well(stage: &Stage, color: &str) {
    run_in(stage, color);
    let status = stage.status();
    assert_eq!(status["problems"], serde_json::json!([]), "{status}");
    assert_eq!(status["live"]["survives_reboot"], true, "{status}");
}

fn other(color: &str) -> &'static str {
    if color == "blue" { "green" } else { "blue" }
}

#[test]
fn workers_come_back_where_live_is() {
    let case = "workers and a singleton run once after a power loss";
    let Some(mut stage) = stage(case) else { return };
    stage.go_live();
    let first = stage.status()["live"]["color"].as_str().expect("a color").to_string();
    is_well(&stage, &first);
    stage.lose_power();
    is_well(&stage, &first);
    row(SUITE, case, "ok");

    for name in ["worker", "beat"] {
        let old = pids(&stage, name);
        stage.host.done("deploy", &format!("kill -9 {}", old[0]));
        until("another is started", BOUND, || {
            let now = pids(&stage, name);
            now.len() == 1 && now != old
        });
        is_well(&stage, &first);
    }
    row(SUITE, "a worker and a singleton that are killed are started again", "ok");

    stage.write("note.txt", "second");
    stage.commit("second");
    stage.go_live();
    let second = other(&first);
    is_well(&stage, second);
    stage.lose_power();
    is_well(&stage, second);
    stage.done(&["prod", "rollback"]);
    is_well(&stage, &first);
    stage.lose_power();
    is_well(&stage, &first);
    row(SUITE, "they move with each cutover and rollback, on the disk too", "ok");

    // The plug is pulled while the new workers are proven, then while the old one finishes its job.
    stage.extra = PROCESSES.replace("true\", settle = \"300ms\"", "true\", settle = \"20s\"");
    stage.configure();
    stage.commit("slow to prove");
    stage.done(&["prod", "deploy"]);
    let mut cutover = stage.command(&["prod", "cutover"]).spawn().expect("the binary starts");
    until("two workers", BOUND, || pids(&stage, "worker").len() == 2);
    stage.host.done("root", "sync");
    stage.host.power_loss();
    let _ = cutover.kill();
    let _ = cutover.wait();
    stage.host.boot();
    run_in(&stage, &first);
    row(SUITE, "a power loss before the switch leaves them where they were", "ok");

    stage.extra = PROCESSES.to_string();
    stage.configure();
    stage.commit("held");
    stage.done(&["prod", "deploy"]);
    stage.host.done("deploy", &format!("touch /tmp/hold-{first}"));
    let beat = pids(&stage, "beat");
    let mut cutover = stage.command(&["prod", "cutover"]).spawn().expect("the binary starts");
    until("the new beat, beside two workers", BOUND, || {
        let now = pids(&stage, "beat");
        now.len() == 1 && now != beat && pids(&stage, "worker").len() == 2
    });
    stage.host.done("root", "sync");
    stage.host.power_loss();
    let _ = cutover.kill();
    let _ = cutover.wait();
    stage.host.boot();
    stage.host.done("deploy", &format!("rm -f /tmp/hold-{first}"));
    run_in(&stage, second);
    row(SUITE, "a power loss in the hand-over: each runs once, in the new live", "ok");
    stage.done(&["prod", "deploy", "--cutover", "--allow-dirty"]);
    is_well(&stage, &first);
    row(SUITE, "what a power loss left is mended by the next release", "ok");
}

/// Somebody may stop and start slots by systemd alone: the singleton of next is refused.
#[test]
fn a_unit_of_next_does_not_start_by_itself() {
    let case = "systemd starts no singleton of next";
    let Some(stage) = stage(case) else { return };
    stage.go_live();
    stage.write("note.txt", "second");
    stage.commit("second");
    stage.go_live();
    let live = stage.status()["live"]["color"].as_str().expect("a color").to_string();
    let unit = format!("deployer-home-deploy-hello-{}-beat.service", other(&live));
    let environment = "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user";
    stage.host.ssh("deploy", &format!("{environment} start {unit}"));
    is_well(&stage, &live);
    row(SUITE, case, "ok");
}

#[test]
fn cron_starts_them_in_live() {
    let case = "cron starts live's workers and its singleton, once each";
    let Some(mut stage) = stage(case) else { return };
    stage.host.done("root", "chmod 700 /usr/bin/systemctl");
    stage.go_live();
    stage.write("note.txt", "second");
    stage.commit("second");
    stage.go_live();
    let status = stage.status();
    let live = status["live"]["color"].as_str().expect("a color").to_string();
    let run = status["problems"][0]["run"].as_str().expect("a command").to_string();
    stage.host.done("deploy", &format!("{run}; sync"));
    is_well(&stage, &live);
    stage.lose_power();
    is_well(&stage, &live);
    // Called by hand it starts nothing that runs.
    stage.host.done("deploy", "sh hello/.deployer/boot >/dev/null 2>&1");
    run_in(&stage, &live);
    row(SUITE, case, "ok");
}
