//! What will be done, as data.

use std::time::Duration;

use super::Failure;
use crate::config::Environment;
use crate::model::{Color, CommitSummary};
use crate::shell::{Call, display};

/// Everything that a command will do to a host, in order.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    pub steps: Vec<Step>,
}

/// One line of a plan: one thing that a person can follow.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    pub action: Action,
    /// Run in the session's own shell first: what must not show in a process list.
    pub before: Vec<Call>,
    /// Run as a process group of its own.
    pub call: Option<Call>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    LayOut,
    /// Point `live` or `next` at a slot, where it is missing or wrong.
    Link {
        name: &'static str,
        color: Color,
    },
    Seed(Seed),
    Virtualenv {
        key: String,
        complete: bool,
    },
    Stop {
        color: Color,
        pid: Option<u32>,
    },
    /// Stop the release that was live before the switch, once its requests are served.
    StopOld {
        color: Color,
    },
    CheckOut {
        color: Color,
        commit: CommitSummary,
    },
    Configure {
        color: Color,
    },
    /// A line of `[build]` `commands`, in the work tree.
    Build {
        color: Color,
        line: String,
    },
    Start {
        color: Color,
        port: u16,
        /// What is started, in a word or two.
        server: &'static str,
    },
    Record {
        color: Color,
    },
    /// Give a slot whose release was not built by this tool a snippet that names it.
    Introduce {
        color: Color,
    },
    /// Put aside the static files of the release that the slot holds.
    KeepStatic {
        color: Color,
    },
    Collect {
        color: Color,
    },
    /// Look at what Django would migrate.
    Migrations {
        accepted: bool,
        /// In the slot, if that was not possible before.
        inside: bool,
    },
    /// Run the release hook.
    Release {
        color: Color,
    },
    /// Run the smoke test.
    Smoke {
        color: Color,
    },
    Warm {
        color: Color,
    },
    TestNginx,
    /// Remove what nobody needs any more.
    Remove {
        virtualenvs: usize,
        leftovers: usize,
    },
    /// Forget old releases in a slot's repository, and the objects that only they need.
    Pack {
        color: Color,
        releases: usize,
    },
    Switch {
        from: Color,
        to: Color,
        commit: String,
        moves_links: bool,
        /// Whether nginx must be reloaded; with the socket cutover it follows the link by itself.
        reloads: bool,
        /// Processes that the new slot starts and the old one ends.
        hands_over: Vec<String>,
    },
}

/// Objects that the host may lack.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seed {
    /// The submodule that they are of, by its folder in the git directory (`modules/name`); `None`: the application's own repository.
    pub module: Option<String>,
    pub commit: CommitSummary,
    /// Where on the host their git directory is.
    pub git: String,
    /// The same in the other slot, which the host copies from what this one lacks.
    pub other: String,
    /// Where on the host they arrive.
    pub upload: String,
    /// Commits that the host has in either.
    pub haves: Vec<String>,
}

impl Seed {
    /// The host could not copy what it has in the other slot.
    pub(super) fn not_lent(&self, what: String) -> Failure {
        let other = &self.other;
        Failure::new("seed.other", what)
            .why(format!("git cannot copy what the host has in {other} already"))
            .advise(format!(
                "put it aside; the release there goes on running: {}",
                display(&["mv".to_string(), other.clone(), format!("{other}.broken")])
            ))
            .advise("then run the same command again: it sends everything")
    }
}

/// The names of steps whose end matters to more than themselves.
pub(super) const RELEASE: &str = "release";
pub(super) const STOP_OLD: &str = "stop old";
pub(super) const SWITCH: &str = "switch";

/// What a step can harm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
        self.steps.iter().any(|step| matches!(step.action, Action::StopOld { color } if color == wanted))
    }
}

impl Step {
    pub(super) fn new(action: Action, call: Call) -> Step {
        Step { action, before: Vec::new(), call: Some(call) }
    }

    pub(super) fn before(mut self, call: Call) -> Step {
        self.before.push(call);
        self
    }

