//! `[environments.NAME]`: a target, with every default filled in and every override applied. The rest of the program reads this.

use std::collections::BTreeMap;
use std::time::Duration;

use super::app::App;
use super::build::Build;
use super::fleet::FleetRules;
use super::health::Health;
use super::hooks::Hooks;
use super::metrics::Metrics;
use super::nginx::Nginx;
use super::ports::Ports;
use super::problem::{Complaint, ensure};
use super::processes::SlotProcess;
use super::python::Python;
use super::secrets::SecretSource;
use super::section::Tables;
use super::static_files::StaticFiles;
use super::url::Url;
use super::value::{self, Value};
use super::web::Web;
use super::{env, processes, secrets, shared, target};
use crate::model::{SshClient, Target};

/// A named target of `deployer.toml`, complete and valid.
#[derive(Clone, Debug, PartialEq)]
pub struct Environment {
    pub name: String,
    pub target: Target,
    pub ssh: SshClient,
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
    pub metrics: Metrics,
    /// Folders below the application's directory that outlive a release.
    pub shared: Vec<String>,
    pub static_files: Option<StaticFiles>,
    pub supervisor: Supervisor,
    /// Plain variables for the application.
    pub env: BTreeMap<String, String>,
    /// Where the values of the secret ones come from.
    pub secrets: BTreeMap<String, SecretSource>,
    /// How its hosts switch together; `None`: it has one host.
    pub fleet: Option<FleetRules>,
    /// The other hosts of a fleet, each with what `hosts` says of it; this one is the primary.
    pub others: Vec<Environment>,
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

impl Environment {
    /// The environment on each of its hosts, the primary first.
    pub fn hosts(&self) -> impl Iterator<Item = &Environment> {
        [self].into_iter().chain(&self.others)
    }

    /// The environment on one of its hosts, as if it had no other.
    pub fn host(&self, name: &str) -> Option<Environment> {
        let found = self.hosts().find(|host| host.target.host == name)?;
        Some(Environment { fleet: None, others: Vec::new(), ..found.clone() })
    }

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

    /// Reads every table, even where one is wrong; `folder` is the application's name where the file gives it none.
    pub(super) fn read(name: &str, tables: &Tables, folder: &str) -> Option<Environment> {
        let (itself, anywhere) = (tables.itself(), tables.anywhere());
        let target = target::read(&itself);
        let root = itself.required("root", "root = \"/home/USER/NAME\"", root);
        let url = itself.required("url", "url = \"http://my.server.here\"", Url::read);
        let ports = Ports::read(&itself, tables);
        let as_root = target.as_ref().is_some_and(|target| target.user.as_deref() == Some("root"));
        let web = Web::read(tables);
        let env = env::read(tables);
        Some(Environment {
            name: name.to_owned(),
            ssh: itself.optional("ssh", target::client).unwrap_or(SshClient::Auto),
            app: App::read(&tables.section("app"), folder),
            python: Python::read(&tables.section("python")),
            build: Build::read(&tables.section("build")),
            processes: processes::read(tables),
            health: Health::read(&tables.section("health")),
            nginx: Nginx::read(&tables.section("nginx"), as_root),
            cutover: anywhere.get("cutover", Cutover::read),
            hooks: Hooks::read(&tables.section("hooks")),
            metrics: Metrics::read(&tables.section("metrics")),
            shared: shared::read(&tables.section("shared")),
            static_files: StaticFiles::read(&tables.section("static")),
            supervisor: anywhere.get("supervisor", Supervisor::read),
            secrets: secrets::read(tables, &env),
            env,
            fleet: Some(FleetRules::read(&tables.section("fleet"))).filter(|_| tables.own.len() > 1),
            others: Vec::new(),
            // What is missing ends it only here, where all else was read.
            web: web?,
            target: target?,
            root: root?,
            ports: ports?,
            url: url?,
        })
    }
}

impl Cutover {
    fn read(value: &Value) -> Result<Cutover, Complaint> {
        value::choice(value, &[("reload", Cutover::Reload), ("socket", Cutover::Socket)])
    }
}

impl Supervisor {
    fn read(value: &Value) -> Result<Supervisor, Complaint> {
        let (auto, systemd, none) = (Supervisor::Auto, Supervisor::Systemd, Supervisor::None);
        value::choice(value, &[("auto", auto), ("systemd", systemd), ("none", none)])
    }
}

/// The folder that holds the slots.
fn root(value: &Value) -> Result<String, Complaint> {
    let takes = || value::path_like("^/.*[^/.]");
    let path = value::absolute_path(value).map_err(|complaint| complaint.takes(takes()))?;
    let complaint = Complaint::new("must not be the top of the file system");
    ensure(path != "/", complaint.help("give the slots a folder of their own, such as \"/home/USER/NAME\""))?;
    Ok(path)
}
