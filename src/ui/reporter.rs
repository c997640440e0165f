//! The one that prints: it takes events as they come and decides what of them a person sees, and where.

use std::fs::OpenOptions;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use super::ci::{self, Fold, harmless};
use super::clock::{Clock, SystemClock};
use super::options::{Ci, Mode, ReportOptions, Streams, Verbosity};
use super::progress::{Gate, is_long};
use super::summary::Summary;
use super::terminal::{Screen, Spinner};
use super::text::clean;
use super::{doctor, failure, history, json, lines, outlook, status, variables};
use crate::doctor::Diagnosis;
use crate::model::HistoryEntry;
use crate::plan::status::StatusReport;
use crate::plan::variables::VariablesReport;
use crate::plan::{Event, Failure, Observer, Outlook};

/// Turns events, failures and the status into words on the given streams.
///
/// A stream that cannot be written to (its reader has gone) never stops a deploy: such errors are ignored, but for
/// those of [`Reporter::status`], whose words are all that it is for.
pub struct Reporter {
    options: ReportOptions,
    out: Box<dyn Write + Send>,
    screen: Screen,
    clock: Box<dyn Clock>,
    /// The step that runs.
    step: Option<String>,
    spinner: Option<Spinner>,
    gate: Gate,
    fold: Fold,
    summary: Summary,
    /// Where a build service wants its page of the run.
    page: Option<PathBuf>,
}

impl Reporter {
    pub fn new(options: ReportOptions, streams: Streams) -> Reporter {
        Reporter::with_clock(options, streams, Box::new(SystemClock::new()))
    }

    /// [`Reporter::new`] with another clock, so that what is printed does not depend on the time.
    pub fn with_clock(options: ReportOptions, streams: Streams, clock: Box<dyn Clock>) -> Reporter {
        Reporter {
            screen: Screen::new(streams.err, options.columns),
            out: streams.out,
            options,
            clock,
            step: None,
            spinner: None,
            gate: Gate::default(),
            fold: Fold::default(),
            summary: Summary::default(),
            page: None,
        }
    }

    /// The same, with a file to which the summary of the run is added as Markdown.
    #[must_use]
    pub fn with_page(mut self, page: Option<PathBuf>) -> Reporter {
        self.page = page;
        self
    }

    /// Sums the run up, on build services only. A page that cannot be written is no failure of the run.
    pub fn sum_up(&mut self) {
        self.settle();
        let took = self.clock.elapsed();
        if self.folding().is_some() && self.options.verbosity != Verbosity::Quiet {
            for line in self.summary.text(took) {
                self.line(&line);
            }
        }
        let text = self.summary.markdown(took).filter(|_| self.options.ci == Some(Ci::Github));
        if let (Some(page), Some(text)) = (&self.page, text) {
            let file = OpenOptions::new().append(true).create(true).open(page);
            let _ = file.and_then(|mut file| file.write_all(text.as_bytes()));
        }
    }

    /// Prints a failure in its fixed layout; `log` is where the full log lies.
    pub fn failure(&mut self, failed: &Failure, log: Option<&Path>) {
        self.settle();
        self.summary.fail(failed);
        if self.options.mode == Mode::Json {
            let line = json::failure(failed, log);
            self.data(&line);
            return;
        }
        for line in failure::lines(failed, log, self.options.look()) {
            self.line(&line);
        }
        if self.folding() == Some(Ci::Github) {
            self.raw(&ci::error(&failed.to_string()));
        }
    }

