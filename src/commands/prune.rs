//! `prune`: removes from the host what neither slot, nor a rollback, nor the last releases need.

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb, Wait};
use crate::host::{After, Host, Message, Request, lost, no_scripts};
use crate::model::{ExitCode, size};
use crate::plan::{self, Event, Failure, Found};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<PruneArgs>();

/// Remove from the host what no slot, rollback or release needs
#[derive(Args, Debug)]
#[command(after_help = "\
These are virtualenvs, the leftovers of steps that were cut off, and git objects of old releases. What live, next and a \
rollback need stays, whatever N is. Of its own accord each deploy removes up to two virtualenvs that the last 5 releases \
do not use.

Example: deployer prod prune --dry-run")]
pub(super) struct PruneArgs {
    /// How many releases of the history stay at hand.
    #[arg(long, value_name = "N", default_value_t = plan::KEEP)]
    keep: usize,
    #[command(flatten)]
    wait: Wait,
}

impl Verb for PruneArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        context.patience = self.wait.time();
        context.on_all(&|context| prune(context, self.keep))?;
        Ok(ExitCode::Done as u8)
    }
}

/// Prunes, and says what was freed.
///
/// # Errors
/// A refusal, or the step that failed.
fn prune(context: &mut Context, keep: usize) -> Result<(), Failure> {
    let lease = context.lease("prune");
    let mut session = context.connect()?;
    let mut host = context.open(&mut session, &Wish::new(Probes::FrontDoor), Some(lease))?;
    let environment = context.environment;
    context.emit(Event::Intent {
        verb: "prune",
        doing: "pruning {environment}",
        switches: false,
        environment: environment.name.clone(),
        by: context.by.to_string(),
        commit: None,
        ahead_of_live: None,
        host: host.name.clone(),
        slot: None,
    });
    let found = measure(&mut host)?;
    let alone = !context.dry_run || host.state.lock.is_none();
    let prune = host.decide(environment, |state| plan::prune(state, environment, &found, keep, alone))?;
    if context.dry_run {
        context.show(&prune.plan);
        let message = format!("about {} would be freed, and what git packs", size(prune.kilobytes * 1024));
        context.emit(Event::Note { message });
        return Ok(());
    }
    if prune.plan.actions.is_empty() {
        host.release();
    } else {
        host.execute(&mut context.work(), &prune.plan, Vec::new(), After::More)?;
    }
    let before = host.state.root.free;
    // What cannot be read again is told as it was.
    let _ = host.observe_again(&mut context.work());
    host.release();
    if let (Some(before), Some(now)) = (before, host.state.root.free) {
        // Others write to the same disk.
        let freed = now.saturating_sub(before);
        let message = format!("{} freed; {} free on {}", size(freed), size(now), host.name);
        context.emit(Event::Note { message });
    }
    context.emit(Event::World(plan::world(&host.state, environment, None)));
    Ok(())
}

/// Asks the host what there is.
pub(super) fn measure(host: &mut Host) -> Result<Vec<Found>, Failure> {
    let failed = |error| lost(error, &host.name);
    host.agent.ask(&Request::Measure).map_err(failed)?;
    let found = host.agent.until(&mut |message| match message {
        Message::Found(found) => Some(found),
        _ => None,
    });
    found.map_err(failed)?.ok_or_else(|| no_scripts(&host.name, Vec::new()))
}
