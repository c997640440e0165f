//! What a verb is.

use std::io::{self, ErrorKind};
use std::time::Duration;

use clap::{ArgMatches, Args, Command};

use super::invocation::{Invocation, Options};
use crate::config::parse_duration;
use crate::model::ExitCode;
use crate::plan::Failure;
use crate::ui::Ui;

/// A verb of the command line, named like its file. Its fields are its arguments, its doc comment is its help.
pub(super) trait Verb: Args {
    /// The environment in front of it.
    const ENVIRONMENT: Environments;

    /// Whether it works on all hosts of a fleet.
    const FLEETS: bool = false;

    /// Whether it prints one object, or a stream that is not ours, and so no events beside it where a script reads.
    const ONE_OBJECT: bool = false;

    /// Does what it is for.
    ///
    /// # Errors
    /// Whatever a person is told in the end.
    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure>;
}

/// Which environments a verb is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Environments {
    /// None: it is about the program itself.
    None,
    /// One, or those that suit it.
    Any,
    /// The one in front of it.
    One,
}

/// A verb as the command line knows it.
pub(super) struct AnyVerb {
    pub(super) environment: Environments,
    pub(super) one_object: bool,
    pub(super) fleets: bool,
    arguments: fn(Command) -> Command,
    run: fn(&ArgMatches, &Invocation, &mut Ui) -> Result<u8, Failure>,
}

/// Verbs below one heading of the help.
pub(super) struct Group {
    pub(super) heading: &'static str,
    pub(super) verbs: &'static [(&'static str, &'static AnyVerb)],
}

impl AnyVerb {
    pub(super) const fn of<V: Verb>() -> AnyVerb {
        AnyVerb {
            environment: V::ENVIRONMENT,
            one_object: V::ONE_OBJECT,
            fleets: V::FLEETS,
            arguments: |command| match V::ENVIRONMENT {
                Environments::One => OneHost::augment_args(V::augment_args(command)),
                _ => V::augment_args(command),
            },
            run: |matches, invocation, ui| match V::from_arg_matches(matches) {
                Ok(verb) => verb.run(invocation, ui),
                Err(error) => Err(Failure::usage("usage", error.to_string())),
            },
        }
    }

    pub(super) fn run(
        &self,
        matches: &ArgMatches,
        invocation: &Invocation,
        ui: &mut Ui,
    ) -> Result<u8, Failure> {
        (self.run)(matches, invocation, ui)
    }

    /// The verb with its arguments and its usage, in which the environment stands first.
    pub(super) fn command(&self, name: &'static str) -> Command {
        let command = (self.arguments)(Command::new(name));
        let (environment, mut whole) = match self.environment {
            Environments::None => ("", command.clone()),
            Environments::Any => ("[ENV] ", Options::augment_args(command.clone())),
            Environments::One => ("<ENV> ", Options::augment_args(command.clone())),
        };
        let usage = match command.get_overridden_usage() {
            Some(usage) => usage.to_string(),
            None => whole.render_usage().to_string(),
        };
        let usage = usage.trim_start_matches("Usage: ");
        command.override_usage(format!("deployer {environment}{usage}"))
    }
}

// For verbs that are about one environment, which may be a fleet. A doc comment would become the help of them all.
#[derive(Args, Debug)]
pub(super) struct OneHost {
    /// Of a fleet, work on this host alone.
    #[arg(id = "one_host", long = "host", value_name = "HOST")]
    pub(super) host: Option<String>,
}

/// For verbs that somebody else at work keeps waiting.
#[derive(Args, Debug, Default)]
pub(super) struct Wait {
    /// Wait if somebody else holds the lock; without a TIME, 15 minutes.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, num_args = 0..=1, require_equals = true,
          default_missing_value = "15m")]
    wait: Option<Duration>,
}

impl Wait {
    pub(super) fn time(&self) -> Duration {
        self.wait.unwrap_or(Duration::ZERO)
    }
}

/// The end of a verb that only prints. A reader that went away (`deployer man | head`) is no failure.
pub(super) fn printed(printed: io::Result<()>) -> Result<u8, Failure> {
    match printed {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => {
            Err(Failure::usage("usage", error.to_string()))
        }
        _ => Ok(ExitCode::Done as u8),
    }
}

#[cfg(test)]
mod tests {
    use clap::FromArgMatches;

    use super::*;

    #[test]
    fn a_wait_has_a_time_of_its_own_or_fifteen_minutes() {
        let wait = |line: &str| {
            let matches = Wait::augment_args(Command::new("cutover")).get_matches_from(line.split(' '));
            Wait::from_arg_matches(&matches).expect("it is right").time()
        };
        assert_eq!(wait("cutover"), Duration::ZERO);
        assert_eq!(wait("cutover --wait"), Duration::from_secs(900));
        assert_eq!(wait("cutover --wait=30s"), Duration::from_secs(30));
    }
}
