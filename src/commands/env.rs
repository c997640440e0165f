//! `env`: which variables live, next and the local side have. Reads only, and takes no lock.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::json;

use super::Context;
use super::host::{connect, end_of, lost};
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::{nonce, python_command};
use crate::model::ExitCode;
use crate::plan::variables::{HostVariables, VariablesReport, compare};
use crate::plan::{Event, Failure};
use crate::ui::Ui;

const SCRIPT: &str = include_str!("../../templates/variables.py");
/// Bound on the host's answer.
const PATIENCE: Duration = Duration::from_secs(60);

pub(super) const VERB: AnyVerb = AnyVerb::of::<EnvArgs>();

/// Compare the variables of live, next and the local side
#[derive(Args, Debug)]
#[command(after_help = "\
Digests are compared, made under a key of this one session: no value travels but, with --values, those of plain \
variables. `same` and `differs` are told from the local value, which the next deploy would bring.

Examples:
  deployer prod env
  deployer prod env --values")]
pub(super) struct EnvArgs {
    /// Show the values of plain variables instead of words; never a secret's.
    #[arg(long)]
    values: bool,
}

impl Verb for EnvArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const ONE_OBJECT: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let report = variables(&mut job.context(ui), self.values)?;
        ui.show(report);
        Ok(ExitCode::Done as u8)
    }
}

/// Compares the variables of both slots with the local ones; the values stay where they are, but for plain ones if
/// `values` are asked for.
///
/// # Errors
/// Where the host cannot be reached, or does not tell.
fn variables(context: &mut Context, values: bool) -> Result<VariablesReport, Failure> {
    let environment = context.environment;
    let findings = context.find_secrets(&mut || {})?;
    for message in findings.missing.into_iter().flat_map(|(_, lines)| lines) {
        context.emit(Event::Warning { message });
    }
    let key = nonce();
    let hide: Vec<&String> = environment.secrets.keys().collect();
    let asked = json!({"key": key, "values": values, "hide": hide}).to_string();

    let mut session = connect(context)?;
    let host = session.host().to_string();
    let command = python_command(&environment.python.interpreter, SCRIPT, &[&environment.root])
        .map_err(|error| lost(error, &host))?;
    let output = session
        .ask(&command, asked.as_bytes(), Some(Instant::now() + PATIENCE))
        .map_err(|error| lost(error.into(), &host))?;
    let said = || String::from_utf8_lossy(&output.stderr).lines().map(str::to_string).collect();
    let text = String::from_utf8_lossy(&output.stdout);
    // Start-up files of the user's shell may print above it.
    let told: Option<HostVariables> = text.lines().last().and_then(|line| serde_json::from_str(line).ok());
    let on_host = told.filter(|_| output.exit.success()).ok_or_else(|| {
        Failure::new("env.unread", format!("{host} does not tell the variables of its slots"))
            .output(end_of(said()))
    })?;
    Ok(VariablesReport {
        environment: environment.name.clone(),
        host,
        live: on_host.live,
        next: on_host.next,
        variables: compare(environment, &findings.secrets, &on_host, &key, values),
    })
}
