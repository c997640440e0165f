//! The user's own `ssh`: taken where only it can do what ssh_config asks for, and where a connection of theirs is open.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use deployer::model::{SshClient, Target};
use deployer::ssh::{
    ConnectError, ConnectOptions, Interrupt, NoPrompt, Prompt, Received, RemoteError, Session,
};

use crate::ssh::host::{Daemon, Host, eventually, keygen, run, user};

fn target() -> Target {
    Target { host: "web".into(), port: None, user: None }
}

fn connect(host: &Host) -> Result<Session, ConnectError> {
    let options = ConnectOptions { client: SshClient::Auto, ..host.options() };
    Session::connect(&target(), &options, &mut NoPrompt, &Interrupt::never())
}

/// A block for `web` with these lines, in which `DIR` is the host's folder.
fn web(host: &Host, lines: &str) -> String {
    let block =
        format!("Host web\n HostName 127.0.0.1\n Port {}\n IdentityFile DIR/id\n{lines}\n", host.port);
    block.replace("DIR", &host.path(".").display().to_string())
}

/// What it does by itself where ssh_config has these lines for the host.
fn with(host: &Host, lines: &str) -> Result<Session, ConnectError> {
    host.config(&web(host, lines));
    connect(host)
}

fn why(session: &Session) -> &str {
    session.own_ssh().unwrap_or("libssh2")
}

fn says(session: &mut Session, command: &str) -> String {
    let soon = Some(Instant::now() + Duration::from_secs(20));
    let output = session.run(command, b"", soon).unwrap_or_else(|error| panic!("{command}: {error}"));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// How many connections have logged in.
fn logins(host: &Host) -> usize {
    host.log().matches("Accepted publickey").count()
}

/// Signs a public key of the host's folder by its authority.
fn sign(folder: &Path, key: &str, arguments: &[&str]) {
    let mut sign = Command::new("ssh-keygen");
    sign.args(["-q", "-I", "test", "-s"]).arg(folder.join("authority")).args(arguments);
    run(sign.arg(folder.join(format!("{key}.pub"))));
}

#[test]
fn a_proxy_command_is_followed() {
    let (jump, host) = (Host::start(), Host::start());
    let way = format!(
        " ProxyCommand ssh -F none -i {} -o UserKnownHostsFile={} -p {} -W %h:%p 127.0.0.1",
        jump.path("id").display(),
        jump.path("known_hosts").display(),
        jump.port
    );
    let mut session = with(&host, &way).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        why(&session).starts_with("ProxyCommand, ") && why(&session).ends_with("config line 5"),
        "{}",
        why(&session)
    );
    assert!(says(&mut session, "echo $SSH_CONNECTION").trim().ends_with(&host.port.to_string()));
    assert_eq!((logins(&jump), logins(&host)), (1, 1));
    // Further commands take no further login.
    assert_eq!(says(&mut session, "echo again"), "again\n");
    assert_eq!((logins(&jump), logins(&host)), (1, 1));
    drop(session);

    let broken = with(&host, " ProxyCommand sh -c 'echo no way through >&2'").err().expect("no way");
    assert_eq!(broken.code(), "host.lost", "{broken}");
    assert!(broken.to_string().contains("no way through"), "{broken}");
    // An unknown key is refused on this way as on any other.
    host.know("");
    let unknown = with(&host, &way).err().expect("an unknown host");
    assert_eq!(unknown.code(), "host_key.unknown", "{unknown}");
    assert!(unknown.advice().concat().contains("say yes once to: ssh web"), "{:?}", unknown.advice());
}

#[test]
fn a_program_may_choose_a_block() {
    let host = Host::start();
    let mut session =
        with(&host, "Match originalhost web exec \"test -e DIR/id\"\n SetEnv A=b\n IdentitiesOnly yes")
            .expect("a session");
    assert!(why(&session).starts_with("Match exec, "), "{}", why(&session));
    assert_eq!(session.warnings(), [""; 0]);
    assert_eq!(says(&mut session, "echo $USER").trim(), user());
    let session = with(&host, "Match originalhost other exec true\n Port 1").expect("a session");
    assert_eq!(why(&session), "libssh2", "no program was asked for");
}

