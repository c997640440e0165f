//! The interpreter: carries a plan out on a host's shell, and tells what happens.
//!
//! All steps travel in one line, so that they need one round trip together; what each says streams back.

use std::io::Read;
use std::time::{Duration, Instant};

use super::Context;
use super::host::Visit;
use super::script::request;
pub(super) use super::script::{After, Upload};
use crate::host::{HostSession, Message, ShellError, Watched};
use crate::model::Kept;
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

/// How much of an upload is sent between two looks at what the host says.
const PIECE: usize = 256 * 1024;

/// Runs every step of a plan. `uploads` has one place for each step.
///
/// # Errors
/// The first step that fails, explained, with the host's state read anew.
pub(super) fn execute(
    visit: &mut Visit,
    context: &mut Context,
    plan: &Plan,
    uploads: Vec<Option<Upload>>,
    after: After,
) -> Result<(), Failure> {
    let Visit { shell, host, state } = visit;
    let mut run = Run {
        plan,
        current: None,
        ended: 0,
        failed: ActionFailure::default(),
        has_failed: false,
        printed: Kept::default(),
        began: Instant::now(),
        heard: Instant::now(),
        note: None,
        stopping: None,
        timed_out: false,
        done: None,
        is_flushed: false,
        is_blind: false,
    };
    let notes: Vec<Option<String>> =
        uploads.iter().map(|upload| upload.as_ref().map(Upload::describe)).collect();
    let done = shell
        .ask(&request(plan, &uploads, after))
        .and_then(|()| send(shell, context, &mut run, uploads))
        .and_then(|()| run.follow(shell, context, &notes));
    if let Err(error) = done {
        return Err(run.cut_off(error, context, host, &state.user));
    }
    if run.done == Some(true) && run.ended == plan.actions.len() {
        return Ok(());
    }
    Err(run.explain(shell, context, host, &state.user))
}

/// Shows a plan that is not carried out.
pub(super) fn show(context: &mut Context, plan: &Plan) {
    for (index, action) in plan.actions.iter().enumerate() {
        context.emit(Event::Planned {
            number: index + 1,
            title: action.title(),
            touches: action.touches().as_str().to_string(),
        });
    }
}

/// Sends the uploads, and looks between pieces whether the host still takes them.
fn send(
    shell: &mut HostSession,
    context: &mut Context,
    run: &mut Run,
    uploads: Vec<Option<Upload>>,
) -> Result<(), ShellError> {
    let total: u64 = uploads.iter().flatten().map(|upload| upload.bytes).sum();
    let mut done = 0;
    let mut piece = vec![0; PIECE];
    for mut upload in uploads.into_iter().flatten() {
        let mut left = upload.bytes;
        while left > 0 && run.done.is_none() {
            let wanted = piece.len().min(usize::try_from(left).unwrap_or(usize::MAX));
            upload.file.read_exact(&mut piece[..wanted])?;
            shell.upload(&piece[..wanted])?;
            left -= wanted as u64;
            done += wanted as u64;
            context.emit(Event::Progress { done, total, unit: Unit::Bytes });
            if total > PIECE as u64 {
                let message = shell.next(Duration::ZERO)?;
                run.take(message, context, &[]);
            }
            if context.interrupt.count() > 0 {
                // The host waits for the rest of the bytes; without them nothing has changed.
                run.stopping = Some(Instant::now());
                shell.close()?;
                return Ok(());
            }
        }
    }
    shell.uploaded();
    run.heard = Instant::now();
    Ok(())
}

/// Where the execution of a plan stands.
struct Run<'p> {
    plan: &'p Plan,
    /// The step that is running, by its number.
    current: Option<usize>,
    /// The last step that ended well.
    ended: usize,
    failed: ActionFailure,
    has_failed: bool,
    /// What its tools have printed.
    printed: Kept,
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

