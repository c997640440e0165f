//! `stop`: what runs in next ends.

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb, Wait};
use crate::host::After;
use crate::model::ExitCode;
use crate::plan::{self, Event, Failure};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<StopArgs>();

/// Stop what runs in next, never live; a rollback starts it again
#[derive(Args, Debug)]
#[command(after_help = "Example: deployer prod stop")]
pub(super) struct StopArgs {
    #[command(flatten)]
    wait: Wait,
}

impl Verb for StopArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        context.patience = self.wait.time();
        context.on_all(&stop)?;
        Ok(ExitCode::Done as u8)
    }
}

/// Stops what runs in next.
///
/// # Errors
/// A refusal where nginx serves next, or the step that failed.
fn stop(context: &mut Context) -> Result<(), Failure> {
    let environment = context.environment;
    let lease = context.lease("stop");
    let mut session = context.connect()?;
    let mut host = context.open(&mut session, &Wish::new(Probes::FrontDoor), Some(lease))?;
    let (plan, next) = host.decide(environment, |state| plan::stop(state, environment))?;
    let release = host.state.slot(next).release.as_ref();
    context.emit(Event::Intent {
        verb: "stop",
        doing: match release {
            Some(_) => "stopping next of {environment}, {commit}",
            None => "stopping next of {environment}",
        },
        switches: false,
        environment: environment.name.clone(),
        by: context.by.to_string(),
        commit: release.map(|release| release.summary()),
        ahead_of_live: None,
        host: host.name.clone(),
        slot: Some(next),
    });
    if context.dry_run {
        context.show(&plan);
        return Ok(());
    }
    host.execute(&mut context.work(), &plan, Vec::new(), After::Done)?;
    let mut world = plan::world(&host.state, environment, None);
    if let Some(slot) = world.next.as_mut().filter(|slot| slot.color == next) {
        slot.word = "stopped".to_string();
    }
    context.emit(Event::World(world));
    Ok(())
}
