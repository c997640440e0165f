//! `env`: which variables live, next and the local side have. Reads only, and takes no lock.

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::{Message, Request, ask, nonce};
use crate::model::ExitCode;
use crate::plan::variables::{VariablesReport, compare};
use crate::plan::{Event, Failure};
use crate::ui::Ui;

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
    let mut session = context.connect()?;
    let host = session.host().to_string();
    let hide = environment.secrets.keys().collect();
    let request = Request::Variables { key: &key, values, hide };
    let on_host = ask(&mut session, environment, &request, &mut |message| match message {
        Message::Variables(variables) => Some(variables),
        _ => None,
    })?;
    Ok(VariablesReport {
        environment: environment.name.clone(),
        host,
        live: on_host.live,
        next: on_host.next,
        variables: compare(environment, &findings.secrets, &on_host, &key, values),
    })
}
