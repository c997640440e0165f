//! `cutover = "socket"`: nginx follows the link to a Unix socket, so the swap itself is the cutover.

mod support;

use support::{Load, Outcome, Site};

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
