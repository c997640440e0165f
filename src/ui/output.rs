//! The one place that everything passes on its way out: it takes secrets away, keeps the log, and decides what of the rest
//! a person or a script sees, and where.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::ci::{self, Fold, harmless};
use super::clock::{Clock, SystemClock};
use super::fleet::Merged;
use super::log::LogFile;
use super::options::{Ci, Mode, Streams, UiOptions, Verbosity};
use super::progress::{Gate, is_long};
use super::report::Report;
use super::summary::Summary;
use super::terminal::{Screen, Spinner};
use super::text::clean;
use super::texts::Texts;
use super::{failure, json, lines, page};
use crate::plan::{Event, Failure, HostTold, Observer};
use crate::secrets::Concealed;

/// How much of a line is shown and kept. It comes longer, so that what is cut off here has no secret in it by half.
const LONGEST_LINE: usize = 16 * 1024;

/// Turns events, failures and reports into words on the given streams and in the log, without the values that are
/// concealed.
///
/// A stream that cannot be written to (its reader has gone) never stops a command.
pub struct Ui {
    options: UiOptions,
    out: Box<dyn Write + Send>,
    screen: Screen,
    clock: Box<dyn Clock>,
    concealed: Concealed,
    log: Option<LogFile>,
    /// Whether a script wants one object and no events.
    one_object: bool,
    /// The step that runs.
    step: Option<String>,
    spinner: Option<Spinner>,
    gate: Gate,
    fold: Fold,
    summary: Summary,
    fleet: Merged,
    /// Where a build service wants its page of the run.
    page: Option<PathBuf>,
    /// Where a person wants a page of it, and the verb that they typed.
    report: Option<(File, &'static str)>,
}

impl Ui {
    pub fn new(options: UiOptions, streams: Streams) -> Ui {
        Ui::with_clock(options, streams, Box::new(SystemClock::new()))
    }

    /// [`Ui::new`] with another clock, so that what is printed does not depend on the time.
    pub fn with_clock(options: UiOptions, streams: Streams, clock: Box<dyn Clock>) -> Ui {
        Ui {
            screen: Screen::new(streams.err, options.err),
            out: streams.out,
            options,
            clock,
            concealed: Concealed::default(),
            log: None,
            one_object: false,
            step: None,
            spinner: None,
            gate: Gate::default(),
            fold: Fold::default(),
            summary: Summary::default(),
            fleet: Merged::default(),
            page: None,
            report: None,
        }
    }

    /// The same, with a file to which the summary of the run is added as Markdown.
    #[must_use]
    pub fn with_page(mut self, page: Option<PathBuf>) -> Ui {
        self.page = page;
        self
    }

    /// Has [`Ui::sum_up`] write a page of the run into a file, which is made now.
    ///
    /// # Errors
    /// Where it cannot be.
    pub fn report_to(&mut self, path: &Path, verb: &'static str) -> io::Result<()> {
        self.report = Some((File::create(path)?, verb));
        Ok(())
    }

    /// What nothing shows; whoever finds a secret adds it there.
    pub fn concealed(&self) -> &Concealed {
        &self.concealed
    }

    /// From now on all of it goes into a log too.
    pub fn keep(&mut self, log: LogFile) {
        self.log = Some(log);
    }

    /// [`Ui::keep`] with a log in the usual place. That there is none is worth a warning and nothing more.
    pub fn keep_log(&mut self, environment: &str, verb: &str) {
        match LogFile::open(environment, verb) {
            Ok(log) => self.keep(log),
            Err(message) => self.event(Event::Warning { message }),
        }
    }

    /// From now on a script sees no events, but the one object that the command shows.
    pub fn one_object(&mut self) {
        self.one_object = self.options.mode == Mode::Json;
    }

    /// Shows what a command found on stdout: for a person, or as one JSON object.
    pub fn show(&mut self, mut report: impl Report) {
        self.redact(&mut report);
        self.settle();
        if self.options.mode == Mode::Json {
            self.data(&json::line(&report));
        } else {
            self.lines_of_data(report.lines(self.options.out));
        }
    }

