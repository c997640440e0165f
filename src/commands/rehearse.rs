//! `rehearse`: the whole of a release on a throwaway host, with the user's own repository and configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use super::{Context, CutoverOptions, DeployOptions, Vault, cutover, deploy, status};
use crate::config::{Cutover, Environment, Supervisor, Target};
use crate::model::Relation;
use crate::plan::{Event, Failure, Observer};
use crate::rehearsal::{HostError, HostOptions, Load, LoadReport, Outcome, ThrowawayHost};
use crate::remote::{ConnectOptions, Interrupt, NoPrompt};
use crate::source::Repository;

/// What a rehearsal needs.
pub struct Rehearsal<'a> {
    /// The environment that is rehearsed; its host, root, ports, url and nginx are replaced.
    pub environment: &'a Environment,
    pub start: &'a Path,
    pub commit: &'a str,
    pub allow_dirty: bool,
    pub interrupt: &'a Interrupt,
    pub observer: &'a mut dyn Observer,
    pub by: &'a str,
}

/// Deploys the commit's parent, cuts over, deploys the commit, cuts over under traffic.
///
/// # Errors
/// The failure of any of these, or one that says how many requests were lost.
pub fn rehearse(rehearsal: &mut Rehearsal) -> Result<(), Failure> {
    // The front door bears the real one's name: the application may answer to no other.
    let server_name = rehearsal.environment.url.host.clone();
    let options = HostOptions {
        lang: None,
        role_files: rehearsal.environment.cutover == Cutover::Socket,
        server_name,
        ..HostOptions::default()
    };
    let host = ThrowawayHost::start(options.with_package_settings()).map_err(no_host)?;
    let environment = on(&host, rehearsal.environment);
    // Asked for once: the host is this machine, and as private as the real one's folder.
    let vault = Vault::new(rehearsal.start);
    let connect = ConnectOptions {
        home: Some(host.client_home()),
        config_files: vec![host.ssh_config()],
        agent: None,
        ..ConnectOptions::from_env()
    };
    say(
        rehearsal,
        format!(
            "a throwaway host: sshd on 127.0.0.1:{}, nginx on 127.0.0.1:{}, all in {}",
            host.ssh_port(),
            host.http_port(),
            host.folder().display()
        ),
    );
    if !rehearsal.environment.hooks.release.is_empty() {
        say(
            rehearsal,
            "a rehearsal leaves out [hooks] release, which may reach a real database".to_string(),
        );
    }
    let before = earlier(rehearsal)?;
    step(rehearsal, (&environment, &vault), &connect, Some(&before))?;
    step(rehearsal, (&environment, &vault), &connect, None)?;
    show(rehearsal, &environment, &connect);
    let commit = rehearsal.commit.to_string();
    step(rehearsal, (&environment, &vault), &connect, Some(&commit))?;
    show(rehearsal, &environment, &connect);

    say(
        rehearsal,
        "the second cutover, under traffic: 4 clients, a connection for each request".to_string(),
    );
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, host.http_port()));
    let mut load = Load::new(address, host.server_name());
    load.path = environment.health.path.clone();
    let running = load.start();
    let done = step(rehearsal, (&environment, &vault), &connect, None);
    let report = running.stop();
    done?;
    show(rehearsal, &environment, &connect);
    let lost = judge(rehearsal, &report, &environment);
    host.stop().map_err(no_host)?;
    lost
}

/// One deploy (of a commit) or one cutover.
fn step(
    rehearsal: &mut Rehearsal,
    (environment, vault): (&Environment, &Vault),
    connect: &ConnectOptions,
    commit: Option<&str>,
) -> Result<(), Failure> {
    let mut context = Context {
        environment,
        vault,
        connect,
        prompt: &mut NoPrompt,
        interrupt: rehearsal.interrupt,
        observer: rehearsal.observer,
        by: rehearsal.by,
        dry_run: false,
        patience: Duration::ZERO,
        break_lock: false,
    };
    match commit {
        Some(commit) => {
            let allow_dirty = rehearsal.allow_dirty;
            deploy(
                &mut context,
                &DeployOptions {
                    start: rehearsal.start,
                    commit,
                    allow_dirty,
                    force: false,
                    accept_migrations: false,
                    cutover: None,
                },
            )
        }
        None => cutover(&mut context, &CutoverOptions::default()),
    }
}

