//! A step that failed becomes a [`Failure`]: what, why, whether the site is affected, what to do.

mod migrations;
mod processes;
mod switch;
mod virtualenv;

use super::failure::refused_by_git;
use super::{Action, ActionFailure, Failure, Reason};
use crate::config::{Environment, Web};
use crate::model::{Color, ExitCode, login};
use crate::{gunicorn, launch, nginx, probe, shell};

pub use virtualenv::{gunicorn_unnamed, without_gunicorn};

/// How many lines of a failed step's output a person is shown.
pub const SHOWN_LINES: usize = 40;

/// Why, where a disk is full.
pub const FULL: &str = "the host's disk is full";

/// Explains an action that failed.
pub fn explain(
    action: &Action,
    failed: &ActionFailure,
    environment: &Environment,
    host: &str,
    user: &str,
) -> Failure {
    let title = action.title();
    let what = match failed.reason.as_ref().map(Reason::status) {
        None => format!("could not {title} on {host}: cut off"),
        Some(None) => format!("could not {title} on {host}"),
        Some(Some(status)) => format!("could not {title} on {host} (exit {status})"),
    };
    let failure = if failed.interrupted && !action.is_critical() {
        Failure::new("interrupted", format!("interrupted while it was to {title}"))
            .exit(ExitCode::Interrupted)
            .advise("run the same command again: it mends what was left half done")
    } else {
        match action {
            Action::Virtualenv(_) => virtualenv::explain(what, failed, environment, host),
            Action::Start { port, .. } => start(what, *port, failed, environment, (host, user)),
            Action::TestNginx { .. } => test_nginx(what, failed, environment, user),
            Action::Switch(_) => switch::explain(what, failed, environment, user),
            Action::Stop { .. } => Failure::new("slot.stop", what)
                .advise("end that process by hand, or give the slot another port in deployer.toml"),
            Action::Build { color, line } => build(what, *color, line, failed, environment),
            Action::Seed(seed)
                if failed.reason == Some(Reason::NotLent) && disk(&failed.output).is_none() =>
            {
                seed.not_lent(what)
            }
            Action::Seed(_) => Failure::new("seed", what),
            Action::CheckOut { .. } if failed.reason == Some(Reason::SharedTracked) => {
                Failure::new("shared.tracked", what)
                    .why("[shared] directories names a folder that the commit has files in")
                    .advise("take them out of the repository, or name another folder")
            }
            Action::CheckOut { .. } if failed.reason == Some(Reason::NoSubmodule) => {
                refused_by_git(what, &failed.output)
            }
            _ if failed.reason == Some(Reason::GitBusy) => Failure::new("step", what)
                .advise("wait until it ends, or end it; then run the same command again"),
            Action::Migrations(_) => {
                migrations::explain(what, failed.reason.as_ref(), failed.migrations.as_ref(), environment)
            }
            Action::Collect { .. } => hook("static", what, "[static] collect", environment),
            Action::Release { .. } => hook("hook.release", what, "[hooks] release", environment)
                .advise("what it changed before it failed, in a database say, stays changed"),
            Action::Smoke { .. } => hook("hook.smoke", what, "[hooks] smoke", environment),
            _ => Failure::new("step", what),
        }
    };
    let failure = match disk(&failed.output) {
        Some(why) => {
            let advice = make_room(&why, host, environment);
            failure.why(why).advise(advice)
        }
        None => failure,
    };
    let failure = match failed.reason.as_ref().and_then(alone) {
        Some(why) if failure.why.is_none() => failure.why(why),
        _ => failure,
    };
    if !failure.output.is_empty() {
        return failure;
    }
    let first = failed.output.len().saturating_sub(SHOWN_LINES);
    failure.output(failed.output[first..].to_vec())
}

/// Why, of what ends an action without a word.
fn alone(reason: &Reason) -> Option<String> {
    match reason {
        Reason::Killed { signal: 9 } => {
            Some("signal 9 ended it, as the kernel does where memory runs out".to_string())
        }
        Reason::Killed { signal } => Some(format!("signal {signal} ended it")),
        Reason::Stopped => Some("it was asked to end".to_string()),
        Reason::Broken => Some("deployer's own part on the host has a mistake".to_string()),
        Reason::NotOurs => Some("that path is not for deployer to remove".to_string()),
        _ => None,
    }
}