    /// Prints a failure in its fixed layout, with the path of the log, and writes it down there.
    pub fn failure(&mut self, failed: &Failure) {
        let mut failed = failed.clone();
        self.redact(&mut failed);
        failed.output.iter_mut().for_each(cut);
        self.settle();
        self.summary.fail(&failed);
        if let Some(log) = &mut self.log {
            log.failure(&failed);
        }
        let log = self.log.as_ref().map(LogFile::path);
        if self.options.mode == Mode::Json {
            let line = json::failure(&failed, log);
            self.data(&line);
            return;
        }
        for line in failure::lines(&failed, log, self.options.err) {
            self.line(&line);
        }
        if self.folding() == Some(Ci::Github) {
            self.raw(&ci::error(&failed.to_string()));
        }
    }

    /// Sums the run up: on build services, and where somebody wants a page of it. One that cannot be written is no failure
    /// of the run.
    pub fn sum_up(&mut self) {
        self.settle();
        let took = self.clock.elapsed();
        if let Some((mut file, verb)) = self.report.take() {
            let text = page::page(&self.summary, verb, self.clock.now(), took);
            if let Err(error) = file.write_all(text.as_bytes()) {
                self.event(Event::Warning { message: format!("the report cannot be written: {error}") });
            }
        }
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

    fn redact(&self, shown: &mut impl Texts) {
        shown.each(&mut |text| self.concealed.redact(text));
    }

    /// Takes what moves off the screen and closes what is folded: before a question, or at the end.
    fn settle(&mut self) {
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
                self.data(&clean(url));
            }
            Event::File { text, .. } => {
                self.settle();
                self.lines_of_data(text.lines().map(clean));
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
            self.spinner = Some(Spinner::start(&self.screen, title));
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
        for line in lines::of_event(event, self.options.err) {
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

    fn lines_of_data(&mut self, lines: impl IntoIterator<Item = String>) {
        let lines = lines.into_iter().map(|line| self.guarded(&line) + "\n");
        let text: String = lines.collect();
        let _ = self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush());
    }

    fn data(&mut self, line: &str) {
        let _ = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
    }
}

fn cut(text: &mut String) {
    let length = text.len();
    if length > LONGEST_LINE {
        let end = (0..=LONGEST_LINE).rev().find(|end| text.is_char_boundary(*end));
        text.truncate(end.unwrap_or_default());
        text.push_str(&format!(" … ({} bytes left out)", length - text.len()));
    }
}

impl Observer for Ui {
    fn event(&mut self, event: Event) {
        self.tell(event, None);
    }

    fn of_host(&mut self, host: &str, told: HostTold) {
        match told {
            HostTold::Event(event) if self.options.mode == Mode::Json => self.tell(event, Some(host)),
            told => self.fleet.take(host, told).into_iter().for_each(|event| self.tell(event, None)),
        }
    }
}

impl Ui {
    fn tell(&mut self, mut event: Event, host: Option<&str>) {
        self.redact(&mut event);
        if let Event::Output { line } = &mut event {
            cut(line);
        }
        if let Some(log) = &mut self.log {
            log.event(&event);
        }
        if self.one_object {
            return;
        }
        self.summary.see(&event);
        if self.options.mode != Mode::Json {
            self.person(&event);
        } else if self.options.verbosity != Verbosity::Quiet
            || matches!(event, Event::World(_) | Event::Done { .. } | Event::File { .. })
        {
            let line = match host {
                Some(host) => json::line(&OfHost { host, event: &event }),
                None => json::line(&event),
            };
            self.data(&line);
        }
    }
}

/// An event of one host of a fleet, for a script.
#[derive(Serialize)]
struct OfHost<'a> {
    host: &'a str,
    #[serde(flatten)]
    event: &'a Event,
}

#[cfg(test)]
mod tests;
