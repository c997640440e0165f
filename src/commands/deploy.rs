//! `deploy`: a commit is built in next, started, and proven healthy. Live is never touched.

use std::sync::{Mutex, PoisonError};

use clap::Args;

use super::Context;
use super::completions;
use super::cutover::{FollowUp, execute_some, go_forward};
use super::hooks::announced;
use super::invocation::Invocation;
use super::local::{Local, brought, read_local};
use super::seed::bundles;
use super::verb::{AnyVerb, Environments, Verb, Wait};
use crate::config::Environment;
use crate::host::{After, Host, TakeLease, Upload, nonce};
use crate::model::{Color, CommitSummary, ExitCode, Holder, HostState, Relation};
use crate::plan::{self, Action, DeployRequest, Event, Failure, Plan, Virtualenv, World, WorldSlot};
use crate::python::{self, Brought};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<DeployArgs>();

/// Build a commit in next, start it, prove it; live is not touched
#[derive(Args, Debug, Default)]
#[command(after_help = "\
Running it again mends what an earlier run left half done.

Examples:
  deployer prod deploy v1.4.2
  deployer prod deploy --dry-run
  deployer prod deploy --cutover --watch 30s     the whole release in one go, as from CI")]
pub(super) struct DeployArgs {
    /// Anything that `git rev-parse` takes.
    #[arg(default_value = "HEAD", add = completions::commits())]
    pub(super) commit: String,
    /// Deploy the commit although the work tree has changes that it does not hold.
    #[arg(long)]
    pub(super) allow_dirty: bool,
    /// Deploy although live or next holds commits that this one lacks.
    #[arg(long)]
    pub(super) force: bool,
    /// Apply Django's migrations although the release that is live may not survive them.
    #[arg(long)]
    pub(super) accept_migrations: bool,
    /// Cut over as soon as the release is healthy.
    #[arg(long)]
    pub(super) cutover: bool,
    #[command(flatten)]
    pub(super) follow_up: FollowUp,
    #[command(flatten)]
    pub(super) wait: Wait,
}

impl Verb for DeployArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        if !self.cutover && self.follow_up.is_asked() {
            return Err(Failure::usage("usage", "--watch, --stop-old and --report go with --cutover"));
        }
        self.follow_up.begin_report(invocation, ui)?;
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        context.patience = self.wait.time();
        deploy(&mut context, &self)?;
        Ok(ExitCode::Done as u8)
    }
}

/// Deploys a commit to next.
///
/// # Errors
/// A refusal, or the step that failed.
pub(super) fn deploy(context: &mut Context, options: &DeployArgs) -> Result<(), Failure> {
    announced(context, "deploy", |context| begin(context, options))
}

fn begin(context: &mut Context, options: &DeployArgs) -> Result<(), Failure> {
    // What is wrong here is found, and secrets are asked for, before any host is.
    let local = read_local(context, &options.commit, options.allow_dirty)?;
    context.secrets(&mut || {})?;
    let commit = local.commit.id.clone();
    // A repository is for one thread: each further host has it opened once more.
    let opened = Mutex::new(Some(local));
    context.on_all(&|context| {
        let local = opened.lock().unwrap_or_else(PoisonError::into_inner).take();
        let local = local.map_or_else(|| read_local(context, &commit, true), Ok)?;
        on_host(context, options, local)
    })
}

fn on_host(context: &mut Context, options: &DeployArgs, mut local: Local) -> Result<(), Failure> {
    local.secrets = context.secrets(&mut || {})?;
    let names: Vec<String> = local.modules.iter().map(|module| module.name.clone()).collect();
    let probes = if options.cutover { Probes::All } else { Probes::FrontDoor };
    let watch = options.follow_up.watch.unwrap_or_default();
    let wish = Wish { probes, modules: &names, watch };
    let lease = context.lease("deploy");
    let holder = Holder { commit: Some(local.commit.id.clone()), ..lease.holder };
    let lease = TakeLease { holder, heeds_pause: true, even_if_full: false, ..lease };
    let mut session = context.connect()?;
    let mut host = context.open(&mut session, &wish, Some(lease))?;
    act(&mut host, context, options, local)
}

/// The deploy on its host, and the cutover after it where that is asked for.
fn act(host: &mut Host, context: &mut Context, options: &DeployArgs, local: Local) -> Result<(), Failure> {
    let environment = context.environment;
    let name = host.name.clone();
    let (plan, next) = host.decide(environment, |state| make_plan(context, options, &local, state, &name))?;
    if let Some(event) = doubts(environment, &local, &plan) {
        context.emit(event);
    }
    if let Some(message) = plan::left_behind(&host.state, environment, None) {
        context.emit(Event::Warning { message });
    }
    if context.dry_run {
        context.show(&plan);
        return Ok(());
    }
    let uploads = bundles(&mut host.agent, context, &local, &plan)?;
    let after_it = if options.cutover { After::More } else { After::Done };
    build(host, context, plan, uploads, after_it)?;
    if !options.cutover {
        let world = after(&host.state, environment, next, local.commit);
        context.emit(Event::World(world));
        return Ok(());
    }
    if context.interrupt.count() > 0 {
        return Err(Failure::new("interrupted", "interrupted before the cutover")
            .exit(ExitCode::Interrupted)
            .advise(format!("go on with it: deployer {} cutover", environment.name)));
    }
    host.observe_again(&mut context.work())
        .map_err(|_| Failure::new("host.silent", format!("{name} did not tell its state")))?;
    go_forward(host, context, &options.follow_up)
}

