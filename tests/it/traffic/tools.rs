//! The load generators that everybody knows, through cutovers.

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use crate::support::{HostControl, Site, busy, row, until};
use crate::traffic::stage::{Mode, plain};

const LONG: Duration = Duration::from_secs(60);

fn start(site: &Site, program: &str, path: &str, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(arguments)
        .args(["-H", &format!("Host: {}", site.host.server_name())])
        .arg(format!("http://{}{path}", site.door()))
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{program}: {error}; tests/run.sh installs it"))
}

fn finish(child: Child) -> String {
    let output = child.wait_with_output().expect("its output");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}

/// The first number after a word of a report; 0 where the report does not have it.
fn number(report: &str, word: &str) -> u64 {
    let rest = report.split_once(word).map_or("", |(_, rest)| rest);
    let rest = rest.trim_start_matches(|letter: char| !letter.is_ascii_digit());
    let digits: String = rest.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().unwrap_or(0)
}

/// How many of the answered requests of one sort each slot served: blue, green.
fn served(site: &Site, request: &str) -> (usize, usize) {
    let log = fs::read_to_string(site.host.nginx_access_log()).unwrap_or_default();
    let ports = site.host.app_ports();
    let by = |port: u16| {
        let upstream = format!("\"{request}\" 200 127.0.0.1:{port} ");
        log.lines().filter(|line| line.contains(&upstream)).count()
    };
    (by(ports.blue), by(ports.green))
}

#[test]
fn ab_completes_5000_requests_through_a_cutover() {
    let _turn = busy();
    let site = plain(Mode::Reload);
    site.go_live();
    site.change();
    site.done(&["prod", "deploy"]);
    // Slow enough that the cutover falls into the run, however quick the machine is.
    let path = "/slow?seconds=0.008";
    let ab = start(&site, "ab", path, &["-l", "-c", "100", "-n", "5000"]);
    let request = format!("GET {path} HTTP/1.0");
    until("ab to have begun", LONG, || {
        let (blue, green) = served(&site, &request);
        blue + green > 300
    });
    site.done(&["prod", "cutover"]);
    let report = finish(ab);
    let (blue, green) = served(&site, &request);
    let complete = number(&report, "Complete requests:");
    let failed = number(&report, "Failed requests:");
    let wrong = number(&report, "Non-2xx responses:");
    row(
        "ab -c 100 -n 5000",
        "through a cutover",
        format!("{complete} complete, {failed} failed, {wrong} non-2xx; blue served {blue}, green {green}"),
    );
    assert_eq!((complete, failed, wrong), (5000, 0, 0), "{report}");
    assert_eq!(blue + green, 5000);
    assert!(blue > 0 && green > 0, "blue {blue}, green {green}");
}

fn wrk_through_ten_cutovers(mode: Mode) {
    let _turn = busy();
    let site = plain(mode);
    site.go_live();
    site.change();
    site.done(&["prod", "deploy"]);
    let wrk = start(&site, "wrk", "/", &["-t", "1", "-c", "16", "-d", "100"]);
    until("wrk to have begun", LONG, || {
        let log = fs::metadata(site.host.nginx_access_log());
        log.is_ok_and(|log| log.len() > 100_000)
    });
    for _ in 0..10 {
        site.done(&["prod", "cutover"]);
    }
    let stopped = Command::new("kill").args(["-INT", &wrk.id().to_string()]).status();
    assert!(stopped.is_ok_and(|status| status.success()));
    let report = finish(wrk);
    // "31235 requests in 8.92s, 6.5MB read"
    let line = report.lines().find(|line| line.contains(" requests in ")).unwrap_or_default();
    let requests = number(line, "");
    let errors: Vec<u64> = ["connect ", "read ", "write ", "timeout "]
        .iter()
        .map(|word| number(report.split_once("Socket errors:").map_or("", |(_, rest)| rest), word))
        .collect();
    let wrong = number(&report, "Non-2xx or 3xx responses:");
    row(
        "wrk -c 16, keep-alive",
        &format!("through ten cutovers by {}", mode.name()),
        format!(
            "{requests} requests, errors: {} connect, {} read, {} write, {} timeout, {wrong} non-2xx",
            errors[0], errors[1], errors[2], errors[3]
        ),
    );
    assert!(requests > 1000, "{report}");
    // The one loss there may be: of 16 connections each of ten reloads closed some while idle.
    let closed = if mode == Mode::Reload { 160 } else { 0 };
    assert!(errors[1] <= closed, "{report}");
    assert_eq!((errors[0], errors[2], errors[3], wrong), (0, 0, 0, 0), "{report}");
}

#[test]
fn wrk_through_ten_cutovers_by_reload() {
    wrk_through_ten_cutovers(Mode::Reload);
}

#[test]
fn wrk_through_ten_cutovers_by_socket() {
    wrk_through_ten_cutovers(Mode::Socket);
}
