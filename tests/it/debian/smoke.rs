use super::stage::Stage;
use crate::support::row;

#[test]
fn a_release_goes_live_and_the_links_survive_a_power_loss() {
    let case = "deploy and cutover as an unprivileged user";
    let Some(mut stage) = Stage::new(case) else { return };
    stage.done(&["prod", "deploy"]);
    stage.done(&["prod", "cutover"]);
    let commit = stage.git(&["rev-parse", "HEAD"]);
    assert_eq!(stage.get("/").0, 200);
    assert!(stage.get("/").1.contains(&commit[..7]));
    stage.host.done("root", "systemctl is-active nginx");
    row("a Debian host", case, "ok");

    stage.host.write("/srv/unsynced", "lost");
    stage.host.power_loss();
    assert_eq!(stage.get("/").0, 0, "it has no power");
    stage.host.boot();
    assert_ne!(
        stage.host.ssh("root", "grep lost /srv/unsynced").code,
        0,
        "what nobody synced survived: this is no power loss"
    );
    let status = stage.status();
    assert_eq!(status["live"]["color"], "blue");
    assert_eq!(status["live"]["commit"]["id"], commit);
    row("a Debian host", "what is live is known after a power loss", "ok");
}
