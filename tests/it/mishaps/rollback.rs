//! The way back, and what must not be stopped on it.

use std::fs;

use crate::mishaps::common::{
    SOON, ask, assert_well, ended, expect, history, last, link, master, one_live_one_next, other, passed,
};
use crate::support::{APP, Site, alive, until};

#[test]
fn there_is_always_a_way_back() {
    let site = Site::new();
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();
    expect(&site, &["prod", "rollback"], 1, &["nothing to roll back to", "not affected"]);
    passed("nothing to roll back to: refused, exit 1");

    let second = site.change();
    let old = link(&site, "live");
    site.done(&["prod", "deploy", "--cutover"]);
    let warm = master(&site, &old);
    let said = site.done(&["prod", "rollback"]);
    assert!(said.stderr.contains(&first[..7]), "{}", said.stderr);
    assert_eq!(master(&site, &old), warm, "the warm process serves on");
    assert_well(&site, &first);
    assert_eq!(last(&site), ("rollback".to_string(), first.clone()));
    passed("rollback of a warm release");

    // A second one does not swing back to what was just left.
    expect(&site, &["prod", "rollback"], 1, &["nothing to roll back to"]);
    assert_well(&site, &first);
    passed("rollback twice in a row: not back to what was left");

    site.done(&["prod", "cutover"]);
    site.done(&["prod", "stop"]);
    assert!(!alive(warm));
    assert_well(&site, &second);
    site.deployer(&["prod", "rollback"]).check(0, &["start gunicorn"]);
    assert_well(&site, &first);
    passed("rollback of a stopped release: started first");

    site.done(&["prod", "cutover"]);
    let third = site.change();
    site.done(&["prod", "deploy"]);
    // Next held the first; now it holds the third.
    let back = site.done(&["prod", "rollback"]);
    assert!(back.stderr.contains("check out"), "{}", back.stderr);
    assert_well(&site, &first);
    passed("rollback of an overwritten release: rebuilt from its commit");

    site.done(&["prod", "deploy", &third, "--force", "--cutover"]);
    assert_well(&site, &third);
    expect(&site, &["prod", "rollback", "abcdef0"], 1, &["history", "abcdef0"]);
    site.done(&["prod", "rollback", &second[..8]]);
    assert_well(&site, &second);
    assert_eq!(last(&site), ("rollback".to_string(), second.clone()));
    passed("rollback <commit>: further back");
    let verbs: Vec<_> =
        history(&site).iter().map(|entry| entry["verb"].as_str().unwrap_or_default().to_string()).collect();
    let expected = "cutover cutover rollback cutover rollback cutover rollback cutover rollback";
    assert_eq!(verbs.join(" "), expected);
}

/// An application that keeps a request for as long as a file is there.
const HOLD: &str = r#"
quick = app
def app(environ, start_response):
    while environ["PATH_INFO"] == "/hold" and os.path.exists(os.environ["HOLD"]):
        time.sleep(0.02)
    return quick(environ, start_response)
"#;

#[test]
fn requests_that_the_old_release_serves_are_waited_for() {
    let mut site = Site::new();
    let hold = site.host.folder().join("hold");
    site.extra = format!("[env]\nHOLD = {hold:?}\n");
    site.configure();
    site.write("app.py", &format!("{APP}{HOLD}"));
    site.commit("slow requests");
    let (first, second) = one_live_one_next(&site);
    let old = link(&site, "live");

    fs::write(&hold, "").unwrap();
    let slow = ask(&site, "/hold");
    busy(&site, &old);
    let pid = master(&site, &old);
    let cutover = site.start(&["prod", "cutover", "--stop-old"]);
    at_step(&site, "stop old");
    until("the new release is live", SOON, || site.get("/").1.contains(&second[..7]));
    assert!(alive(pid) && !slow.is_finished());
    fs::remove_file(&hold).unwrap();
    ended(cutover).check(0, &[]);
    assert!(slow.is_finished(), "the command ends after the request");
    let answer = slow.join().unwrap();
    assert_eq!(answer, (200, format!("hello from {old} {}\n", &first[..7])));
    assert!(!alive(pid));
    let status = assert_well(&site, &second);
    assert_eq!(status["next"]["process"]["state"], "stopped");
    passed("--stop-old: the slow request is answered, then it is stopped");

    // A deploy into the slot that still drains.
    let third = site.change();
    site.done(&["prod", "deploy"]);
    let old = link(&site, "live");
    fs::write(&hold, "").unwrap();
    let slow = ask(&site, "/hold");
    busy(&site, &old);
    let pid = master(&site, &old);
    site.done(&["prod", "cutover"]);
    assert!(!slow.is_finished(), "a cutover does not wait");
    site.change();
    let deploy = site.start(&["prod", "deploy"]);
    at_step(&site, "stop");
    assert!(alive(pid) && !slow.is_finished());
    fs::remove_file(&hold).unwrap();
    ended(deploy).check(0, &[]);
    let answer = slow.join().unwrap();
    assert_eq!(answer, (200, format!("hello from {old} {}\n", &second[..7])));
    assert_well(&site, &third);
    passed("a deploy waits for the requests of the old release");

    let live = link(&site, "live");
    let pid = master(&site, &live);
    for _ in 0..2 {
        site.done(&["prod", "stop"]);
        assert!(alive(pid));
    }
    assert_eq!(link(&site, "next"), other(&live));
    assert_well(&site, &third);
    passed("stop: never live");
}

fn at_step(site: &Site, name: &str) {
    until(name, SOON, || site.step().as_deref() == Some(name));
}

/// Waits until a request is being served by a slot: its port has a connection.
fn busy(site: &Site, color: &str) {
    let ports = site.host.app_ports();
    let port = if color == "blue" { ports.blue } else { ports.green };
    let mark = format!("0100007F:{port:04X}");
    until("the slow request is with the old release", SOON, || {
        std::fs::read_to_string("/proc/net/tcp").unwrap_or_default().lines().any(|line| {
            let fields: Vec<_> = line.split_whitespace().collect();
            fields.len() > 3 && fields[1] == mark && fields[3] == "01"
        })
    });
}
