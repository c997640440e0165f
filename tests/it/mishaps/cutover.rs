//! A cutover that cannot be: before the swap it is refused, after it everything is put back.

use std::fs;
use std::net::TcpListener;

use serde_json::Value;

use crate::mishaps::common::{
    assert_live, assert_problem, assert_well, expect, history, last, link, master, nginx, one_live_one_next,
    passed,
};
use crate::support::{HostControl, Site, kill_family};

#[test]
fn nginx_does_not_take_it() {
    let site = Site::new();
    let (old, new) = one_live_one_next(&site);
    let color = link(&site, "live");

    // Refused outright.
    nginx(&site, &["/bin/false"], "timeout = \"2s\"");
    expect(&site, &["prod", "cutover"], 3, &["/bin/false", "switched back", "serves the old release again"]);
    assert_eq!(link(&site, "live"), color);
    assert_well(&site, &old);
    assert_eq!(history(&site).len(), 1);
    passed("reload refused: put back, exit 3");

    // Accepted, and silently not applied: another site wants a port that is taken.
    nginx(&site, &[], "timeout = \"2s\"");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let another = site.host.nginx_sites().join("another.conf");
    fs::write(&another, format!("server {{ listen 127.0.0.1:{port}; }}\n")).unwrap();
    expect(
        &site,
        &["prod", "cutover"],
        3,
        &[
            "accepted the reload but did not apply it",
            "still answers from",
            "serves the old release again",
            "error log",
        ],
    );
    assert_eq!(link(&site, "live"), color);
    assert_well(&site, &old);
    assert_eq!(history(&site).len(), 1);
    passed("reload accepted but not applied: put back, exit 3");

    // Another site's configuration is broken: nothing is swapped.
    let swapped = fs::symlink_metadata(site.path("live")).unwrap().modified().unwrap();
    fs::write(&another, "server { listen nowhere-at-all:x; }\n").unwrap();
    expect(&site, &["prod", "cutover"], 1, &["nginx says", "another.conf", "not affected"]);
    let now = fs::symlink_metadata(site.path("live")).unwrap().modified().unwrap();
    assert_eq!(now, swapped, "the links were not touched");
    assert_well(&site, &old);
    passed("another site's broken config: refused before the swap, exit 1");
    fs::remove_file(&another).unwrap();
    drop(taken);

    // nginx is down.
    site.host.stop_nginx();
    let down = expect(&site, &["prod", "cutover"], 3, &["LIVE SITE IS AFFECTED"]);
    assert_eq!(link(&site, "live"), color);
    let status = site.status();
    assert_eq!(status["served"]["state"], "unknown", "{}", down.stderr);
    assert_problem(&status, "the front door", None);
    assert!(!site.path(".deployer/switch").exists(), "nothing is half done: the reload was never accepted");
    site.host.start_nginx();
    assert_well(&site, &old);
    passed("nginx down: links put back, exit 3");

    site.done(&["prod", "cutover"]);
    assert_well(&site, &new);
    assert_eq!(last(&site), ("cutover".to_string(), new));
}

#[test]
fn next_is_not_fit() {
    let site = Site::new();
    expect(&site, &["prod", "cutover"], 1, &["nothing to cut over", "prod deploy"]);
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();
    expect(&site, &["prod", "cutover"], 1, &["nothing to cut over", "not affected"]);
    assert_well(&site, &first);
    passed("nothing in next: refused, exit 1");

    let second = site.change();
    site.done(&["prod", "deploy"]);
    let next = link(&site, "next");
    kill_family(master(&site, &next));
    let refused = expect(&site, &["prod", "cutover"], 1, &["is not healthy", "does not run", "not affected"]);
    assert!(refused.stderr.contains(&second[..7]), "{}", refused.stderr);
    let status = assert_live(&site, &first);
    assert_eq!(status["next"]["process"]["state"], "stopped");
    assert_ne!(status["problems"], Value::Array(Vec::new()));
    // The way out that the refusal names.
    site.done(&["prod", "deploy", &second[..7]]);
    site.done(&["prod", "cutover"]);
    assert_well(&site, &second);
    passed("next died between deploy and cutover: refused, exit 1; deploy mends");
}

#[test]
fn a_record_that_cannot_be_written_stops_it_before_the_swap_or_is_told() {
    let site = Site::new();
    let (old, new) = one_live_one_next(&site);
    let file = site.path(".deployer/history.jsonl");
    let kept = fs::read(&file).unwrap();
    // A folder in its place: root may write to any file.
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    expect(&site, &["prod", "cutover"], 1, &["history.jsonl", "not affected"]);
    fs::remove_dir(&file).unwrap();
    fs::write(&file, &kept).unwrap();
    assert_well(&site, &old);
    passed("history unwritable: refused before the swap, exit 1");

    // It breaks while nginx is reloaded: the release is live, and what is missing is said.
    let path = deployer::shell::display(&[file.to_string_lossy().into_owned()]);
    let reload = crate::mishaps::common::reload_after(&site, &format!("rm {path}; mkdir {path}"));
    nginx(&site, &crate::mishaps::common::words(&reload), "");
    let ran = site.deployer(&["prod", "cutover"]);
    ran.check(3, &["history.jsonl", "is live and proven", "prod cutover"]);
    let status = assert_live(&site, &new);
    assert_problem(&status, "was cut off", Some("deployer prod cutover"));
    fs::remove_dir(&file).unwrap();
    fs::write(&file, &kept).unwrap();
    nginx(&site, &[], "");
    // It must not take the new release away again.
    site.done(&["prod", "cutover"]);
    assert_well(&site, &new);
    assert_eq!(last(&site), ("cutover".to_string(), new));
    assert_eq!(history(&site).len(), 2);
    passed("history fails after the swap: told, exit 3; cutover completes it");
}
