//! `doctor`: what stands in the way on a host; with `--fix`, what the user there may mend is mended.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::config::{Environment, Installer};
use crate::doctor::{By, Diagnosis, DoctorInput, Level, Mend, Reading, configuration, diagnose};
use crate::host::{Host, ShellError, exec_command, lost, no_scripts, nonce};
use crate::model::{ExitCode, HostState};
use crate::nginx::certificate;
use crate::plan::{Event, Failure};
use crate::settings::{Probes, Wish};
use crate::shell::display;
use crate::ssh::Session;
use crate::ui::Ui;

const SCRIPT: &str = include_str!("../../templates/doctor.sh");
/// Bound on the reading, most of which is the virtualenv that is tried.
const READ: Duration = Duration::from_secs(120);
/// Bound on one thing that is mended: packages take their time.
const MEND: Duration = Duration::from_secs(600);

pub(super) const VERB: AnyVerb = AnyVerb::of::<DoctorArgs>();

/// Say what on the host stands in the way, and what mends it
#[derive(Args, Debug)]
#[command(after_help = "\
It changes nothing without --fix. Below each thing that stands in the way is the command that mends it: some are for \
root, on the host. Exit code 0: nothing stands in the way; 1: something does.

Examples:
  deployer prod doctor
  deployer prod doctor --fix --dry-run")]
pub(super) struct DoctorArgs {
    /// Mend what your user there has the right to, then read again; with sudo where it asks for no password.
    #[arg(long)]
    fix: bool,
    /// With --fix: let others, nginx among them, go through your home there (chmod o+x).
    #[arg(long, requires = "fix")]
    open_home: bool,
}

impl Verb for DoctorArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const ONE_OBJECT: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let diagnosis = doctor(&mut job.context(ui), &self)?;
        // That something stands in the way is an answer, and told as data, but no success.
        let code = if diagnosis.bad() > 0 { ExitCode::Failed } else { ExitCode::Done };
        ui.show(diagnosis);
        Ok(code as u8)
    }
}

/// Reads the host, mends what may be mended, and reads again.
///
/// # Errors
/// Where the host cannot be reached or runs no script. What stands in the way is no error, but the answer.
fn doctor(context: &mut Context, options: &DoctorArgs) -> Result<Diagnosis, Failure> {
    let mut session = context.connect()?;
    let (reading, diagnosis) = look(&mut session, context)?;
    if !options.fix {
        return Ok(diagnosis);
    }
    let mends = allowed(&reading, &diagnosis, options);
    if mends.is_empty() {
        let message = format!("there is nothing that {} may mend", reading.user);
        context.emit(Event::Note { message });
        return Ok(diagnosis);
    }
    if context.dry_run {
        for (index, mend) in mends.iter().enumerate() {
            context.emit(Event::Planned {
                number: index + 1,
                title: mend.command.clone(),
                touches: "the host".to_string(),
            });
        }
        return Ok(diagnosis);
    }
    for (index, mend) in mends.iter().enumerate() {
        carry_out(&mut session, context, mend, &reading.user, (index + 1, mends.len()))?;
    }
    look(&mut session, context).map(|(_, diagnosis)| diagnosis)
}

/// Both readings, and what they come to.
pub(super) fn look(session: &mut Session, context: &mut Context) -> Result<(Reading, Diagnosis), Failure> {
    let environment = context.environment;
    let reading = read(session, environment)?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let state = if reading.python.is_some() { state(session, context) } else { None };
    let connection = format!("{}, {}", session.user(), session.proof());
    let seen = DoctorInput {
        reading: &reading,
        state: state.as_ref(),
        connection: &connection,
        host: session.host(),
        now: i64::try_from(now.as_secs()).unwrap_or_default(),
    };
    let diagnosis = diagnose(seen, environment);
    Ok((reading, diagnosis))
}

/// What needs nothing but sh: the script goes in on standard input, so that no tool has to unpack it.
pub(super) fn read(session: &mut Session, environment: &Environment) -> Result<Reading, Failure> {
    let nonce = nonce();
    let (conf, program) = configuration(environment);
    let try_venv = match environment.python.installer {
        Installer::Uv => "no",
        Installer::Pip => "venv",
        Installer::Auto => "auto",
    };
    let (test, reload) = (&environment.nginx.test, &environment.nginx.reload);
    let (certificate, count) = (certificate(environment), test.len().to_string());
    let mut words = vec!["sh", "-s", "--", &nonce, &environment.root, &environment.python.interpreter];
    words.extend([try_venv, &conf, &program, &certificate, &count]);
    words.extend(test.iter().chain(reload).map(String::as_str));
    let host = session.host().to_string();
    let line = exec_command(&words).map_err(|error| lost(error, &host))?;
    let output = session
        .ask(&line, SCRIPT.as_bytes(), Some(Instant::now() + READ))
        .map_err(|error| lost(ShellError::Remote(error), &host))?;
    let reading = Reading::parse(&String::from_utf8_lossy(&output.stdout), &nonce);
    if !reading.whole {
        let said = String::from_utf8_lossy(&output.stderr).lines().map(str::to_string).collect();
        return Err(no_scripts(&host, said)
            .why("it needs a POSIX sh for the user's commands")
            .advise(format!("try: ssh {host} 'command -v sh'")));
    }
    Ok(reading)
}

/// What every other command reads; none where it cannot be had.
fn state(session: &mut Session, context: &mut Context) -> Option<HostState> {
    context.open(session, &Wish::new(Probes::All), None).ok().map(Host::leave)
}

/// Those of the mends that the user has the right to, in their order and each once.
fn allowed(reading: &Reading, diagnosis: &Diagnosis, options: &DoctorArgs) -> Vec<Mend> {
    let is_root = reading.user == "root";
    let mut mends: Vec<Mend> = Vec::new();
    for check in diagnosis.checks.iter().filter(|check| check.level != Level::Good) {
        for mend in &check.mends {
            let opens_home = options.open_home
                && mend.by == By::User
                && mend.command == display(&["chmod", "o+x", &reading.home].map(str::to_string));
            let may = match mend.by {
                By::User => true,
                By::Root => is_root || reading.may_sudo(None),
                By::Here => false,
            };
            if (mend.fix && may || opens_home) && !mends.contains(mend) {
                mends.push(mend.clone());
            }
        }
    }
    mends
}

fn carry_out(
    session: &mut Session,
    context: &mut Context,
    mend: &Mend,
    user: &str,
    (number, total): (usize, usize),
) -> Result<(), Failure> {
    let began = Instant::now();
    let title = mend.command.clone();
    context.emit(Event::StepStarted { number, total, title: title.clone() });
    let sudo: &[&str] = match mend.by {
        By::Root if user != "root" => &["sudo", "-n"],
        _ => &[],
    };
    let mended = ["env", "DEBIAN_FRONTEND=noninteractive", "sh", "-c", &mend.command];
    let host = session.host().to_string();
    let line = exec_command(&[sudo, &mended].concat()).map_err(|error| lost(error, &host))?;
    let output = session
        .run(&line, b"", Some(Instant::now() + MEND))
        .map_err(|error| lost(ShellError::Remote(error), &host))?;
    for line in
        String::from_utf8_lossy(&output.stdout).lines().chain(String::from_utf8_lossy(&output.stderr).lines())
    {
        context.emit(Event::Output { line: line.to_string() });
    }
    let took = began.elapsed();
    context.emit(if output.exit.success() {
        Event::StepFinished { number, total, title, took, note: None }
    } else {
        // What came of it, the second reading tells.
        Event::StepFailed { number, total, title, took }
    });
    Ok(())
}
