//! Reaching a host by way of others.

use std::time::{Duration, Instant};

use deployer::model::{SshClient, Target};
use deployer::ssh::{ConnectError, ConnectOptions, Interrupt, NoPrompt, Received, RemoteError, Session};

use crate::ssh::host::{BOTH, Host};

struct Way {
    hops: Vec<Host>,
    options: ConnectOptions,
}

/// Hosts `h0`, `h1`...: each is reached by way of the one before it.
fn way(client: SshClient, length: usize, extra: &str) -> Way {
    let hops: Vec<Host> = (0..length).map(|_| Host::start().by(client)).collect();
    let block = |(index, hop): (usize, &Host)| {
        let jump = index.checked_sub(1).map_or(String::new(), |before| format!(" ProxyJump h{before}\n"));
        let (port, id) = (hop.port, hop.path("id"));
        format!("Host h{index}\n HostName 127.0.0.1\n Port {port}\n IdentityFile {}\n{jump}", id.display())
    };
    let config: String = hops.iter().enumerate().map(block).collect();
    hops[0].config(&(extra.to_owned() + &config));
    let known: Vec<_> = hops.iter().map(|hop| hop.line_for("host_ed25519")).collect();
    hops[0].know(&known.join("\n"));
    let options = hops[0].options();
    Way { hops, options }
}

fn connect(way: &Way, name: &str) -> Result<Session, ConnectError> {
    let target = Target { host: name.into(), port: None, user: None };
    Session::connect(&target, &way.options, &mut NoPrompt, &Interrupt::never())
}

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(30))
}

#[test]
fn commands_run_at_the_end_of_a_way_of_three() {
    for client in BOTH {
        let way = way(client, 3, "");
        let mut session = connect(&way, "h2").unwrap_or_else(|error| panic!("{error}"));
        let input = vec![b'j'; 5_000_000];
        let output = session.run("tee /dev/stderr; echo $SSH_CONNECTION", &input, soon()).expect("an echo");
        assert_eq!(output.stderr.len(), input.len());
        let tail = String::from_utf8_lossy(&output.stdout[input.len()..]).into_owned();
        assert!(tail.trim().ends_with(&format!(" {}", way.hops[2].port)), "{tail}");
        for hop in &way.hops {
            assert!(hop.log().contains("Accepted publickey"), "each hop authenticates");
        }
        let began = Instant::now();
        drop(session);
        assert!(began.elapsed() < Duration::from_secs(2));
    }
}

#[test]
fn a_list_of_jumps_is_followed_in_order() {
    for client in BOTH {
        let way = way(client, 3, "Host far\n HostName 127.0.0.1\n ProxyJump h0,h1\n IdentityFile nowhere\n");
        let target = Target { host: "far".into(), port: Some(way.hops[2].port), user: None };
        let error = Session::connect(&target, &way.options, &mut NoPrompt, &Interrupt::never())
            .err()
            .expect("no key");
        assert_eq!(error.code(), "auth.failed", "{error}");
        assert!(way.hops[1].log().contains("Accepted publickey"), "it got as far as the end");
    }
}

#[test]
fn the_host_key_of_each_hop_is_checked() {
    for client in BOTH {
        for unknown in 0..2 {
            let way = way(client, 2, "");
            way.hops[0].know(&way.hops[1 - unknown].line_for("host_ed25519"));
            let error = connect(&way, "h1").err().expect("no session");
            assert_eq!(error.code(), "host_key.unknown", "{error}");
            assert!(error.to_string().contains(&way.hops[unknown].port.to_string()), "{error}");
            let scan = error.advice().concat().contains("ssh-keyscan");
            // OpenSSH does not say which hop it was.
            let expected = unknown == 0 && client == SshClient::Libssh2;
            assert_eq!(scan, expected, "ssh-keyscan cannot jump: {:?}", error.advice());
        }
    }
}

#[test]
fn a_hop_that_cannot_reach_the_host_says_so() {
    for client in BOTH {
        let way = way(client, 1, "Host far\n HostName 127.0.0.1\n Port 1\n ProxyJump h0\n");
        let error = connect(&way, "far").err().expect("no session");
        assert_eq!(error.code(), "host.jump_refused", "{error}");
    }
}

#[test]
fn jumps_in_a_circle_are_found() {
    let way = way(SshClient::Libssh2, 1, "Host a\n ProxyJump b\nHost b\n ProxyJump a\n");
    assert_eq!(connect(&way, "a").err().expect("no session").code(), "ssh_config.circle");
}

#[test]
fn the_death_of_a_hop_ends_the_command() {
    for client in BOTH {
        let way = way(client, 2, "");
        let mut session = connect(&way, "h1").unwrap_or_else(|error| panic!("{error}"));
        let mut channel = session.exec("echo up; cat").expect("a command");
        assert_eq!(channel.receive(Duration::from_secs(10)).expect("up"), Received::Stdout(b"up\n".to_vec()));
        way.hops[0].end_connections();
        let error = channel.receive(Duration::from_secs(10)).expect_err("a lost connection");
        assert!(matches!(error, RemoteError::Lost { .. }), "{error}");
    }
}
