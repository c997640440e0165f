//! What will be done, as data: an action is what a person follows as one line, and what the host is sent, as it stands.

use std::time::Duration;

use serde::Serialize;

use super::work::{BuildVirtualenv, File, LookAtMigrations, Seed, Switch, reveal};
use crate::config::Environment;
use crate::model::{Color, CommitSummary, Secret};

/// Everything that a command will do to a host, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    pub actions: Vec<Action>,
}

/// One thing that is done on a host. The function of the same name in `templates/agent/actions.py` does it.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// Make what is missing of the folders, and of what nginx includes.
    LayOut {
        /// For the host's probes, if it has no key yet.
        #[serde(serialize_with = "reveal")]
        key: Secret,
        /// The application's folder, where the folder for older static files is to be made too.
        aside: Option<String>,
    },
    /// Point `live` or `next` at a slot, where it is missing or wrong.
    Link {
        name: &'static str,
        color: Color,
    },
    Seed(Seed),
    Virtualenv(Box<BuildVirtualenv>),
    Stop {
        color: Color,
        pid: Option<u32>,
        /// Another release takes its place.
        makes_way: bool,
    },
    /// Stop the release that was live before the switch, once its requests are served.
    StopOld {
        color: Color,
    },
    CheckOut {
        color: Color,
        commit: CommitSummary,
        /// The application's folder.
        directory: String,
        /// Folders below it that outlive a release.
        shared: Vec<String>,
    },
    /// Write the snippet, the variables, and how the slot's processes are started.
    Configure {
        color: Color,
        /// By its key; `None`: the application needs no Python.
        virtualenv: Option<String>,
        files: Vec<File>,
    },
    /// Run a line of `[build]` `commands`, in the work tree.
    Build {
        color: Color,
        line: String,
    },
    Start {
        color: Color,
        port: u16,
        /// What is started, in a word or two.
        server: &'static str,
        /// The name of its log.
        log: &'static str,
        /// `auto`, `systemd` or `none`.
        supervisor: &'static str,
        /// The systemd unit's text.
        unit: String,
        /// Whether a crontab may want to start it after a reboot.
        boot: bool,
        files: Vec<File>,
    },
    Record {
        color: Color,
        /// The content of `etc/release.json`.
        record: String,
    },
    /// Give a slot whose release was not built by this tool a snippet that names it.
    Introduce {
        color: Color,
        snippet: String,
    },
    /// Put aside the static files of the release that the slot holds.
    KeepStatic {
        color: Color,
        /// In the repository.
        folder: String,
        /// The application's folder.
        app: String,
        /// For how long files of releases that are gone stay, in seconds.
        keep: u64,
    },
    Collect {
        color: Color,
        folder: String,
        line: String,
    },
    /// Look at what Django would migrate.
    Migrations(Box<LookAtMigrations>),
    /// Run the release hook.
    Release {
        color: Color,
        lines: Vec<String>,
    },
    /// Run the smoke test.
    Smoke {
        color: Color,
        lines: Vec<String>,
    },
    Warm {
        color: Color,
        times: u32,
        paths: Vec<String>,
    },
    TestNginx {
        command: Vec<String>,
    },
    /// Remove what nobody needs any more.
    Remove {
        virtualenvs: usize,
        leftovers: usize,
        /// Below `.deployer`.
        paths: Vec<String>,
        /// Whether it is no matter if it fails.
        lenient: bool,
    },
    /// Forget old releases in a slot's repository, and the objects that only they need.
    Pack {
        color: Color,
        references: Vec<String>,
    },
    Switch(Box<Switch>),
}

/// The names of actions whose end matters to more than themselves, as `status` has them.
pub(super) const RELEASE: &str = "release";
pub(super) const STOP_OLD: &str = "stop old";
pub(super) const SWITCH: &str = "switch";

/// What an action can harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Touches {
    /// Neither slot's running release.
    Nothing,
    Next,
    Live,
}

impl Touches {
    pub(super) const ALL: [Touches; 3] = [Touches::Nothing, Touches::Next, Touches::Live];

    pub fn as_str(self) -> &'static str {
        match self {
            Touches::Nothing => "nothing",
            Touches::Next => "next",
            Touches::Live => "live",
        }
    }
}

impl Plan {
    /// Whether the plan leaves a slot without its process.
    pub fn stops(&self, wanted: Color) -> bool {
        self.actions.iter().any(|action| matches!(action, Action::StopOld { color } if *color == wanted))
    }
}

