//! What people do about an environment itself: `lock`, `unlock`, `stop`, `history`.

use serde_json::json;

use super::Context;
use super::execute::{After, execute, show};
use super::host::{lost, release, visit};
use crate::facts::{Probes, Wish};
use crate::model::{HistoryEntry, Layout};
use crate::plan::{self, Event, Failure};
use crate::shell::Call;

/// Asks for a pause: nobody deploys or cuts over until it is lifted.
///
/// # Errors
/// Where the host cannot be reached, or somebody is at work.
pub fn lock(context: &mut Context, message: &str) -> Result<(), Failure> {
    let by = context.by.to_string();
    let done = write_freeze(context, "lock", |now| {
        let freeze = json!({"by": by, "message": message, "at": now});
        Some(format!("{freeze}\n"))
    })?;
    if done {
        let message = format!("{} is locked: {message:?}", context.environment.name);
        context.emit(Event::Note { message });
    }
    Ok(())
}

/// Lifts a pause; with `break_lock` also ends whoever holds the lock.
///
/// # Errors
/// Where the host cannot be reached, or somebody is at work.
pub fn unlock(context: &mut Context, break_lock: bool) -> Result<(), Failure> {
    context.break_lock = break_lock;
    let done = write_freeze(context, "unlock", |_| None)?;
    if done {
        let message = format!("{} is unlocked", context.environment.name);
        context.emit(Event::Note { message });
    }
    Ok(())
}

/// Writes or removes the file that asks for a pause; false where it was only asked what would be done.
fn write_freeze(
    context: &mut Context,
    verb: &str,
    content: impl FnOnce(i64) -> Option<String>,
) -> Result<bool, Failure> {
    let environment = context.environment;
    let holder = context.holder(verb, None);
    let wish = Wish::new(Probes::FrontDoor);
    visit(context, &wish, Some(&holder), |context, visit| {
        if context.dry_run {
            release(&mut visit.shell);
            context.emit(Event::Planned {
                number: 1,
                title: format!("{verb} {}", environment.name),
                touches: "nothing".to_string(),
            });
            return Ok(false);
        }
        let path = Layout::new(&environment.root).home("freeze");
        #[allow(clippy::cast_possible_truncation)]
        let call = match content(visit.state.now as i64) {
            Some(content) => Call::new("record").arg(path).arg(content),
            None => Call::new("rm").arg("-f").arg(path),
        };
        let line = call.line()?;
        let written = visit.shell.run(&format!("{line} && release"));
        match written.and_then(|()| visit.shell.until_idle()) {
            Ok(0) => Ok(true),
            Ok(status) => Err(Failure::new(
                "lock.write",
                format!("could not write below {} (exit {status})", environment.root),
            )),
            Err(error) => Err(lost(error, &visit.host)),
        }
    })
}

/// Stops what runs in next.
///
/// # Errors
/// A refusal where nginx serves next, or the step that failed.
pub fn stop(context: &mut Context) -> Result<(), Failure> {
    let environment = context.environment;
    let holder = context.holder("stop", None);
    let wish = Wish::new(Probes::FrontDoor);
    visit(context, &wish, Some(&holder), |context, visit| {
        let (plan, next) = visit.decide(environment, |state| plan::stop(state, environment))?;
        let release = visit.state.slot(next).release.as_ref();
        context.emit(Event::Intent {
            verb: "stop".to_string(),
            environment: environment.name.clone(),
            by: context.by.to_string(),
            commit: release.map(|release| release.summary()),
            ahead_of_live: None,
            host: visit.host.clone(),
            slot: Some(next),
        });
        if context.dry_run {
            show(context, &plan);
            return Ok(());
        }
        execute(visit, context, &plan, vec![None], After::Done)?;
        let mut world = plan::world(&visit.state, environment, None);
        if let Some(slot) = world.next.as_mut().filter(|slot| slot.color == next) {
            slot.word = "stopped".to_string();
        }
        context.emit(Event::World(world));
        Ok(())
    })
}

/// The proven cutovers and rollbacks, oldest first, and the host's clock in seconds since 1970.
///
/// # Errors
/// Where the host cannot be reached.
pub fn history(context: &mut Context) -> Result<(Vec<HistoryEntry>, f64), Failure> {
    visit(context, &Wish::new(Probes::FrontDoor), None, |_, visit| {
        let _ = visit.shell.close();
        Ok((std::mem::take(&mut visit.state.history), visit.state.now))
    })
}
