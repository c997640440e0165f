use super::*;
use crate::plan::status::{Problem, Run};
use crate::ui::look::Columns;

fn commit(short: &str, subject: &str) -> CommitSummary {
    CommitSummary { id: short.repeat(6)[..40].to_owned(), subject: subject.into() }
}

fn slot(color: Color, built: Option<(&str, &str)>) -> SlotStatus {
    SlotStatus {
        color,
        commit: built.map(|(short, subject)| commit(short, subject)),
        age_seconds: built.map(|_| if color == Color::Blue { 190 } else { 7300 }),
        by: built.map(|_| "ann@laptop".into()),
        port: if color == Color::Blue { 8888 } else { 8889 },
        process: match built {
            Some(_) => WebProcess::Running { pid: 4242, uptime_seconds: Some(180) },
            None => WebProcess::Stopped,
        },
        health: match built {
            Some(_) => SlotHealth::Healthy,
            None => SlotHealth::Unknown { why: "nothing runs".into() },
        },
        survives_reboot: built.map(|_| true),
        processes: Vec::new(),
    }
}

#[test]
fn what_runs_beside_the_web_server_has_a_row_of_its_own() {
    let run = |pid| Run { pid, uptime_seconds: 90 };
    let process = |name: &str, runs: Vec<Run>| ProcessStatus { name: name.into(), singleton: false, runs };
    let shown: Vec<String> =
        [process("worker", vec![run(7)]), process("beat", vec![]), process("mail", vec![run(8), run(9)])]
            .iter()
            .map(|process| beside(process, Look::PLAIN))
            .collect();
    insta::assert_snapshot!(shown.join("\n"), @r"
    worker  pid 7, up 1 min
    beat  does not run
    mail  pid 8, up 1 min; pid 9, up 1 min
    ");
}

fn healthy() -> HostStatus {
    let live = slot(Color::Green, Some(("a1b2c3d", "add the imprint")));
    let subject = "fix the header, which overlapped the menu on phones narrower than 360 pixels";
    HostStatus {
        served: ServedStatus::Known { color: Some(Color::Green), commit: live.commit.clone() },
        lock: None,
        live: Some(live),
        next: Some(slot(Color::Blue, Some(("3ab9d42", subject)))),
        problems: Vec::new(),
    }
}

fn environment(name: &str, seen: Seen) -> EnvironmentStatus {
    EnvironmentStatus { name: name.into(), host: "web1.example".into(), seen }
}

fn unreachable() -> Seen {
    Seen::Unreachable { error: "connection refused (port 22)".into() }
}

const AT_80: Look = Look { color: false, unicode: true, columns: Columns::Fixed(80) };

fn shown(environments: Vec<EnvironmentStatus>) -> String {
    StatusReport { environments }.lines(AT_80).join("\n")
}

fn shown_host(host: HostStatus) -> String {
    shown(vec![environment("prod", Seen::Reached(Box::new(host)))])
}

#[test]
fn all_healthy() {
    insta::assert_snapshot!(shown_host(healthy()), @r"
    prod on web1.example
      live  green  a1b2c3d    add the imprint
                   healthy    2 h ago by ann@laptop    port 8889  pid 4242, up 3 min
      next  blue   3ab9d42    fix the header, which overlapped the menu on phones n…
                   healthy    3 min ago by ann@laptop  port 8888  pid 4242, up 3 min
      site  serves green a1b2c3d
    ");
}

#[test]
fn a_fresh_host() {
    let host = HostStatus {
        served: ServedStatus::Unknown { why: "the front door answers 502".into() },
        lock: None,
        live: Some(slot(Color::Green, None)),
        next: Some(slot(Color::Blue, None)),
        problems: vec![Problem {
            what: "nothing is deployed yet".into(),
            run: Some("deployer prod deploy".into()),
        }],
    };
    let bare = HostStatus { live: None, next: None, ..host.clone() };
    insta::assert_snapshot!(shown_host(host), @r"
    prod on web1.example
      live  green  empty      nothing was deployed here yet
                   -          port 8889  stopped
      next  blue   empty      nothing was deployed here yet
                   -          port 8888  stopped
      site  what is served is unknown: the front door answers 502
      ! nothing is deployed yet
        run: deployer prod deploy
    ");
    insta::assert_snapshot!(shown_host(bare), @r"
    prod on web1.example
      live  none
      next  none
      site  what is served is unknown: the front door answers 502
      ! nothing is deployed yet
        run: deployer prod deploy
    ");
}

#[test]
fn live_and_served_differ() {
    let mut host = healthy();
    host.served = ServedStatus::Known { color: Some(Color::Blue), commit: Some(commit("3ab9d42", "")) };
    host.lock =
        Some(LockHolder { by: "bob@desk".into(), doing: Some("cutover".into()), age_seconds: Some(200) });
    host.problems = vec![Problem {
        what: "nginx was not reloaded after the last cutover".into(),
        run: Some("deployer prod cutover".into()),
    }];
    insta::assert_snapshot!(shown_host(host), @r"
    prod on web1.example
      live  green  a1b2c3d    add the imprint
                   healthy    2 h ago by ann@laptop    port 8889  pid 4242, up 3 min
      next  blue   3ab9d42    fix the header, which overlapped the menu on phones n…
                   healthy    3 min ago by ann@laptop  port 8888  pid 4242, up 3 min
      site  serves blue 3ab9d42, but live is green a1b2c3d
      lock  held by bob@desk for 3 min (cutover)
      ! nginx was not reloaded after the last cutover
        run: deployer prod cutover
    ");
}

#[test]
fn next_failed() {
    let mut host = healthy();
    if let Some(next) = &mut host.next {
        next.health = SlotHealth::Unhealthy { why: "GET / answered 500, expected 200".into() };
    }
    let mut held = host.clone();
    if let Some(next) = &mut held.next {
        next.process = WebProcess::Stranger { what: "pid 812 (node server.js)".into() };
        next.health = SlotHealth::Unknown { why: "what answers is not ours".into() };
    }
    insta::assert_snapshot!(shown_host(host), @r"
    prod on web1.example
      live  green  a1b2c3d    add the imprint
                   healthy    2 h ago by ann@laptop    port 8889  pid 4242, up 3 min
      next  blue   3ab9d42    fix the header, which overlapped the menu on phones n…
                   unhealthy  3 min ago by ann@laptop  port 8888  pid 4242, up 3 min
                              GET / answered 500, expected 200
      site  serves green a1b2c3d
    ");
    insta::assert_snapshot!(shown_host(held), @r"
    prod on web1.example
      live  green  a1b2c3d    add the imprint
                   healthy    2 h ago by ann@laptop    port 8889  pid 4242, up 3 min
      next  blue   3ab9d42    fix the header, which overlapped the menu on phones n…
                   unknown    3 min ago by ann@laptop  port 8888
                              port held by a stranger: pid 812 (node server.js)
                              what answers is not ours
      site  serves green a1b2c3d
    ");
}

#[test]
fn unreachable_is_one_line() {
    insta::assert_snapshot!(shown(vec![environment("prod", unreachable())]), @"prod on web1.example: unreachable: connection refused (port 22)");
}

#[test]
fn several_environments() {
    let all = vec![
        environment("prod", Seen::Reached(Box::new(healthy()))),
        environment("staging", unreachable()),
        environment("demo", unreachable()),
    ];
    insta::assert_snapshot!(shown(all), @r"
    prod on web1.example
      live  green  a1b2c3d    add the imprint
                   healthy    2 h ago by ann@laptop    port 8889  pid 4242, up 3 min
      next  blue   3ab9d42    fix the header, which overlapped the menu on phones n…
                   healthy    3 min ago by ann@laptop  port 8888  pid 4242, up 3 min
      site  serves green a1b2c3d

    staging on web1.example: unreachable: connection refused (port 22)
    demo on web1.example: unreachable: connection refused (port 22)
    ");
    assert_eq!(shown(Vec::new()), "no environments");
}

#[test]
fn a_host_cannot_drive_the_terminal() {
    let mut host = healthy();
    let evil = "\u{1b}[2J\u{1b}]0;x\u{7}\u{8}";
    host.served = ServedStatus::Unknown { why: evil.into() };
    host.lock = Some(LockHolder { by: evil.into(), doing: Some(evil.into()), age_seconds: None });
    if let Some(next) = &mut host.next {
        next.by = Some(evil.into());
        next.commit = Some(commit("3ab9d42", evil));
        next.process = WebProcess::Stranger { what: evil.into() };
        next.health = SlotHealth::Unhealthy { why: evil.into() };
    }
    host.problems = vec![Problem { what: evil.into(), run: Some(evil.into()) }];
    let shown = shown_host(host);
    assert!(!shown.chars().any(|character| character.is_control() && character != '\n'));
}

#[test]
fn eighty_columns_are_enough_for_ordinary_names() {
    for line in shown_host(healthy()).lines() {
        assert!(width(line) <= 80, "{line}");
    }
}
