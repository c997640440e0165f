//! `logs`: the end of a log on the host, and what is added to it. Reads only, and takes no lock.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use clap::Args;
use serde::Deserialize;

use super::Context;
use super::host::{connect, end_of, lost};
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::{ShellError, nonce, python_command};
use crate::model::{ExitCode, Kept, login, size};
use crate::plan::{Event, Failure};
use crate::ssh::{Channel, Lines, Received};
use crate::ui::{PassedOn, Ui};

const SCRIPT: &str = include_str!("../../templates/logs.py");
/// How often a wait is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long a host may take to say anything of a log that is not followed.
const SILENCE: Duration = Duration::from_secs(60);
/// How much a host's tools may complain, in bytes.
const MOST_PRINTED: u64 = 16 << 20;
/// How much of a line beside the log is kept.
const LONGEST_LINE: usize = 64 * 1024;
/// What a program ends with whose reader has gone, as a shell tells it.
const NO_READER: u8 = 141;

pub(super) const VERB: AnyVerb = AnyVerb::of::<LogsArgs>();

/// Show the end of a log of the host, and with -f what is added
#[derive(Args, Debug)]
#[command(after_help = "\
The log goes to standard output as it stands, everything else to standard error. With -f it goes on across rotations, \
and, where live or next moves to the other slot, with that slot's log.

Examples:
  deployer prod logs -f
  deployer prod logs --slot next --lines 500
  deployer prod logs nginx")]
pub(super) struct LogsArgs {
    /// Which: `app` is the web server's, `deploy` the proven cutovers and rollbacks, `nginx` its error log, and any other
    /// word the process of that name in [processes].
    #[arg(value_name = "LOG", default_value = "app", value_parser = log_name)]
    log: String,
    /// Go on with what is added, until Ctrl-C.
    #[arg(short, long)]
    follow: bool,
    /// Whose: live, next, blue or green.
    #[arg(long, value_name = "SLOT", default_value = "live",
          value_parser = ["live", "next", "blue", "green"], hide_possible_values = true)]
    slot: String,
    /// How many lines of the end to begin with.
    #[arg(short = 'n', long, value_name = "N", default_value = "50")]
    lines: u32,
}

impl Verb for LogsArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const ONE_OBJECT: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let code = logs(&mut job.context(ui), &self, &mut PassedOn::stdout())?;
        Ok(code)
    }
}

/// What the host says beside the log.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Said {
    error: Option<String>,
    path: String,
    group: Option<String>,
    why: Option<String>,
    /// The color that `live` or `next` means now.
    moved: Option<String>,
}

/// Hands a log to `out`, as it stands. Returns the exit code: 130 where Ctrl-C ended it.
///
/// # Errors
/// Where the host cannot be reached, or the log cannot be read.
fn logs(context: &mut Context, options: &LogsArgs, out: &mut dyn Write) -> Result<u8, Failure> {
    let environment = context.environment;
    let (kind, name) = match &*options.log {
        "app" => ("slot", environment.web.log().to_string()),
        "deploy" => ("history", String::new()),
        "nginx" => ("file", environment.nginx.error_log.clone()),
        process => ("slot", format!("{process}.log")),
    };
    let nonce = nonce();
    let lines = options.lines.to_string();
    let follow = if options.follow { "yes" } else { "no" };
    let arguments = [&*nonce, &environment.root, &*options.slot, kind, &name, &lines, follow];
    let mut session = connect(context)?;
    let (host, user) = (session.host().to_string(), session.user().to_string());
    let command = python_command(&environment.python.interpreter, SCRIPT, &arguments)
        .map_err(|error| lost(error, &host))?;
    let mut channel = session.exec(&command).map_err(|error| lost(error.into(), &host))?;
    let mut heard =
        Heard { nonce: &nonce, lines: Lines::new(LONGEST_LINE), error: None, other: Kept::default() };
    let (mut last, mut printed) = (Instant::now(), 0);
    loop {
        // Nothing was done that would have to be finished.
        if context.interrupt.count() > 0 {
            return Ok(ExitCode::Interrupted as u8);
        }
        let came = receive(&mut channel, &host)?;
        if came != Received::Nothing {
            last = Instant::now();
        }
        match came {
            Received::Stdout(bytes) => match out.write_all(&bytes).and_then(|()| out.flush()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(NO_READER),
                Err(error) => return Err(Failure::new("output", format!("cannot write: {error}"))),
            },
            Received::Stderr(bytes) => {
                heard.take(&bytes, context, &options.slot);
                printed += bytes.len() as u64;
                if printed > MOST_PRINTED {
                    let what = format!("more than {} beside its log", size(MOST_PRINTED));
                    return Err(lost(ShellError::Endless(what), &host));
                }
            }
            Received::Nothing if last.elapsed() > SILENCE && !options.follow => {
                return Err(lost(ShellError::Silent(SILENCE), &host));
            }
            Received::Nothing => {}
            Received::End(exit) if exit.success() => return Ok(0),
            Received::End(_) => return Err(heard.failure(context, options, &host, &user)),
        }
    }
}

