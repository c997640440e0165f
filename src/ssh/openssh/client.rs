//! The `ssh` on the PATH, and what it makes of a host's name.

use std::collections::HashMap;
use std::env;
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::log::Log;
use crate::model::Target;
use crate::ssh::error::ConnectError;
use crate::ssh::options::ConnectOptions;

/// The longest name of a folder that leaves room for a socket in it.
const LONGEST_FOLDER: usize = 60;

/// The user's own `ssh`, told what to connect to.
pub(in crate::ssh) struct Client {
    target: Target,
    /// Why it is needed.
    pub(super) why: String,
    /// What it would do, keyword by keyword.
    settings: HashMap<String, String>,
    agent: Option<PathBuf>,
    /// Its configuration, the socket of a master of ours, and what both say.
    folder: TempDir,
}

impl Client {
    pub(in crate::ssh) fn is_installed() -> bool {
        let path = env::var_os("PATH").unwrap_or_default();
        env::split_paths(&path).any(|folder| folder.join("ssh").is_file())
    }

    /// Asks it how it would reach the target.
    pub(in crate::ssh) fn look(
        target: &Target,
        options: &ConnectOptions,
        why: &str,
    ) -> Result<Client, ConnectError> {
        let unusable = |error: io::Error| ConnectError::NoOwnSsh { detail: error.to_string() };
        let place = Some(env::temp_dir()).filter(|folder| folder.as_os_str().len() <= LONGEST_FOLDER);
        let place = place.unwrap_or_else(|| PathBuf::from("/tmp"));
        let folder = tempfile::Builder::new().prefix("deployer-ssh-").tempdir_in(place).map_err(unusable)?;
        fs::write(folder.path().join("config"), config(options, true)).map_err(unusable)?;
        let mut client = Client {
            target: target.clone(),
            why: why.to_owned(),
            settings: HashMap::new(),
            agent: options.agent.clone(),
            folder,
        };
        let mut ask = client.ssh();
        let asked = ask.arg("-G").args(client.destination()).stdin(Stdio::null()).output();
        let answer = asked.map_err(unusable)?;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if !answer.status.success() {
            let said = text(&answer.stderr);
            let file = options.config_files.first().cloned().unwrap_or_default();
            let detail = said.lines().next().unwrap_or("ssh -G fails").trim().to_owned();
            return Err(ConnectError::Config { file, detail });
        }
        let lines = text(&answer.stdout);
        let pairs = lines.lines().filter_map(|line| line.split_once(' '));
        client.settings = pairs.map(|(keyword, value)| (keyword.to_owned(), value.to_owned())).collect();
        Ok(client)
    }

    /// One that was asked nothing.
    #[cfg(test)]
    pub(in crate::ssh) fn silent() -> Client {
        Client {
            target: Target { host: "web1".into(), port: None, user: None },
            why: String::new(),
            settings: HashMap::new(),
            agent: None,
            folder: tempfile::tempdir().expect("a folder"),
        }
    }

    /// From now on it may ask.
    pub(super) fn may_ask(&self, options: &ConnectOptions) -> io::Result<()> {
        fs::write(self.folder().join("config"), config(options, false))
    }

    /// An `ssh` that reads the user's configuration.
    pub(super) fn ssh(&self) -> Command {
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(self.folder().join("config"));
        match &self.agent {
            Some(agent) => ssh.env("SSH_AUTH_SOCK", agent),
            None => ssh.env_remove("SSH_AUTH_SOCK"),
        };
        ssh
    }

    /// Where it goes: the last words of its line.
    pub(super) fn destination(&self) -> Vec<String> {
        let mut words = Vec::new();
        if let Some(port) = self.target.port {
            words.extend(["-p".to_owned(), port.to_string()]);
        }
        if let Some(user) = &self.target.user {
            words.extend(["-l".to_owned(), user.clone()]);
        }
        words.extend(["--".to_owned(), self.target.host.clone()]);
        words
    }

    pub(super) fn host(&self) -> &str {
        &self.target.host
    }

    pub(super) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it says while it connects, and as a master.
    pub(super) fn log(&self) -> Log {
        Log::at(self.folder().join("log"))
    }

    /// A keyword of ssh_config, in small letters, as it stands for the target; empty where it is not set.
    pub(super) fn setting(&self, keyword: &str) -> &str {
        match self.settings.get(keyword).map(String::as_str) {
            None | Some("none") => "",
            Some(value) => value,
        }
    }

    pub(super) fn port(&self) -> u16 {
        self.setting("port").parse().unwrap_or(22)
    }

    pub(super) fn connect_timeout(&self, options: &ConnectOptions) -> Duration {
        let seconds = self.setting("connecttimeout").parse().ok();
        seconds.map_or(options.connect_timeout, Duration::from_secs)
    }

    /// Where the user's connections to this host are shared, if they are.
    pub(super) fn shared_control(&self) -> Option<PathBuf> {
        Some(self.setting("controlpath")).filter(|path| !path.is_empty()).map(PathBuf::from)
    }

    /// Whether somebody listens there.
    pub(in crate::ssh) fn has_open_master(&self) -> bool {
        self.shared_control().is_some_and(|path| UnixStream::connect(path).is_ok())
    }
}

/// What must hold in any case stands before the user's files, since the first value wins; defaults stand after them.
/// The `ssh` of a jump reads it too.
fn config(options: &ConnectOptions, is_batch: bool) -> String {
    let mut text = String::from("StrictHostKeyChecking yes\nUpdateHostKeys no\nPasswordAuthentication no\n");
    let _ = writeln!(text, "BatchMode {}", if is_batch { "yes" } else { "no" });
    // Two of them go unanswered before the third moment ends it.
    let interval = (options.silence.as_secs() / 3).max(1);
    let _ = writeln!(text, "ServerAliveInterval {interval}\nServerAliveCountMax 2");
    if let Some(only) = &options.known_hosts {
        let _ = writeln!(text, "UserKnownHostsFile {}\nGlobalKnownHostsFile none", quoted(only));
    }
    for file in &options.config_files {
        let _ = writeln!(text, "Include {}", quoted(file));
    }
    let _ = writeln!(text, "ConnectTimeout {}", options.connect_timeout.as_secs().max(1));
    if let Some(home) = &options.home {
        let known = ["known_hosts", "known_hosts2"].map(|name| quoted(&home.join(".ssh").join(name)));
        let _ = writeln!(text, "UserKnownHostsFile {}", known.join(" "));
    }
    text
}

/// A path as ssh_config takes it.
fn quoted(path: &Path) -> String {
    format!("\"{}\"", std::path::absolute(path).unwrap_or_else(|_| path.to_owned()).display())
}

/// A path in which `ssh` is to put in nothing.
pub(super) fn literal(path: &Path) -> OsString {
    path.display().to_string().replace('%', "%%").into()
}
