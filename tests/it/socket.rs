//! `cutover = "socket"`: nginx follows the link to a Unix socket, so the swap itself is the cutover.

use crate::support::{Load, Outcome, Replies, Site};

fn site() -> Site {
    let mut site = Site::with(|options| options.role_files = true);
    site.environment = "cutover = \"socket\"".to_string();
    site.configure();
    site.commit("socket");
    site
}

#[test]
fn keep_alive_clients_lose_nothing() {
    let site = site();
    site.go_live();
    let mut load = Load::new(site.door(), site.host.server_name());
    load.keep_alive = true;
    load.clients = 8;
    let running = load.start();
    for _ in 0..5 {
        site.change();
        site.done(&["prod", "deploy"]);
        let ran = site.done(&["prod", "cutover"]);
        assert!(!ran.stderr.contains("reload"), "{}", ran.stderr);
    }
    site.done(&["prod", "rollback"]);
    let report = running.stop();
    println!(
        "socket cutover, keep-alive: {} requests, {} lost",
        report.answers.len(),
        report.failures().len()
    );
    assert!(report.failures().is_empty(), "{:?}", report.failures().first());
    assert!(report.count(Outcome::Status(200)) > 1000);
}

#[test]
fn the_first_cutover_reloads_and_later_ones_need_no_right_to() {
    let site = site();
    site.go_live();
    let config = std::fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    // From here on a reload would fail.
    let refused = config.replace("reload = [", "reload = [\"/bin/false\", ");
    std::fs::write(site.repo.path().join("deployer.toml"), refused).unwrap();
    let commit = site.commit("no right to reload");
    site.done(&["prod", "deploy"]);
    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.contains(&commit[..7]));
    assert_eq!(site.status()["served"]["color"], site.status()["live"]["color"]);
}

/// A release that was built before the key was there has no socket: the way to it is changed with the rollback.
#[test]
fn a_rollback_to_a_release_without_a_socket_is_served() {
    let mut site = Site::with(|options| options.role_files = true);
    site.go_live();
    let old = site.git(&["rev-parse", "--short=7", "HEAD"]);
    site.environment = "cutover = \"socket\"".to_string();
    site.configure();
    let new = site.commit("socket");
    site.done(&["prod", "deploy", "--cutover"]);
    assert!(site.get("/").1.contains(&new[..7]));
    let ran = site.done(&["prod", "rollback"]);
    assert!(ran.stderr.contains("reload nginx"), "{}", ran.stderr);
    let (status, body) = site.get("/");
    assert!(status == 200 && body.contains(&old), "{status} {body}");
    assert_eq!(site.status()["problems"], serde_json::json!([]));
    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.contains(&new[..7]));
    assert_eq!(site.status()["problems"], serde_json::json!([]));
}

/// As an older version left it: nginx follows the link, to a slot that has no socket.
#[test]
fn a_site_that_nginx_cannot_reach_is_named_and_mended() {
    let mut site = Site::with(|options| options.role_files = true);
    site.go_live();
    let old = site.git(&["rev-parse", "--short=7", "HEAD"]);
    site.environment = "cutover = \"socket\"".to_string();
    site.configure();
    site.commit("socket");
    site.done(&["prod", "deploy", "--cutover"]);
    let slots = ["live", "next"].map(|name| std::fs::read_link(site.path(name)).unwrap());
    for (name, slot) in ["next", "live"].iter().zip(&slots) {
        std::fs::remove_file(site.path(name)).unwrap();
        std::os::unix::fs::symlink(slot, site.path(name)).unwrap();
    }
    assert_eq!(site.get("/").0, 502);
    let problems = site.status()["problems"].clone();
    let what = problems[0]["what"].as_str().unwrap_or_default();
    assert!(what.contains("answered 502"), "{problems}");
    assert_eq!(problems[0]["run"], "deployer prod cutover");
    let refused = site.deployer(&["prod", "deploy"]);
    assert_eq!(refused.code, 1, "{}", refused.stderr);
    assert!(refused.stderr.contains("try:   mend that first: deployer prod cutover"), "{}", refused.stderr);
    site.done(&["prod", "cutover"]);
    let (status, body) = site.get("/");
    assert!(status == 200 && body.contains(&old), "{status} {body}");
    assert_eq!(site.status()["problems"], serde_json::json!([]));
}

/// Between a deploy and its cutover next is looked at, through nginx, which still follows the link.
#[test]
fn next_can_be_looked_at_while_the_key_is_taken_out() {
    let mut site = site();
    site.go_live();
    site.environment = String::new();
    site.configure();
    let new = site.commit("by reload");
    site.done(&["prod", "deploy"]);
    let next = format!("next.{}", site.host.server_name());
    let (status, body) = crate::support::http(site.door(), &next, "/");
    assert!(status == 200 && body.contains(&new[..7]), "{status} {body}");
    site.done(&["prod", "cutover"]);
    // Now that nginx follows no link, the next release needs no socket.
    site.change();
    site.done(&["prod", "deploy", "--cutover"]);
    let words = std::fs::read_to_string(site.path("live/etc/run/web")).unwrap();
    assert!(!words.contains("app.sock"), "{words}");
    assert_eq!(site.get("/").0, 200);
}
