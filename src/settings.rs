//! What the scripts on the host need to know of an environment: one JSON argument.

use std::time::Duration;

use serde::Serialize;

use crate::config::{Cutover, Environment, Ports, Supervisor};
use crate::model::Role;
use crate::{nginx, unit};

/// What the state script is to probe; each costs time on the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Probes {
    /// Only which slot nginx serves.
    FrontDoor,
    /// That, and the health of both slots.
    All,
}

/// What an agent is told of its environment.
#[derive(Serialize)]
pub struct AgentSettings<'a> {
    root: &'a str,
    ports: Ports,
    health: HealthSettings<'a>,
    door: Door<'a>,
    start_timeout: f64,
    settle: f64,
    grace: f64,
    reload: &'a [String],
    drain: f64,
    watch: f64,
    access_log: Option<&'a str>,
    probe: &'static str,
    modules: &'a [String],
    metrics: Option<MetricsSettings<'a>>,
    socket: bool,
    roles: RoleFiles,
    /// What the names of the environment's systemd units begin with.
    unit: String,
    /// Whether `status` asks for what starts the slots after a reboot.
    crontab: bool,
}

/// What the files for the roles should hold; [`KEY`] stands for the host's own key.
#[derive(Serialize)]
struct RoleFiles {
    live: String,
    next: String,
    /// That of live while its slot has no socket, whatever the way of cutting over.
    by_port: String,
}

#[derive(Serialize)]
struct HealthSettings<'a> {
    host: &'a str,
    path: &'a str,
    proto: &'static str,
    expect: &'a [(u16, u16)],
    timeout: f64,
}

#[derive(Serialize)]
struct Door<'a> {
    address: String,
    https: bool,
    host: &'a str,
    path: &'a str,
    /// The paths by which visitors may get what the health check asks for, the likelier one first.
    health: Vec<String>,
    timeout: f64,
    applied: f64,
}

/// What a command asks of the scripts beyond its environment.
#[derive(Clone, Debug)]
pub struct Wish<'a> {
    pub probes: Probes,
    /// The submodules' names to report on.
    pub modules: &'a [String],
    /// How long to go on proving a release after it became live.
    pub watch: Duration,
}

impl Wish<'_> {
    pub fn new(probes: Probes) -> Wish<'static> {
        Wish { probes, modules: &[], watch: Duration::ZERO }
    }
}

/// Where the host puts its own key for probes: a character that no value of the configuration holds.
const KEY: &str = "\u{1a}";

/// A site below a path may take that away before it asks the application, and then has the health check's below it.
fn health_paths(site: &str, health: &str) -> Vec<String> {
    let site = site.trim_end_matches('/');
    let below = health.strip_prefix(site).is_some_and(|rest| rest.starts_with('/'));
    let mut paths = vec![health.to_string()];
    if !below {
        paths.push(format!("{site}{health}"));
    }
    paths
}

/// What monitoring is told, and where.
#[derive(Serialize)]
struct MetricsSettings<'a> {
    textfile: Option<&'a str>,
    otlp: Option<&'a str>,
    app: &'a str,
    environment: &'a str,
}

fn metrics(environment: &Environment) -> Option<MetricsSettings<'_>> {
    let metrics = &environment.metrics;
    (metrics.textfile.is_some() || metrics.otlp.is_some()).then(|| MetricsSettings {
        textfile: metrics.textfile.as_deref(),
        otlp: metrics.otlp.as_deref(),
        app: &environment.app.name,
        environment: &environment.name,
    })
}

/// The settings for an agent.
pub fn settings<'a>(environment: &'a Environment, wish: &Wish<'a>) -> AgentSettings<'a> {
    let url = &environment.url;
    let health = &environment.health;
    AgentSettings {
        root: &environment.root,
        ports: environment.ports,
        health: HealthSettings {
            host: health.host.as_deref().unwrap_or(&url.host),
            path: &health.path,
            proto: if url.https { "https" } else { "http" },
            expect: &health.expect.0,
            timeout: health.timeout.as_secs_f64(),
        },
        door: Door {
            address: environment.nginx.address.clone().unwrap_or_else(|| format!("127.0.0.1:{}", url.port)),
            https: url.https,
            host: &url.host,
            path: &url.path,
            health: health_paths(&url.path, &health.path),
            timeout: 2.0,
            applied: environment.nginx.timeout.as_secs_f64(),
        },
        start_timeout: health.start_timeout.as_secs_f64(),
        settle: health.settle.as_secs_f64(),
        grace: environment.grace().as_secs_f64(),
        reload: &environment.nginx.reload,
        socket: environment.cutover == Cutover::Socket,
        roles: RoleFiles {
            live: nginx::role_file(environment, Role::Live, environment.cutover, KEY),
            next: nginx::role_file(environment, Role::Next, environment.cutover, KEY),
            by_port: nginx::role_file(environment, Role::Live, Cutover::Reload, KEY),
        },
        unit: unit::prefix(&environment.root),
        crontab: environment.supervisor == Supervisor::Auto,
        drain: environment.nginx.drain.as_secs_f64(),
        watch: wish.watch.as_secs_f64(),
        access_log: environment.nginx.access_log.as_deref(),
        probe: match wish.probes {
            Probes::FrontDoor => "served",
            Probes::All => "all",
        },
        modules: wish.modules,
        metrics: metrics(environment),
    }
}
