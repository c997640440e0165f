//! The binary against a peer, watched: how long it takes, how much memory, and how it ends.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ssh::host::run;
use crate::support::peak;

/// What the client may take of memory, whatever it is told.
const MOST_MEMORY: u64 = 64 << 20;

/// A repository with a `deployer.toml`, and a home.
pub(crate) struct Client {
    folder: TempDir,
}

/// What became of a run.
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) took: Duration,
    pub(crate) memory: u64,
    pub(crate) said: String,
    /// How much the logs hold.
    pub(crate) log: u64,
}

impl Client {
    /// Whose one host is at a port of this machine.
    pub(crate) fn new(port: u16, ssh_config: &str, known_hosts: &str) -> Client {
        let folder = tempfile::tempdir().expect("a folder");
        let client = Client { folder };
        let repository = client.path("repo");
        fs::create_dir_all(&repository).expect("a folder");
        fs::create_dir_all(client.path("home/.ssh")).expect("a folder");
        let [blue, green] = free_ports();
        let text = format!(
            "supervisor = \"none\"\n[app]\nname = \"hello\"\n[gunicorn]\napp = \"app:app\"\n[environments.prod]\nhost = \"far\"\n\
             root = {:?}\nports = {{ blue = {blue}, green = {green} }}\nurl = \"http://localhost:1\"\n",
            client.path("root")
        );
        fs::write(repository.join("deployer.toml"), text).expect("a file");
        fs::write(repository.join("requirements.txt"), "gunicorn\n").expect("a file");
        let config = format!("Host far\n HostName 127.0.0.1\n Port {port}\n{ssh_config}\n");
        fs::write(client.path("home/.ssh/config"), config).expect("a file");
        fs::write(client.path("home/.ssh/known_hosts"), known_hosts).expect("a file");
        for arguments in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["-c", "user.name=A", "-c", "user.email=a@b", "commit", "-qm", "x"],
        ] {
            run(Command::new("git").current_dir(&repository).args(arguments));
        }
        client
    }

    fn path(&self, below: &str) -> PathBuf {
        self.folder.path().join(below)
    }

    pub(crate) fn start(&self, arguments: &[&str]) -> Running {
        let said = self.path("said");
        let file = File::create(&said).expect("a file");
        let same = file.try_clone().expect("a file");
        let child = Command::new(env!("CARGO_BIN_EXE_deployer"))
            .current_dir(self.path("repo"))
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.path("home"))
            .env("USER", "ann")
            .stdin(Stdio::null())
            .stdout(file)
            .stderr(same)
            .spawn()
            .expect("the binary starts");
        Running {
            child,
            verb: arguments.join(" "),
            began: Instant::now(),
            said,
            logs: self.path("home/.local/state/deployer"),
        }
    }
}

/// A client that runs.
pub(crate) struct Running {
    child: Child,
    verb: String,
    began: Instant,
    said: PathBuf,
    logs: PathBuf,
}

impl Running {
    pub(crate) fn press(&self) {
        run(Command::new("kill").arg("-INT").arg(self.child.id().to_string()));
    }

    /// Waits until it has said so.
    #[track_caller]
    pub(crate) fn says(&self, words: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while !tail(&self.said).contains(words) {
            assert!(Instant::now() < deadline, "waited in vain for {words}: {}", tail(&self.said));
            sleep(Duration::from_millis(10));
        }
    }

    /// Waits for its end, and fails where that takes longer.
    #[track_caller]
    pub(crate) fn within(mut self, bound: Duration) -> Ran {
        let asked = Instant::now();
        let mut memory = 0;
        let code = loop {
            memory = memory.max(peak(self.child.id()));
            if let Some(status) = self.child.try_wait().expect("a child") {
                break status.code().unwrap_or(-1);
            }
            if asked.elapsed() > bound {
                let _ = self.child.kill();
                let _ = self.child.wait();
                panic!("{} not within {bound:?} ({} MB): {}", self.verb, memory >> 20, tail(&self.said));
            }
            sleep(Duration::from_millis(5));
        };
        let ran = Ran {
            code,
            took: self.began.elapsed(),
            memory,
            said: tail(&self.said),
            log: size_of(&self.logs),
        };
        assert!(ran.memory < MOST_MEMORY, "{} MB: {}", ran.memory >> 20, ran.said);
        assert!(!ran.said.contains("panicked"), "{}", ran.said);
        ran
    }
}

/// Two ports that nobody has.
fn free_ports() -> [u16; 2] {
    let both = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").expect("a port"));
    both.map(|listener| listener.local_addr().expect("a port").port())
}

/// The end of a file.
fn tail(path: &Path) -> String {
    let bytes = fs::read(path).unwrap_or_default();
    let from = bytes.len().saturating_sub(4000);
    String::from_utf8_lossy(&bytes[from..]).into_owned()
}

fn size_of(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).into_iter().flatten().flatten();
    files.filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
