//! `rehearse`: the whole of a release on a throwaway host, with the user's own repository and configuration.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use clap::Args;

use super::completions;
use super::cutover::{FollowUp, cutover, report_to};
use super::deploy::{DeployArgs, deploy};
use super::invocation::Invocation;
use super::status::status;
use super::verb::{AnyVerb, Environments, Verb};
use super::{Context, Vault};
use crate::config::{Cutover, Environment, Installer, Metrics, Supervisor};
use crate::git::Repository;
use crate::model::{Color, ExitCode, Relation, Target, short};
use crate::plan::{Event, Failure, Moment, Observer, World};
use crate::rehearsal::{HostError, HostOptions, Load, LoadReport, Outcome, ThrowawayHost, tidy_up};
use crate::ssh::{ConnectOptions, Interrupt, NoPrompt};
use crate::ui::Ui;

/// How long the load goes on before and after a switch that is shown.
const MARGIN: Duration = Duration::from_secs(1);

pub(super) const VERB: AnyVerb = AnyVerb::of::<RehearseArgs>();

/// Try it all on a throwaway host on this machine: no server needed
#[derive(Args, Debug)]
#[command(after_help = "\
An unprivileged sshd and an nginx in a temporary folder on loopback take a deploy of the commit before, a cutover, a \
deploy of the commit, and a cutover under traffic. It ends by itself and leaves nothing behind. It needs sshd, nginx, \
git and python3-venv on this machine. Without ENV it takes the first environment.

Example: deployer rehearse")]
pub(super) struct RehearseArgs {
    /// Anything that `git rev-parse` takes.
    #[arg(default_value = "HEAD", add = completions::commits())]
    commit: String,
    /// Rehearse the commit although the work tree has changes that it does not hold.
    #[arg(long)]
    allow_dirty: bool,
    /// Leave out [processes], which may reach a real queue.
    #[arg(long)]
    without_processes: bool,
    /// Write a page that shows the rehearsal: one file of HTML, for a browser.
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
}

impl Verb for RehearseArgs {
    const ENVIRONMENT: Environments = Environments::Any;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        report_to(self.report.as_deref(), invocation, ui)?;
        let workspace = invocation.workspace()?;
        let environments = invocation.environments(&workspace.config)?;
        let Some(environment) = environments.first() else {
            return Err(Failure::usage("environment", "deployer.toml has no environment"));
        };
        ui.keep_log(&environment.name, invocation.verb);
        rehearse(&mut Rehearsal {
            arguments: &self,
            environment,
            start: workspace.folder(),
            interrupt: &workspace.interrupt,
            ui,
            by: &workspace.by,
            switched: Switched::default(),
        })?;
        Ok(ExitCode::Done as u8)
    }
}

/// What a rehearsal needs.
struct Rehearsal<'a> {
    arguments: &'a RehearseArgs,
    /// The environment that is rehearsed; its host, root, ports, url and nginx are replaced.
    environment: &'a Environment,
    start: &'a Path,
    interrupt: &'a Interrupt,
    ui: &'a mut Ui,
    by: &'a str,
    switched: Switched,
}

/// The last switch.
#[derive(Default)]
struct Switched {
    to: Option<Color>,
    /// When nginx followed, in seconds since 1970.
    at: Option<f64>,
}

/// Deploys the commit's parent, cuts over, deploys the commit, cuts over under traffic. Where the parent cannot be
/// released, the commit takes its turn.
///
/// # Errors
/// The failure of any of these, or one that says how many requests were lost.
fn rehearse(rehearsal: &mut Rehearsal) -> Result<(), Failure> {
    // The front door bears the real one's name: the application may answer to no other.
    let server_name = rehearsal.environment.url.host.clone();
    for leftover in tidy_up() {
        let folder = leftover.folder.display();
        let event = match leftover.removed {
            Ok(ended) => Event::Note {
                message: format!(
                    "an earlier rehearsal was killed: {folder} is removed, with the {ended} processes that it left"
                ),
            },
            Err(error) => Event::Warning {
                message: format!("an earlier rehearsal was killed and {folder} cannot be removed: {error}"),
            },
        };
        rehearsal.ui.event(event);
    }
    let options = HostOptions {
        lang: None,
        role_files: rehearsal.environment.cutover == Cutover::Socket,
        server_name,
        programs: uv(rehearsal.environment).into_iter().collect(),
        ..HostOptions::default()
    };
    let host = ThrowawayHost::start(options.with_package_settings()).map_err(no_host)?;
    let mut environment = on(&host, rehearsal.environment);
    // Asked for once: the host is this machine, and as private as the real one's folder.
    let vault = Vault::new(rehearsal.start, rehearsal.ui.concealed());
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
        say(rehearsal, "a rehearsal leaves out [hooks] release, which may reach a real database".to_string());
    }
    if rehearsal.arguments.without_processes && !environment.processes.is_empty() {
        let names: Vec<String> = std::mem::take(&mut environment.processes).into_keys().collect();
        say(rehearsal, format!("this rehearsal leaves out the processes {}", names.join(" and ")));
    }
    let (before, commit) = pair(rehearsal)?;
    if let Err(failure) = step(rehearsal, (&environment, &vault), &connect, Some(&before)) {
        if before == commit || failure.exit == ExitCode::Interrupted {
            return Err(failure);
        }
        // What is rehearsed may be its mend.
        let message = format!(
            "the commit before could not be released: {}; so {} takes both turns",
            failure.what,
            short(&commit)
        );
        rehearsal.ui.event(Event::Warning { message });
        step(rehearsal, (&environment, &vault), &connect, Some(&commit))?;
    }
    step(rehearsal, (&environment, &vault), &connect, None)?;
    show(rehearsal, &environment, &connect);
    step(rehearsal, (&environment, &vault), &connect, Some(&commit))?;
    show(rehearsal, &environment, &connect);

    say(rehearsal, "the second cutover, under traffic: 4 clients, a connection for each request".to_string());
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, host.http_port()));
    let mut load = Load::new(address, host.server_name());
    load.path = environment.health.path.clone();
    let running = load.start();
    // A picture needs something on both sides of the switch.
    let margin = if rehearsal.arguments.report.is_some() { MARGIN } else { Duration::ZERO };
    thread::sleep(margin);
    let done = step(rehearsal, (&environment, &vault), &connect, None);
    thread::sleep(margin);
    let report = running.stop();
    let port = rehearsal.switched.to.map_or(0, |color| environment.ports.of(color));
    let expected = |outcome| is_expected(&environment, outcome);
    let traffic = report.traffic(port, rehearsal.switched.at, expected);
    rehearsal.ui.event(Event::Traffic(traffic));
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
        ssh: connect,
        prompt: &mut NoPrompt,
        interrupt: rehearsal.interrupt,
        observer: &mut Rehearsed(&mut *rehearsal.ui, &mut rehearsal.switched),
        by: rehearsal.by,
        dry_run: false,
        patience: Duration::ZERO,
        peer: None,
    };
    let again = |mut failure: Failure| {
        let real = format!("deployer {} deploy", environment.name);
        for advice in &mut failure.advice {
            *advice = advice.replace(&real, "deployer rehearse");
        }
        failure
    };
    let done = match commit {
        Some(commit) => {
            let (commit, allow_dirty) = (commit.to_owned(), rehearsal.arguments.allow_dirty);
            deploy(&mut context, &DeployArgs { commit, allow_dirty, ..DeployArgs::default() })
        }
        None => cutover(&mut context, &FollowUp::default()),
    };
    done.map_err(again)
}

