//! What is offered in the key exchange, read off the wire, and what ssh_config takes away from it.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::thread;

use deployer::model::Target;
use deployer::ssh::{ConnectError, ConnectOptions, Interrupt, NoPrompt, Session};

use crate::ssh::host::{Host, keygen};

const LISTS: [&str; 6] =
    ["key exchange", "host key", "cipher to host", "cipher from host", "MAC to host", "MAC from host"];

/// What the client offers to a host under this ssh_config, a line for each list.
fn offered(config: &str) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let host = thread::spawn(move || {
        let (stream, _) = listener.accept().expect("a client");
        read_offer(stream)
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("config");
    fs::write(&file, config).expect("config");
    let target = Target { host: "127.0.0.1".into(), port: Some(port), user: Some("x".into()) };
    let options = ConnectOptions { config_files: vec![file], ..ConnectOptions::default() };
    let error = Session::connect(&target, &options, &mut NoPrompt, &Interrupt::never()).err();
    assert!(matches!(error, Some(ConnectError::Lost { .. } | ConnectError::KeyExchange { .. })), "{error:?}");
    host.join().expect("an offer")
}

/// Reads a KEXINIT (RFC 4253, 7.1), and hangs up.
fn read_offer(mut stream: TcpStream) -> String {
    stream.write_all(b"SSH-2.0-test\r\n").expect("a greeting");
    let mut reader = BufReader::new(stream);
    let mut greeting = String::new();
    reader.read_line(&mut greeting).expect("a greeting");
    let mut word = [0; 4];
    reader.read_exact(&mut word).expect("a length");
    let mut packet = vec![0; u32::from_be_bytes(word) as usize];
    reader.read_exact(&mut packet).expect("a packet");
    assert_eq!(packet[1], 20, "KEXINIT");
    let mut rest = &packet[2 + 16..];
    let mut text = String::new();
    for name in LISTS {
        let (length, after) = rest.split_at(4);
        let length = u32::from_be_bytes(length.try_into().expect("four bytes")) as usize;
        let list = String::from_utf8_lossy(&after[..length]).into_owned();
        rest = &after[length..];
        text.push_str(&format!("{name}: {list}\n"));
    }
    text
}

#[test]
fn no_more_than_this_is_offered() {
    insta::assert_snapshot!(offered(""));
}

#[test]
fn ssh_config_chooses_among_it() {
    let config = "Ciphers aes256-ctr,aes128-cbc,aes128-ctr\nMACs -*-etm@*\nKexAlgorithms ^ecdh-sha2-nistp384\n\
                  HostKeyAlgorithms rsa-sha2-256,ssh-ed25519,ssh-rsa\nCiphers chacha20-poly1305@openssh.com\n";
    insta::assert_snapshot!(offered(config));
}

#[test]
fn what_leaves_nothing_is_refused_with_its_place() {
    let host = Host::start();
    let key = format!("IdentityFile {}\n", host.path("id").display());
    for (line, keyword) in [
        ("Ciphers aes256-cbc", "Ciphers"),
        ("KexAlgorithms diffie-hellman-group14-sha1", "KexAlgorithms"),
        ("MACs hmac-sha1", "MACs"),
        ("HostKeyAlgorithms ssh-rsa,ssh-ed25519-cert-v01@openssh.com", "HostKeyAlgorithms"),
    ] {
        host.config(&format!("{key}{line}\n"));
        let error = host.try_connect().err().expect("a refusal");
        assert_eq!(error.code(), "ssh_config.algorithms", "{line}: {error}");
        let said = error.to_string();
        let place = format!("{} line 2", host.path("config").display());
        assert!(said.contains(keyword) && said.contains(&place), "{said}");
    }
}

/// A cipher that the host does not take is not taken by us either, though both know others.
#[test]
fn the_host_is_held_to_what_ssh_config_says() {
    let host = Host::with("Ciphers aes256-gcm@openssh.com,aes128-ctr");
    let key = format!("IdentityFile {}\n", host.path("id").display());
    host.config(&format!("{key}Ciphers aes128-ctr\n"));
    host.connect();
    host.config(&format!("{key}Ciphers aes256-ctr\n"));
    assert_eq!(host.try_connect().err().expect("nothing in common").code(), "host.key_exchange");
    let cbc = Host::with("Ciphers aes128-cbc,aes256-cbc");
    assert_eq!(cbc.try_connect().err().expect("CBC").code(), "host.key_exchange");
}

#[test]
fn a_key_that_is_too_short_is_refused() {
    let host = Host::prepared("HostKey DIR/host_rsa", |folder: &Path| {
        keygen(folder, "host_rsa", "rsa", "");
        keygen(folder, "rsa", "rsa", "");
    });
    host.know(&host.line_for("host_rsa"));
    host.authorize("rsa");
    let config =
        |key: &str, line: &str| host.config(&format!("IdentityFile {}\n{line}\n", host.path(key).display()));
    config("id", "RequiredRSASize 3072");
    host.connect();
    config("id", "RequiredRSASize 4096");
    let error = host.try_connect().err().expect("a short host key");
    assert_eq!(error.code(), "host_key.too_short", "{error}");
    assert!(error.to_string().contains("3072"), "{error}");
    host.know(&host.line_for("host_ed25519"));
    config("rsa", "RequiredRSASize 4096");
    let error = host.try_connect().err().expect("a short key of ours");
    assert_eq!(error.code(), "auth.failed", "{error}");
    assert!(error.to_string().contains("3072 bits"), "{error}");
    config("rsa", "RequiredRSASize 2048");
    host.connect();
}

#[test]
fn a_list_of_revoked_keys_counts() {
    let host = Host::prepared("", |folder: &Path| keygen(folder, "other", "ed25519", ""));
    let list = host.path("revoked keys");
    host.config(&format!(
        "IdentityFile {}\nRevokedHostKeys \"%d/revoked keys\"\n",
        host.path("id").display()
    ));
    let refused = || host.try_connect().err().expect("a refusal");
    // As in OpenSSH: what cannot be looked up counts as revoked.
    let error = refused();
    assert_eq!(error.code(), "ssh_config.unreadable", "{error}");
    assert!(error.to_string().contains("line 2"), "{error}");
    fs::write(&list, format!("# none of ours\n\n{} x\n", host.public("other"))).expect("a list");
    host.connect();
    fs::write(&list, format!("nonsense\n{} y\n{}\n", host.public("other"), host.public("host_ed25519")))
        .expect("a list");
    let error = refused();
    assert_eq!(error.code(), "host_key.revoked", "{error}");
    assert!(error.to_string().contains("revoked keys line 3"), "{error}");
    // A binary one, which only OpenSSH reads.
    crate::ssh::host::run(
        std::process::Command::new("ssh-keygen").arg("-qkf").arg(&list).arg(host.path("other.pub")),
    );
    let error = refused();
    assert_eq!(error.code(), "ssh_config.unreadable", "{error}");
    assert!(error.to_string().contains("KRL") && error.to_string().contains("line 2"), "{error}");
}
