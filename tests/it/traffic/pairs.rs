//! Every way of cutting over, changed into every way, by each verb that makes another release live.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use crate::support::{Load, Replies, Running, Site, busy, row, until};
use crate::traffic::stage::{Mode, choose, short};

/// For each verb.
const REQUESTS: usize = 10_000;

/// Of them so many are such as these.
const LATE: usize = 2;

/// A request that nginx has before a switch, and can pass on only after it: half of its body comes then.
struct Late(TcpStream);

impl Late {
    fn begin(site: &Site) -> Late {
        let mut link = TcpStream::connect(site.door()).expect("the front door listens");
        let bound = Some(Duration::from_secs(30));
        link.set_read_timeout(bound).expect("a bound");
        let host = site.host.server_name();
        let head = "Connection: close\r\nContent-Length: 8\r\n\r\nhalf";
        write!(link, "POST / HTTP/1.1\r\nHost: {host}\r\n{head}").expect("half of a request");
        Late(link)
    }

    fn finish(mut self) -> bool {
        let mut answer = String::new();
        let done = self.0.write_all(b"half").and_then(|()| self.0.read_to_string(&mut answer));
        done.is_ok() && answer.starts_with("HTTP/1.1 200 ")
    }
}

/// Some work under load, until it is done and all requests were sent: how many there were, and how many were lost.
fn under_load(site: &Site, work: impl FnOnce()) -> (usize, usize) {
    let plain =
        Load { duration: Duration::from_secs(600), ..Load::new(site.door(), site.host.server_name()) };
    let kept = Load { keep_alive: true, asks_again: true, ..plain.clone() };
    let loads: Vec<Running> = [plain, kept].map(Load::start).into();
    let begun = || loads.iter().map(Running::begun).sum::<usize>();
    until("the load to have begun", Duration::from_secs(30), || begun() > 100);
    let late = [(); LATE].map(|()| Late::begin(site));
    work();
    let cut_off = late.map(Late::finish).iter().filter(|whole| !**whole).count();
    until("all requests", Duration::from_secs(120), || begun() >= REQUESTS);
    let reports: Vec<_> = loads.into_iter().map(Running::stop).collect();
    let lost: usize = reports.iter().map(|report| report.failures().len()).sum();
    let sent: usize = reports.iter().map(|report| report.answers.len()).sum();
    (sent + LATE, lost + cut_off)
}

fn through(from: Mode, to: Mode) {
    let _turn = busy();
    let mut site = Site::with(|options| options.role_files = true);
    choose(&mut site, from);
    let old = short(&site.commit("the one way"));
    site.go_live();
    choose(&mut site, to);
    let new = short(&site.commit("the other way"));
    let mut wrong = Vec::new();
    for (name, arguments, release) in [
        ("deploy --cutover", &["prod", "deploy", "--cutover"][..], &new),
        ("rollback", &["prod", "rollback"], &old),
        ("cutover back", &["prod", "cutover"], &new),
        ("cutover --watch", &["prod", "cutover", "--watch", "1s"], &old),
    ] {
        let (sent, lost) = under_load(&site, || drop(site.done(arguments)));
        let case = format!("{}→{}: {name}", from.name(), to.name());
        let word = if lost == 0 { "ok" } else { "FAILED:" };
        row("pairs", &case, format!("{word} {sent} requests, {lost} lost"));
        let problems = site.status()["problems"].clone();
        let (status, body) = site.get("/");
        if lost > 0 || problems != serde_json::json!([]) || status != 200 || !body.contains(release) {
            wrong.push(format!("{case}: {lost} lost, {problems}, {status} {body:?}, expected {release}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn from_reload_to_reload() {
    through(Mode::Reload, Mode::Reload);
}

#[test]
fn from_reload_to_socket() {
    through(Mode::Reload, Mode::Socket);
}

#[test]
fn from_socket_to_reload() {
    through(Mode::Socket, Mode::Reload);
}

#[test]
fn from_socket_to_socket() {
    through(Mode::Socket, Mode::Socket);
}

/// nginx has been told to follow the link, and the slot that it is put back to has no socket.
#[test]
fn a_first_cutover_by_socket_that_is_undone_loses_nothing() {
    let _turn = busy();
    let mut site = Site::with(|options| options.role_files = true);
    site.extra = "[nginx]\ntimeout = \"2s\"\n".to_string();
    choose(&mut site, Mode::Reload);
    let old = short(&site.commit("by reload"));
    site.go_live();
    choose(&mut site, Mode::Socket);
    site.commit("by socket");
    site.done(&["prod", "deploy"]);
    fs::write(site.path("next/etc/served"), "nobody\n").expect("a file that names nobody");
    let (sent, lost) = under_load(&site, || {
        let ran = site.deployer(&["prod", "cutover"]);
        assert_eq!(ran.code, 3, "{}", ran.stderr);
    });
    let word = if lost == 0 { "ok" } else { "FAILED:" };
    let result = format!("{word} {sent} requests, {lost} lost");
    row("pairs", "reload→socket: cutover, put back", result);
    assert_eq!(lost, 0);
    assert!(site.get("/").1.contains(&old));
    assert_eq!(site.status()["problems"], serde_json::json!([]));
}
