//! What is said of a plan that did not come to its end.

use super::{Context, Run};
use crate::commands::host::{lost, observe_again, release};
use crate::host::{HostShell, ShellError};
use crate::model::ExitCode;
use crate::plan::{self, Failure, Site, Step, Touches};

impl Run<'_> {
    /// The step that failed: the one that ran, or the next one where it fell between two.
    fn failed_step(&self) -> &Step {
        let index = self.current.map_or(self.ended, |number| number - 1);
        &self.plan.steps[index.min(self.plan.steps.len() - 1)]
    }

    pub(super) fn explain(
        mut self,
        shell: &mut HostShell,
        context: &mut Context,
        host: &str,
        user: &str,
    ) -> Failure {
        self.failed.interrupted = self.stopping.is_some() && !self.timed_out;
        self.failed.output = std::mem::take(&mut self.printed).into_lines();
        let step = self.failed_step().clone();
        let mut failure = plan::explain(&step, &self.failed, context.environment, host, user);
        if let Some((bound, key)) = step.bound(context.environment).filter(|_| self.timed_out) {
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
        let step = self.failed_step().clone();
        let mut failure = lost(error, host);
        failure.what = format!("{}, while it was to {}", failure.what, step.title());
        if step.touches() == Touches::Live {
            self.failed.status = None;
            let unknown = plan::explain(&step, &self.failed, context.environment, host, user);
            failure.site = Site::Unknown;
            failure.exit = ExitCode::LiveAffected;
            failure.advice.extend(unknown.advice);
        } else {
            failure.advice.push("run the same command again: it goes on from there".to_string());
        }
        failure
    }
}
