//! A host that gitric built, taken over as it stands.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::faults::fixture::meet;
use crate::support::{HostControl, Site, git, gunicorn, http, until};

fn run(command: &mut Command) {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).status();
    assert!(status.expect("it runs").success(), "{command:?}");
}

/// What gitric leaves in a slot: a checked-out branch, a real virtualenv, a snippet, and a daemon in live.
fn slot(site: &Site, color: &str, port: u16) -> PathBuf {
    let slot = site.path(color);
    fs::create_dir_all(slot.join("etc")).unwrap();
    run(Command::new("git").args(["clone", "--quiet"]).arg(site.repo.path()).arg(slot.join("repo")));
    let snippet = format!("proxy_pass http://localhost:{port};\n");
    fs::write(slot.join("etc/nginx.conf"), snippet).unwrap();
    let variable = |name: &str| std::env::var(name).expect("set by tests/run.sh");
    let uv = || {
        let mut uv = Command::new(variable("DEPLOYER_TEST_UV"));
        uv.arg("--quiet").env("UV_CACHE_DIR", variable("DEPLOYER_TEST_UV") + "-cache");
        uv
    };
    run(uv().args(["venv", "--no-project", "--python", "/usr/bin/python3"]).arg(slot.join("env")));
    run(uv()
        .args(["pip", "install", "--no-index", "--find-links", &variable("DEPLOYER_TEST_WHEELS")])
        .arg("--python")
        .arg(slot.join("env/bin/python"))
        .arg(gunicorn()));
    slot
}

/// `gunicorn -D`, as gitric's fabfile starts it.
fn daemon(slot: &Path, color: &str, port: u16) {
    run(Command::new(slot.join("env/bin/gunicorn"))
        .current_dir(slot.join("repo"))
        .args(["-D", "-b", &format!("127.0.0.1:{port}"), "-p"])
        .arg(slot.join("etc/app.pid"))
        .arg("app:app")
        .env("BLUEGREEN", color)
        .env("DEPLOYER_COMMIT_SHORT", "gitric"));
    let address = format!("127.0.0.1:{port}").parse().unwrap();
    until("gitric's gunicorn", Duration::from_secs(30), || http(address, "app.localhost", "/").0 == 200);
}

fn taken_over(case: &str, target: impl Fn(&Site, &str) -> PathBuf) {
    let site = Site::new();
    let ports = site.host.app_ports();
    let blue = slot(&site, "blue", ports.blue);
    slot(&site, "green", ports.green);
    for (name, color) in [("live", "blue"), ("next", "green")] {
        std::os::unix::fs::symlink(target(&site, color), site.path(name)).unwrap();
    }
    daemon(&blue, "blue", ports.blue);
    // Not a reload, after which workers that know nothing of the slots would answer for a while.
    site.host.stop_nginx();
    site.host.start_nginx();
    until("the front door", Duration::from_secs(10), || site.get("/").1 == "hello from blue gitric\n");
    let old = fs::read_to_string(blue.join("etc/app.pid")).unwrap();

    let commit = site.change();
    let met = meet(&site, &format!("{case}_deploy"), &["prod", "deploy"], 0);
    assert_eq!(met.after["live"]["process"]["pid"].to_string(), old.trim());
    assert_eq!(met.next()["commit"]["id"], *commit);
    let branch = git(&site.path("next/repo"), &["rev-parse", "main"]);
    assert_ne!(branch, commit, "the branch that was checked out stays where it was");

    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.contains(&commit[..7]));
    let status = site.status();
    assert_eq!(status["served"]["color"], "green");
    assert_eq!(status["live"]["color"], "green");
    assert_eq!(status["next"]["process"]["pid"].to_string(), old.trim());

    // The way back leads to what gitric started, as it runs.
    site.done(&["prod", "rollback"]);
    assert_eq!(site.get("/").1, "hello from blue gitric\n");
    assert_eq!(site.status()["served"]["color"], "blue");
    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.contains(&commit[..7]));

    let commit = site.change();
    meet(&site, &format!("{case}_second_deploy"), &["prod", "deploy"], 0);
    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.contains(&commit[..7]));
    assert!(!Path::new("/proc").join(old.trim()).join("exe").exists(), "gitric's gunicorn was stopped");
}

#[test]
fn with_absolute_links() {
    taken_over("gitric_absolute", |site, color| site.path(color));
}

#[test]
fn with_relative_links() {
    taken_over("gitric_relative", |_, color| PathBuf::from(color));
}
