//! A plan on its way to the host, and the files that travel with it.

use std::fs::File;

use crate::host::{Request, Step};
use crate::model::size;
use crate::plan::Plan;

/// A file on its way to the host, for the action of the same index.
pub(super) struct Upload {
    pub file: File,
    pub bytes: u64,
    pub objects: u64,
}

impl Upload {
    /// For a person: `5 objects, 1.1 kB`.
    pub(super) fn describe(&self) -> String {
        format!("{} objects, {}", self.objects, size(self.bytes))
    }
}

/// What comes after a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
    /// The command is complete.
    Done,
    /// Another plan, with the same agent and under the same lease.
    More,
}

/// What asks the host to carry a plan out; `uploads` has a place for each action, or none at all.
pub(super) fn request<'a>(plan: &'a Plan, uploads: &[Option<Upload>], after: After) -> Request<'a> {
    let upload = |index: usize| Some(uploads.get(index)?.as_ref()?.bytes);
    let step = |(index, action): (usize, &'a _)| Step::new(action, upload(index));
    Request::CarryOut {
        steps: plan.actions.iter().enumerate().map(step).collect(),
        finish: after == After::Done,
    }
}
