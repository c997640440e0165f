//! Which slot is live and which is next, where the host's links leave a doubt.

use super::Failure;
use crate::config::Environment;
use crate::model::{Color, HostState, Served};
use crate::shell;

/// The slots by their roles, and the links that must be mended before these hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Slots {
    pub live: Color,
    pub next: Color,
    /// Links to make or to mend.
    pub mend: Vec<(&'static str, Color)>,
}

/// Reads the roles from a host's state.
///
/// `live` decides. Where it leads nowhere, what nginx serves decides; on a host where nothing was ever laid out, blue is
/// next. `next` is always the other slot.
///
/// # Errors
/// Where `live` is broken and nginx does not tell which slot it serves.
pub fn slots(state: &HostState, environment: &Environment) -> Result<Slots, Failure> {
    let served = state.served_color();
    let live = match (state.live.color, served) {
        (Some(color), _) => color,
        (None, Some(color)) => color,
        (None, None) if is_unused(state) => Color::Green,
        (None, None) => return Err(broken(state, environment)),
    };
    let mut mend = Vec::new();
    if state.live.color != Some(live) {
        mend.push(("live", live));
    }
    if state.next.color != Some(live.other()) {
        mend.push(("next", live.other()));
    }
    Ok(Slots { live, next: live.other(), mend })
}

/// Whether no slot has ever held a release, nor a process, so that either may become live.
fn is_unused(state: &HostState) -> bool {
    Color::ALL.iter().all(|color| {
        let slot = state.slot(*color);
        slot.release.is_none() && slot.process.is_none() && slot.head.is_none()
    }) && !state.live.exists
}

fn broken(state: &HostState, environment: &Environment) -> Failure {
    let root = &environment.root;
    let what = match (&state.live.target, state.live.exists) {
        (Some(target), _) => format!("{root}/live leads to {target:?}, which is no slot"),
        (None, true) => format!("{root}/live is not a symlink"),
        (None, false) => format!("{root}/live is missing"),
    };
    let failure = Failure::new("links.live", format!("cannot tell which slot is live: {what}"));
    let failure = match &state.served {
        Some(Served::Unknown { unknown: why } | Served::Silent { error: why }) => {
            failure.why(format!("nginx cannot tell either: {why}"))
        }
        _ => failure,
    };
    failure.advise(format!(
        "on the host, with the slot that should be live: {}",
        shell::display(&[
            "ln".to_string(),
            "-sfn".to_string(),
            format!("{root}/blue"),
            format!("{root}/live")
        ])
    ))
}

/// Whether nginx follows the link to a socket that the live slot does not have: nobody is served, or what a switch left
/// behind leads to the other slot.
pub(super) fn astray(state: &HostState, live: Color) -> bool {
    let slot = state.slot(live);
    state.serves_by_socket() && state.served_color() == Some(live) && slot.process.is_some() && !slot.socket
}
