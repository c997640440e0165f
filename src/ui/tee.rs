//! The reporter and the log, told the same.

use std::io;

use super::log::LogFile;
use super::reporter::Reporter;
use crate::doctor::Diagnosis;
use crate::model::{HistoryEntry, Secrets};
use crate::plan::status::StatusReport;
use crate::plan::variables::VariablesReport;
use crate::plan::{Event, Failure, Observer, Outlook};
use crate::secrets::Redactor;

/// How much of a line is shown and kept. It comes longer, so that what is cut off here has no secret in it by half.
const LONGEST_LINE: usize = 16 * 1024;

/// Sends everything to a person and to the log, without the values that were concealed: the one place that all of it
/// passes.
pub struct Tee {
    reporter: Reporter,
    log: Option<LogFile>,
    redactor: Redactor,
}

impl Tee {
    pub fn new(reporter: Reporter) -> Tee {
        Tee { reporter, log: None, redactor: Redactor::default() }
    }

    /// From now on the log is told too.
    pub fn keep(&mut self, log: Option<LogFile>) {
        self.log = log;
    }

    /// Prints a failure, with the path of the log, and writes it down there.
    pub fn failure(&mut self, failure: &Failure) {
        let mut failure = failure.clone();
        self.redact(failure.texts());
        failure.output.iter_mut().for_each(cut);
        let failure = &failure;
        if let Some(log) = &mut self.log {
            log.failure(failure);
        }
        let path = self.log.as_ref().map(LogFile::path);
        self.reporter.failure(failure, path);
    }

    /// Prints the proven switches of an environment; `now` is the host's clock, in seconds since 1970.
    pub fn history(&mut self, environment: &str, entries: &[HistoryEntry], now: f64) -> io::Result<()> {
        self.reporter.history(environment, entries, now)
    }

    /// Prints the variables of both slots.
    pub fn variables(&mut self, report: &VariablesReport) -> io::Result<()> {
        let mut report = report.clone();
        let values = report.variables.iter_mut().filter_map(|variable| variable.values.as_mut());
        // A plain variable may hold a secret's value by mistake.
        for value in values.flat_map(|values| [&mut values.live, &mut values.next, &mut values.local]) {
            self.redact(value.iter_mut().collect());
        }
        self.reporter.variables(&report)
    }

    /// For commands whose standard output is data, and nothing else.
    pub fn data_only(&mut self) -> DataOnly<'_> {
        DataOnly(self)
    }

    fn redact(&self, texts: Vec<&mut String>) {
        texts.into_iter().for_each(|text| self.redactor.apply(text));
    }

    /// Prints what stands in the way on a host.
    pub fn diagnosis(&mut self, diagnosis: &Diagnosis) -> io::Result<()> {
        self.reporter.diagnosis(diagnosis)
    }

    /// Prints what a deploy would bring.
    pub fn outlook(&mut self, outlook: &Outlook) -> io::Result<()> {
        self.reporter.outlook(outlook)
    }

    /// Takes what moves off the screen, before a question or at the end.
    pub fn settle(&mut self) {
        self.reporter.settle();
    }

    /// The last words of a run on a build service.
    pub fn sum_up(&mut self) {
        self.reporter.sum_up();
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

impl Observer for Tee {
    fn event(&mut self, mut event: Event) {
        self.redact(event.texts());
        if let Event::Output { line } = &mut event {
            cut(line);
        }
        if let Some(log) = &mut self.log {
            log.event(event.clone());
        }
        self.reporter.event(event);
    }

    fn status(&mut self, report: &StatusReport) {
        let mut report = report.clone();
        self.redact(report.texts());
        // A reader that went away (`deployer status | head`) is no failure.
        let _ = self.reporter.status(&report);
    }

    fn conceal(&mut self, secrets: &Secrets) {
        self.redactor = Redactor::new(secrets);
    }

    fn file(&mut self, name: &str, text: &str) {
        let mut text = text.to_string();
        self.redactor.apply(&mut text);
        let _ = self.reporter.file(name, &text);
    }
}

/// Tells the log, and no person.
pub struct DataOnly<'a>(&'a mut Tee);

impl Observer for DataOnly<'_> {
    fn event(&mut self, mut event: Event) {
        self.0.redact(event.texts());
        if let Event::Output { line } = &mut event {
            cut(line);
        }
        if let Some(log) = &mut self.0.log {
            log.event(event);
        }
    }

    fn conceal(&mut self, secrets: &Secrets) {
        self.0.conceal(secrets);
    }
}
