//! Links, slots and the record as somebody else may leave them.

use std::fs;
use std::os::unix::fs::symlink;

use serde_json::Value;

use crate::mishaps::common::{
    assert_live, assert_problem, assert_well, expect, history, last, link, master, one_live_one_next, other,
    passed,
};
use crate::support::{HostControl, Site, alive};

#[test]
fn links_and_slots_are_mended() {
    let site = Site::new();
    let (first, second) = one_live_one_next(&site);
    let (live, next) = (link(&site, "live"), link(&site, "next"));
    let pid = master(&site, &live);

    fs::remove_file(site.path("live")).unwrap();
    symlink(site.path("nowhere"), site.path("live")).unwrap();
    let status = site.status();
    assert_problem(&status, "the link live does not lead to", Some("deployer prod deploy"));
    assert_eq!(status["served"]["color"], *live);
    site.done(&["prod", "deploy"]);
    assert_well(&site, &first);
    assert_eq!(master(&site, &live), pid);
    passed("dangling live: nginx says which it is, deploy mends it");

    fs::remove_file(site.path("live")).unwrap();
    symlink(site.path("nowhere"), site.path("live")).unwrap();
    site.host.stop_nginx();
    for verb in ["deploy", "cutover", "rollback", "stop"] {
        expect(&site, &["prod", verb], 1, &["cannot tell which slot is live", "ln -sfn"]);
    }
    assert_problem(&site.status(), "cannot tell which slot is live", None);
    assert_eq!(master(&site, &live), pid);
    fs::remove_file(site.path("live")).unwrap();
    symlink(site.path(&live), site.path("live")).unwrap();
    site.host.start_nginx();
    assert_well(&site, &first);
    passed("dangling live and nginx down: refused, exit 1, with the way out");

    fs::remove_file(site.path("next")).unwrap();
    symlink(site.path(&live), site.path("next")).unwrap();
    assert_problem(&site.status(), "the link next does not lead to", Some("deployer prod deploy"));
    site.done(&["prod", "deploy"]);
    assert_well(&site, &first);
    assert_eq!(master(&site, &live), pid);
    passed("both links equal: live counts, deploy mends next");

    fs::remove_file(site.path("next")).unwrap();
    assert_problem(&site.status(), "the link next does not lead to", Some("deployer prod deploy"));
    site.done(&["prod", "cutover"]);
    assert_well(&site, &second);
    passed("missing next: a cutover makes both");

    // The slot of next is deleted while its gunicorn runs.
    let gone = master(&site, &live);
    assert_eq!(link(&site, "next"), live);
    fs::remove_dir_all(site.path(&live)).unwrap();
    let status = assert_live(&site, &second);
    assert_eq!(status["next"]["commit"], Value::Null);
    expect(&site, &["prod", "cutover"], 1, &["not affected"]);
    let third = site.change();
    site.done(&["prod", "deploy"]);
    assert!(!alive(gone));
    site.done(&["prod", "cutover"]);
    assert_well(&site, &third);
    assert_eq!(link(&site, "next"), other(&live));
    assert_eq!(link(&site, "next"), next);
    passed("a deleted slot: deploy builds it anew");
}

#[test]
fn the_record_is_read_in_its_order_and_past_its_wounds() {
    let site = Site::new();
    let (first, second) = one_live_one_next(&site);
    let file = site.path(".deployer/history.jsonl");
    // The host's clock was a day ahead when this was written.
    let mut entries = history(&site);
    let at = entries[0]["at"].as_f64().unwrap();
    entries[0]["at"] = (at + 86_400.0).into();
    // And power failed in the middle of a line.
    fs::write(&file, format!("{}\n{{\"verb\": \"cutover\", \"col", entries[0])).unwrap();
    site.done(&["prod", "cutover"]);
    assert_well(&site, &second);
    let told = site.done(&["prod", "history", "--json"]);
    let (old, new) = (told.stdout.find(&first), told.stdout.find(&second));
    assert!(old.is_some() && new.is_some(), "{}", told.stdout);
    let people = site.done(&["prod", "history"]);
    assert!(people.stdout.contains(&first[..7]) && people.stdout.contains(&second[..7]));
    assert_eq!(history(&site).len(), 2, "the torn line stays apart from the next one");
    assert_eq!(last(&site).1, second);
    site.done(&["prod", "rollback"]);
    assert_well(&site, &first);
    expect(&site, &["prod", "rollback"], 1, &["nothing to roll back to"]);
    passed("the clock a day off: order is the file's");
    passed("a torn last line of the history: left out, nothing lost");
}
