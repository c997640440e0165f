//! An environment with every default filled in and every override applied: what the rest of the program reads.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::SecretSource;
use super::hooks::{Hooks, StaticFiles};
use crate::model::{Color, Target};

/// A named target of `deployer.toml`, complete and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    pub name: String,
    pub target: Target,
    /// Absolute path on the host, without a trailing slash.
    pub root: String,
    pub ports: Ports,
    /// The front door.
    pub url: Url,
    pub app: App,
    pub python: Python,
    pub build: Build,
    pub web: Web,
    /// What else a slot runs while it is live, by name.
    pub processes: BTreeMap<String, SlotProcess>,
    pub health: Health,
    pub nginx: Nginx,
    pub cutover: Cutover,
    pub hooks: Hooks,
    /// Folders below the application's directory that outlive a release.
    pub shared: Vec<String>,
    pub static_files: Option<StaticFiles>,
    pub supervisor: Supervisor,
    /// Plain variables for the application.
    pub env: BTreeMap<String, String>,
    /// Where the values of the secret ones come from.
    pub secrets: BTreeMap<String, SecretSource>,
}

impl Environment {
    /// How long the web server may take to end after TERM, before KILL.
    pub fn grace(&self) -> Duration {
        match &self.web {
            // It bounds its requests itself, and is given a moment more.
            Web::Gunicorn(gunicorn) => gunicorn.graceful_timeout + Duration::from_secs(5),
            Web::Command(web) => web.stop_timeout,
        }
    }

    /// Whether a release has a virtualenv.
    pub fn has_virtualenv(&self) -> bool {
        matches!(self.web, Web::Gunicorn(_)) || self.python.requirements.is_some()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ports {
    pub blue: u16,
    pub green: u16,
}

impl Ports {
    pub fn of(self, color: Color) -> u16 {
        match color {
            Color::Blue => self.blue,
            Color::Green => self.green,
        }
    }
}

/// An `http` or `https` address without query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub https: bool,
    /// The server's name in lower case; an IPv6 address keeps its brackets.
    pub host: String,
    pub port: u16,
    /// Begins with a slash.
    pub path: String,
}

impl Url {
    /// The path as nginx compares it to that of a request.
    pub fn decoded(&self) -> String {
        super::site::decoded(&self.path).unwrap_or_else(|| self.path.clone())
    }

    /// What a browser would send as the Host header: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        let own = if self.https { 443 } else { 80 };
        match self.port == own {
            true => self.host.clone(),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// The name of uv's lock file.
pub const UV_LOCK: &str = "uv.lock";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub name: String,
    /// Folder in the repository that the application lives in; `.` for its top.
    pub directory: String,
    /// Whether untracked files make the work tree dirty.
    pub untracked_is_dirty: bool,
}

impl App {
    /// A path in the repository, from one below the application's folder.
    pub fn path(&self, below: &str) -> String {
        match &*self.directory {
            "." => below.to_owned(),
            directory => format!("{directory}/{below}"),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    /// A command on the host's PATH or an absolute path.
    pub interpreter: String,
    /// Path as seen from the application's directory; `None`: the application needs no packages but gunicorn.
    pub requirements: Option<String>,
    pub installer: Installer,
    /// Further arguments for `pip install`, `uv pip install` or `uv sync`.
    pub install_args: Vec<String>,
    /// Bound on building a virtualenv.
    pub timeout: Duration,
}

impl Python {
    /// Whether the requirements are a lock, which uv alone can read.
    pub fn is_locked(&self) -> bool {
        let file = self.requirements.as_deref().and_then(|path| path.rsplit('/').next());
        file == Some(UV_LOCK)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// `uv` where the host has it, `pip` where not.
    Auto,
    Pip,
    Uv,
}

/// Commands that make a release out of its work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Build {
    /// Lines for a shell, run one after the other.
    pub commands: Vec<String>,
    /// Bound on each of them.
    pub timeout: Duration,
}

/// What answers a slot's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Web {
    Gunicorn(Gunicorn),
    Command(WebCommand),
}

impl Web {
    /// What it is called in a sentence.
    pub fn name(&self) -> &'static str {
        match self {
            Web::Gunicorn(_) => "gunicorn",
            Web::Command(_) => "the web server",
        }
    }

