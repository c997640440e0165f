//! `history`: the proven cutovers and rollbacks.

use clap::Args;

use super::host::visit;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::model::ExitCode;
use crate::plan::Failure;
use crate::plan::status::HistoryReport;
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<HistoryArgs>();

/// List the cutovers and rollbacks that were proven, newest first
#[derive(Args, Debug)]
#[command(after_help = "Example: deployer prod history")]
pub(super) struct HistoryArgs {}

impl Verb for HistoryArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const ONE_OBJECT: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        let (history, now) = visit(&mut context, &Wish::new(Probes::FrontDoor), None, |_, visit| {
            let _ = visit.shell.close();
            Ok((std::mem::take(&mut visit.state.history), visit.state.now))
        })?;
        let environment = job.environment.name.clone();
        ui.show(HistoryReport { environment, history, now });
        Ok(ExitCode::Done as u8)
    }
}
