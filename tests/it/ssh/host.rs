//! A real sshd on loopback, for one test.

use std::fs::{self, File, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use deployer::model::{SshClient, Target};
use deployer::ssh::{ConnectError, ConnectOptions, Interrupt, NoPrompt, Session};
use tempfile::TempDir;

use crate::support::{Place, place};

/// Who can make a connection.
pub(crate) const BOTH: [SshClient; 2] = [SshClient::Libssh2, SshClient::OpenSsh];

/// A host for each way to connect to one.
pub(crate) fn by_each(start: impl Fn() -> Host) -> impl Iterator<Item = Host> {
    BOTH.into_iter().map(move |client| {
        // Where a test fails, this says by which.
        eprintln!("by {client:?}");
        start().by(client)
    })
}

/// Ends with the value.
pub(crate) struct Host {
    folder: TempDir,
    pub(crate) port: u16,
    /// Who connects to it.
    pub(crate) client: SshClient,
    sshd: Daemon,
    _place: Arc<Place>,
}

impl Host {
    /// One that knows the key `id` in its folder, and is known by its `known_hosts`.
    pub(crate) fn start() -> Host {
        Host::with("")
    }

    /// One with further lines in its sshd_config; `DIR` in them stands for its folder.
    pub(crate) fn with(lines: &str) -> Host {
        Host::prepared(lines, |_| {})
    }

    /// One whose folder `prepare` has seen before sshd starts.
    pub(crate) fn prepared(lines: &str, prepare: impl FnOnce(&Path)) -> Host {
        let _place = place();
        let folder = tempfile::tempdir().expect("a folder");
        keygen(folder.path(), "host_ed25519", "ed25519", "");
        keygen(folder.path(), "id", "ed25519", "");
        fs::copy(folder.path().join("id.pub"), folder.path().join("authorized_keys"))
            .expect("authorized_keys");
        prepare(folder.path());
        let (port, sshd) = start_sshd(folder.path(), lines);
        let sshd = Daemon(sshd);
        let host = Host { folder, port, client: SshClient::Libssh2, sshd, _place };
        host.know(&host.line_for("host_ed25519"));
        host
    }

    pub(crate) fn by(self, client: SshClient) -> Host {
        Host { client, ..self }
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The known_hosts line for one of its host keys.
    pub(crate) fn line_for(&self, key: &str) -> String {
        format!("[127.0.0.1]:{} {}", self.port, self.public(key))
    }

    /// Type and key of one of its key pairs.
    pub(crate) fn public(&self, key: &str) -> String {
        let line = fs::read_to_string(self.path(&format!("{key}.pub"))).expect("a public key");
        line.split_whitespace().take(2).collect::<Vec<_>>().join(" ")
    }

    /// Makes `text` all that the client knows about hosts.
    pub(crate) fn know(&self, text: &str) {
        fs::write(self.path("known_hosts"), format!("{text}\n")).expect("known_hosts");
    }

    pub(crate) fn authorize(&self, key: &str) {
        let mut file =
            OpenOptions::new().append(true).open(self.path("authorized_keys")).expect("authorized_keys");
        writeln!(file, "{}", self.public(key)).expect("authorized_keys");
    }

    pub(crate) fn config(&self, text: &str) {
        fs::write(self.path("config"), text).expect("config");
    }

    pub(crate) fn target(&self) -> Target {
        Target { host: "127.0.0.1".into(), port: Some(self.port), user: None }
    }

    /// With the key `id`, unless `config` says otherwise.
    pub(crate) fn options(&self) -> ConnectOptions {
        if !self.path("config").exists() {
            self.config(&format!("IdentityFile {}\n", self.path("id").display()));
        }
        ConnectOptions {
            client: self.client,
            askpass: Some(env!("CARGO_BIN_EXE_deployer").into()),
            home: Some(self.folder.path().into()),
            local_user: user(),
            config_files: vec![self.path("config")],
            known_hosts: Some(self.path("known_hosts")),
            most_output: 32 << 20,
            ..ConnectOptions::default()
        }
    }

    pub(crate) fn try_connect(&self) -> Result<Session, ConnectError> {
        Session::connect(&self.target(), &self.options(), &mut NoPrompt, &Interrupt::never())
    }

    pub(crate) fn connect(&self) -> Session {
        self.try_connect().unwrap_or_else(|error| panic!("{error}\n{}", self.log()))
    }

    /// Kills whatever serves the connections of this host.
    pub(crate) fn end_connections(&self) {
        self.signal("-9");
    }

    /// Has whatever serves them stand still, as though the network were gone.
    pub(crate) fn freeze(&self) {
        self.signal("-STOP");
    }

    pub(crate) fn thaw(&self) {
        self.signal("-CONT");
    }

    fn signal(&self, signal: &str) {
        let mut found = children(self.sshd.0.id());
        let mut next = 0;
        while let Some(process) = found.get(next) {
            found.extend(children(*process));
            next += 1;
        }
        for process in found {
            // One may have ended with its parent.
            let _ = Command::new("kill").args([signal, &process.to_string()]).stderr(Stdio::null()).status();
        }
    }

    pub(crate) fn log(&self) -> String {
        fs::read_to_string(self.path("log")).unwrap_or_default()
    }
}

/// A process that ends with the value.
pub(crate) struct Daemon(pub(crate) Child);

impl Drop for Daemon {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn keygen(folder: &Path, name: &str, kind: &str, passphrase: &str) {
    run(Command::new("ssh-keygen")
        .args(["-q", "-t", kind, "-N", passphrase, "-C", name, "-f"])
        .arg(folder.join(name)));
}

pub(crate) fn run(command: &mut Command) -> String {
    let output = command.stdin(Stdio::null()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn children(process: u32) -> Vec<u32> {
    let list = Command::new("ps").args(["-o", "pid=", "--ppid", &process.to_string()]).output().expect("ps");
    String::from_utf8_lossy(&list.stdout).split_whitespace().filter_map(|id| id.parse().ok()).collect()
}

pub(crate) fn user() -> String {
    run(Command::new("id").arg("-un")).trim().into()
}

/// Waits for what a condition makes of the world, and fails after ten seconds.
pub(crate) fn eventually<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        sleep(Duration::from_millis(10));
    }
}

/// Somebody else may take a port between our asking for it and sshd's binding to it: then it gets another.
fn start_sshd(folder: &Path, lines: &str) -> (u16, Child) {
    if run(Command::new("id").arg("-u")).trim() == "0" {
        fs::create_dir_all("/run/sshd").expect("sshd's own folder");
    }
    let dir = folder.display().to_string();
    for _ in 0..5 {
        let port =
            TcpListener::bind("127.0.0.1:0").and_then(|port| port.local_addr()).expect("a port").port();
        let config = format!(
            "{}\nListenAddress 127.0.0.1:{port}\nHostKey DIR/host_ed25519\nAuthorizedKeysFile DIR/authorized_keys\n\
             PidFile none\nUsePAM no\nStrictModes no\nPermitRootLogin yes\nPasswordAuthentication no\n\
             KbdInteractiveAuthentication no\nMaxStartups 100\nLogLevel VERBOSE\n",
            lines
        );
        fs::write(folder.join("sshd_config"), config.replace("DIR", &dir)).expect("sshd_config");
        let log = File::create(folder.join("log")).expect("log");
        let mut sshd = Command::new("/usr/sbin/sshd")
            .args(["-D", "-e", "-f"])
            .arg(folder.join("sshd_config"))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("sshd at /usr/sbin/sshd (Debian: apt install openssh-server)");
        let up = eventually("sshd", || match sshd.try_wait().expect("sshd's state") {
            Some(_) => Some(false),
            None => TcpStream::connect(("127.0.0.1", port)).is_ok().then_some(true),
        });
        if up && sshd.try_wait().expect("sshd's state").is_none() {
            return (port, sshd);
        }
    }
    panic!("sshd does not start: {}", fs::read_to_string(folder.join("log")).unwrap_or_default());
}