/// What to do about a disk that is full or read-only, by the word that [`disk`] has for it.
pub fn make_room(why: &str, host: &str, environment: &Environment) -> String {
    let root = shell::display(std::slice::from_ref(&environment.root));
    match why {
        FULL => {
            format!("make room on {host}: deployer {} prune; what fills it: df -h {root}", environment.name)
        }
        _ => format!("see on {host} why it was mounted so: findmnt -T {root}; dmesg"),
    }
}

/// A full or read-only disk, as every tool words it.
pub fn disk(output: &[String]) -> Option<String> {
    let said = |mark: &str| output.iter().any(|line| line.contains(mark));
    if said("No space left on device") || said("Disk quota exceeded") {
        return Some(FULL.to_string());
    }
    if said("Read-only file system") {
        return Some("the host's disk is read-only".to_string());
    }
    None
}

fn build(
    what: String,
    color: Color,
    line: &str,
    failed: &ActionFailure,
    environment: &Environment,
) -> Failure {
    let failure = Failure::new("build", what);
    let failure = match failed.reason {
        Some(Reason::CommandFailed { status: 127 }) => failure
            .why("the command is not on the host, or not on the PATH of the deploy user's session")
            .advise("install it there, or give its absolute path in [build] commands"),
        _ => failure,
    };
    failure.advise(format!(
        "try it on the host: sh {root}/.deployer/launch {root} {color} - sh -c {line}",
        root = shell::display(std::slice::from_ref(&environment.root)),
        line = shell::display(&[line.to_string()]),
    ))
}

fn start(
    what: String,
    port: u16,
    failed: &ActionFailure,
    environment: &Environment,
    (host, user): (&str, &str),
) -> Failure {
    let name = &environment.name;
    if failed.reason == Some(Reason::NoSystemd) {
        return Failure::new("host.systemd", what)
            .why("systemd would not run it, and supervisor = \"systemd\" asks for it")
            .advise(format!(
                "on {host}, by somebody with sudo: sudo loginctl enable-linger {}",
                login(user).unwrap_or("USER")
            ));
    }
    if failed.reason == Some(Reason::PortTaken) {
        return Failure::new("port.taken", what)
            .advise("stop it, or give the slot another port in deployer.toml");
    }
    let failure = Failure::new("release.unhealthy", what);
    let failure = match &failed.reason {
        Some(Reason::Died { status }) => {
            let why = match environment.web {
                Web::Gunicorn(_) => gunicorn::explain(&failed.output)
                    .unwrap_or_else(|| format!("gunicorn ended with status {status}")),
                Web::Command(_) => launch::explain(*status, &failed.output),
            };
            Failure { code: "release.died", ..failure }.why(why)
        }
        Some(Reason::Unhealthy { health: answer }) => {
            let health = &environment.health;
            let mut why =
                format!("http://127.0.0.1:{port}{} {}", health.path, probe::describe(answer, &health.expect));
            if let Some(seconds) = answer.settled {
                why.push_str(&format!(", after {seconds} s in which it was healthy"));
            }
            if let Some(seconds) = answer.steady {
                why.push_str(&format!(", and nothing else for {seconds} s"));
            }
            if answer.status.is_none() && answer.settled.is_none() {
                why.push_str(&format!("; it was given {} s", health.start_timeout.as_secs_f64()));
            }
            let mut failure = failure.why(why);
            failure.advice = probe::advise(answer, environment);
            failure
        }
        _ => failure,
    };
    failure.advise(format!("mend the application, commit, and run: deployer {name} deploy"))
}

fn hook(code: &'static str, what: String, key: &str, environment: &Environment) -> Failure {
    Failure::new(code, what)
        .advise(format!("mend it ({key}), commit, and run: deployer {} deploy", environment.name))
}

fn test_nginx(what: String, failed: &ActionFailure, environment: &Environment, user: &str) -> Failure {
    let command = &environment.nginx.test;
    let failure = Failure::new("nginx.test", format!("{what}: {}", shell::display(command)));
    match nginx::explain(&environment.nginx, command, user, &failed.output.join("\n")) {
        Some((why, advice)) => advice.into_iter().fold(failure.why(why), Failure::advise),
        None => failure,
    }
}
