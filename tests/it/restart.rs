//! `restart`: the commit that is live, once more, with today's variables.

use crate::support::{Load, Replies, Site};

#[test]
fn lives_commit_comes_again_with_todays_variables() {
    let site = Site::new();
    let refused = site.deployer(&["prod", "restart"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert!(refused.stderr.contains("nothing is live"), "{refused:?}");

    site.go_live();
    let live = site.git(&["rev-parse", "HEAD"]);
    let config = site.repo.path().join("deployer.toml");
    let text = std::fs::read_to_string(&config).unwrap();
    std::fs::write(&config, format!("{text}\n[env]\nGREETING = \"of today\"\n")).unwrap();
    let load = Load::new(site.door(), site.host.server_name()).start();
    site.done(&["prod", "restart"]);
    let report = load.stop();
    assert!(report.failures().is_empty(), "{:?}", report.failures().first());
    let variables = std::fs::read_to_string(site.path("live/etc/env")).unwrap();
    assert!(variables.contains("of today"), "{variables}");
    assert_eq!(site.status()["live"]["commit"]["id"], live.as_str());

    // A release that waits in next is not built over.
    std::fs::write(&config, text).unwrap();
    let next = site.change();
    site.done(&["prod", "deploy"]);
    let refused = site.deployer(&["prod", "restart"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(site.status()["next"]["commit"]["id"], next.as_str());
    site.done(&["prod", "restart", "--force"]);
    assert_eq!(site.status()["live"]["commit"]["id"], live.as_str());
}