#[test]
fn a_certificate_authority_vouches_for_the_host() {
    let host = Host::prepared("HostCertificate DIR/host_ed25519-cert.pub", |folder| {
        keygen(folder, "authority", "ed25519", "");
        sign(folder, "host_ed25519", &["-h", "-n", "127.0.0.1,other"]);
    });
    let authority = format!("@cert-authority * {}", host.public("authority"));
    host.know(&authority);
    let session = with(&host, "").unwrap_or_else(|error| panic!("{error}"));
    assert!(why(&session).starts_with("@cert-authority, "), "{}", why(&session));
    drop(session);
    // The name is not one that it vouches for.
    sign(&host.path(""), "host_ed25519", &["-h", "-n", "elsewhere"]);
    let again = Host::prepared("HostCertificate DIR/host_ed25519-cert.pub", |folder| {
        for name in ["host_ed25519", "host_ed25519.pub", "host_ed25519-cert.pub"] {
            fs::copy(host.path(name), folder.join(name)).expect("a copy");
        }
    });
    again.know(&authority);
    assert_eq!(with(&again, "").err().expect("a wrong name").code(), "host_key.unknown");
    // A key of its own needs no authority.
    host.know(&format!("{authority}\n{}", host.line_for("host_ed25519")));
    assert_eq!(why(&with(&host, "").expect("a session")), "libssh2");
}

#[test]
fn a_certificate_of_the_user_may_lie_anywhere() {
    let host = Host::prepared("TrustedUserCAKeys DIR/authority.pub", |folder| {
        keygen(folder, "authority", "ed25519", "");
        keygen(folder, "mine", "ed25519", "");
        sign(folder, "mine", &["-n", &user()]);
        fs::rename(folder.join("mine-cert.pub"), folder.join("elsewhere.pub")).expect("a file");
    });
    // It is not authorized by itself.
    for end in ["", ".pub"] {
        fs::rename(host.path(&format!("mine{end}")), host.path(&format!("id{end}"))).expect("a key");
    }
    let session = with(&host, " CertificateFile DIR/elsewhere.pub").unwrap_or_else(|error| panic!("{error}"));
    assert!(why(&session).starts_with("CertificateFile, "), "{}", why(&session));
    assert!(session.proof().contains("ED25519-CERT"), "{}", session.proof());
}

/// Hears what is to be done, and answers nothing.
struct Ear {
    heard: Vec<String>,
    /// What it then touches.
    token: PathBuf,
}

impl Prompt for Ear {
    fn passphrase(&mut self, _: &Path, _: usize) -> Option<String> {
        None
    }

    fn can_answer(&self) -> bool {
        true
    }

    fn tell(&mut self, message: &str) {
        self.heard.push(message.to_owned());
        fs::write(&self.token, "touched").expect("a touch");
    }
}

#[test]
fn a_key_that_a_token_holds_logs_in() {
    let host = Host::start();
    let library = host.path("token.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/ssh/token.c");
    let touched = format!("-DTOUCHED=\"{}\"", host.path("touched").display());
    let mut compile = Command::new("gcc");
    compile.args(["-shared", "-fPIC", &touched, "-o"]).arg(&library).arg(source);
    run(compile.arg("-lcrypto"));
    let mut keygen = Command::new("ssh-keygen");
    keygen.args(["-q", "-t", "ed25519-sk", "-N", "", "-w"]).arg(&library);
    run(keygen.arg("-f").arg(host.path("token")));
    fs::remove_file(host.path("authorized_keys")).expect("another key");
    fs::copy(host.path("token.pub"), host.path("authorized_keys")).expect("authorized_keys");
    fs::rename(host.path("token"), host.path("id")).expect("its key");
    fs::rename(host.path("token.pub"), host.path("id.pub")).expect("its key");
    host.config(&web(&host, " SecurityKeyProvider DIR/token.so"));
    let options = ConnectOptions { client: SshClient::Auto, ..host.options() };
    let mut ear = Ear { heard: Vec::new(), token: host.path("touched") };
    let session = Session::connect(&target(), &options, &mut ear, &Interrupt::never());
    let mut session = session.unwrap_or_else(|error| panic!("{error}"));
    assert!(why(&session).starts_with("a FIDO key, "), "{}", why(&session));
    assert_eq!(says(&mut session, "echo by a token"), "by a token\n");
    let heard = ear.heard.concat();
    assert!(heard.starts_with("Confirm user presence for key ED25519-SK SHA256:"), "{heard}");
    let libssh2 = ConnectOptions { client: SshClient::Libssh2, ..options };
    let refused = Session::connect(&target(), &libssh2, &mut NoPrompt, &Interrupt::never()).err();
    assert_eq!(refused.expect("it cannot").code(), "auth.failed");
}

const SHARED: &str = " ControlPath DIR/control-%r@%p";