/// Carries a deploy's plan out. In a fleet the release command runs once, before anything of the new release starts.
fn build(
    host: &mut Host,
    context: &mut Context,
    mut plan: Plan,
    mut uploads: Vec<Option<Upload>>,
    after: After,
) -> Result<(), Failure> {
    let Some(peer) = context.peer.filter(|_| !context.environment.hooks.release.is_empty()) else {
        return host.execute(&mut context.work(), &plan, uploads, after);
    };
    if !peer.is_primary {
        let once = |action: &Action| matches!(action, Action::Migrations(_) | Action::Release { .. });
        let keeps: Vec<bool> = plan.actions.iter().map(|action| !once(action)).collect();
        let (mut actions, mut files) = (keeps.iter(), keeps.iter());
        plan.actions.retain(|_| *actions.next().unwrap_or(&true));
        uploads.retain(|_| *files.next().unwrap_or(&true));
    }
    for is_next in [
        |action: &Action| matches!(action, Action::Release { .. } | Action::Start { .. }),
        |action: &Action| matches!(action, Action::Start { .. }),
    ] {
        let at = plan.actions.iter().position(is_next).unwrap_or(plan.actions.len());
        let part = Plan { actions: plan.actions.drain(..at).collect() };
        let files = uploads.drain(..at.min(uploads.len())).collect();
        execute_some(host, context, &part, files)?;
        context.meet(host)?;
    }
    host.execute(&mut context.work(), &plan, uploads, after)
}

/// The world after a deploy: what was live is, and next waits for the cutover.
fn after(state: &HostState, environment: &Environment, next: Color, commit: CommitSummary) -> World {
    let mut world = plan::world(state, environment, Some(format!("deployer {} cutover", environment.name)));
    if let Some(live) = &mut world.live {
        live.word = if live.commit.is_some() { "unchanged" } else { "empty" }.to_string();
    }
    world.next = Some(WorldSlot { color: next, commit: Some(commit), word: "healthy".to_string() });
    world
}

/// What is worth a word of a virtualenv that is not built yet.
pub(super) fn doubts(environment: &Environment, local: &Local, plan: &Plan) -> Option<Event> {
    let builds =
        plan.actions.iter().any(|action| matches!(action, Action::Virtualenv(build) if !build.complete));
    let doubts = builds && brought(environment, &local.requirements) == Brought::Unnamed;
    doubts.then(|| Event::Warning { message: plan::gunicorn_unnamed(environment) })
}

pub(super) fn make_plan(
    context: &mut Context,
    options: &DeployArgs,
    local: &Local,
    state: &HostState,
    host: &str,
) -> Result<(Plan, Color), Failure> {
    // With the lock it was looked at already; `plan` and a dry run have none.
    if let Some(freeze) = &state.freeze {
        return Err(plan::frozen(freeze, state, &context.environment.name));
    }
    let next = plan::slots(state, context.environment)?.next;
    let plan = asked(context, options, local, state, host, |request| plan::deploy(state, request))??;
    Ok((plan, next))
}

/// Says what is asked for, to the person and to `act`.
pub(super) fn asked<T>(
    context: &mut Context,
    options: &DeployArgs,
    local: &Local,
    state: &HostState,
    host: &str,
    act: impl FnOnce(&DeployRequest) -> T,
) -> Result<T, Failure> {
    let environment = context.environment;
    let slots = plan::slots(state, environment)?;
    let relation = |held: Option<&str>| -> Option<Relation> {
        let relation = |held| local.repository.relation(held, &local.commit.id);
        held.map(|held| relation(held).unwrap_or(Relation::HeldUnknown))
    };
    let to_live = relation(plan::held(state, slots.live));
    context.emit(Event::Intent {
        verb: "deploy",
        doing: "deploying {commit} to {environment}",
        switches: false,
        environment: environment.name.clone(),
        by: context.by.to_string(),
        commit: Some(local.commit.clone()),
        ahead_of_live: match to_live {
            Some(Relation::Ahead(count)) => Some(count),
            _ => None,
        },
        host: host.to_string(),
        slot: Some(slots.next),
    });
    let tree = local.repository.tree(&local.commit.id, ".").ok().flatten();
    let virtualenv = Virtualenv {
        key: python::key(&python::Ingredients {
            interpreter: &environment.python.identity(&state.python),
            requirements: &local.requirements,
            install_args: &environment.python.install_args,
            gunicorn: environment.web.install(),
            tree: tree.as_deref().unwrap_or_default(),
            color: slots.next,
        }),
        files: local.requirements.files.iter().map(|(path, _)| path.clone()).collect(),
        local: local.requirements.local,
        lines: local.requirements.lines.clone(),
    };
    let modules: Vec<_> =
        local.modules.iter().map(|module| (module.name.clone(), module.commit.clone())).collect();
    let request = DeployRequest {
        environment,
        secrets: &local.secrets,
        commit: &local.commit,
        by: context.by,
        force: options.force,
        django: local.django,
        accept_migrations: options.accept_migrations,
        relation: relation(plan::held(state, slots.next)),
        relation_to_live: to_live,
        virtualenv: environment.has_virtualenv().then_some(&virtualenv),
        modules: &modules,
        new_key: &nonce(),
        now: state.seconds(),
    };
    Ok(act(&request))
}
