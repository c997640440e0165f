//! A command that was cut off, as the host's journal has it: what is told of it, and what goes on from there.

use super::action::{RELEASE, STOP_OLD, SWITCH, Touches};
use crate::model::HostState;

/// What was cut off.
pub struct Interrupted {
    /// Who, in which step, when, and what that touches.
    pub what: String,
    /// The verb that goes on from there; `None`: it finishes by itself.
    pub again: Option<String>,
}

/// The command that was cut off, if one was.
pub fn interrupted(state: &HostState) -> Option<Interrupted> {
    let (past, step) = (state.interrupted.as_ref()?, state.interrupted_step.as_ref()?);
    let ago = state.interrupted_at.map_or_else(String::new, |at| format!(" {} ago", state.ago(at)));
    let touches =
        Touches::ALL.into_iter().find(|of| Some(of.as_str()) == state.interrupted_touches.as_deref());
    let touched = match (&**step, touches) {
        (RELEASE, _) => ", the release command: it may have changed what live uses too, such as a database",
        // It finishes by itself where its client is gone alone; a power loss leaves its note.
        (_, Some(Touches::Live)) if state.switch.is_some() => ", which did not finish",
        (_, Some(Touches::Live)) => ", and nothing is half done",
        (_, Some(Touches::Next)) => ", which touches next only",
        (_, Some(Touches::Nothing)) => ", which touches neither slot",
        (_, None) => "",
    };
    let again = match (&*past.verb, &**step) {
        // A second cutover would undo the first.
        (_, SWITCH) => None,
        ("cutover", STOP_OLD) => Some("stop".to_string()),
        // A file on the host says it, and it becomes a line to paste: one word, and no option.
        (verb, _) => is_word(verb).then(|| verb.to_string()),
    };
    Some(Interrupted {
        what: format!("a {} by {} was cut off{ago} at its step {step:?}{touched}", past.verb, past.by),
        again,
    })
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_lowercase())
}