    /// What a person reads, in the present.
    pub fn title(&self) -> String {
        match &self.action {
            Action::LayOut => "lay out the slots".to_string(),
            Action::Link { name, color } => format!("link {name} to {color}"),
            Action::Seed(seed) => match &seed.module {
                None => format!("seed {}", seed.commit.short()),
                Some(module) => {
                    format!("seed {} of submodule {}", seed.commit.short(), module.replace("modules/", ""))
                }
            },
            Action::Virtualenv { .. } => "build the virtualenv".to_string(),
            Action::Stop { color, pid: Some(pid) } => format!("stop what runs in {color} (process {pid})"),
            Action::Stop { color, pid: None } => format!("make sure that nothing runs in {color}"),
            Action::StopOld { color } => format!("stop {color} after its last requests"),
            Action::CheckOut { commit, .. } => format!("check out {}", commit.short()),
            Action::Configure { .. } => "write the snippet and the variables".to_string(),
            Action::Build { line, .. } => format!("run {line}"),
            Action::Start { port, server, .. } => format!("start {server} on port {port}"),
            Action::Record { .. } => "record the release".to_string(),
            Action::Introduce { color } => format!("write a snippet for what runs in {color}"),
            Action::KeepStatic { color } => format!("put {color}'s static files aside"),
            Action::Collect { .. } => "collect the static files".to_string(),
            Action::Migrations { inside: false, .. } => "look at the migrations".to_string(),
            Action::Migrations { inside: true, .. } => "look at the migrations after the build".to_string(),
            Action::Release { .. } => "run the release command".to_string(),
            Action::Smoke { .. } => "run the smoke test".to_string(),
            Action::Warm { color } => format!("warm {color} up"),
            Action::TestNginx => "test nginx's configuration".to_string(),
            Action::Remove { virtualenvs, leftovers: 0 } => format!("remove {virtualenvs} virtualenv(s)"),
            Action::Remove { virtualenvs, leftovers } => {
                format!("remove {virtualenvs} virtualenv(s), {leftovers} leftover(s)")
            }
            Action::Pack { color, releases: 0 } => format!("pack the repository of {color}"),
            Action::Pack { color, releases } => {
                format!("pack {color}, forget {releases} old release(s)")
            }
            Action::Switch { to, moves_links, reloads, hands_over, .. } => {
                let what = match (moves_links, reloads) {
                    (true, true) => format!("switch to {to} and reload nginx"),
                    (true, false) => format!("switch to {to}"),
                    (false, _) => format!("reload nginx for {to}"),
                };
                match hands_over.is_empty() {
                    true => what,
                    false => format!("{what}, hand {} over", hands_over.join(", ")),
                }
            }
        }
    }

    /// Its name in the host's journal, which whoever is locked out, or comes after a command that was cut off, is told.
    pub fn name(&self) -> &'static str {
        match &self.action {
            Action::LayOut => "lay out",
            Action::Link { .. } => "link",
            Action::Seed(_) => "seed",
            Action::Virtualenv { .. } => "virtualenv",
            Action::Stop { .. } => "stop",
            Action::StopOld { .. } => STOP_OLD,
            Action::CheckOut { .. } => "check out",
            Action::Configure { .. } => "configure",
            Action::Build { .. } => "build",
            Action::Start { .. } => "start",
            Action::Record { .. } => "record",
            Action::Introduce { .. } => "introduce",
            Action::KeepStatic { .. } => "keep static",
            Action::Collect { .. } => "collect",
            Action::Migrations { .. } => "migrations",
            Action::Release { .. } => RELEASE,
            Action::Smoke { .. } => "smoke",
            Action::Warm { .. } => "warm",
            Action::TestNginx => "test nginx",
            Action::Remove { .. } => "remove",
            Action::Pack { .. } => "pack",
            Action::Switch { .. } => SWITCH,
        }
    }

    /// What its success means, where neither its title nor the host says.
    pub fn outcome(&self) -> Option<&'static str> {
        match &self.action {
            Action::Start { .. } => Some("healthy"),
            _ => None,
        }
    }

    /// What the step can harm while it runs or when it fails.
    pub fn touches(&self) -> Touches {
        match &self.action {
            Action::LayOut
            | Action::Seed(_)
            | Action::Virtualenv { .. }
            | Action::KeepStatic { .. }
            | Action::Migrations { .. }
            | Action::TestNginx
            | Action::Remove { .. }
            | Action::Pack { .. } => Touches::Nothing,
            // `roles` points a missing `live` only at what nginx serves already, or where nothing was ever served.
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
            Action::Switch { .. } => Touches::Live,
        }
    }

    /// Whether it runs lines of `deployer.toml`, whose exit codes mean whatever their authors meant.
    pub(super) fn runs_what_is_configured(&self) -> bool {
        let action = &self.action;
        matches!(
            action,
            Action::Build { .. } | Action::Collect { .. } | Action::Release { .. } | Action::Smoke { .. }
        )
    }

    /// How long the step may take, and the key of `deployer.toml` that says so.
    pub fn bound(&self, environment: &Environment) -> Option<(Duration, &'static str)> {
        match &self.action {
            Action::Virtualenv { .. } => Some((environment.python.timeout, "[python] timeout")),
            Action::Build { .. } => Some((environment.build.timeout, "[build] timeout")),
            Action::Collect { .. }
            | Action::Migrations { .. }
            | Action::Release { .. }
            | Action::Smoke { .. } => Some((environment.hooks.timeout, "[hooks] timeout")),
            _ => None,
        }
    }

    /// Whether the step, once begun, finishes even if the client is gone.
    pub fn is_critical(&self) -> bool {
        matches!(self.action, Action::Switch { .. })
    }
}

/// What a deploy's virtualenv is made of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Virtualenv {
    /// Same key, same packages.
    pub key: String,
    /// The requirement files, by their paths in the repository.
    pub files: Vec<String>,
    /// Whether it needs the whole work tree, since a requirement is a path in it.
    pub local: bool,
}