    /// How many processes of it answer requests, as far as is known.
    pub fn workers(&self) -> u16 {
        match self {
            Web::Gunicorn(gunicorn) => gunicorn.workers,
            Web::Command(_) => 1,
        }
    }

    /// The file in the slot's `log` that it writes to.
    pub fn log(&self) -> &'static str {
        match self {
            Web::Gunicorn(_) => "gunicorn.log",
            Web::Command(_) => "web.log",
        }
    }

    /// What its virtualenv gets beside the requirements, or that it needs no gunicorn at all.
    pub fn install(&self) -> Option<&str> {
        match self {
            Web::Gunicorn(gunicorn) => gunicorn.install.as_deref(),
            Web::Command(_) => Some("none"),
        }
    }
}

/// A web server of the application's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebCommand {
    /// A line for a shell, in which `{port}` stands for the slot's port.
    pub line: String,
    /// How long requests in flight may take after TERM, before KILL.
    pub stop_timeout: Duration,
}

/// A process that a slot runs while it is live: a worker, a scheduler.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SlotProcess {
    /// A line for a shell.
    pub command: String,
    /// Whether two of it must never run at once.
    pub singleton: bool,
    /// How long it may take to end after TERM, before KILL.
    pub stop_timeout: Duration,
    /// How long it must live to count as started.
    pub settle: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gunicorn {
    /// `module:callable`.
    pub app: String,
    pub workers: u16,
    /// Further arguments.
    pub args: Vec<String>,
    /// A requirement such as `gunicorn==23.0.0`, installed beside the application's own; `None`: theirs brings it.
    pub install: Option<String>,
    /// How long requests in flight may take after TERM, before KILL.
    pub graceful_timeout: Duration,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Begins with a slash.
    pub path: String,
    /// The Host header; `None`: the front door's.
    pub host: Option<String>,
    pub expect: Statuses,
    /// Bound on one probe.
    pub timeout: Duration,
    /// Bound on the wait from gunicorn's start to its first right answer.
    pub start_timeout: Duration,
    /// How long a started release must stay healthy before it is called proven.
    pub settle: Duration,
}

/// The HTTP statuses that count as healthy, as inclusive ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(pub Vec<(u16, u16)>);

impl Statuses {
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }
}

/// As `deployer.toml` has it: `2xx`, `200-204`, `200 or 404`.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            match last - first {
                0 => write!(f, "{first}")?,
                99 if first % 100 == 0 => write!(f, "{}xx", first / 100)?,
                _ => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nginx {
    /// The command that tests nginx's whole configuration.
    pub test: Vec<String>,
    /// The command that reloads it gracefully.
    pub reload: Vec<String>,
    /// Where on the host the front door listens, as `address:port`; `None`: 127.0.0.1 at the url's port.
    pub address: Option<String>,
    /// Bound on the proof that a reload was applied.
    pub timeout: Duration,
    /// Bound on the wait for requests that the old release still serves.
    pub drain: Duration,
    /// Where nginx logs this site's requests, in its combined format; `None`: the error rate is not watched.
    pub access_log: Option<String>,
    /// The file that `setup` writes; `None`: one of the application's name in `sites-available`.
    pub site: Option<String>,
    /// The name under which next is shown; `None`: `next.` and the front door's.
    pub next_name: Option<String>,
    /// Addresses and networks that may see next, beside the host itself.
    pub next_allow: Vec<String>,
    /// The largest body of a request, as nginx writes sizes.
    pub max_body: String,
    /// Further lines for the server blocks that `setup` writes.
    pub extra: Vec<String>,
    /// Where nginx complains, for `logs nginx`.
    pub error_log: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cutover {
    /// Swap the links, then one graceful reload.
    Reload,
    /// nginx follows the `live` link to a Unix socket: the swap itself is the cutover.
    Socket,
}

/// Who keeps a slot's processes running.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Supervisor {
    /// systemd where it can, nobody where not.
    Auto,
    /// systemd; a deploy to a host where it cannot is refused.
    Systemd,
    /// Nobody: plain processes.
    None,
}