fn receive(channel: &mut Channel, host: &str) -> Result<Received, Failure> {
    channel.receive(TICK).map_err(|error| lost(error.into(), host))
}

/// The second stream: messages, and whatever the host's tools complain of.
struct Heard<'a> {
    nonce: &'a str,
    lines: Lines,
    error: Option<Said>,
    other: Kept,
}

impl Heard<'_> {
    fn take(&mut self, bytes: &[u8], context: &mut Context, slot: &str) {
        let (nonce, error, other) = (self.nonce, &mut self.error, &mut self.other);
        self.lines.feed(bytes, &mut |line| {
            let line = line.line();
            let said = line.strip_prefix(nonce).map(serde_json::from_str::<Said>);
            match said {
                Some(Ok(said)) if said.error.is_some() => *error = Some(said),
                Some(Ok(said)) => {
                    if let Some(color) = said.moved {
                        let message = format!("{slot} is {color} now: going on with its log");
                        context.emit(Event::Note { message });
                    }
                }
                _ => other.push(line),
            }
        });
    }

    fn failure(self, context: &Context, options: &LogsArgs, host: &str, user: &str) -> Failure {
        let name = &context.environment.name;
        let Some(said) = self.error else {
            return Failure::new("logs.failed", format!("{host} does not show its log"))
                .output(end_of(self.other.into_lines()));
        };
        let path = &said.path;
        match said.error.as_deref() {
            Some("none") => Failure::new("slot.none", format!("nothing is {} on {host} yet", options.slot))
                .advise(format!("deployer {name} deploy")),
            Some("missing") => {
                let failure = Failure::new("logs.missing", format!("there is no {path} on {host}"));
                match &*options.log {
                    "nginx" => failure.advise("say where it is: [nginx] error_log"),
                    "deploy" => failure.why("there was no cutover yet"),
                    _ => failure.advise(format!("see what runs: deployer {name} status")),
                }
            }
            Some("denied") => {
                let failure = Failure::new("logs.denied", format!("{user} may not read {path} on {host}"));
                match said.group {
                    Some(group) => {
                        let failure = failure.why(format!("the group {group} may"));
                        match (login(&group), login(user)) {
                            (Some(group), Some(user)) => {
                                failure.advise(format!("on the host, as root: usermod -aG {group} {user}"))
                            }
                            _ => failure,
                        }
                    }
                    None => failure.why("no group may"),
                }
            }
            _ => Failure::new("logs.failed", format!("cannot read {path} on {host}"))
                .why(said.why.unwrap_or_default()),
        }
    }
}

/// It becomes part of a file's name on the host.
fn log_name(word: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => Ok(word.to_owned()),
        false => Err("a log is `app`, `deploy`, `nginx`, or the name of a process".to_owned()),
    }
}
