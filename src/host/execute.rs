//! The interpreter: has a plan carried out by a host's agent, and tells what happens.
//!
//! All actions travel in one line, so that they need one round trip together; what each says streams back.

use std::time::{Duration, Instant};

use super::error::ShellError;
use super::message::{Message, Watched};
use super::observe::Host;
use super::request::{After, Request};
use super::session::HostSession;
use super::upload::{PIECE, Upload};
use super::work::Work;
use crate::model::KeptLines;
use crate::plan::{Action, ActionFailure, Event, Failure, Migrations, Plan, Unit, Verdict};
use crate::probe;
use crate::ssh::RemoteError;

mod failed;

/// How often the bounds on a step's time are looked at.
const TICK: Duration = Duration::from_secs(1);

/// How long a host may say nothing between two steps.
const SILENCE: Duration = Duration::from_secs(60);

/// How long it may take to end a step that was asked to stop: its processes are killed after 5 s.
const STOP: Duration = Duration::from_secs(15);

/// How long a host may take to say that it does nothing, where nothing is known to have begun.
const STOP_BETWEEN: Duration = Duration::from_secs(3);

/// Bound on a step that has none of its own, and works in silence or not.
const LONGEST: Duration = Duration::from_secs(6 * 3600);

/// How long the rest of what a failed step printed may take.
const FLUSH: Duration = Duration::from_secs(10);

impl Host<'_> {
    /// Has every action of a plan carried out. `uploads` has a place for each one, or none at all.
    ///
    /// # Errors
    /// The first action that fails, explained, with the host's state read anew.
    pub fn execute(
        &mut self,
        work: &mut Work,
        plan: &Plan,
        uploads: Vec<Option<Upload>>,
        after: After,
    ) -> Result<(), Failure> {
        let mut run = Execution {
            plan,
            current: None,
            ended: 0,
            failed: ActionFailure::default(),
            has_failed: false,
            printed: KeptLines::default(),
            began: Instant::now(),
            heard: Instant::now(),
            note: None,
            stopping: None,
            timed_out: false,
            done: None,
            is_flushed: false,
            is_blind: false,
        };
        work.observer.begins(plan.actions.iter().map(Action::title).collect());
        let describe = |upload: &Option<Upload>| upload.as_ref().map(Upload::describe);
        let notes: Vec<Option<String>> = uploads.iter().map(describe).collect();
        let agent = &mut self.agent;
        let done = agent
            .ask(&Request::carry_out(plan, &uploads, after))
            .and_then(|()| run.send(agent, work, uploads))
            .and_then(|()| run.follow(agent, work, &notes));
        if let Err(error) = done {
            return Err(run.cut_off(error, work, self));
        }
        if run.done == Some(true) && run.ended == plan.actions.len() {
            return Ok(());
        }
        Err(run.explain(work, self))
    }
}

/// Whether what this host has switched to is proven on all hosts of its fleet.
fn decided(agent: &mut HostSession, work: &Work) -> bool {
    let mut alive = || agent.beat().is_ok() && work.interrupt.count() < 2;
    work.peer.is_none_or(|peer| peer.decide(&mut alive))
}

/// Where the execution of a plan stands.
struct Execution<'p> {
    plan: &'p Plan,
    /// The step that is running, by its number.
    current: Option<usize>,
    /// The last step that ended well.
    ended: usize,
    failed: ActionFailure,
    has_failed: bool,
    /// What its tools have printed.
    printed: KeptLines,
    began: Instant,
    /// When a step began or ended last.
    heard: Instant,
    note: Option<String>,
    /// Since when it is to stop.
    stopping: Option<Instant>,
    timed_out: bool,
    /// Whether all of it succeeded, once it has been worked off.
    done: Option<bool>,
    /// Whether all was heard that its tools printed.
    is_flushed: bool,
    /// Whether it was said that nginx's access log cannot be read.
    is_blind: bool,
}

