//! What a host's agent is asked for: one line of JSON each.

use serde::Serialize;

use super::message::RecordName;
use super::upload::Upload;
use crate::plan::{Action, Plan, Touches};

/// A request. [`super::Message`] has the answers.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Request<'a> {
    /// The host's state.
    Observe,
    /// Carry out these actions, one after the other.
    CarryOut {
        steps: Vec<SentAction<'a>>,
        /// The command is complete then, and the agent ends.
        finish: bool,
    },
    /// End the action that runs, unless it is critical.
    Stop,
    /// Whether the fleet goes on with what it switched to, or back.
    Decide(bool),
    /// The client lives.
    Beat,
    /// Nothing more is done: give the lease back.
    Release,
    /// Nobody deploys or cuts over until that is lifted: who asks for it, and why; `None` lifts it.
    Pause(Option<String>),
    /// What a prune may concern.
    Measure,
    /// Digests of the variables in both slots.
    Variables { key: &'a str, values: bool, hide: Vec<&'a String> },
    /// Which slot a word means; what is about to run there is recorded.
    Where { slot: &'a str, record: Option<Began<'a>> },
    /// What ran beside all others has ended.
    Ran { record: &'a RecordName, code: u8 },
    /// The commands that were recorded.
    Commands,
    /// The end of a log, and what is added to it.
    Logs {
        slot: &'a str,
        /// `slot`, `history` or `file`.
        kind: &'a str,
        name: &'a str,
        lines: u32,
        follow: bool,
    },
    /// nginx's site: what is there of it, or that it be written.
    Site { by_sudo: bool, look: Option<SiteFiles<'a>>, put: Option<SitePut<'a>>, record: Option<Began<'a>> },
}

/// A command that needs no lease, as the host records it.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Began<'a> {
    pub verb: &'a str,
    /// `user@machine`.
    pub by: &'a str,
    /// The program that it runs.
    pub command: Option<&'a str>,
}

/// What comes after a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum After {
    /// The command is complete.
    Done,
    /// Another plan, with the same agent and under the same lease.
    More,
}

impl Request<'_> {
    /// Asks for a plan to be carried out; `uploads` has a place for each action, or none at all.
    pub(super) fn carry_out<'a>(plan: &'a Plan, uploads: &[Option<Upload>], after: After) -> Request<'a> {
        let upload = |index: usize| Some(uploads.get(index)?.as_ref()?.bytes);
        let step = |(index, action): (usize, &'a _)| SentAction::new(action, upload(index));
        Request::CarryOut {
            steps: plan.actions.iter().enumerate().map(step).collect(),
            finish: after == After::Done,
        }
    }
}

/// An action on its way.
#[derive(Clone, Debug, Serialize)]
pub struct SentAction<'a> {
    pub action: &'a Action,
    pub touches: Touches,
    pub critical: bool,
    /// How many bytes of an upload come for it, once all actions are told.
    pub upload: Option<u64>,
}

impl SentAction<'_> {
    fn new(action: &Action, upload: Option<u64>) -> SentAction<'_> {
        SentAction { action, touches: action.touches(), critical: action.is_critical(), upload }
    }
}

#[derive(Clone, Debug, Serialize)]
pub struct SiteFiles<'a> {
    pub file: &'a str,
    pub link: Option<&'a str>,
    /// The certificate's folder.
    pub certificate: &'a str,
}

#[derive(Clone, Debug, Serialize)]
pub struct SitePut<'a> {
    pub file: &'a str,
    pub link: Option<&'a str>,
    pub content: &'a str,
    /// The words of nginx's test, and of its reload.
    pub test: &'a [String],
    pub reload: &'a [String],
}
