//! Somebody who has an application, a server and nothing else: reading only what the tool prints.

use std::time::Duration;

use super::host::ALIAS;
use super::stage::{NAME, ROOT, Stage};
use crate::support::{Ran, row, until};

const SUITE: &str = "a Debian host";

fn doctor(stage: &Stage) -> Ran {
    stage.deployer(&["prod", "doctor"])
}

#[test]
fn from_nothing_to_a_release_that_survives_a_power_loss() {
    let case = "init, doctor, setup, deploy, cutover, power loss: live serves again";
    let Some(mut stage) = Stage::new(case) else { return };
    // Where a host has no way out, its own pip knows where the packages are.
    let pip = "[global]\nno-index = true\nfind-links = /srv/wheels\n";
    stage.host.write("/etc/pip.conf", pip);
    stage.git(&["rm", "--quiet", "deployer.toml"]);
    stage.done(&[
        "init",
        "--yes",
        "--host",
        ALIAS,
        "--url",
        &format!("http://{NAME}"),
        "--root",
        ROOT,
        "--app",
        "app:app",
    ]);
    stage.commit("deployer.toml");

    stage.host.done("root", "rm /etc/nginx/sites-enabled/hello && nginx -s reload");

    let before = doctor(&stage);
    assert_eq!(before.code, 1, "{}{}", before.stdout, before.stderr);
    assert!(before.stdout.contains("deployer prod setup"), "{}", before.stdout);
    assert!(before.stdout.contains("loginctl enable-linger deploy"), "{}", before.stdout);
    // The deploy user may not write the site; whoever may log in as root pastes the line.
    let setup = stage.deployer(&["prod", "setup", "--yes"]);
    assert_eq!(setup.code, 1, "{}{}", setup.stdout, setup.stderr);
    let line = setup
        .stderr
        .lines()
        .find_map(|line| line.split_once("with a login as root: "))
        .unwrap_or_else(|| panic!("no line to paste:\n{}", setup.stderr))
        .1;
    let pasted = stage.paste(line);
    assert_eq!(pasted.code, 0, "{line}\n{}{}", pasted.stdout, pasted.stderr);
    stage.done(&["prod", "deploy"]);
    stage.done(&["prod", "cutover"]);
    let commit = stage.git(&["rev-parse", "HEAD"])[..7].to_string();
    assert!(stage.serves(&commit));
    let after = doctor(&stage);
    assert_eq!(after.code, 0, "{}{}", after.stdout, after.stderr);
    assert!(after.stdout.contains("systemd starts it"), "{}", after.stdout);

    stage.lose_power();
    until("live serves again", Duration::from_secs(30), || stage.serves(&commit));
    let status = stage.status();
    assert_eq!(status["problems"], serde_json::json!([]), "{status}");
    assert_eq!(status["served"]["color"], status["live"]["color"]);
    assert_eq!(status["live"]["health"]["state"], "healthy");
    row(SUITE, case, "ok");
}
