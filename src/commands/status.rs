//! `status`: every environment side by side; reads only, and takes no lock.

use clap::Args;

use super::invocation::Invocation;
use super::job::Workspace;
use super::verb::{AnyVerb, Environments, Verb};
use crate::config::Environment;
use crate::host::{Host, Work, connect};
use crate::model::ExitCode;
use crate::plan::status::{EnvironmentStatus, HostStatus, Seen, StatusReport};
use crate::plan::{self, Failure, Silent, assess};
use crate::settings::{Probes, Wish};
use crate::ssh::{ConnectOptions, Interrupt, NoPrompt};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<StatusArgs>();

/// Show what is linked, served and running; without ENV, everywhere
#[derive(Args, Debug)]
#[command(after_help = "\
Without ENV it asks all environments at once. It changes nothing and takes no lock. A line with `!` is a problem, and \
below it is the command that mends it. Exit code 1: a host could not be reached.

Examples:
  deployer status
  deployer prod status --json")]
pub(super) struct StatusArgs {}

impl Verb for StatusArgs {
    const ENVIRONMENT: Environments = Environments::Any;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let Workspace { config, connect, interrupt, .. } = invocation.workspace()?;
        let environments = invocation.environments(&config)?;
        let report = status(&environments, &connect, &interrupt);
        let unreachable =
            |environment: &EnvironmentStatus| matches!(environment.seen, Seen::Unreachable { .. });
        // Data that could not be had is a failure, though it is told as data.
        let code =
            if report.environments.iter().any(unreachable) { ExitCode::Failed } else { ExitCode::Done };
        ui.show(report);
        Ok(code as u8)
    }
}

/// Asks all hosts at once; a host that cannot be reached becomes one line.
pub(super) fn status(
    environments: &[Environment],
    connect: &ConnectOptions,
    interrupt: &Interrupt,
) -> StatusReport {
    let asked = std::thread::scope(|scope| {
        let threads: Vec<_> = environments
            .iter()
            .flat_map(Environment::hosts)
            .map(|environment| scope.spawn(move || one(environment, connect, interrupt)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    let mut report = StatusReport { environments: asked };
    plan::name_splits(&mut report);
    report
}

fn one(environment: &Environment, connect: &ConnectOptions, interrupt: &Interrupt) -> EnvironmentStatus {
    let work = &mut Work { environment, interrupt, observer: &mut Silent, peer: None };
    let seen = match ask(connect, work) {
        Ok(status) => Seen::Reached(Box::new(status)),
        Err(failure) => Seen::Unreachable { error: failure.to_string() },
    };
    EnvironmentStatus { name: environment.name.clone(), host: environment.target.host.clone(), seen }
}

fn ask(options: &ConnectOptions, work: &mut Work) -> Result<HostStatus, Failure> {
    let mut session = connect(options, &mut NoPrompt, work)?;
    let mut host = Host::open(&mut session, work, &Wish::new(Probes::All), None)?;
    let _ = host.agent.close();
    Ok(assess(&host.state, work.environment))
}
