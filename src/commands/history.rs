//! `history`: the proven cutovers and rollbacks, or all commands that changed something.

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::{Message, Request, ask};
use crate::model::ExitCode;
use crate::plan::Failure;
use crate::plan::status::{CommandsReport, HistoryReport};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<HistoryArgs>();

/// List the cutovers and rollbacks that were proven, newest first
#[derive(Args, Debug)]
#[command(after_help = "Example: deployer prod history --all")]
pub(super) struct HistoryArgs {
    /// List every command that held the lock or ran something there: who, when, how long, and how it ended.
    #[arg(long)]
    all: bool,
}

impl Verb for HistoryArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const ONE_OBJECT: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        if self.all {
            let report = commands(&mut job.context(ui))?;
            ui.show(report);
            return Ok(ExitCode::Done as u8);
        }
        let mut context = job.context(ui);
        let mut session = context.connect()?;
        let mut host = context.open(&mut session, &Wish::new(Probes::FrontDoor), None)?;
        let _ = host.agent.close();
        let (history, now) = (std::mem::take(&mut host.state.history), host.state.now);
        let environment = job.environment.name.clone();
        ui.show(HistoryReport { environment, history, now });
        Ok(ExitCode::Done as u8)
    }
}

/// What the host has recorded.
fn commands(context: &mut Context) -> Result<CommandsReport, Failure> {
    let mut session = context.connect()?;
    let found = ask(&mut session, context.environment, &Request::Commands, &mut |message| match message {
        Message::Commands(found) => Some(found),
        _ => None,
    })?;
    let environment = context.environment.name.clone();
    Ok(CommandsReport { environment, commands: found.commands, now: found.now })
}