    /// Prints the status on stdout: a table, or one JSON object.
    pub fn status(&mut self, report: &StatusReport) -> io::Result<()> {
        self.settle();
        if self.options.mode == Mode::Json {
            writeln!(self.out, "{}", json::line(report))?;
        } else {
            for line in status::lines(report, self.options.status_look()) {
                let line = self.guarded(&line);
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }

    /// Prints the variables of both slots on stdout: a table, or one JSON object.
    pub fn variables(&mut self, report: &VariablesReport) -> io::Result<()> {
        self.settle();
        if self.options.mode == Mode::Json {
            writeln!(self.out, "{}", json::line(report))?;
        } else {
            for line in variables::lines(report, self.options.status_look()) {
                let line = self.guarded(&line);
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }

    /// Prints the proven switches of an environment on stdout; `now` is the host's clock, in seconds since 1970.
    pub fn history(&mut self, environment: &str, entries: &[HistoryEntry], now: f64) -> io::Result<()> {
        self.settle();
        if self.options.mode == Mode::Json {
            let object = serde_json::json!({"environment": environment, "now": now, "history": entries});
            writeln!(self.out, "{}", json::line(&object))?;
        } else {
            for line in history::lines(environment, entries, now, self.options.status_look()) {
                let line = self.guarded(&line);
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }

    /// Prints on stdout what stands in the way on a host: a line a check, or one JSON object.
    pub fn diagnosis(&mut self, diagnosis: &Diagnosis) -> io::Result<()> {
        self.settle();
        if self.options.mode == Mode::Json {
            writeln!(self.out, "{}", json::line(diagnosis))?;
        } else {
            for line in doctor::lines(diagnosis, self.options.status_look()) {
                let line = self.guarded(&line);
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }

    /// Prints what a deploy would bring on stdout: for a person, or as one JSON object.
    pub fn outlook(&mut self, outlook: &Outlook) -> io::Result<()> {
        self.settle();
        if self.options.mode == Mode::Json {
            writeln!(self.out, "{}", json::line(outlook))?;
        } else {
            let now = self.clock.now().as_second();
            for line in outlook::lines(outlook, now, self.options.status_look()) {
                let line = self.guarded(&line);
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }

    /// Prints a file on stdout as it stands, so that it can be piped; with `--json`, its name and text.
    pub fn file(&mut self, name: &str, text: &str) -> io::Result<()> {
        self.settle();
        if self.options.mode == Mode::Json {
            let object = serde_json::json!({"file": name, "text": text});
            writeln!(self.out, "{}", json::line(&object))?;
        } else {
            for line in text.lines() {
                let line = self.guarded(&clean(line));
                writeln!(self.out, "{line}")?;
            }
        }
        self.out.flush()
    }

    /// Takes what moves off the screen and closes what is folded: before a question, or at the end.
    pub fn settle(&mut self) {
        self.spinner = None;
        self.close_fold();
    }

    fn person(&mut self, event: &Event) {
        let quiet = self.options.verbosity == Verbosity::Quiet;
        match event {
            Event::StepStarted { title, .. } if !quiet => self.start(title),
            Event::Progress { done, total, unit } if !quiet => {
                // A large push is prepared and sent before the host's first step begins.
                if self.options.mode == Mode::Terminal && self.spinner.is_none() && is_long(*total, *unit) {
                    self.start("send what the host lacks");
                }
                if let Some(spinner) = &self.spinner {
                    spinner.progress(*done, *total, *unit);
                } else if self.options.mode == Mode::Plain {
                    let now = self.clock.elapsed();
                    if let Some(line) = self.gate.line(*done, *total, *unit, now) {
                        self.close_fold();
                        self.line(&line);
                    }
                }
            }
            // The first line that stays is the intent.
            Event::Connecting { host } if !quiet => self.start(&format!("connect to {host}")),
            Event::Asking { .. } => self.settle(),
            Event::Opened { url } => {
                self.settle();
                let url = clean(url);
                self.data(&url);
            }
            Event::Connected { .. } if !quiet => {
                self.settle();
                self.step = None;
                if self.options.verbosity == Verbosity::Verbose {
                    self.lines_of(event);
                }
            }
            Event::Output { line } if !quiet => {
                if let Some(spinner) = &self.spinner {
                    spinner.tail(line);
                }
                self.detail(event);
            }
            Event::Command { .. } if !quiet => self.detail(event),
            Event::StepFinished { .. } | Event::StepFailed { .. } if !quiet => {
                self.settle();
                self.step = None;
                self.lines_of(event);
            }
            Event::World(_) | Event::Done { .. } => {
                self.settle();
                self.lines_of(event);
            }
            _ if quiet => {}
            _ => {
                self.close_fold();
                self.lines_of(event);
            }
        }
    }

    fn start(&mut self, title: &str) {
        self.settle();
        self.gate = Gate::default();
        self.step = Some(title.to_owned());
        if self.options.mode == Mode::Terminal {
            self.spinner = Some(Spinner::start(&self.screen, title, self.options.look()));
        }
    }

    /// What a step's tools say: for those who asked for it, and folded away in the logs of build services.
    fn detail(&mut self, event: &Event) {
        match self.folding() {
            Some(ci) => {
                let title = self.step.clone().unwrap_or_else(|| "output".to_owned());
                let unix = self.clock.now().as_second();
                if let Some(line) = self.fold.open(ci, &title, unix) {
                    self.raw(&line);
                }
                self.lines_of(event);
            }
            None if self.options.verbosity == Verbosity::Verbose => self.lines_of(event),
            None => {}
        }
    }

    fn folding(&self) -> Option<Ci> {
        let folds = |ci: &Ci| self.options.mode == Mode::Plain && *ci != Ci::Other;
        self.options.ci.filter(folds)
    }

    fn close_fold(&mut self) {
        if let Some(ci) = self.folding()
            && let Some(line) = self.fold.close(ci, self.clock.now().as_second())
        {
            self.raw(&line);
        }
    }

    fn lines_of(&mut self, event: &Event) {
        for line in lines::of_event(event, self.options.look()) {
            self.line(&line);
        }
    }

    fn line(&mut self, line: &str) {
        self.raw(&self.guarded(line));
    }

    fn guarded(&self, line: &str) -> String {
        match self.options.ci {
            Some(_) => harmless(line),
            None => line.to_owned(),
        }
    }

    fn raw(&self, line: &str) {
        let print = || {
            let _ = self.screen.write(&format!("{line}\n"));
        };
        match &self.spinner {
            Some(spinner) => spinner.aside(print),
            None => print(),
        }
    }

    fn data(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

impl Observer for Reporter {
    fn event(&mut self, event: Event) {
        self.summary.see(&event);
        if self.options.mode != Mode::Json {
            self.person(&event);
        } else if self.options.verbosity != Verbosity::Quiet
            || matches!(event, Event::World(_) | Event::Done { .. })
        {
            let line = json::line(&event);
            self.data(&line);
        }
    }
}

#[cfg(test)]
mod tests;
