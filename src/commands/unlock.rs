//! `unlock`: the end of a pause, and of a command that hangs.

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::lock::write_freeze;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::TakeLease;
use crate::model::ExitCode;
use crate::plan::{Event, Failure};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<UnlockArgs>();

/// Lift the pause that `lock` asked for
#[derive(Args, Debug)]
#[command(after_help = "Example: deployer prod unlock")]
pub(super) struct UnlockArgs {
    /// Also end a command that holds the lock and hangs.
    #[arg(long)]
    force: bool,
}

impl Verb for UnlockArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        unlock(&mut context, self.force)?;
        Ok(ExitCode::Done as u8)
    }
}

/// Lifts a pause; with `breaks` also ends whoever holds the lock.
///
/// # Errors
/// Where the host cannot be reached, or somebody is at work.
fn unlock(context: &mut Context, breaks: bool) -> Result<(), Failure> {
    let lease = TakeLease { breaks, ..context.lease("unlock") };
    let done = write_freeze(context, &lease, &|_| None)?;
    if done {
        let message = format!("{} is unlocked", context.environment.name);
        context.emit(Event::Note { message });
    }
    Ok(())
}
