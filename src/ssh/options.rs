//! What a connection takes from its surroundings, so that nothing below reads the environment by itself.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::model::SshClient;

/// How to reach a host, beyond what its [`Target`](crate::model::Target) says.
#[derive(Clone, Debug)]
pub struct ConnectOptions {
    /// Who makes the connection.
    pub client: SshClient,
    /// Bound on the TCP connection to one address.
    pub connect_timeout: Duration,
    /// Bound on all between the TCP connection and the login, but for the time in which a person is asked.
    pub handshake_timeout: Duration,
    /// How long a host may say nothing at all, although asked, before the connection counts as dead.
    pub silence: Duration,
    /// Bound on what a command may write on each of its outputs where its answer is awaited as a whole, in bytes.
    pub most_output: usize,
    /// What `~` means, and where default keys and known hosts are looked for.
    pub home: Option<PathBuf>,
    /// The user who runs this program; their name on the host too, where nothing else is said.
    pub local_user: String,
    /// ssh_config files, the user's before the machine's; those that do not exist are skipped.
    pub config_files: Vec<PathBuf>,
    /// Reads host keys from this file alone: for CI, where the key lies beside the code.
    pub known_hosts: Option<PathBuf>,
    /// The machine's own host keys, beside those of the user.
    pub global_known_hosts: Vec<PathBuf>,
    /// The agent's socket.
    pub agent: Option<PathBuf>,
    /// This program: what the user's own `ssh` starts to ask something.
    pub askpass: Option<PathBuf>,
}

impl Default for ConnectOptions {
    /// Knows no home, no files and no agent.
    fn default() -> ConnectOptions {
        ConnectOptions {
            client: SshClient::Auto,
            connect_timeout: Duration::from_secs(10),
            handshake_timeout: Duration::from_secs(20),
            silence: Duration::from_secs(25),
            most_output: 2 << 20,
            home: None,
            local_user: String::new(),
            config_files: Vec::new(),
            known_hosts: None,
            global_known_hosts: Vec::new(),
            agent: None,
            askpass: None,
        }
    }
}

impl ConnectOptions {
    /// What `ssh` would use here: `~/.ssh/config`, `/etc/ssh/ssh_config`, the agent at `SSH_AUTH_SOCK`.
    #[must_use]
    pub fn from_env() -> ConnectOptions {
        let home = env::home_dir().filter(|home| home.is_absolute());
        let user_config = home.as_ref().map(|home| home.join(".ssh/config"));
        ConnectOptions {
            local_user: user_name(),
            config_files: user_config.into_iter().chain(["/etc/ssh/ssh_config".into()]).collect(),
            global_known_hosts: ["/etc/ssh/ssh_known_hosts", "/etc/ssh/ssh_known_hosts2"]
                .map(PathBuf::from)
                .into(),
            agent: env::var_os("SSH_AUTH_SOCK").filter(|path| !path.is_empty()).map(PathBuf::from),
            askpass: env::current_exe().ok(),
            home,
            ..ConnectOptions::default()
        }
    }
}

/// The name of the user as whom this runs; empty if the machine does not know it.
#[must_use]
pub fn user_name() -> String {
    let uid = rustix::process::getuid().to_string();
    let passwd = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let listed = passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        (fields.nth(1)? == uid).then(|| name.to_owned())
    });
    // Users that only a directory service knows.
    let asked = || {
        let output = Command::new("id").arg("-un").stdin(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
    };
    listed.or_else(asked).or_else(|| env::var("USER").ok()).unwrap_or_default()
}

/// Asks a person.
pub trait Prompt {
    /// The passphrase of a key that the host accepts. `attempt` counts from 1; `None` where nobody can be asked.
    fn passphrase(&mut self, key: &Path, attempt: usize) -> Option<String>;

    /// Whether anybody is there to answer.
    fn can_answer(&self) -> bool {
        false
    }

    /// The answer to what the user's own `ssh` asks in its own words, not to be seen by others.
    fn answer(&mut self, _question: &str) -> Option<String> {
        None
    }

    /// What it wants done: a token is to be touched, say.
    fn tell(&mut self, _message: &str) {}
}

/// For runs without a terminal: nobody can be asked.
pub struct NoPrompt;

impl Prompt for NoPrompt {
    fn passphrase(&mut self, _: &Path, _: usize) -> Option<String> {
        None
    }
}
