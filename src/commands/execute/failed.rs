//! What is said of a plan that did not come to its end.

use super::{Context, Run};
use crate::commands::host::{lost, observe_again, release};
use crate::host::{HostSession, ShellError};
use crate::model::ExitCode;
use crate::plan::{self, Action, Failure, Site, Touches};

impl Run<'_> {
    /// The action that failed: the one that ran, or the next one where it fell between two.
    fn failed_action(&self) -> &Action {
        let index = self.current.map_or(self.ended, |number| number - 1);
        &self.plan.actions[index.min(self.plan.actions.len() - 1)]
    }

    pub(super) fn explain(
        mut self,
        shell: &mut HostSession,
        context: &mut Context,
        host: &str,
        user: &str,
    ) -> Failure {
        self.failed.interrupted = self.stopping.is_some() && !self.timed_out;
        self.failed.output = std::mem::take(&mut self.printed).into_lines();
        let action = self.failed_action().clone();
        let mut failure = plan::explain(&action, &self.failed, context.environment, host, user);
        if let Some((bound, key)) = action.bound(context.environment).filter(|_| self.timed_out) {
            failure = failure
                .why(format!("it took longer than {} s", bound.as_secs()))
                .advise(format!("give it more time: {key}"));
        }
        if let Some(state) = observe_again(shell, context) {
            if state.root.is_full() && failure.why.as_deref() != Some(plan::FULL) {
                // Where even a log cannot be written, nobody has said so.
                failure =
                    failure.why(plan::FULL).advise(plan::make_room(plan::FULL, host, context.environment));
            }
            failure.world = Some(plan::world(&state, context.environment, None));
        }
        if !self.failed.interrupted {
            // It failed and says so: the next run must not be told that it was cut off.
            release(shell);
        }
        failure
    }

    /// The connection was lost while the plan ran.
    pub(super) fn cut_off(mut self, error: ShellError, context: &Context, host: &str, user: &str) -> Failure {
        let action = self.failed_action().clone();
        let mut failure = lost(error, host);
        failure.what = format!("{}, while it was to {}", failure.what, action.title());
        if action.touches() == Touches::Live {
            self.failed.reason = None;
            let unknown = plan::explain(&action, &self.failed, context.environment, host, user);
            failure.site = Site::Unknown;
            failure.exit = ExitCode::LiveAffected;
            failure.advice.extend(unknown.advice);
        } else {
            failure.advice.push("run the same command again: it goes on from there".to_string());
        }
        failure
    }
}
