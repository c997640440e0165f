//! *State → Plan or Refusal* for `stop`.

use super::Failure;
use super::action::{Action, Plan};
use super::preconditions::check_served;
use super::slots::slots;
use crate::config::Environment;
use crate::model::{Color, HostState};

/// The plan of `stop`: what runs in next ends, its release stays for a rollback.
///
/// # Errors
/// A refusal where nginx serves next.
pub fn stop(state: &HostState, environment: &Environment) -> Result<(Plan, Color), Failure> {
    let slots = slots(state, environment)?;
    let next = slots.next;
    check_served(state, &slots, environment)?;
    let pid = state.slot(next).process.as_ref().map(|process| process.pid);
    let stop = Action::Stop { color: next, pid, makes_way: false };
    Ok((Plan { actions: vec![stop] }, next))
}
