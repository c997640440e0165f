//! What several hosts tell at once becomes one line a step: how long the slowest of them took, and who it was.

use std::collections::HashMap;
use std::collections::HashSet;
use std::time::Duration;

use crate::plan::{Event, HostTold};

/// From here on it is worth a word that one host took longer than the others.
const NOTABLE: Duration = Duration::from_secs(1);

/// The hosts that are at work, and what of their steps is not told yet.
#[derive(Default)]
pub(super) struct Merged {
    /// What each host still has before it, and how many plans it has begun.
    hosts: HashMap<String, Before>,
    /// All that ever joined.
    joined: usize,
    steps: Vec<FleetStep>,
    /// What was told of one host need not be told of the next.
    told: HashSet<String>,
    number: usize,
    total: usize,
}

#[derive(Default)]
struct Before {
    titles: Vec<String>,
    plans: usize,
}

struct FleetStep {
    title: String,
    /// The number of the plan that it is of.
    plan: usize,
    ended: Vec<(String, Duration, Option<String>)>,
}

impl Merged {
    /// What is to be shown of what a host tells.
    pub(super) fn take(&mut self, host: &str, told: HostTold) -> Vec<Event> {
        match told {
            HostTold::Joined => {
                self.joined += 1;
                self.hosts.entry(host.to_owned()).or_default();
                Vec::new()
            }
            HostTold::Begins(titles) => {
                let before = self.hosts.entry(host.to_owned()).or_default();
                before.plans += 1;
                before.titles.extend(titles);
                self.whole()
            }
            HostTold::Left => {
                self.hosts.remove(host);
                self.whole()
            }
            HostTold::Event(event) => self.event(host, event),
        }
    }

    fn event(&mut self, host: &str, event: Event) -> Vec<Event> {
        match event {
            Event::StepStarted { title, total, .. } => {
                self.total = self.total.max(total);
                if self.steps.iter().any(|step| step.title == title) {
                    return Vec::new();
                }
                self.number += 1;
                let plan = self.hosts.get(host).map_or(0, |before| before.plans);
                self.steps.push(FleetStep { title: title.clone(), plan, ended: Vec::new() });
                vec![Event::StepStarted { number: self.number, total: self.total, title }]
            }
            Event::StepFinished { title, took, note, .. } => {
                if let Some(before) = self.hosts.get_mut(host)
                    && let Some(at) = before.titles.iter().position(|own| *own == title)
                {
                    before.titles.remove(at);
                }
                if let Some(step) = self.steps.iter_mut().find(|step| step.title == title) {
                    step.ended.push((host.to_owned(), took, note));
                }
                self.whole()
            }
            Event::StepFailed { number, total, title, took } => {
                vec![Event::StepFailed { number, total, title: format!("{title} ({host})"), took }]
            }
            Event::Output { line } => vec![Event::Output { line: format!("{host}: {line}") }],
            Event::Command { line } => vec![Event::Command { line: format!("{host}: {line}") }],
            Event::Warning { ref message } | Event::Note { ref message } => {
                if self.told.insert(message.clone()) { vec![of_host(host, event)] } else { Vec::new() }
            }
            // The plans of the hosts are mostly the same.
            Event::Planned { number, ref title, .. } => {
                if self.told.insert(format!("{number}. {title}")) {
                    vec![event]
                } else {
                    Vec::new()
                }
            }
            // Of several at once a person sees none.
            Event::Progress { .. } => Vec::new(),
            event => vec![event],
        }
    }

    /// The steps that no host has before it any more.
    fn whole(&mut self) -> Vec<Event> {
        let hosts = &self.hosts;
        let is_whole = |step: &mut FleetStep| {
            !step.ended.is_empty()
                && hosts
                    .values()
                    .all(|before| before.plans >= step.plan && !before.titles.contains(&step.title))
        };
        let whole: Vec<FleetStep> = self.steps.extract_if(.., is_whole).collect();
        whole.into_iter().map(|step| self.finished(step)).collect()
    }

    fn finished(&self, step: FleetStep) -> Event {
        let times = || step.ended.iter().map(|(_, took, _)| *took);
        let (most, least) = (times().max().unwrap_or_default(), times().min().unwrap_or_default());
        let mut words = Vec::new();
        if step.ended.len() < self.joined {
            let hosts: Vec<&str> = step.ended.iter().map(|(host, ..)| &**host).collect();
            words.push(format!("on {}", hosts.join(", ")));
        } else if most > NOTABLE && most > least.mul_f32(1.5) {
            let slowest = step.ended.iter().max_by_key(|(_, took, _)| *took);
            words.extend(slowest.map(|(host, ..)| format!("slowest: {host}")));
        }
        let notes: HashSet<&String> = step.ended.iter().filter_map(|(_, _, note)| note.as_ref()).collect();
        if let (1, Some(note)) = (notes.len(), notes.iter().next()) {
            words.insert(0, (*note).clone());
        }
        let note = (!words.is_empty()).then(|| words.join(", "));
        Event::StepFinished { number: self.number, total: self.total, title: step.title, took: most, note }
    }
}

fn of_host(host: &str, event: Event) -> Event {
    match event {
        Event::Warning { message } => Event::Warning { message: format!("{host}: {message}") },
        Event::Note { message } => Event::Note { message: format!("{host}: {message}") },
        event => event,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::Look;
    use crate::ui::lines::of_event;

    fn lines(told: Vec<(&str, HostTold)>) -> String {
        let mut merged = Merged::default();
        let events = told.into_iter().flat_map(|(host, told)| merged.take(host, told));
        events.flat_map(|event| of_event(&event, Look::PLAIN)).collect::<Vec<_>>().join("\n")
    }

    fn begins(titles: &[&str]) -> HostTold {
        HostTold::Begins(titles.iter().map(ToString::to_string).collect())
    }

    fn done(title: &str, seconds: u64, note: Option<&str>) -> HostTold {
        HostTold::Event(Event::StepFinished {
            number: 1,
            total: 1,
            title: title.into(),
            took: Duration::from_secs(seconds),
            note: note.map(Into::into),
        })
    }

    fn started(title: &str) -> HostTold {
        HostTold::Event(Event::StepStarted { number: 1, total: 1, title: title.into() })
    }

    #[test]
    fn a_step_is_one_line_once_all_have_done_it() {
        let (web1, web2) = ("web1", "web2");
        insta::assert_snapshot!(lines(vec![
            (web1, HostTold::Joined),
            (web2, HostTold::Joined),
            (web1, begins(&["seed", "start"])),
            (web1, started("seed")),
            (web1, done("seed", 1, Some("5 objects"))),
            (web1, started("start")),
            (web1, done("start", 1, None)),
            (web2, begins(&["seed", "start"])),
            (web2, done("seed", 2, Some("5 objects"))),
            (web2, done("start", 1, None)),
            (web1, begins(&["release"])),
            (web2, begins(&[])),
            (web1, started("release")),
            (web1, done("release", 3, None)),
            (web2, HostTold::Event(Event::Warning { message: "the disk is nearly full".into() })),
            (web1, HostTold::Event(Event::Warning { message: "the disk is nearly full".into() })),
            (web2, HostTold::Event(Event::Output { line: "hello".into() })),
        ]));
    }

    #[test]
    fn whoever_has_left_is_not_waited_for() {
        insta::assert_snapshot!(lines(vec![
            ("web1", HostTold::Joined),
            ("web2", HostTold::Joined),
            ("web1", begins(&["seed"])),
            ("web1", started("seed")),
            ("web1", done("seed", 1, None)),
            ("web2", HostTold::Left),
        ]));
    }
}
