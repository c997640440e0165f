//! What happens while a command runs, as values. Commands emit them; only `ui` turns them into words.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::traffic::Traffic;
use crate::model::{Color, CommitSummary, LoggedCommit};

/// Receives events in the order in which they happen.
pub trait Observer {
    fn event(&mut self, event: Event);

    /// The actions of these titles are about to be carried out.
    fn begins(&mut self, _titles: Vec<String>) {}

    /// A host of a fleet tells something; whoever does not tell them apart hears events.
    fn of_host(&mut self, _host: &str, told: HostTold) {
        if let HostTold::Event(event) = told {
            self.event(event);
        }
    }
}

/// What a host of a fleet tells.
#[derive(Clone, Debug)]
pub enum HostTold {
    /// It is worked on, too.
    Joined,
    /// What it is about to do, by the titles of the actions.
    Begins(Vec<String>),
    Event(Event),
    /// The work there is over.
    Left,
}

/// Drops every event.
pub struct Silent;

impl Observer for Silent {
    fn event(&mut self, _: Event) {}
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum Event {
    /// The first line: who is about to do what, and where.
    Intent {
        /// `deploy`, `cutover`, `rollback`...
        verb: &'static str,
        /// For people, with places for `{environment}` and `{commit}`: `deploying {commit} to {environment}`.
        #[serde(skip)]
        doing: &'static str,
        /// Whether it changes what is live, where it succeeds.
        #[serde(skip)]
        switches: bool,
        environment: String,
        /// `user@machine`.
        by: String,
        commit: Option<CommitSummary>,
        /// How many commits it has that live lacks, where that is known.
        ahead_of_live: Option<usize>,
        host: String,
        slot: Option<Color>,
    },
    /// The way to the host begins; it may take a second or two.
    Connecting {
        host: String,
    },
    /// A person is about to be asked something on the terminal.
    Asking {
        what: String,
    },
    /// The connection to the host stands.
    Connected {
        host: String,
        /// Why the user's own `ssh` made it, where it did.
        #[serde(skip_serializing_if = "Option::is_none")]
        own_ssh: Option<String>,
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Duration,
    },
    Warning {
        message: String,
    },
    /// Something a person may want to know, for which nothing need be done.
    Note {
        message: String,
    },
    StepStarted {
        /// From 1.
        number: usize,
        total: usize,
        /// In the present: `build the virtualenv`.
        title: String,
    },
    /// How far a measurable step has come.
    Progress {
        done: u64,
        total: u64,
        unit: Unit,
    },
    /// One line of what a step's tools print.
    Output {
        line: String,
    },
    /// The call that a step makes on the host, for `-v`.
    Command {
        line: String,
    },
    StepFinished {
        number: usize,
        total: usize,
        title: String,
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Duration,
        /// What came of it, where that is worth a word: `unchanged`, `5 objects, 2.1 kB`.
        note: Option<String>,
    },
    StepFailed {
        number: usize,
        total: usize,
        title: String,
        #[serde(rename = "seconds", serialize_with = "seconds")]
        took: Duration,
    },
    /// One line of a plan that is only shown (`--dry-run`).
    Planned {
        number: usize,
        title: String,
        touches: String,
    },
    /// What a switch brings.
    Brings {
        from: WorldSlot,
        to: WorldSlot,
        /// What the new release has and the old one lacks, newest first; the first of them, where they are known here.
        commits: Vec<LoggedCommit>,
        /// How many there are.
        count: usize,
    },
    /// A moment of a switch, by the host's clock, in seconds since 1970.
    Moment {
        moment: Moment,
        at: f64,
    },
    /// The requests that were counted around a switch.
    Traffic(Traffic),
    /// A slot can be seen at this address of this machine.
    Opened {
        url: String,
    },
    /// The last line: the state of the world and the next command.
    World(World),
    /// The last line of a command that leaves no world: what is true now, and the next command.
    Done {
        what: String,
        run: Option<String>,
    },
    /// A file that is only shown: data, so that it can be piped as it stands.
    #[serde(untagged)]
    File {
        file: String,
        text: String,
    },
}

/// What happens in a switch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Moment {
    /// The links lead to the new release.
    Swap,
    /// nginx has taken the reload.
    Reload,
    /// The front door serves the new release.
    Proven,
    /// The old release has served its last request.
    Drained,
    /// The old release serves again.
    Back,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Bytes,
    Objects,
}

/// Where everything stands at the end of a command.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct World {
    pub live: Option<WorldSlot>,
    pub next: Option<WorldSlot>,
    /// The command to type next, if there is an obvious one.
    pub run: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct WorldSlot {
    pub color: Color,
    pub commit: Option<CommitSummary>,
    /// `unchanged`, `healthy`, `FAILED`, `not running`...
    pub word: String,
}

fn seconds<S: serde::Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_f64((took.as_secs_f64() * 1000.0).round() / 1000.0)
}
