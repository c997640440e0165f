//! `cutover`: next becomes live, proven through the front door.

use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use super::Context;
use super::hooks::announced;
use super::invocation::Invocation;
use super::verb::{AnyVerb, Environments, Verb, Wait};
use crate::config::parse_duration;
use crate::git::Repository;
use crate::host::{After, Host, TakeLease, Upload};
use crate::model::{ExitCode, HostState};
use crate::plan::{
    self, Action, CutoverPlan, Event, Failure, HostStanding, Plan, Site, SwitchPart, World, WorldSlot,
};
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

/// How many of the commits are named that a switch brings.
const COMMITS: usize = 50;

pub(super) const VERB: AnyVerb = AnyVerb::of::<CutoverArgs>();

/// Make next live, and prove through the front door that it is
#[derive(Args, Debug)]
#[command(after_help = "\
It refuses unless next holds a proven release that is healthy now. nginx's configuration is tested, the links are \
swapped, nginx is reloaded once, and the front door is asked until the new release answers. What fails is put back. The \
old release goes on running, ready for `rollback`. With the socket cutover only the first one tests and reloads nginx.

Example: deployer prod cutover --watch 30s")]
pub(super) struct CutoverArgs {
    #[command(flatten)]
    follow_up: FollowUp,
    #[command(flatten)]
    wait: Wait,
}

impl Verb for CutoverArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const FLEETS: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        self.follow_up.begin_report(invocation, ui)?;
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        context.patience = self.wait.time();
        cutover(&mut context, &self.follow_up)?;
        Ok(ExitCode::Done as u8)
    }
}

/// What is done after a switch.
#[derive(Args, Debug, Default)]
pub(super) struct FollowUp {
    /// Go on proving the release for so long after the switch; if it fails, go back and exit with 5.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(super) watch: Option<Duration>,
    /// Stop the old release once its last requests are served.
    #[arg(long)]
    pub(super) stop_old: bool,
    /// Write a page that shows the release: one file of HTML, for a browser.
    #[arg(long, value_name = "FILE")]
    pub(super) report: Option<PathBuf>,
}

impl FollowUp {
    /// Whether anything of it is asked for.
    pub(super) fn is_asked(&self) -> bool {
        self.watch.is_some() || self.stop_old || self.report.is_some()
    }

    /// Has the page written at the end, however that is.
    pub(super) fn begin_report(&self, invocation: &Invocation, ui: &mut Ui) -> Result<(), Failure> {
        report_to(self.report.as_deref(), invocation, ui)
    }
}

/// Has a page of the run written at its end; that it can be is known before anything is done.
pub(super) fn report_to(file: Option<&Path>, invocation: &Invocation, ui: &mut Ui) -> Result<(), Failure> {
    let Some(path) = file.filter(|_| !invocation.options.dry_run) else {
        return Ok(());
    };
    ui.report_to(path, invocation.verb).map_err(|error| {
        Failure::usage("report", format!("cannot write {}: {error}", path.display())).why("--report names it")
    })
}

/// Makes next live.
///
/// # Errors
/// A refusal, or the step that failed.
pub(super) fn cutover(context: &mut Context, options: &FollowUp) -> Result<(), Failure> {
    let wish = Wish { watch: options.watch.unwrap_or_default(), ..Wish::new(Probes::All) };
    announced(context, "cutover", |context| {
        context.on_all(&|context| {
            let lease = TakeLease { heeds_pause: true, ..context.lease("cutover") };
            let mut session = context.connect()?;
            let mut host = context.open(&mut session, &wish, Some(lease))?;
            go_forward(&mut host, context, options)
        })
    })
}

/// Makes what is in next live, on a host of which the state is known.
pub(super) fn go_forward(host: &mut Host, context: &mut Context, options: &FollowUp) -> Result<(), Failure> {
    let (environment, by) = (context.environment, context.by);
    let planned = plan::cutover(&host.state, environment, by, options.stop_old);
    match take_part(host, context, Direction::Forward, planned.as_ref().ok())? {
        SwitchPart::Switch => {
            let cutover = host.decide(environment, |_| planned)?;
            carry_out(host, context, Direction::Forward, &cutover)
        }
        SwitchPart::Stay => stay(host, context),
    }
}

/// What this host does, so that all of its fleet have one release in the end.
pub(super) fn take_part(
    host: &mut Host,
    context: &mut Context,
    direction: Direction,
    planned: Option<&CutoverPlan>,
) -> Result<SwitchPart, Failure> {
    let wanted = planned.map(|cutover| cutover.release.commit.clone());
    let own = HostStanding::of(&host.name, &host.state, wanted);
    let all = context.together(host, |peer, alive| peer.share(own.clone(), alive))?;
    let environment = context.environment;
    let is_forward = direction == Direction::Forward;
    // Why there is no plan is told by whoever made none.
    if all.is_empty() || planned.is_none() && all.iter().all(|one| one.live == own.live) {
        return Ok(SwitchPart::Switch);
    }
    host.decide(environment, |_| plan::part(&all, &own, is_forward, &environment.name))
}

/// Takes part in the decision of a fleet whose other hosts go to what this one has.
pub(super) fn stay(host: &mut Host, context: &mut Context) -> Result<(), Failure> {
    if !context.dry_run {
        context.observer.begins(Vec::new());
        context.meet(host)?;
        context.observer.begins(Vec::new());
        context.together(host, |peer, alive| {
            peer.begin_switch(alive)?;
            peer.decide(alive);
            Ok(())
        })?;
        host.release();
    }
    let name = &context.environment.name;
    context.emit(Event::World(plan::world(
        &host.state,
        context.environment,
        Some(format!("deployer {name} status")),
    )));
    Ok(())
}

