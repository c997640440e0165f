//! `run`: a command in a slot's environment. Takes no lock: whoever runs it knows what it does.

use std::io::Write;

use clap::Args;
use signal_hook::low_level::signal_name;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::config::Environment;
use crate::host::{Began, Message, RecordName, Request, ask, exec_command, lost};
use crate::model::{Color, ExitCode, Layout};
use crate::plan::{Event, Failure};
use crate::ssh::{Exit, Session};
use crate::ui::{PassedOn, Ui};

pub(super) const VERB: AnyVerb = AnyVerb::of::<RunArgs>();

/// Run a command in a slot's environment: `manage.py shell`, a dump
#[derive(Args, Debug)]
#[command(
    override_usage = "run [OPTIONS] -- <COMMAND>...",
    after_help = "\
It stands in the application's folder, with the slot's variables and its virtualenv first on the PATH. On a terminal the \
command gets one too; otherwise its three streams are this command's own, byte for byte. It takes no lock, and runs \
beside what the slot serves.

The exit code is the command's, or 128 and a signal's number where a signal ended it; what keeps it from being started \
has deployer's own codes.

Examples:
  deployer prod run -- python manage.py shell
  deployer prod run --slot next -- python manage.py showmigrations
  deployer prod run -- sh -c 'pg_dump \"$DATABASE_URL\"' >dump.sql"
)]
pub(super) struct RunArgs {
    /// Where: live, next, blue or green.
    #[arg(long, value_name = "SLOT", default_value = "live", hide_default_value = false,
          value_parser = ["live", "next", "blue", "green"], hide_possible_values = true)]
    slot: String,
    /// The command and its arguments; a shell's line needs `sh -c`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    command: Vec<String>,
}

impl Verb for RunArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const ONE_OBJECT: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let (mut out, mut err) = PassedOn::of_command();
        let code = run(&mut job.context(ui), &self.slot, &self.command, (&mut out, &mut err))?;
        Ok(code)
    }
}

/// Runs a command in a slot: `live`, `next`, or a color, and hands what it prints to `streams`. Returns its exit code; 128
/// and the signal's number where a signal ended it, as a shell has it.
///
/// # Errors
/// Where the host cannot be reached or nothing was deployed into the slot.
fn run(
    context: &mut Context,
    slot: &str,
    words: &[String],
    streams: (&mut dyn Write, &mut dyn Write),
) -> Result<u8, Failure> {
    if context.dry_run {
        context.emit(Event::Planned {
            number: 1,
            title: format!("run a command in {slot}: {}", crate::shell::display(words)),
            touches: slot.to_string(),
        });
        return Ok(0);
    }
    let environment = context.environment;
    let mut session = context.connect()?;
    let host = session.host().to_string();
    let began = Began { verb: "run", by: context.by, command: words.first().map(String::as_str) };
    let (color, record) = find(&mut session, environment, slot, Some(began))?;
    let launcher = Layout::new(&environment.root).home("launch");
    let mut all = vec!["sh", &launcher, &environment.root, color.as_str(), "-"];
    all.extend(words.iter().map(String::as_str));
    let command = exec_command(&all).map_err(|error| lost(error, &host))?;
    let exit = session.attach(&command, streams).map_err(|error| {
        let failure = lost(error.into(), &host);
        match failure.exit {
            ExitCode::Interrupted => failure,
            _ => failure.advise("whether the command still runs there is not known"),
        }
    })?;
    let code = code(&exit);
    if let Some(record) = &record {
        // A record is worth no failure.
        let _ =
            ask(&mut session, environment, &Request::Ran { record, code }, &mut |message| match message {
                Message::Done(done) => Some(done),
                _ => None,
            });
    }
    Ok(code)
}

/// The slot that a word means, where a release can run in it; with it, the name under which the host records what `began`.
pub(super) fn find(
    session: &mut Session,
    environment: &Environment,
    slot: &str,
    record: Option<Began>,
) -> Result<(Color, Option<RecordName>), Failure> {
    let host = session.host().to_string();
    let place = ask(session, environment, &Request::Where { slot, record }, &mut |message| match message {
        Message::Where(place) => Some(place),
        _ => None,
    })?;
    match (place.color, place.ready) {
        (Some(color), true) => Ok((color, place.record)),
        (None, _) => Err(Failure::new("slot.none", format!("nothing is {slot} on {host} yet"))
            .advise(format!("deployer {} deploy", environment.name))),
        (Some(color), false) => {
            let failure = Failure::new(
                "slot.empty",
                format!("{slot} on {host} is {color}, which holds no release that can be used"),
            );
            Err(match slot {
                "live" => failure
                    .advise(format!("make next live: deployer {} cutover", environment.name))
                    .advise("or name the slot: next"),
                _ => failure.advise(format!("deployer {} deploy", environment.name)),
            })
        }
    }
}

/// As a shell tells how a command ended.
fn code(exit: &Exit) -> u8 {
    if let Some(signal) = &exit.signal {
        let is_it =
            |number: &i32| signal_name(*number).is_some_and(|name| name.strip_prefix("SIG") == Some(signal));
        let number = (1..=31).find(is_it).and_then(|number| u8::try_from(number).ok());
        return number.map_or(255, |number| 128 + number);
    }
    exit.status.and_then(|status| u8::try_from(status).ok()).unwrap_or(255)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_codes_are_those_of_a_shell() {
        let exit = |status, signal: Option<&str>| code(&Exit { status, signal: signal.map(str::to_string) });
        assert_eq!(exit(Some(7), None), 7);
        assert_eq!(exit(None, Some("TERM")), 143);
        assert_eq!(exit(None, Some("ODD")), 255);
    }
}
