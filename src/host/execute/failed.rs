//! What is said of a plan that did not come to its end.

use super::Execution;
use crate::host::error::ShellError;
use crate::host::failure::lost;
use crate::host::observe::Host;
use crate::host::work::Work;
use crate::model::ExitCode;
use crate::plan::{self, Action, Failure, Site, Touches};

impl Execution<'_> {
    /// The action that failed: the one that ran, or the next one where it fell between two.
    fn failed_action(&self) -> &Action {
        let index = self.current.map_or(self.ended, |number| number - 1);
        &self.plan.actions[index.min(self.plan.actions.len() - 1)]
    }

    pub(super) fn explain(mut self, work: &mut Work, host: &mut Host) -> Failure {
        let environment = work.environment;
        self.failed.interrupted = self.stopping.is_some() && !self.timed_out;
        self.failed.output = std::mem::take(&mut self.printed).into_lines();
        let action = self.failed_action().clone();
        let mut failure = plan::explain(&action, &self.failed, environment, &host.name, &host.state.user);
        if let Some((bound, key)) = action.bound(environment).filter(|_| self.timed_out) {
            failure = failure
                .why(format!("it took longer than {} s", bound.as_secs()))
                .advise(format!("give it more time: {key}"));
        }
        if host.observe_again(work).is_ok() {
            let state = &host.state;
            if state.root.is_full() && failure.why.as_deref() != Some(plan::FULL) {
                // Where even a log cannot be written, nobody has said so.
                failure =
                    failure.why(plan::FULL).advise(plan::make_room(plan::FULL, &host.name, environment));
            }
            failure.world = Some(plan::world(state, environment, None));
        }
        if !self.failed.interrupted {
            // It failed and says so: the next run must not be told that it was cut off.
            host.release();
        }
        failure
    }

    /// The connection was lost while the plan ran.
    pub(super) fn cut_off(mut self, error: ShellError, work: &Work, host: &Host) -> Failure {
        let action = self.failed_action().clone();
        let mut failure = lost(error, &host.name);
        failure.what = format!("{}, while it was to {}", failure.what, action.title());
        if action.touches() == Touches::Live {
            self.failed.reason = None;
            let unknown =
                plan::explain(&action, &self.failed, work.environment, &host.name, &host.state.user);
            failure.site = Site::Unknown;
            failure.exit = ExitCode::LiveAffected;
            failure.advice.extend(unknown.advice);
        } else {
            failure.advice.push("run the same command again: it goes on from there".to_string());
        }
        failure
    }
}