/// The user's own connection, open in another window.
fn master(host: &Host) -> Daemon {
    assert_eq!(why(&with(host, SHARED).expect("a session")), "libssh2", "no connection is open");
    let mut ssh = Command::new("ssh");
    ssh.arg("-F").arg(host.path("config"));
    ssh.arg("-o").arg(format!("UserKnownHostsFile={}", host.path("known_hosts").display()));
    let started = ssh.args(["-M", "-N", "web"]).stdin(Stdio::null()).stderr(Stdio::null()).spawn();
    let started = Daemon(started.expect("ssh"));
    let control = host.path(&format!("control-{}@{}", user(), host.port));
    eventually("the master", || control.exists().then_some(()));
    started
}

#[test]
fn an_open_connection_is_used_and_stays_open() {
    let host = Host::start();
    let mut master = master(&host);
    let before = logins(&host);
    for _ in 0..2 {
        let mut session = connect(&host).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(why(&session), "an open ControlMaster");
        assert_eq!(says(&mut session, "echo one"), "one\n");
        assert_eq!(says(&mut session, "echo two"), "two\n");
    }
    assert_eq!(logins(&host), before, "nobody has logged in again");
    assert!(master.0.try_wait().expect("its state").is_none(), "it is not ours to end");

    let mut session = connect(&host).expect("a session");
    let mut channel = session.exec("echo up; cat").expect("a command");
    assert_eq!(channel.receive(Duration::from_secs(10)).expect("up"), Received::Stdout(b"up\n".to_vec()));
    master.0.kill().expect("it ran");
    let error = channel.receive(Duration::from_secs(10)).expect_err("a lost connection");
    assert!(matches!(error, RemoteError::Lost { .. }), "{error}");
    drop(channel);
    // What is left of it is nobody to talk to.
    assert_eq!(why(&connect(&host).expect("a session")), "libssh2");
}

/// A master of the user's may itself wait for ever.
#[test]
fn an_open_connection_that_died_is_noticed() {
    let host = Host::start();
    let master = master(&host);
    let silence = Duration::from_secs(6);
    let options = ConnectOptions { client: SshClient::Auto, silence, ..host.options() };
    let mut session =
        Session::connect(&target(), &options, &mut NoPrompt, &Interrupt::never()).expect("a session");
    let output = session.run("sleep 8; echo done", b"", None).expect("a host that answers lives");
    assert_eq!(output.stdout, b"done\n");
    let mut channel = session.exec("echo up; cat").expect("a command");
    assert_eq!(channel.receive(Duration::from_secs(10)).expect("up"), Received::Stdout(b"up\n".to_vec()));
    host.freeze();
    let error = channel.receive(Duration::from_secs(20));
    host.thaw();
    assert!(matches!(error, Err(RemoteError::Dead { .. })), "{error:?}");
    drop(master);
}

#[test]
fn a_host_that_allows_no_further_session_says_so() {
    let host = Host::with("MaxSessions 1");
    let _master = master(&host);
    let mut session = connect(&host).expect("a session");
    let _running = session.exec("sleep 20").expect("a command");
    let mut second = connect(&host).expect("a session");
    let refused = eventually("a refusal", || second.run("true", b"", None).err());
    assert_eq!(refused.code(), "host.exec_refused", "{refused}");
}

/// Where the user wants a connection to be kept, the one that is opened here is that.
#[test]
fn a_connection_that_is_to_be_kept_is_kept() {
    let host = Host::start();
    host.config("");
    let kept = format!("{SHARED}\n ControlMaster auto\n ControlPersist 1m\n ProxyCommand none");
    drop(with(&host, &kept).expect("a session"));
    let options = ConnectOptions { client: SshClient::OpenSsh, ..host.options() };
    let open =
        || Session::connect(&target(), &options, &mut NoPrompt, &Interrupt::never()).expect("a session");
    drop(open());
    let before = logins(&host);
    let mut session = open();
    assert_eq!(says(&mut session, "echo kept"), "kept\n");
    drop(session);
    assert_eq!(logins(&host), before);
    let mut ssh = Command::new("ssh");
    run(ssh.arg("-F").arg(host.path("config")).args(["-q", "-O", "exit", "web"]));
}

/// Several hosts at once, each in a thread of its own.
#[test]
fn threads_have_sessions_of_their_own() {
    let host = Host::start().by(SshClient::OpenSsh);
    std::thread::scope(|scope| {
        for number in 0..4 {
            let host = &host;
            scope.spawn(move || {
                let mut session = host.connect();
                assert_eq!(says(&mut session, &format!("echo {number}")), format!("{number}\n"));
            });
        }
    });
}
