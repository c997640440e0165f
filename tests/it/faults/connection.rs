//! Faults on the way to the host: its key, its user, its sshd.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use crate::faults::fixture::{live, meet};
use crate::support::{HostControl, Site};

/// While the way is barred `status` says so in one line, and the release is served all the same.
#[track_caller]
fn barred(site: &Site, case: &str) {
    let met = meet(site, case, &["prod", "deploy"], 1);
    assert_eq!(met.after["state"], "unreachable", "{case}");
    let error = met.after["error"].as_str().unwrap();
    assert!(!error.contains('\n'), "{case}: {error}");
}

#[track_caller]
fn open_again(site: &Site, case: &str) {
    let status = site.status();
    assert_eq!(status["state"], "reached", "{case}");
    assert_eq!(status["live"]["health"]["state"], "healthy", "{case}");
    assert_eq!(status["served"]["color"], status["live"]["color"], "{case}");
}

#[test]
fn no_way_to_the_host() {
    let mut site = live();
    unknown_key(&site);
    wrong_user(&mut site);
    wrong_key(&site);
    site.host.refuse_ssh();
    barred(&site, "host_down");
    site.host.accept_ssh();
    open_again(&site, "host_down");
    site.host.change_host_key();
    barred(&site, "changed_host_key");
}

fn unknown_key(site: &Site) {
    let known = fs::read(site.host.known_hosts()).unwrap();
    fs::write(site.host.known_hosts(), "").unwrap();
    barred(site, "unknown_host_key");
    fs::write(site.host.known_hosts(), known).unwrap();
    open_again(site, "unknown_host_key");
}

fn wrong_user(site: &mut Site) {
    site.environment = "user = \"nobody-such\"".to_string();
    site.configure();
    site.commit("another user");
    barred(site, "wrong_user");
    site.environment.clear();
    site.configure();
    site.commit("the right user");
    open_again(site, "wrong_user");
}

fn wrong_key(site: &Site) {
    let identity = site.host.identity();
    let files = [identity.clone(), identity.with_extension("pub")];
    let right = files.clone().map(|file| fs::read(file).ok());
    for file in &files {
        let _ = fs::remove_file(file);
    }
    let made =
        Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&identity).status();
    assert!(made.expect("ssh-keygen runs").success());
    barred(site, "wrong_key");
    for (file, content) in files.iter().zip(right) {
        let _ = fs::remove_file(file);
        if let Some(content) = content {
            fs::write(file, content).unwrap();
        }
    }
    fs::set_permissions(&identity, fs::Permissions::from_mode(0o600)).unwrap();
    open_again(site, "wrong_key");
}