fn show(rehearsal: &mut Rehearsal, environment: &Environment, connect: &ConnectOptions) {
    let environments = std::slice::from_ref(environment);
    let report = status(environments, connect, rehearsal.interrupt, rehearsal.by);
    rehearsal.observer.status(&report);
}

fn say(rehearsal: &mut Rehearsal, message: String) {
    rehearsal.observer.event(Event::Note { message });
}

/// The commit before the one that is rehearsed, so that two different ones take turns; that one itself where it is the first.
fn earlier(rehearsal: &Rehearsal) -> Result<String, Failure> {
    let refused = |error: crate::source::SourceError| Failure::new("repository", error.to_string());
    let repository = Repository::discover(rehearsal.start).map_err(refused)?;
    let commit = repository.resolve(rehearsal.commit).map_err(refused)?;
    let parent = repository
        .resolve(&format!("{}~1", commit.id))
        .ok()
        .filter(|parent| {
            matches!(
                repository.relation(&parent.id, &commit.id),
                Ok(Relation::Ahead(_))
            ) && repository
                .tree(&parent.id, &rehearsal.environment.app.directory)
                .is_ok_and(|tree| tree.is_some())
        });
    Ok(parent.unwrap_or(commit).id)
}

/// The environment as it is on the throwaway host.
fn on(host: &ThrowawayHost, environment: &Environment) -> Environment {
    let mut environment = environment.clone();
    environment.target = Target {
        host: host.alias().to_string(),
        port: None,
        user: None,
    };
    environment.root = host.root().to_string_lossy().into_owned();
    environment.ports = host.app_ports();
    environment.url.https = false;
    environment.url.port = host.http_port();
    environment.nginx.test = host.nginx_test_command();
    environment.nginx.reload = host.nginx_reload_command();
    environment.nginx.address = None;
    environment.nginx.error_log = host.nginx_error_log().to_string_lossy().into_owned();
    // The variables may name the real database; and nobody is to be told of a rehearsal.
    environment.hooks.release.clear();
    environment.hooks.after_cutover.clear();
    environment.hooks.on_failure.clear();
    // A throwaway host is gone in a minute: nothing of it may be left with this machine's own systemd.
    environment.supervisor = Supervisor::None;
    environment
}

fn judge(rehearsal: &mut Rehearsal, report: &LoadReport, environment: &Environment) -> Result<(), Failure> {
    let expected = |outcome: Outcome| matches!(outcome, Outcome::Status(status) if environment.health.expect.contains(status));
    let lost: Vec<String> = report
        .answers
        .iter()
        .filter(|answer| !expected(answer.outcome))
        .map(|answer| format!("{:?}", answer.outcome))
        .collect();
    let median = report.latency(0.5).as_secs_f64() * 1000.0;
    let slow = report.latency(0.99).as_secs_f64() * 1000.0;
    say(
        rehearsal,
        format!(
            "{} requests while it was cut over, {} lost; half within {median:.1} ms, 99 of 100 within {slow:.1} ms",
            report.answers.len(),
            lost.len()
        ),
    );
    if lost.is_empty() {
        return Ok(());
    }
    let shown = lost.len().min(10);
    Err(Failure::new(
        "rehearsal.lost",
        format!("{} requests were lost in the rehearsal", lost.len()),
    )
    .output(lost[..shown].to_vec()))
}

fn no_host(error: HostError) -> Failure {
    Failure::new("rehearsal.host", format!("no throwaway host: {error}"))
}