/// Leaves out the command to type next, which would be one for the real host; and keeps when the last switch was.
struct Rehearsed<'a>(&'a mut Ui, &'a mut Switched);

impl Observer for Rehearsed<'_> {
    fn event(&mut self, event: Event) {
        match &event {
            Event::Brings { to, .. } => self.1.to = Some(to.color),
            Event::Moment { moment: Moment::Swap | Moment::Reload, at } => self.1.at = Some(*at),
            _ => {}
        }
        self.0.event(match event {
            Event::World(world) => Event::World(World { run: None, ..world }),
            event => event,
        });
    }
}

/// This machine's own uv, where the application needs it.
fn uv(environment: &Environment) -> Option<PathBuf> {
    let python = &environment.python;
    if python.installer != Installer::Uv && python.version.is_none() {
        return None;
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    std::env::split_paths(&path)
        .chain([".local/bin", ".cargo/bin"].map(|folder| home.join(folder)))
        .map(|folder| folder.join("uv"))
        .find(|uv| uv.is_file())
}

fn show(rehearsal: &mut Rehearsal, environment: &Environment, connect: &ConnectOptions) {
    let environments = std::slice::from_ref(environment);
    let report = status(environments, connect, rehearsal.interrupt);
    rehearsal.ui.show(report);
}

fn say(rehearsal: &mut Rehearsal, message: String) {
    rehearsal.ui.event(Event::Note { message });
}

/// The commit before the one that is rehearsed, so that two different ones take turns (that one itself where it is the
/// first), and the one that is rehearsed.
fn pair(rehearsal: &Rehearsal) -> Result<(String, String), Failure> {
    let refused = |error: crate::git::SourceError| Failure::new("repository", error.to_string());
    let repository = Repository::discover(rehearsal.start).map_err(refused)?;
    let commit = repository.resolve(&rehearsal.arguments.commit).map_err(refused)?;
    let parent = repository.resolve(&format!("{}~1", commit.id)).ok().filter(|parent| {
        matches!(repository.relation(&parent.id, &commit.id), Ok(Relation::Ahead(_)))
            && repository
                .tree(&parent.id, &rehearsal.environment.app.directory)
                .is_ok_and(|tree| tree.is_some())
    });
    let before = parent.map_or_else(|| commit.id.clone(), |parent| parent.id);
    Ok((before, commit.id))
}

/// The environment as it is on the throwaway host.
fn on(host: &ThrowawayHost, environment: &Environment) -> Environment {
    let mut environment = environment.clone();
    environment.target = Target { host: host.alias().to_string(), port: None, user: None };
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
    environment.metrics = Metrics::default();
    // A throwaway host is gone in a minute: nothing of it may be left with this machine's own systemd.
    environment.supervisor = Supervisor::None;
    environment
}

fn judge(rehearsal: &mut Rehearsal, report: &LoadReport, environment: &Environment) -> Result<(), Failure> {
    let lost: Vec<String> = report
        .answers
        .iter()
        .filter(|answer| !is_expected(environment, answer.outcome))
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
    Err(Failure::new("rehearsal.lost", format!("{} requests were lost in the rehearsal", lost.len()))
        .output(lost[..shown].to_vec()))
}

fn is_expected(environment: &Environment, outcome: Outcome) -> bool {
    matches!(outcome, Outcome::Status(status) if environment.health.expect.contains(status))
}

fn no_host(error: HostError) -> Failure {
    Failure::new("rehearsal.host", format!("no throwaway host: {error}"))
}
