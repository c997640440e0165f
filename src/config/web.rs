//! `[web]`: what answers a slot's requests, gunicorn or a server of the application's own.

use std::time::Duration;

use super::gunicorn::Gunicorn;
use super::section::Tables;
use super::value;

/// What answers a slot's requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Web {
    Gunicorn(Gunicorn),
    Command(WebCommand),
}

/// A web server of the application's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebCommand {
    /// A line for a shell, in which `{port}` stands for the slot's port.
    pub line: String,
    /// How long requests in flight may take after TERM, before KILL.
    pub stop_timeout: Duration,
}

impl Web {
    pub(super) fn read(tables: &Tables) -> Option<Web> {
        let table = tables.section("web");
        let line = table.optional("command", value::command_line);
        let stop_timeout = table.get("stop_timeout", value::duration);
        let gunicorn = Gunicorn::read(&tables.section("gunicorn"), table.has("command"));
        match line {
            Some(line) => Some(Web::Command(WebCommand { line, stop_timeout })),
            None => gunicorn.map(Web::Gunicorn),
        }
    }

    /// What it is called in a sentence.
    pub fn name(&self) -> &'static str {
        match self {
            Web::Gunicorn(_) => "gunicorn",
            Web::Command(_) => "the web server",
        }
    }

    /// How many processes of it answer requests, as far as is known.
    pub fn workers(&self) -> u16 {
        match self {
            Web::Gunicorn(gunicorn) => gunicorn.workers,
            Web::Command(_) => 1,
        }
    }

    /// The file in the slot's `log` that it writes to.
    pub fn log(&self) -> &'static str {
        match self {
            Web::Gunicorn(_) => "gunicorn.log",
            Web::Command(_) => "web.log",
        }
    }

    /// What its virtualenv gets beside the requirements, or that it needs no gunicorn at all.
    pub fn install(&self) -> Option<&str> {
        match self {
            Web::Gunicorn(gunicorn) => gunicorn.install.as_deref(),
            Web::Command(_) => Some("none"),
        }
    }
}
