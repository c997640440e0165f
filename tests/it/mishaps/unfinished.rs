//! A cutover that was cut off between the swap and its proof.

use std::fs;
use std::os::unix::fs::symlink;

use crate::mishaps::common::{
    assert_problem, assert_well, expect, history, last, link, one_live_one_next, other, passed,
};
use crate::support::{Site, until};

/// Moves the links as a cutover does, with its note of what it began or without.
fn swap(site: &Site, noted: bool) {
    let (live, next) = (link(site, "live"), link(site, "next"));
    if noted {
        let now = std::time::UNIX_EPOCH.elapsed().unwrap().as_secs_f64();
        let note = serde_json::json!({"from": live, "to": next, "at": now, "entry": null});
        fs::write(site.path(".deployer/switch"), note.to_string()).unwrap();
    }
    for (name, color) in [("live", &next), ("next", &live)] {
        fs::remove_file(site.path(name)).unwrap();
        symlink(site.path(color), site.path(name)).unwrap();
    }
}

#[test]
fn the_reload_never_came() {
    let site = Site::new();
    let (old, new) = one_live_one_next(&site);
    let before = link(&site, "live");
    swap(&site, true);
    // Until somebody reloads, the old one is served.
    assert!(site.get("/").1.contains(&old[..7]));
    let status = site.status();
    assert_problem(&status, "was cut off", Some("deployer prod cutover"));
    assert_problem(
        &status,
        &format!("nginx serves {before}, but live is linked to {}", other(&before)),
        Some("deployer prod cutover"),
    );
    expect(&site, &["prod", "deploy"], 1, &["nginx still serves", "deployer prod cutover"]);
    expect(&site, &["prod", "stop"], 1, &["nginx still serves", "not affected"]);
    assert!(site.get("/").1.contains(&old[..7]));
    site.done(&["prod", "cutover"]);
    assert_well(&site, &new);
    assert_eq!(last(&site), ("cutover".to_string(), new.clone()));
    assert_eq!(history(&site).len(), 2);
    passed("cut off between swap and reload: status says so, cutover finishes it");

    // The same, by hand and without a note.
    swap(&site, false);
    expect(&site, &["prod", "deploy"], 1, &["nginx still serves"]);
    site.done(&["prod", "cutover"]);
    assert_well(&site, &old);
    passed("links moved by hand: deploy refuses, cutover finishes");
}

#[test]
fn somebody_else_reloads() {
    let site = Site::new();
    let (_, new) = one_live_one_next(&site);
    swap(&site, true);
    site.reload_nginx();
    until("the foreign reload is applied", crate::mishaps::common::SOON, || {
        site.get("/").1.contains(&new[..7])
    });
    let status = site.status();
    assert_eq!(status["served"]["color"], status["live"]["color"]);
    assert_problem(&status, "was cut off", Some("deployer prod cutover"));
    // What is named as the way out must not take the new release away.
    site.done(&["prod", "cutover"]);
    assert_well(&site, &new);
    assert_eq!(last(&site), ("cutover".to_string(), new));
    passed("foreign reload after moved links: cutover completes it, nothing swaps back");
}
