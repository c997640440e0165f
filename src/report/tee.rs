//! The reporter and the log, told the same.

use std::io;
use std::path::Path;

use super::log::LogFile;
use super::reporter::Reporter;
use crate::model::HistoryEntry;
use crate::plan::status::StatusReport;
use crate::plan::{Event, Failure, Observer};

/// Sends everything to a person and to the log.
pub struct Tee {
    reporter: Reporter,
    log: Option<LogFile>,
}

impl Tee {
    pub fn new(reporter: Reporter) -> Tee {
        Tee { reporter, log: None }
    }

    /// From now on the log is told too.
    pub fn keep(&mut self, log: Option<LogFile>) {
        self.log = log;
    }

    /// Prints a failure, with the path of the log, and writes it down there.
    pub fn failure(&mut self, failure: &Failure) {
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

    /// Takes what moves off the screen, before a question or at the end.
    pub fn settle(&mut self) {
        self.reporter.settle();
    }

    /// Where the full log lies.
    pub fn log_path(&self) -> Option<&Path> {
        self.log.as_ref().map(LogFile::path)
    }
}

impl Observer for Tee {
    fn event(&mut self, event: Event) {
        if let Some(log) = &mut self.log {
            log.event(event.clone());
        }
        self.reporter.event(event);
    }

    fn status(&mut self, report: &StatusReport) {
        // A reader that went away (`deployer status | head`) is no failure.
        let _ = self.reporter.status(report);
    }

    fn file(&mut self, name: &str, text: &str) {
        let _ = self.reporter.file(name, text);
    }
}
