//! `status`: every environment side by side; reads only, and takes no lock.

use std::path::Path;
use std::time::Duration;

use clap::Args;

use super::host::visit;
use super::invocation::Invocation;
use super::job::Workspace;
use super::verb::{AnyVerb, Environments, Verb};
use super::{Context, Vault};
use crate::config::Environment;
use crate::model::ExitCode;
use crate::plan::status::{EnvironmentStatus, Seen, StatusReport};
use crate::plan::{Failure, Silent, assess};
use crate::secrets::Concealed;
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

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let Workspace { config, connect, interrupt, by } = invocation.workspace()?;
        let environments = invocation.environments(&config)?;
        let report = status(&environments, &connect, &interrupt, &by);
        let unreachable =
            |environment: &EnvironmentStatus| matches!(environment.seen, Seen::Unreachable { .. });
        // Data that could not be had is a failure, though it is told as data.
        let code = match report.environments.iter().any(unreachable) {
            true => ExitCode::Failed,
            false => ExitCode::Done,
        };
        ui.show(report);
        Ok(code as u8)
    }
}

/// Asks all hosts at once; a host that cannot be reached becomes one line.
pub(super) fn status(
    environments: &[Environment],
    connect: &ConnectOptions,
    interrupt: &Interrupt,
    by: &str,
) -> StatusReport {
    let asked = std::thread::scope(|scope| {
        let threads: Vec<_> = environments
            .iter()
            .map(|environment| scope.spawn(move || one(environment, connect, interrupt, by)))
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    });
    StatusReport { environments: asked }
}

fn one(
    environment: &Environment,
    options: &ConnectOptions,
    interrupt: &Interrupt,
    by: &str,
) -> EnvironmentStatus {
    let mut context = Context {
        environment,
        // It asks for no secrets.
        vault: &Vault::new(Path::new(""), &Concealed::default()),
        connect: options,
        prompt: &mut NoPrompt,
        interrupt,
        observer: &mut Silent,
        by,
        dry_run: true,
        patience: Duration::ZERO,
        break_lock: false,
        heeds_pause: false,
        even_if_full: true,
    };
    let seen = match ask(&mut context) {
        Ok(status) => Seen::Reached(Box::new(status)),
        Err(failure) => Seen::Unreachable { error: failure.to_string() },
    };
    EnvironmentStatus { name: environment.name.clone(), host: environment.target.host.clone(), seen }
}

fn ask(context: &mut Context) -> Result<crate::plan::status::HostStatus, Failure> {
    visit(context, &Wish::new(Probes::All), None, |context, visit| {
        let _ = visit.shell.close();
        Ok(assess(&visit.state, context.environment))
    })
}
