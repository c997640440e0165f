//! `status`: every environment side by side; reads only, and takes no lock.

use std::path::Path;
use std::time::Duration;

use super::host::visit;
use super::{Context, Vault};
use crate::config::Environment;
use crate::facts::{Probes, Wish};
use crate::plan::status::{EnvironmentStatus, Seen, StatusReport};
use crate::plan::{Failure, Silent, assess};
use crate::secrets::Concealed;
use crate::ssh::{ConnectOptions, Interrupt, NoPrompt};

/// Asks all hosts at once; a host that cannot be reached becomes one line.
pub fn status(
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
