//! What people do about an environment itself: `lock`, `unlock`, `stop`, `history`.

use serde_json::json;

use super::Context;
use super::execute::{After, execute, show};
use super::host::{connect, lost, observe, refuse, release};
use crate::facts::{Probes, Wish, facts};
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
    let facts = facts(environment, &Wish::new(Probes::FrontDoor));
    let holder = context.holder(verb, None);
    let mut session = connect(context)?;
    let host = session.host().to_string();
    let lock = (!context.dry_run).then_some(&holder);
    let (mut shell, state) = observe(&mut session, context, &facts, lock)?;
    if context.dry_run {
        release(&mut shell);
        context.emit(Event::Planned {
            number: 1,
            title: format!("{verb} {}", environment.name),
            touches: "nothing".to_string(),
        });
        return Ok(false);
    }
    let path = Layout::new(&environment.root).home("freeze");
    #[allow(clippy::cast_possible_truncation)]
    let call = match content(state.now as i64) {
        Some(content) => Call::new("put").arg(path).arg("644").arg(content),
        None => Call::new("rm").arg("-f").arg(path),
    };
    let line = call
        .line()
        .map_err(|error| Failure::usage("config.nul", error.to_string()))?;
    shell
        .run(&format!("{line} && release"))
        .map_err(|error| lost(error, &host))?;
    match shell.until_idle() {
        Ok(0) => Ok(true),
        Ok(status) => Err(Failure::new(
            "lock.write",
            format!("could not write below {} (exit {status})", environment.root),
        )),
        Err(error) => Err(lost(error, &host)),
    }
}

/// Stops what runs in next.
///
/// # Errors
/// A refusal where nginx serves next, or the step that failed.
pub fn stop(context: &mut Context) -> Result<(), Failure> {
    let environment = context.environment;
    let facts = facts(environment, &Wish::new(Probes::FrontDoor));
    let holder = context.holder("stop", None);
    let mut session = connect(context)?;
    let host = session.host().to_string();
    let lock = (!context.dry_run).then_some(&holder);
    let (mut shell, state) = observe(&mut session, context, &facts, lock)?;
    let (plan, next) = plan::stop(&state, environment)
        .map_err(|refusal| refuse(&mut shell, refusal, &state, environment))?;
    context.emit(Event::Intent {
        verb: "stop".to_string(),
        environment: environment.name.clone(),
        by: context.by.to_string(),
        commit: state.slot(next).release.as_ref().map(|release| release.summary()),
        ahead_of_live: None,
        host: host.clone(),
        slot: Some(next),
    });
    if context.dry_run {
        show(context, &plan);
        return Ok(());
    }
    execute(&mut shell, context, &host, &state, &plan, vec![None], After::Done)?;
    let mut world = plan::world(&state, environment, None);
    if let Some(slot) = world.next.as_mut().filter(|slot| slot.color == next) {
        slot.word = "stopped".to_string();
    }
    context.emit(Event::World(world));
    Ok(())
}

/// The proven cutovers and rollbacks, oldest first, and the host's clock in seconds since 1970.
///
/// # Errors
/// Where the host cannot be reached.
pub fn history(context: &mut Context) -> Result<(Vec<HistoryEntry>, f64), Failure> {
    let facts = facts(context.environment, &Wish::new(Probes::FrontDoor));
    let mut session = connect(context)?;
    let (mut shell, state) = observe(&mut session, context, &facts, None)?;
    let _ = shell.close();
    Ok((state.history, state.now))
}
