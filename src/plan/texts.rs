//! Every text that a person or a script may be shown, so that what must not be seen can be taken out of all of it.

use super::status::{Health, Process, Seen, Served, StatusReport};
use super::{Event, Failure, World};
use crate::model::CommitSummary;

impl Event {
    /// Each text of the event. The match names all, so that a new event cannot be forgotten.
    pub fn texts(&mut self) -> Vec<&mut String> {
        match self {
            Event::Intent { verb, environment, by, commit, host, .. } => {
                let mut texts = vec![verb, environment, by, host];
                texts.extend(subject(commit));
                texts
            }
            Event::Connecting { host } | Event::Connected { host, .. } => vec![host],
            Event::Asking { what } => vec![what],
            Event::Opened { url } => vec![url],
            Event::Warning { message } | Event::Note { message } => vec![message],
            Event::StepStarted { title, .. } | Event::StepFailed { title, .. } => vec![title],
            Event::Progress { .. } => Vec::new(),
            Event::Output { line } | Event::Command { line } => vec![line],
            Event::StepFinished { title, note, .. } => {
                let mut texts = vec![title];
                texts.extend(note);
                texts
            }
            Event::Planned { title, touches, .. } => vec![title, touches],
            Event::Done { what, run } => std::iter::once(what).chain(run).collect(),
            Event::World(world) => world.texts(),
        }
    }
}

impl World {
    fn texts(&mut self) -> Vec<&mut String> {
        let mut texts: Vec<&mut String> = self.run.iter_mut().collect();
        for slot in self.live.iter_mut().chain(&mut self.next) {
            texts.push(&mut slot.word);
            texts.extend(subject(&mut slot.commit));
        }
        texts
    }
}

impl Failure {
    /// Each text of the failure.
    pub fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = vec![&mut self.what];
        texts.extend(&mut self.output);
        texts.extend(&mut self.why);
        texts.extend(&mut self.advice);
        texts.extend(self.world.iter_mut().flat_map(World::texts));
        texts
    }
}

impl StatusReport {
    /// Each text that a host or an application had a say in.
    pub fn texts(&mut self) -> Vec<&mut String> {
        let mut texts = Vec::new();
        for environment in &mut self.environments {
            let status = match &mut environment.seen {
                Seen::Unreachable { error } => {
                    texts.push(error);
                    continue;
                }
                Seen::Reached(status) => &mut **status,
            };
            match &mut status.served {
                Served::Known { commit, .. } => texts.extend(subject(commit)),
                Served::Unknown { why } => texts.push(why),
            }
            for slot in status.live.iter_mut().chain(&mut status.next) {
                texts.extend(subject(&mut slot.commit));
                if let Process::Stranger { what } = &mut slot.process {
                    texts.push(what);
                }
                if let Health::Unhealthy { why } | Health::Unknown { why } = &mut slot.health {
                    texts.push(why);
                }
            }
            for problem in &mut status.problems {
                texts.push(&mut problem.what);
                texts.extend(&mut problem.run);
            }
        }
        texts
    }
}

fn subject(commit: &mut Option<CommitSummary>) -> Option<&mut String> {
    commit.as_mut().map(|commit| &mut commit.subject)
}