impl Execution<'_> {
    /// Sends the uploads, and looks between pieces whether the host still takes them.
    fn send(
        &mut self,
        agent: &mut HostSession,
        work: &mut Work,
        uploads: Vec<Option<Upload>>,
    ) -> Result<(), ShellError> {
        let total: u64 = uploads.iter().flatten().map(|upload| upload.bytes).sum();
        let mut done = 0;
        for upload in uploads.into_iter().flatten() {
            if self.done.is_some() {
                break;
            }
            upload.pieces(&mut |piece| {
                agent.upload(piece)?;
                done += piece.len() as u64;
                work.emit(Event::Progress { done, total, unit: Unit::Bytes });
                if total > PIECE as u64 {
                    let message = agent.next(Duration::ZERO)?;
                    self.take(message, work, &[]);
                }
                if work.interrupt.count() > 0 {
                    // The host waits for the rest of the bytes; without them nothing has changed.
                    self.stopping = Some(Instant::now());
                    agent.close()?;
                }
                Ok(self.done.is_none() && self.stopping.is_none())
            })?;
            if self.stopping.is_some() {
                return Ok(());
            }
        }
        agent.uploaded();
        self.heard = Instant::now();
        Ok(())
    }

    fn follow(
        &mut self,
        agent: &mut HostSession,
        work: &mut Work,
        notes: &[Option<String>],
    ) -> Result<(), ShellError> {
        while self.done.is_none() {
            let message = agent.next(TICK)?;
            match message {
                Message::Ended(_) => return Ok(()),
                Message::Proven => {
                    let goes_on = decided(agent, work);
                    agent.ask(&Request::Decide(goes_on))?;
                }
                message => self.take(message, work, notes),
            }
            self.watch(agent, work)?;
        }
        // What the failed action printed travels on its own stream and may be late.
        let (asked, presses) = (Instant::now(), work.interrupt.count());
        while self.done == Some(false) && !self.is_flushed {
            if asked.elapsed() > FLUSH || work.interrupt.count() > presses {
                break;
            }
            match agent.next(FLUSH)? {
                Message::Ended(_) => break,
                message => self.take(message, work, notes),
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message, work: &mut Work, notes: &[Option<String>]) {
        match message {
            Message::Begin(number) => self.begin(number, work),
            Message::End(number, ok) => self.end(number, ok, work, notes),
            Message::Failed(reason) => self.failed.reason = Some(reason),
            Message::Note(note) => self.note = Some(note),
            Message::Warning(message) => work.emit(Event::Warning { message }),
            Message::Migrations(found) => self.migrations(found, work),
            Message::Probed(answer) => {
                work.emit(Event::Note { message: probe::waits(&answer, work.environment) })
            }
            Message::Watched(look) => self.look(&look, work),
            Message::Moment { moment, at } => work.emit(Event::Moment { moment, at }),
            Message::Traffic(traffic) => work.emit(Event::Traffic(traffic)),
            Message::Draining(draining) => work.emit(Event::Output {
                line: format!(
                    "{} nginx worker(s) still serve requests of the old release; {:.0} s left",
                    draining.workers, draining.left
                ),
            }),
            Message::Log(line) => {
                work.emit(Event::Output { line: line.clone() });
                self.printed.push(line);
            }
            Message::Done(done) => self.done = Some(done),
            Message::Flushed => self.is_flushed = true,
            _ => {}
        }
    }

    /// The action that is running.
    fn action(&self) -> Option<&Action> {
        self.plan.actions.get(self.current?.wrapping_sub(1))
    }

    /// Tells what is about to be migrated; what would stop the deploy is a warning where it was accepted.
    fn migrations(&mut self, found: Migrations, work: &mut Work) {
        for line in found.lines() {
            work.emit(Event::Output { line });
        }
        let accepted = matches!(self.action(), Some(Action::Migrations(look)) if look.accepted);
        let unsafe_ones = found.told(Verdict::Stop);
        for message in
            found.told(Verdict::Look).into_iter().chain(unsafe_ones.into_iter().filter(|_| accepted))
        {
            work.emit(Event::Warning { message });
        }
        self.note = Some(found.note());
        self.failed.migrations = Some(found);
    }

    fn look(&mut self, look: &Watched, work: &mut Work) {
        if let (None, Some(log), false) = (look.requests, &work.environment.nginx.access_log, self.is_blind) {
            self.is_blind = true;
            work.emit(Event::Warning {
                message: format!("the deploy user cannot read {log}: the error rate is not watched"),
            });
        }
        let counted = match (look.requests, look.errors) {
            (Some(requests), Some(errors)) => format!(", {errors} of {requests} requests failed"),
            _ => String::new(),
        };
        let what = look.why.as_deref().unwrap_or("well");
        work.emit(Event::Output { line: format!("watching, {:.0} s left: {what}{counted}", look.left) });
    }

    fn begin(&mut self, number: usize, work: &mut Work) {
        // One after the other: a host that begins again and again would have time for ever.
        let next = (self.current.is_none() && number == self.ended + 1).then_some(self.ended);
        let Some(action) = next.and_then(|index| self.plan.actions.get(index)) else {
            return;
        };
        self.current = Some(number);
        self.heard = Instant::now();
        self.failed = ActionFailure::default();
        self.printed = KeptLines::default();
        self.note = None;
        self.began = Instant::now();
        work.emit(Event::StepStarted { number, total: self.plan.actions.len(), title: action.title() });
        work.emit(Event::Command { line: format!("{action:?}") });
    }

    fn end(&mut self, number: usize, ok: bool, work: &mut Work, notes: &[Option<String>]) {
        let began = (self.current == Some(number) && !self.has_failed).then(|| number - 1);
        let Some(action) = began.and_then(|index| self.plan.actions.get(index)) else {
            return;
        };
        let (total, title, took) = (self.plan.actions.len(), action.title(), self.began.elapsed());
        self.heard = Instant::now();
        if ok {
            self.ended = number;
            self.current = None;
            let note = self
                .note
                .take()
                .or_else(|| notes.get(number - 1).cloned().flatten())
                .or_else(|| action.outcome().map(str::to_string));
            work.emit(Event::StepFinished { number, total, title, took, note });
        } else {
            self.has_failed = true;
            work.emit(Event::StepFailed { number, total, title, took });
        }
    }

    /// Ends a guarded step where the user asks for it or its time is over, and gives up a host that goes no further.
    fn watch(&mut self, agent: &mut HostSession, work: &mut Work) -> Result<(), ShellError> {
        if self.done.is_some() {
            return Ok(());
        }
        // A step that failed is the last one.
        let is_between = self.current.is_none() || self.has_failed;
        if is_between && self.heard.elapsed() > SILENCE {
            return Err(ShellError::Silent(SILENCE));
        }
        let action = self.action();
        if let Some(since) = self.stopping {
            let patience = if self.current.is_some() { STOP } else { STOP_BETWEEN };
            let is_over = since.elapsed() > patience && !action.is_some_and(Action::is_critical);
            return match (is_over, self.timed_out) {
                (false, _) => Ok(()),
                (true, false) => Err(RemoteError::Interrupted.into()),
                (true, true) => Err(ShellError::Silent(patience)),
            };
        }
        let asked = work.interrupt.count() > 0;
        let bound = action.and_then(|action| action.bound(work.environment));
        let bound = bound.map_or(LONGEST, |(bound, _)| bound);
        let is_critical = action.is_some_and(Action::is_critical);
        self.timed_out = self.action().is_some() && self.began.elapsed() > bound;
        if !asked && !self.timed_out {
            return Ok(());
        }
        self.stopping = Some(Instant::now());
        if is_critical {
            if self.timed_out {
                return Err(ShellError::Silent(bound));
            }
            let message =
                "the switch has begun: it finishes first (interrupt again to leave at once)".to_string();
            work.emit(Event::Note { message });
        } else {
            work.emit(Event::Note { message: "stopping".to_string() });
            agent.stop()?;
        }
        Ok(())
    }
}
