//! A host's key is believed only if known_hosts says so.

use std::fs;
use std::path::Path;
use std::process::Command;

use deployer::ssh::{ConnectError, Distrust, HostKeyError};

use crate::ssh::host::{Host, by_each, keygen, run};

fn refused(host: &Host) -> HostKeyError {
    match host.try_connect() {
        Err(ConnectError::HostKey(error)) => *error,
        Err(error) => panic!("{error}\n{}", host.log()),
        Ok(_) => {
            panic!("accepted with known_hosts:\n{}", fs::read_to_string(host.path("known_hosts")).unwrap())
        }
    }
}

fn fingerprint(host: &Host, key: &str) -> String {
    let line = run(Command::new("ssh-keygen").arg("-lf").arg(host.path(&format!("{key}.pub"))));
    line.split(' ').nth(1).expect("a fingerprint").into()
}

fn with_three_keys() -> Host {
    Host::prepared("HostKey DIR/host_rsa\nHostKey DIR/host_ecdsa", |folder: &Path| {
        keygen(folder, "host_rsa", "rsa", "");
        keygen(folder, "host_ecdsa", "ecdsa", "");
    })
}

#[test]
fn each_form_in_which_a_host_is_known() {
    for host in by_each(Host::start) {
        let key = host.public("host_ed25519");
        let port = host.port;
        for text in [
            format!("[127.0.0.1]:{port} {key}"),
            format!("127.0.0.1 {key}"),
            format!("elsewhere,[127.0.0.1]:{port},other {key} with a comment"),
            format!("[127.0.0.*]:{port} {key}"),
            format!("* {key}"),
            format!("garbage\n[127.0.0.1]:{port} ssh-ed25519 !!!\n\n# comment\n[127.0.0.1]:{port} {key}"),
        ] {
            host.know(&text);
            host.try_connect().unwrap_or_else(|error| panic!("{error} with\n{text}"));
        }
    }
}

#[test]
fn a_hashed_name_is_known() {
    for host in by_each(Host::start) {
        host.know(&host.line_for("host_ed25519"));
        run(Command::new("ssh-keygen").arg("-Hf").arg(host.path("known_hosts")));
        assert!(fs::read_to_string(host.path("known_hosts")).expect("known_hosts").starts_with("|1|"));
        host.connect();
    }
}

#[test]
fn of_several_keys_the_known_type_is_asked_for() {
    for host in by_each(with_three_keys) {
        for key in ["host_rsa", "host_ecdsa", "host_ed25519"] {
            host.know(&host.line_for(key));
            host.try_connect().unwrap_or_else(|error| panic!("{key}: {error}"));
        }
        host.know(&["host_ecdsa", "host_rsa"].map(|key| host.line_for(key)).join("\n"));
        host.connect();
    }
}

#[test]
fn an_unknown_host_shows_its_fingerprint_and_how_to_learn_it() {
    for host in by_each(Host::start) {
        host.know("");
        let error = refused(&host);
        assert_eq!(error.code(), "host_key.unknown");
        let said = error.to_string();
        assert!(said.contains(&format!("ssh-ed25519 {}", fingerprint(&host, "host_ed25519"))), "{said}");
        assert!(said.contains(&host.path("known_hosts").display().to_string()), "{said}");
        let advice = error.advice().join("\n");
        assert!(advice.contains(&format!("ssh-keyscan -p {} 127.0.0.1 >> ", host.port)), "{advice}");
    }
}

/// The advice is a command: taken, it works.
#[test]
fn after_the_advised_command_the_host_is_known() {
    for host in by_each(Host::start) {
        fs::remove_file(host.path("known_hosts")).expect("no known_hosts");
        let advice = refused(&host).advice();
        let command = advice.last().and_then(|line| line.split_once("same: ")).expect("a command").1;
        run(Command::new("sh").args(["-c", command]));
        host.connect();
    }
}

#[test]
fn a_key_of_another_type_is_not_a_change() {
    let host = Host::start();
    keygen(host.path("").as_path(), "other", "rsa", "");
    host.know(&host.line_for("other"));
    assert_eq!(refused(&host).why, Distrust::Unknown { other_types: vec!["ssh-rsa".to_owned()] });
}

#[test]
fn a_changed_key_is_shown_with_file_line_and_both_fingerprints() {
    for host in by_each(Host::start) {
        keygen(host.path("").as_path(), "old", "ed25519", "");
        host.know(&format!("# comment\n{}", host.line_for("old")));
        let error = refused(&host);
        assert_eq!(error.code(), "host_key.changed");
        let said = error.to_string();
        for part in
            [fingerprint(&host, "host_ed25519"), fingerprint(&host, "old"), "known_hosts line 2".into()]
        {
            assert!(said.contains(&part), "{said}");
        }
        let advice = error.advice().join("\n");
        let command = advice.split("old key: ").nth(1).expect("a command");
        assert!(command.starts_with(&format!("ssh-keygen -R '[127.0.0.1]:{}' -f ", host.port)), "{command}");
        run(Command::new("sh").args(["-c", command]));
        assert_eq!(refused(&host).code(), "host_key.unknown");
    }
}

#[test]
fn a_revoked_key_is_refused_even_if_known() {
    for host in by_each(Host::start) {
        let (known, key) = (host.line_for("host_ed25519"), host.public("host_ed25519"));
        for revoked in [
            format!("@revoked * {key}\n{known}"),
            format!("{known}\n@revoked [127.0.0.1]:{} {key}", host.port),
        ] {
            host.know(&revoked);
            assert_eq!(refused(&host).code(), "host_key.revoked");
        }
    }
}

#[test]
fn a_certificate_authority_is_said_to_be_unsupported() {
    let host = Host::start();
    keygen(host.path("").as_path(), "authority", "ed25519", "");
    let authority = format!("@cert-authority * {}", host.public("authority"));
    host.know(&authority);
    assert_eq!(refused(&host).code(), "host_key.certificate_authority");
    host.know(&format!("{authority}\n{}", host.line_for("host_ed25519")));
    host.connect();
}

#[test]
fn a_host_with_a_certificate_shows_its_plain_key() {
    let host = Host::prepared("HostCertificate DIR/host_ed25519-cert.pub", |folder: &Path| {
        keygen(folder, "authority", "ed25519", "");
        let mut sign = Command::new("ssh-keygen");
        sign.args(["-q", "-h", "-I", "host", "-s"]).arg(folder.join("authority"));
        run(sign.arg(folder.join("host_ed25519.pub")));
    });
    host.connect();
}
