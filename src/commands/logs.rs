//! `logs`: the end of a log on the host, and what is added to it. Reads only, and takes no lock.

use std::io::{ErrorKind, Write};
use std::time::{Duration, Instant};

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::{Message, Request, ShellError, Unread, lost, no_scripts, start};
use crate::model::{ExitCode, login};
use crate::plan::{Event, Failure};
use crate::settings::{Probes, Wish};
use crate::ui::{PassedOn, Ui};

/// How often a wait is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How long a host may take to say anything of a log that is not followed.
const SILENCE: Duration = Duration::from_secs(60);
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
    let request = Request::Logs {
        slot: &options.slot,
        kind,
        name: &name,
        lines: options.lines,
        follow: options.follow,
    };
    let mut session = context.connect()?;
    let (host, user) = (session.host().to_string(), session.user().to_string());
    let mut agent = start(&mut session, environment, &Wish::new(Probes::FrontDoor), None, &request)?;
    let (mut last, mut unread, mut done) = (Instant::now(), None, None);
    loop {
        // Nothing was done that would have to be finished.
        if context.interrupt.count() > 0 {
            return Ok(ExitCode::Interrupted as u8);
        }
        let message = agent.next(TICK).map_err(|error| lost(error, &host))?;
        if !matches!(message, Message::Nothing) {
            last = Instant::now();
        }
        match message {
            Message::Raw(bytes) => match out.write_all(&bytes).and_then(|()| out.flush()) {
                Ok(()) => {}
                Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(NO_READER),
                Err(error) => return Err(Failure::new("output", format!("cannot write: {error}"))),
            },
            Message::Moved(color) => {
                let message = format!("{} is {color} now: going on with its log", options.slot);
                context.emit(Event::Note { message });
            }
            Message::Unread(why) => unread = Some(why),
            Message::Done(is_done) => done = Some(is_done),
            Message::Nothing if last.elapsed() > SILENCE && !options.follow => {
                return Err(lost(ShellError::Silent(SILENCE), &host));
            }
            // The log travels on a stream of its own, which is read to its end.
            Message::Ended(_) if done == Some(true) => return Ok(0),
            Message::Ended(_) => return Err(failure(unread, context, options, &host, &user)),
            _ => {}
        }
    }
}

fn failure(unread: Option<Unread>, context: &Context, options: &LogsArgs, host: &str, user: &str) -> Failure {
    let name = &context.environment.name;
    let Some(said) = unread else {
        return no_scripts(host, Vec::new());
    };
    let path = &said.path;
    match &*said.error {
        "none" => Failure::new("slot.none", format!("nothing is {} on {host} yet", options.slot))
            .advise(format!("deployer {name} deploy")),
        "missing" => {
            let failure = Failure::new("logs.missing", format!("there is no {path} on {host}"));
            match &*options.log {
                "nginx" => failure.advise("say where it is: [nginx] error_log"),
                "deploy" => failure.why("there was no cutover yet"),
                _ => failure.advise(format!("see what runs: deployer {name} status")),
            }
        }
        "denied" => {
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

/// It becomes part of a file's name on the host.
fn log_name(word: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    if !word.is_empty() && word.chars().all(plain) {
        Ok(word.to_owned())
    } else {
        Err("a log is `app`, `deploy`, `nginx`, or the name of a process".to_owned())
    }
}
