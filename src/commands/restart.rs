//! `restart`: live's commit once more, with today's variables and secrets.

use clap::Args;

use super::Context;
use super::cutover::FollowUp;
use super::deploy::{DeployArgs, deploy};
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb, Wait};
use crate::model::ExitCode;
use crate::plan::{self, Failure};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<RestartArgs>();

/// Bring live's commit once more, with today's variables and secrets
#[derive(Args, Debug)]
#[command(after_help = "\
It builds live's commit in next, proves it and cuts over, so that no request is lost; live itself is not touched before. \
It refuses where next holds a release that never was live.

Example: deployer prod restart --watch 30s")]
pub(super) struct RestartArgs {
    /// Restart although next holds commits that live lacks.
    #[arg(long)]
    force: bool,
    #[command(flatten)]
    follow_up: FollowUp,
    #[command(flatten)]
    wait: Wait,
}

impl Verb for RestartArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        self.follow_up.begin_report(invocation, ui)?;
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        context.patience = self.wait.time();
        let again = DeployArgs {
            commit: live_commit(&mut context)?,
            // What is brought is what runs already, whatever the work tree holds.
            allow_dirty: true,
            force: self.force,
            cutover: true,
            follow_up: self.follow_up,
            ..DeployArgs::default()
        };
        deploy(&mut context, &again)?;
        Ok(ExitCode::Done as u8)
    }
}

/// The commit that is live now.
fn live_commit(context: &mut Context) -> Result<String, Failure> {
    let mut session = context.connect()?;
    let mut host = context.open(&mut session, &Wish::new(Probes::FrontDoor), None)?;
    let _ = host.agent.close();
    let environment = context.environment;
    let live = plan::slots(&host.state, environment)?.live;
    plan::held(&host.state, live).map(str::to_string).ok_or_else(|| {
        Failure::new("slot.none", format!("nothing is live on {} yet", host.name))
            .advise(format!("deployer {} deploy --cutover", environment.name))
    })
}
