//! What is said of a host that cannot be reached, does not answer, or may not be worked on now.

use super::error::ShellError;
use crate::config::Environment;
use crate::lock;
use crate::model::{ExitCode, Lock};
use crate::plan::{self, Failure, Site};
use crate::ssh::ConnectError;

/// The last of what was printed, as much as a failure shows.
pub(super) fn end_of(mut lines: Vec<String>) -> Vec<String> {
    lines.drain(..lines.len().saturating_sub(plan::SHOWN_LINES));
    lines
}

pub(super) fn locked(held: Option<&Lock>, environment: &Environment, host: &str) -> Failure {
    let who = held.map_or_else(|| "somebody else".to_string(), lock::describe);
    let failure =
        Failure::new("locked", format!("{} is locked by {who}", environment.name)).exit(ExitCode::Locked);
    let force = format!("deployer {} unlock --force", environment.name);
    match held {
        Some(Lock::Stranger(stranger)) => failure
            .why("it is no command of a deployer's: nobody can tell when it lets go")
            .advise(stranger.end(&force, host)),
        _ => failure
            .advise("wait for it: --wait, or --wait=15m (deploy, cutover, rollback, stop, prune)")
            .advise(format!("if it hangs for good, end it: {force}")),
    }
}

pub(super) fn unwritable(host: &str, environment: &Environment, said: Vec<String>) -> Failure {
    let why = plan::disk(&said);
    let failure = Failure::new("host.root", format!("cannot write below {} on {host}", environment.root))
        .output(end_of(said));
    if let Some(why) = why {
        let advice = plan::make_room(&why, host, environment);
        return failure.why(why).advise(advice);
    }
    failure.advise(format!(
        "the folder above it must belong to the deploy user; on the host, as root: install -d -o USER {}",
        crate::shell::display(std::slice::from_ref(&environment.root))
    ))
}

pub(super) fn unreachable(error: &ConnectError, environment: &str) -> Failure {
    let what = format!("cannot connect to {environment}: {error}");
    no_connection(error.code(), what, error.advice())
}

/// Ctrl-C ends a connection too, and has an exit code of its own.
fn no_connection(code: &'static str, what: String, advice: Vec<String>) -> Failure {
    let failure = Failure { advice, ..Failure::new(code, what) };
    if code.contains("interrupt") {
        return failure.exit(ExitCode::Interrupted);
    }
    failure
}

/// What was sent to the host said nothing; `said` is what its tools did.
pub fn no_scripts(host: &str, said: Vec<String>) -> Failure {
    let what = format!("{host} does not run the deployer's scripts");
    Failure::new("host.shell", what).output(end_of(said))
}

/// The connection was lost before anything was changed.
pub fn lost(error: ShellError, host: &str) -> Failure {
    match error {
        ShellError::Remote(error) => {
            let what = format!("lost the connection to {host}: {error}");
            no_connection(error.code(), what, error.advice())
        }
        ShellError::Nul(error) => error.into(),
        error @ ShellError::Endless(_) => Failure::new("host.endless", format!("{host}: {error}"))
            .site(Site::Untouched)
            .advise(format!("see what its start-up files and tools print: ssh {host} true")),
        ShellError::NoPython(command) => {
            Failure::new("host.python", format!("{host} has no {command} on its PATH"))
                .advise("on the host, as root: apt-get install python3-venv")
                .advise("or give its absolute path: [python] interpreter")
        }
        error => Failure::new("host.shell", format!("{host}: {error}")).site(Site::Untouched),
    }
}
