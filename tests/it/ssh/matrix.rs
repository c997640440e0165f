//! What is believed of a host's key, beside the real `ssh` with the same files.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use deployer::model::Target;
use deployer::ssh::{ConnectOptions, Interrupt, NoPrompt, Session};

use crate::ssh::host::{Host, keygen, run, user};

/// Lines of known_hosts in which NAME stands for the host as it is called, PORT for its port, and a word in capitals
/// for a key.
const KNOWN: [&str; 33] = [
    "",
    "NAME ED",
    "NAME RSA",
    "NAME ECDSA",
    "NAME OTHER",
    "NAME OTHERRSA",
    "NAME OTHER\nNAME ED",
    "NAME RSA\nNAME OTHER",
    "NAME ED\nNAME RSA\nNAME ECDSA",
    "127.0.0.1 ED",
    "127.0.0.1 OTHER",
    "127.0.0.1 OTHER\nNAME ED",
    "NAME OTHER\n127.0.0.1 ED",
    "NAME RSA\n127.0.0.1 ED",
    "@revoked 127.0.0.1 ED\nNAME ED",
    "@revoked 127.0.0.1 ED\n127.0.0.1 ED",
    "[127.0.0.*]:PORT ED",
    "[127.0.0.?]:* RSA",
    "* ED",
    "*,!NAME ED",
    "elsewhere,NAME,more ECDSA",
    "[127.0.0.1]:1 ED",
    "@revoked * ED\nNAME ED",
    "NAME ED\n@revoked NAME ED",
    "@revoked elsewhere ED\nNAME ED",
    "@revoked * OTHER\nNAME ED",
    "@revoked * RSA\nNAME ED",
    "@cert-authority * OTHER",
    "@cert-authority * OTHER\nNAME ED",
    "@marker NAME ED",
    "# NAME ED",
    "garbage\nNAME ssh-ed25519 !!!\n\n  NAME ED comment",
    "NAME ssh-rsa AAAA\nNAME ED",
];

/// Further lines of the client's ssh_config.
const CONFIG: [&str; 5] = [
    "",
    "HostKeyAlias nickname",
    "HostKeyAlgorithms rsa-sha2-256,rsa-sha2-512",
    // All of them: where only the plain type is left out, OpenSSH asks as though it were known by its certificate.
    "HostKeyAlgorithms -ssh-ed25519*",
    "RevokedHostKeys DIR/other.pub",
];

#[test]
fn our_verdict_is_that_of_ssh() {
    let prepare = |folder: &Path| {
        keygen(folder, "host_rsa", "rsa", "");
        keygen(folder, "host_ecdsa", "ecdsa", "");
        keygen(folder, "other", "ed25519", "");
        keygen(folder, "otherrsa", "rsa", "");
    };
    let hosts = [
        ("ed25519", Host::prepared("", prepare)),
        ("three keys", Host::prepared("HostKey DIR/host_rsa\nHostKey DIR/host_ecdsa", prepare)),
    ];
    let both = hosts.map(|(server, host)| std::thread::spawn(move || beside(server, &host)));
    let cases: usize = both.map(|one| one.join().expect("the same verdicts")).iter().sum();
    println!("@row | ssh | host keys beside the real ssh | ok {cases} cases");
}

fn beside(server: &str, host: &Host) -> usize {
    let mut cases = 0;
    for (index, known) in KNOWN.into_iter().enumerate() {
        for config in CONFIG {
            // Further lines bring nothing new for most.
            let is_plain = index < 13 && known.contains("NAME");
            if !config.is_empty() && !(is_plain && (server == "three keys" || config.contains("Alias"))) {
                continue;
            }
            for hashed in [false, true] {
                if hashed && (known.contains(['*', '?', '!', '@', '#']) || !config.is_empty()) {
                    continue;
                }
                compare(server, host, known, config, hashed);
                cases += 1;
            }
        }
    }
    cases
}

fn compare(server: &str, host: &Host, known: &str, config: &str, hashed: bool) {
    let name = if config.contains("HostKeyAlias") {
        "nickname".to_owned()
    } else {
        format!("[127.0.0.1]:{}", host.port)
    };
    let mut text = known.replace("NAME", &name).replace("PORT", &host.port.to_string());
    for (word, key) in [
        (" OTHERRSA", "otherrsa"),
        (" OTHER", "other"),
        (" ECDSA", "host_ecdsa"),
        (" RSA", "host_rsa"),
        (" ED", "host_ed25519"),
    ] {
        text = text.replace(word, &format!(" {}", host.public(key)));
    }
    host.know(&text);
    if hashed {
        run(Command::new("ssh-keygen").arg("-qHf").arg(host.path("known_hosts")).stderr(Stdio::null()));
    }
    let folder = host.path("");
    let file = host.path("config");
    let lines = format!(
        "IdentityFile {0}/id\nIdentitiesOnly yes\nIdentityAgent none\nUserKnownHostsFile {0}/known_hosts\n\
         GlobalKnownHostsFile none\nKexAlgorithms curve25519-sha256\nUser {1}\n{2}\n",
        folder.display(),
        user(),
        config.replace("DIR", &folder.display().to_string())
    );
    fs::write(&file, lines).expect("config");
    let theirs = Command::new("ssh")
        .args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", "-F"])
        .arg(&file)
        .args(["-p", &host.port.to_string(), "127.0.0.1", "true"])
        .stdin(Stdio::null())
        .output()
        .expect("ssh");
    let target = Target { host: "127.0.0.1".into(), port: Some(host.port), user: None };
    let options = ConnectOptions { config_files: vec![file], ..ConnectOptions::default() };
    let ours = Session::connect(&target, &options, &mut NoPrompt, &Interrupt::never());
    assert_eq!(
        ours.is_ok(),
        theirs.status.success(),
        "{server}, {config:?}, hashed {hashed}:\n{text}\nours: {:?}\ntheirs: {}",
        ours.err().map(|error| error.to_string()),
        String::from_utf8_lossy(&theirs.stderr)
    );
}
