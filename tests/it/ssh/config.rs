//! `~/.ssh/config`, as far as one can see it from outside.

use std::fs;

use deployer::model::Target;
use deployer::ssh::{ConnectError, Interrupt, NoPrompt, Session};

use crate::ssh::host::{Host, user};

fn connect(host: &Host, name: &str) -> Result<Session, ConnectError> {
    let target = Target { host: name.into(), port: None, user: None };
    Session::connect(&target, &host.options(), &mut NoPrompt, &Interrupt::never())
}

#[test]
fn a_nickname_has_everything() {
    let host = Host::start();
    fs::create_dir(host.path(".ssh")).expect("a folder");
    fs::write(host.path(".ssh/more"), format!("Host web\n Port {}\n IdentityFile %d/%n\n", host.port))
        .expect("a file");
    fs::rename(host.path("id"), host.path("web")).expect("a key named as the host");
    host.know(&format!("alias {}", host.public("host_ed25519")));
    host.config(&format!(
        "Include more\nHost *b !db\n  HostName=127.0.0.1\n\tUser \"{}\"\n  HostKeyAlias alias\nHost *\n Port 1\n User x\n",
        user()
    ));
    let session = connect(&host, "web").unwrap_or_else(|error| panic!("{error}"));
    assert_eq!((session.host(), session.user()), ("web", user().as_str()));
    assert_eq!(session.warnings(), [""; 0]);
}

/// The body of a Match block must never reach a host that it does not name.
#[test]
fn a_match_block_is_left_out_and_said_to_be() {
    let host = Host::start();
    let id = host.path("id");
    host.config(&format!(
        "Host web\n HostName 127.0.0.1\n Port {}\n IdentityFile {}\nMatch exec true\n Port 9\n User x\n HostName 127.9.9.9\n",
        host.port,
        id.display()
    ));
    host.know(&host.line_for("host_ed25519"));
    let session = connect(&host, "web").unwrap_or_else(|error| panic!("{error}"));
    let place = format!("{} line 5", host.path("config").display());
    assert_eq!(
        session.warnings(),
        [format!("{place}: `Match exec true` is not understood; its block is ignored")]
    );
}

#[test]
fn a_proxy_command_is_refused_by_name() {
    let host = Host::start();
    host.config("Host web\n ProxyCommand nc %h %p\n");
    let error = connect(&host, "web").err().expect("no session");
    assert_eq!(error.code(), "ssh_config.unsupported");
    assert!(error.to_string().contains("ProxyCommand is set for web"), "{error}");
    assert!(error.to_string().contains("config line 2"), "{error}");
}
