//! Faults of nginx: another site's mistake, and no right to test or to reload.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use tempfile::TempDir;

use crate::faults::fixture::{live, live_with, meet};
use crate::support::{HostControl, Site};

/// A folder with a `sudo` that wants a password.
fn sudo_that_asks() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let sudo = folder.path().join("sudo");
    fs::write(&sudo, "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).unwrap();
    folder
}

fn through_sudo(site: &Site, command: &str) {
    let text = fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    let start = format!("\n{command} = [");
    site.write("deployer.toml", &text.replace(&start, &format!("{start}\"sudo\", \"-n\", ")));
}

#[test]
fn another_site_breaks_the_configuration() {
    let site = live();
    site.change();
    site.done(&["prod", "deploy"]);
    let other = site.host.nginx_sites().join("other.conf");
    fs::write(&other, "nonsense on;\n").unwrap();
    meet(&site, "broken_by_another_site", &["prod", "cutover"], 1);
    let commit = site.change();
    let met = meet(&site, "deploy_beside_a_broken_site", &["prod", "deploy"], 0);
    assert_eq!(met.next()["commit"]["id"], *commit);
    fs::remove_file(other).unwrap();
    site.done(&["prod", "cutover"]);
    assert!(site.get("/").1.contains(&commit[..7]));
}

#[test]
fn no_right_to_test_or_to_reload() {
    let sudo = sudo_that_asks();
    let site = live_with(|options| options.path.push(sudo.path().to_path_buf()), "");
    site.change();
    site.done(&["prod", "deploy"]);
    let right = fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    through_sudo(&site, "test");
    meet(&site, "no_right_to_test", &["prod", "cutover"], 1);
    site.write("deployer.toml", &right);
    through_sudo(&site, "reload");
    // Begun and put back: live was touched, and the exit code says so.
    meet(&site, "no_right_to_reload", &["prod", "cutover"], 3);
    site.write("deployer.toml", &right);
    site.done(&["prod", "cutover"]);
}
