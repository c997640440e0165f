//! The last line of every command: where everything stands.

use super::slots::slots;
use super::{World, WorldSlot};
use crate::config::Environment;
use crate::model::{Color, HostState};

/// Reads the world from a host's state; `run` is the command to type next.
pub fn world(state: &HostState, environment: &Environment, run: Option<String>) -> World {
    let Ok(slots) = slots(state, environment) else {
        return World { run, ..World::default() };
    };
    World { live: Some(world_slot(state, slots.live)), next: Some(world_slot(state, slots.next)), run }
}

fn world_slot(state: &HostState, color: Color) -> WorldSlot {
    let slot = state.slot(color);
    let word = match (&slot.release, &slot.process, &slot.health) {
        (Some(_), Some(_), Some(answer)) if !answer.ok => "unhealthy",
        (Some(_), Some(_), Some(_)) => "healthy",
        (Some(_), Some(_), None) => "running",
        (Some(_), None, _) => "not running",
        (None, Some(_), _) => "running",
        (None, None, _) if slot.head.is_some() => "FAILED",
        (None, _, _) => "empty",
    };
    WorldSlot { color, commit: slot.commit(), word: word.to_string() }
}
