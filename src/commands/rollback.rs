//! `rollback`: what was live before becomes live again, proven through the front door.

use clap::Args;

use super::Context;
use super::cutover::{Direction, carry_out, stay, take_part};
use super::hooks::announced;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb, Wait};
use crate::host::Host;
use crate::model::{ExitCode, Secrets};
use crate::plan::{self, Action, Failure, SwitchPart};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<RollbackArgs>();

/// Make live again what was live before, or a commit of the history
#[derive(Args, Debug)]
#[command(after_help = "\
A release that still runs in next is switched to at once; one that was stopped is started first; one that a later \
deploy has overwritten is built again from its commit.

Example: deployer prod rollback")]
pub(super) struct RollbackArgs {
    /// A commit that was live once, in full or by its first digits; without it, the release before this one.
    commit: Option<String>,
    /// Go back although that release is older than migrations that were accepted.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    wait: Wait,
}

impl Verb for RollbackArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        context.patience = self.wait.time();
        rollback(&mut context, self.commit.as_deref(), self.force)?;
        Ok(ExitCode::Done as u8)
    }
}

/// Makes live again what was live before, or a commit of the history.
///
/// # Errors
/// A refusal, or the step that failed.
fn rollback(context: &mut Context, commit: Option<&str>, force: bool) -> Result<(), Failure> {
    announced(context, "rollback", |context| context.on_all(&|context| on_host(context, commit, force)))
}

fn on_host(context: &mut Context, commit: Option<&str>, force: bool) -> Result<(), Failure> {
    let (environment, by) = (context.environment, context.by);
    let planned =
        |host: &Host, secrets: &Secrets| plan::rollback(&host.state, environment, secrets, by, commit);
    let lease = context.lease("rollback");
    let mut session = context.connect()?;
    let mut host = context.open(&mut session, &Wish::new(Probes::All), Some(lease))?;
    let rollback = planned(&host, &Secrets::new());
    if take_part(&mut host, context, Direction::Back, rollback.as_ref().ok())? == SwitchPart::Stay {
        return stay(&mut host, context);
    }
    let mut rollback = host.decide(environment, |_| rollback)?;
    if !force {
        let command: Vec<&str> =
            ["deployer", &environment.name, "rollback"].into_iter().chain(commit).collect();
        host.decide(environment, |state| plan::check_rollback(state, &rollback, &command.join(" ")))?;
    }
    // Only a release that is built again needs values: whoever lacks them can still go back to one that stands.
    if rollback.plan.actions.iter().any(|action| matches!(action, Action::Configure { .. })) {
        let agent = &mut host.agent;
        let found = context.secrets(&mut || drop(agent.beat()));
        let secrets = host.decide(environment, |_| found)?;
        let again = planned(&host, &secrets);
        rollback = host.decide(environment, |_| again)?;
    }
    carry_out(&mut host, context, Direction::Back, &rollback)
}