impl Run<'_> {
    fn follow(
        &mut self,
        shell: &mut HostSession,
        context: &mut Context,
        notes: &[Option<String>],
    ) -> Result<(), ShellError> {
        while self.done.is_none() {
            let message = shell.next(TICK)?;
            if let Message::Ended(_) = message {
                return Ok(());
            }
            self.take(message, context, notes);
            self.watch(shell, context)?;
        }
        // What the failed action printed travels on its own stream and may be late.
        let (asked, presses) = (Instant::now(), context.interrupt.count());
        while self.done == Some(false) && !self.is_flushed {
            if asked.elapsed() > FLUSH || context.interrupt.count() > presses {
                break;
            }
            match shell.next(FLUSH)? {
                Message::Ended(_) => break,
                message => self.take(message, context, notes),
            }
        }
        Ok(())
    }

    fn take(&mut self, message: Message, context: &mut Context, notes: &[Option<String>]) {
        match message {
            Message::Begin(number) => self.begin(number, context),
            Message::End(number, ok) => self.end(number, ok, context, notes),
            Message::Failed(reason) => self.failed.reason = Some(reason),
            Message::Note(note) => self.note = Some(note),
            Message::Warning(message) => context.emit(Event::Warning { message }),
            Message::Migrations(found) => self.migrations(found, context),
            Message::Probed(answer) => {
                context.emit(Event::Note { message: probe::waits(&answer, context.environment) })
            }
            Message::Watched(look) => self.look(&look, context),
            Message::Draining(draining) => context.emit(Event::Output {
                line: format!(
                    "{} nginx worker(s) still serve requests of the old release; {:.0} s left",
                    draining.workers, draining.left
                ),
            }),
            Message::Log(line) => {
                context.emit(Event::Output { line: line.clone() });
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
    fn migrations(&mut self, found: Migrations, context: &mut Context) {
        for line in found.lines() {
            context.emit(Event::Output { line });
        }
        let accepted = matches!(self.action(), Some(Action::Migrations(look)) if look.accepted);
        let unsafe_ones = found.told(Verdict::Stop);
        for message in
            found.told(Verdict::Look).into_iter().chain(unsafe_ones.into_iter().filter(|_| accepted))
        {
            context.emit(Event::Warning { message });
        }
        self.note = Some(found.note());
        self.failed.migrations = Some(found);
    }

    fn look(&mut self, look: &Watched, context: &mut Context) {
        if let (None, Some(log), false) =
            (look.requests, &context.environment.nginx.access_log, self.is_blind)
        {
            self.is_blind = true;
            context.emit(Event::Warning {
                message: format!("the deploy user cannot read {log}: the error rate is not watched"),
            });
        }
        let counted = match (look.requests, look.errors) {
            (Some(requests), Some(errors)) => format!(", {errors} of {requests} requests failed"),
            _ => String::new(),
        };
        let what = look.why.as_deref().unwrap_or("well");
        context.emit(Event::Output { line: format!("watching, {:.0} s left: {what}{counted}", look.left) });
    }

    fn begin(&mut self, number: usize, context: &mut Context) {
        // One after the other: a host that begins again and again would have time for ever.
        let next = (self.current.is_none() && number == self.ended + 1).then_some(self.ended);
        let Some(action) = next.and_then(|index| self.plan.actions.get(index)) else {
            return;
        };
        self.current = Some(number);
        self.heard = Instant::now();
        self.failed = ActionFailure::default();
        self.printed = Kept::default();
        self.note = None;
        self.began = Instant::now();
        context.emit(Event::StepStarted { number, total: self.plan.actions.len(), title: action.title() });
        context.emit(Event::Command { line: format!("{action:?}") });
    }

    fn end(&mut self, number: usize, ok: bool, context: &mut Context, notes: &[Option<String>]) {
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
            context.emit(Event::StepFinished { number, total, title, took, note });
        } else {
            self.has_failed = true;
            context.emit(Event::StepFailed { number, total, title, took });
        }
    }

    /// Ends a guarded step where the user asks for it or its time is over, and gives up a host that goes no further.
    fn watch(&mut self, shell: &mut HostSession, context: &mut Context) -> Result<(), ShellError> {
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
        let asked = context.interrupt.count() > 0;
        let bound = action.and_then(|action| action.bound(context.environment));
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
            context.emit(Event::Note { message });
        } else {
            context.emit(Event::Note { message: "stopping".to_string() });
            shell.stop()?;
        }
        Ok(())
    }
}