impl Action {
    /// What a person reads, in the present.
    pub fn title(&self) -> String {
        match self {
            Action::LayOut { .. } => "lay out the slots".to_string(),
            Action::Link { name, color } => format!("link {name} to {color}"),
            Action::Seed(seed) => match &seed.module {
                None => format!("seed {}", seed.commit.short()),
                Some(module) => {
                    format!("seed {} of submodule {}", seed.commit.short(), module.replace("modules/", ""))
                }
            },
            Action::Virtualenv(_) => "build the virtualenv".to_string(),
            Action::Stop { color, pid: Some(pid), .. } => {
                format!("stop what runs in {color} (process {pid})")
            }
            Action::Stop { color, pid: None, .. } => format!("make sure that nothing runs in {color}"),
            Action::StopOld { color } => format!("stop {color} after its last requests"),
            Action::CheckOut { commit, .. } => format!("check out {}", commit.short()),
            Action::Configure { .. } => "write the snippet and the variables".to_string(),
            Action::Build { line, .. } => format!("run {line}"),
            Action::Start { port, server, .. } => format!("start {server} on port {port}"),
            Action::Record { .. } => "record the release".to_string(),
            Action::Introduce { color, .. } => format!("write a snippet for what runs in {color}"),
            Action::KeepStatic { color, .. } => format!("put {color}'s static files aside"),
            Action::Collect { .. } => "collect the static files".to_string(),
            Action::Migrations(look) if look.inside => "look at the migrations after the build".to_string(),
            Action::Migrations(_) => "look at the migrations".to_string(),
            Action::Release { .. } => "run the release command".to_string(),
            Action::Smoke { .. } => "run the smoke test".to_string(),
            Action::Warm { color, .. } => format!("warm {color} up"),
            Action::TestNginx { .. } => "test nginx's configuration".to_string(),
            Action::Remove { virtualenvs, leftovers: 0, .. } => format!("remove {virtualenvs} virtualenv(s)"),
            Action::Remove { virtualenvs, leftovers, .. } => {
                format!("remove {virtualenvs} virtualenv(s), {leftovers} leftover(s)")
            }
            Action::Pack { color, references } => match references.len() {
                0 => format!("pack the repository of {color}"),
                count => format!("pack {color}, forget {count} old release(s)"),
            },
            Action::Switch(switch) => switch.title(),
        }
    }

    /// What its success means, where neither its title nor the host says.
    pub fn outcome(&self) -> Option<&'static str> {
        match self {
            Action::Start { .. } => Some("healthy"),
            _ => None,
        }
    }

    /// What it can harm while it runs or when it fails.
    pub fn touches(&self) -> Touches {
        match self {
            Action::LayOut { .. }
            | Action::Seed(_)
            | Action::Virtualenv(_)
            | Action::KeepStatic { .. }
            | Action::Migrations(_)
            | Action::TestNginx { .. }
            | Action::Remove { .. }
            | Action::Pack { .. } => Touches::Nothing,
            // `slots` points a missing `live` only at what nginx serves already, or where nothing was ever served.
            Action::Link { .. } => Touches::Nothing,
            Action::Stop { .. }
            | Action::StopOld { .. }
            | Action::CheckOut { .. }
            | Action::Configure { .. }
            | Action::Collect { .. }
            | Action::Release { .. }
            | Action::Build { .. }
            | Action::Start { .. }
            | Action::Smoke { .. }
            | Action::Warm { .. }
            | Action::Record { .. }
            | Action::Introduce { .. } => Touches::Next,
            Action::Switch(_) => Touches::Live,
        }
    }

    /// How long it may take, and the key of `deployer.toml` that says so.
    pub fn bound(&self, environment: &Environment) -> Option<(Duration, &'static str)> {
        match self {
            Action::Virtualenv(_) => Some((environment.python.timeout, "[python] timeout")),
            Action::Build { .. } => Some((environment.build.timeout, "[build] timeout")),
            Action::Collect { .. }
            | Action::Migrations(_)
            | Action::Release { .. }
            | Action::Smoke { .. } => Some((environment.hooks.timeout, "[hooks] timeout")),
            _ => None,
        }
    }

    /// Whether, once begun, it finishes even if the client is gone.
    pub fn is_critical(&self) -> bool {
        matches!(self, Action::Switch(_))
    }
}
