//! `cutover` and `rollback`: another slot becomes live, proven through the front door.

use std::time::Duration;

use super::Context;
use super::execute::{After, execute, show};
use super::host::{Visit, visit};
use super::local::announced;
use crate::facts::{Probes, Wish};
use crate::model::{HostState, Secrets};
use crate::plan::{self, Action, CutoverPlan, Event, Failure, Site, World, WorldSlot};

#[derive(Clone, Debug, Default)]
pub struct CutoverOptions {
    /// How long to go on proving the release, ready to go back.
    pub watch: Duration,
    /// Stop the old release once its requests are served.
    pub stop_old: bool,
}

/// Makes next live.
///
/// # Errors
/// A refusal, or the step that failed.
pub fn cutover(context: &mut Context, options: &CutoverOptions) -> Result<(), Failure> {
    let wish = Wish { watch: options.watch, ..Wish::new(Probes::All) };
    let holder = context.holder("cutover", None);
    announced(context, "cutover", |context| {
        visit(context, &wish, Some(&holder), |context, visit| {
            let environment = context.environment;
            let cutover = visit.decide(environment, |state| {
                plan::cutover(state, environment, context.by, options.stop_old)
            })?;
            carry_out(visit, context, "cutover", &cutover)
        })
    })
}

/// Makes live again what was live before, or a commit of the history.
///
/// # Errors
/// A refusal, or the step that failed.
pub fn rollback(context: &mut Context, commit: Option<&str>, force: bool) -> Result<(), Failure> {
    let (environment, by) = (context.environment, context.by);
    let planned = |visit: &mut Visit, secrets: &Secrets| {
        visit.decide(environment, |state| plan::rollback(state, environment, secrets, by, commit))
    };
    let holder = context.holder("rollback", None);
    let wish = Wish::new(Probes::All);
    announced(context, "rollback", |context| {
        visit(context, &wish, Some(&holder), |context, visit| {
            let mut rollback = planned(visit, &Secrets::new())?;
            if !force {
                let command: Vec<&str> =
                    ["deployer", &environment.name, "rollback"].into_iter().chain(commit).collect();
                visit.decide(environment, |state| {
                    plan::check_rollback(state, &rollback, &command.join(" "))
                })?;
            }
            // Only a release that is built again needs values: whoever lacks them can still go back to one that stands.
            if rollback.plan.steps.iter().any(|step| matches!(step.action, Action::Configure { .. })) {
                let shell = &mut visit.shell;
                let found = context.secrets(&mut || drop(shell.beat()));
                let secrets = visit.decide(environment, |_| found)?;
                rollback = planned(visit, &secrets)?;
            }
            carry_out(visit, context, "rollback", &rollback)
        })
    })
}

/// Says what becomes live, and makes it so.
pub(super) fn carry_out(
    visit: &mut Visit,
    context: &mut Context,
    verb: &str,
    cutover: &CutoverPlan,
) -> Result<(), Failure> {
    context.emit(Event::Intent {
        verb: verb.to_string(),
        environment: context.environment.name.clone(),
        by: context.by.to_string(),
        commit: Some(cutover.release.summary()),
        ahead_of_live: None,
        host: visit.host.clone(),
        slot: Some(cutover.to),
    });
    if goes_back(&visit.state, cutover, verb) {
        let message =
            format!("{} is what live replaced: this goes back to it", cutover.release.summary().short());
        context.emit(Event::Warning { message });
    } else if let Some(message) = plan::taken_back(&visit.state, cutover).filter(|_| verb == "cutover") {
        context.emit(Event::Warning { message });
    }
    let told = [
        plan::beyond(&visit.state, cutover),
        plan::left_behind(&visit.state, context.environment, Some(cutover.to)),
    ];
    for message in told.into_iter().flatten() {
        context.emit(Event::Warning { message });
    }
    if context.dry_run {
        show(context, &cutover.plan);
        return Ok(());
    }
    let uploads = cutover.plan.steps.iter().map(|_| None).collect();
    let older = plan::older_again(&visit.state, cutover);
    execute(visit, context, &cutover.plan, uploads, After::Done).map_err(|failure| {
        match older.filter(|_| failure.site == Site::Restored) {
            Some(older) => failure.advise(older),
            None => failure,
        }
    })?;
    let world = after(&visit.state, cutover, verb, &context.environment.name);
    context.emit(Event::World(world));
    Ok(())
}

/// Whether a cutover undoes the one before it: somebody may have typed it twice.
fn goes_back(state: &HostState, cutover: &CutoverPlan, verb: &str) -> bool {
    let last = state.history.last().filter(|last| verb == "cutover" && last.verb == "cutover");
    last.is_some_and(|last| {
        last.color == cutover.from
            && last.previous.as_deref() == Some(&*cutover.release.commit)
            // Both by the host's clock; one deployed since, even of the same commit, is new.
            && Duration::from_secs(cutover.release.at.max(0).unsigned_abs()).as_secs_f64() < last.at
    })
}

/// The world after a switch that was proven.
fn after(state: &HostState, cutover: &CutoverPlan, verb: &str, environment: &str) -> World {
    let from = cutover.from;
    let slot = state.slot(from);
    let old = slot.commit();
    let stopped = cutover.plan.stops(from);
    let word = match (&old, slot.process.is_some() && !stopped) {
        (_, true) => "still running",
        (Some(_), false) => "stopped",
        (None, false) => "empty",
    };
    // After a rollback the way forward is a cutover to what still waits in next.
    let back = match verb {
        "rollback" => format!("deployer {environment} cutover   (forward again)"),
        _ if plan::older_again(state, cutover).is_some() => {
            format!(
                "deployer {environment} rollback --force   (back, to before a migration that it may not survive)"
            )
        }
        _ => format!("deployer {environment} rollback   (the way back)"),
    };
    World {
        live: Some(WorldSlot {
            color: cutover.to,
            commit: Some(cutover.release.summary()),
            word: "served".to_string(),
        }),
        next: Some(WorldSlot { color: from, commit: old, word: word.to_string() }),
        run: (word != "empty").then_some(back),
    }
}
