//! `lock`: a pause that a person asks for.

use clap::Args;
use serde_json::json;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::{Request, TakeLease, lost};
use crate::model::ExitCode;
use crate::plan::{Event, Failure};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<LockArgs>();

/// Ask everybody for a pause: no deploy, no cutover until `unlock`
#[derive(Args, Debug)]
#[command(after_help = "\
`rollback` and `stop` still work.

Example: deployer prod lock -m \"freeze until Monday\"")]
pub(super) struct LockArgs {
    /// Why, for those who meet the lock.
    #[arg(short, long, value_name = "TEXT")]
    message: String,
}

impl Verb for LockArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        lock(&mut context, &self.message)?;
        Ok(ExitCode::Done as u8)
    }
}

/// Asks for a pause: nobody deploys or cuts over until it is lifted.
///
/// # Errors
/// Where the host cannot be reached, or somebody is at work.
fn lock(context: &mut Context, message: &str) -> Result<(), Failure> {
    let by = context.by.to_string();
    let lease = context.lease("lock");
    let done = write_freeze(context, &lease, &|now| {
        let freeze = json!({"by": by, "message": message, "at": now});
        Some(format!("{freeze}\n"))
    })?;
    if done {
        let message = format!("{} is locked: {message:?}", context.environment.name);
        context.emit(Event::Note { message });
    }
    Ok(())
}

/// Writes or removes the file that asks for a pause, on every host; false where it was only asked what would be done.
pub(super) fn write_freeze(
    context: &mut Context,
    lease: &TakeLease,
    content: &(dyn Fn(i64) -> Option<String> + Sync),
) -> Result<bool, Failure> {
    context.on_all(&|context| write_on_host(context, lease.clone(), content))?;
    Ok(!context.dry_run)
}

fn write_on_host(
    context: &mut Context,
    lease: TakeLease,
    content: &dyn Fn(i64) -> Option<String>,
) -> Result<(), Failure> {
    let (environment, verb) = (context.environment, lease.holder.verb.clone());
    let mut session = context.connect()?;
    let mut host = context.open(&mut session, &Wish::new(Probes::FrontDoor), Some(lease))?;
    if context.dry_run {
        host.release();
        context.emit(Event::Planned {
            number: 1,
            title: format!("{verb} {}", environment.name),
            touches: "nothing".to_string(),
        });
        return Ok(());
    }
    let asked = host.agent.ask(&Request::Pause(content(host.state.seconds())));
    match asked.and_then(|()| host.agent.until_done()) {
        Ok(true) => Ok(()),
        Ok(false) => Err(Failure::new("lock.write", format!("could not write below {}", environment.root))),
        Err(error) => Err(lost(error, &host.name)),
    }
}