/// Which way a switch leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    Forward,
    /// To what was live before.
    Back,
}

/// Says what becomes live, and makes it so.
pub(super) fn carry_out(
    host: &mut Host,
    context: &mut Context,
    direction: Direction,
    cutover: &CutoverPlan,
) -> Result<(), Failure> {
    let (verb, doing) = match direction {
        Direction::Forward => ("cutover", "cutting {environment} over to {commit}"),
        Direction::Back => ("rollback", "rolling {environment} back to {commit}"),
    };
    context.emit(Event::Intent {
        verb,
        doing,
        switches: true,
        environment: context.environment.name.clone(),
        by: context.by.to_string(),
        commit: Some(cutover.release.summary()),
        ahead_of_live: None,
        host: host.name.clone(),
        slot: Some(cutover.to),
    });
    let brings = brings(&host.state, cutover, &context.vault.folder);
    context.emit(brings);
    if goes_back(&host.state, cutover, direction) {
        let message =
            format!("{} is what live replaced: this goes back to it", cutover.release.summary().short());
        context.emit(Event::Warning { message });
    } else if let Some(message) =
        plan::taken_back(&host.state, cutover).filter(|_| direction == Direction::Forward)
    {
        context.emit(Event::Warning { message });
    }
    let told = [
        plan::beyond(&host.state, cutover),
        plan::left_behind(&host.state, context.environment, Some(cutover.to)),
    ];
    for message in told.into_iter().flatten() {
        context.emit(Event::Warning { message });
    }
    if context.dry_run {
        context.show(&cutover.plan);
        return Ok(());
    }
    let older = plan::older_again(&host.state, cutover);
    switch_together(host, context, &cutover.plan).map_err(|failure| {
        match older.filter(|_| failure.site == Site::Restored) {
            Some(older) => failure.advise(older),
            None => failure,
        }
    })?;
    let world = after(&host.state, cutover, direction, &context.environment.name);
    context.emit(Event::World(world));
    Ok(())
}

/// What replaces what, with the commits in between, as far as this repository knows them.
fn brings(state: &HostState, cutover: &CutoverPlan, folder: &Path) -> Event {
    let slot = |color, commit| WorldSlot { color, commit, word: String::new() };
    let (old, new) = (state.slot(cutover.from).commit(), cutover.release.summary());
    let repository = Repository::discover(folder).ok();
    let known = old.as_ref().zip(repository).filter(|(old, here)| here.has(&old.id) && here.has(&new.id));
    let (commits, count) =
        known.and_then(|(old, here)| here.log(&old.id, &new.id, COMMITS).ok()).unwrap_or_default();
    Event::Brings { from: slot(cutover.from, old), to: slot(cutover.to, Some(new)), commits, count }
}

/// Carries a switch out. In a fleet all hosts are armed before one of them switches.
fn switch_together(host: &mut Host, context: &mut Context, plan: &Plan) -> Result<(), Failure> {
    let mut rest = plan.clone();
    if context.peer.is_some() {
        let at = plan.actions.iter().position(|action| matches!(action, Action::Switch(_))).unwrap_or(0);
        let before = Plan { actions: rest.actions.drain(..at).collect() };
        execute_some(host, context, &before, Vec::new())?;
        context.meet(host)?;
        context.together(host, |peer, alive| peer.begin_switch(alive))?;
    }
    host.execute(&mut context.work(), &rest, Vec::new(), After::Done)
}

/// Carries a part of a plan out, which may be empty.
pub(super) fn execute_some(
    host: &mut Host,
    context: &mut Context,
    plan: &Plan,
    uploads: Vec<Option<Upload>>,
) -> Result<(), Failure> {
    if plan.actions.is_empty() {
        context.observer.begins(Vec::new());
        return Ok(());
    }
    host.execute(&mut context.work(), plan, uploads, After::More)
}

/// Whether a cutover undoes the one before it: somebody may have typed it twice.
fn goes_back(state: &HostState, cutover: &CutoverPlan, direction: Direction) -> bool {
    let last = state.history.last().filter(|last| direction == Direction::Forward && last.verb == "cutover");
    last.is_some_and(|last| {
        last.color == cutover.from
            && last.previous.as_deref() == Some(&*cutover.release.commit)
            // Both by the host's clock; one deployed since, even of the same commit, is new.
            && Duration::from_secs(cutover.release.at.max(0).unsigned_abs()).as_secs_f64() < last.at
    })
}

/// The world after a switch that was proven.
fn after(state: &HostState, cutover: &CutoverPlan, direction: Direction, environment: &str) -> World {
    let from = cutover.from;
    let slot = state.slot(from);
    let old = slot.commit();
    let stopped = cutover.plan.stops(from);
    let word = match (&old, slot.process.is_some() && !stopped) {
        (_, true) => "still running",
        (Some(_), false) => "stopped",
        (None, false) => "empty",
    };
    // After a rollback the way forward is a cutover to what still waits in next.
    let back = match direction {
        Direction::Back => format!("deployer {environment} cutover   (forward again)"),
        Direction::Forward if plan::older_again(state, cutover).is_some() => {
            format!(
                "deployer {environment} rollback --force   (back, to before a migration that it may not survive)"
            )
        }
        Direction::Forward => format!("deployer {environment} rollback   (the way back)"),
    };
    World {
        live: Some(WorldSlot {
            color: cutover.to,
            commit: Some(cutover.release.summary()),
            word: "served".to_string(),
        }),
        next: Some(WorldSlot { color: from, commit: old, word: word.to_string() }),
        run: (word != "empty").then_some(back),
    }
}
