//! What a build service shows at the end of a run: one table, as text and as Markdown.

use std::time::Duration;

use super::table::Table;
use super::text::clean;
use super::words;
use crate::model::{Color, CommitSummary};
use crate::plan::{Counted, Event, Failure, Moment, Site, Traffic, World, WorldSlot};

/// How many of a host's words a summary keeps of a kind.
const MOST: usize = 100;

/// What was seen of a run.
#[derive(Default)]
pub(crate) struct Summary {
    /// `deploy of prod on web1.example`.
    what: Option<String>,
    commit: Option<CommitSummary>,
    pub(super) parts: Vec<SummaryPart>,
    pub(super) steps: Vec<Step>,
    pub(super) warnings: Vec<String>,
    /// What the last switch brings, its moments, and the requests around it.
    pub(super) brings: Option<Event>,
    pub(super) moments: Vec<(Moment, f64)>,
    pub(super) traffic: Option<Traffic>,
    /// Whether the command changes what is live, where it succeeds.
    switches: bool,
    world: Option<World>,
    pub(super) failed: Option<Failure>,
}

/// What some steps are taken for.
pub(super) struct SummaryPart {
    pub verb: &'static str,
    pub environment: String,
    pub host: String,
    pub by: String,
    pub commit: Option<CommitSummary>,
    pub slot: Option<Color>,
    pub first_step: usize,
}

pub(super) struct Step {
    pub title: String,
    pub took: Duration,
    pub result: String,
}

/// One line of the table: what, how long, what came of it.
type Row = [String; 3];

impl Summary {
    pub(crate) fn see(&mut self, event: &Event) {
        match event {
            Event::Intent { verb, switches, environment, by, commit, host, slot, .. } => {
                self.parts.push(SummaryPart {
                    verb,
                    environment: environment.clone(),
                    host: host.clone(),
                    by: by.clone(),
                    commit: commit.clone(),
                    slot: *slot,
                    first_step: self.steps.len(),
                });
                // A deploy that cuts over has two of them.
                self.what.get_or_insert_with(|| format!("{verb} of {environment} on {host}"));
                self.commit = self.commit.take().or_else(|| commit.clone());
                self.switches |= *switches;
            }
            Event::StepFinished { title, took, note, .. } => {
                let note = note.as_deref().unwrap_or("done");
                self.step(title, *took, note);
            }
            Event::StepFailed { title, took, .. } => self.step(title, *took, "FAILED"),
            Event::World(world) => self.world = Some(world.clone()),
            Event::Warning { message } if self.warnings.len() < MOST => self.warnings.push(message.clone()),
            Event::Brings { .. } => {
                self.brings = Some(event.clone());
                self.moments.clear();
                self.traffic = None;
            }
            Event::Moment { moment, at } if self.moments.len() < MOST => self.moments.push((*moment, *at)),
            Event::Traffic(traffic) => self.traffic = Some(traffic.clone()),
            _ => {}
        }
    }

    fn step(&mut self, title: &str, took: Duration, result: &str) {
        self.steps.push(Step { title: title.to_owned(), took, result: result.to_owned() });
    }

    pub(crate) fn fail(&mut self, failure: &Failure) {
        self.failed = Some(failure.clone());
        self.world = failure.world.clone();
        self.switches &= failure.site == Site::Switched;
    }

    /// The table's head and rows; `None`: no step was taken.
    fn rows(&self, took: Duration) -> Option<(String, Vec<Row>)> {
        if self.steps.is_empty() {
            return None;
        }
        let row = |what: &str, took: String, result: String| [what.to_owned(), took, result];
        let mut rows = Vec::new();
        if let Some(commit) = &self.commit {
            let commit = format!("{} {}", commit.short(), commit.subject);
            rows.push(row("commit", String::new(), commit.trim_end().to_owned()));
        }
        let live = self.world.as_ref().map(|world| &world.live);
        let before = match (&self.world, self.switches) {
            // What was live is next now.
            (Some(world), true) => Some(&world.next),
            _ => live,
        };
        let slot = |slot: &Option<WorldSlot>| match slot {
            None => "nothing".to_owned(),
            Some(slot) => {
                let commit = slot.commit.as_ref().map_or("empty", CommitSummary::short);
                format!("{} {commit}", slot.color)
            }
        };
        if let Some(before) = before {
            rows.push(row("live before", String::new(), slot(before)));
        }
        for step in &self.steps {
            rows.push(row(&step.title, words::duration(step.took), step.result.clone()));
        }
        if let Some(traffic) = self.traffic.as_ref().filter(|traffic| traffic.by != Counted::Nobody) {
            let result = format!("{}, {} lost", traffic.requests(), traffic.lost());
            rows.push(row("requests", String::new(), result));
        }
        if let Some(live) = live {
            rows.push(row("live after", String::new(), slot(live)));
        }
        let end = self
            .failed
            .as_ref()
            .map_or_else(|| "done".to_owned(), |failed| format!("FAILED: {}", failed.what));
        rows.push(row("in all", words::duration(took), end));
        Some((self.what.clone().unwrap_or_default(), rows))
    }

    /// For a log: columns of text.
    pub(crate) fn text(&self, took: Duration) -> Vec<String> {
        let Some((what, rows)) = self.rows(took) else {
            return Vec::new();
        };
        let mut table = Table::default().with_right(1);
        for [what, took, result] in rows {
            table.row([format!("  {}", clean(&what)), took, clean(&result)]);
        }
        let mut lines = vec![String::new(), clean(&what)];
        lines.extend(table.lines());
        lines
    }

    /// For a page of GitHub's: a table in Markdown.
    pub(crate) fn markdown(&self, took: Duration) -> Option<String> {
        let (what, rows) = self.rows(took)?;
        let mark = if self.failed.is_some() { "❌" } else { "✅" };
        let mut text = format!("### {mark} {}\n\n| | took | |\n|---|---:|---|\n", plain(&what));
        for [what, took, result] in rows {
            text.push_str(&format!("| {} | {} | {} |\n", plain(&what), plain(&took), plain(&result)));
        }
        text.push('\n');
        Some(text)
    }
}

/// Text that Markdown shows as it stands: a commit's subject may hold anything.
fn plain(text: &str) -> String {
    let mut safe = String::new();
    for character in clean(text).chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            // Written so, it calls nobody.
            '@' => safe.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '!' | '|' | '~' | '#' => {
                safe.push('\\');
                safe.push(character);
            }
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Color;

    fn commit(short: &str, subject: &str) -> Option<CommitSummary> {
        let id = short.repeat(6)[..40].to_owned();
        let subject = subject.to_owned();
        Some(CommitSummary { id, subject })
    }

    fn intent(verb: &'static str) -> Event {
        Event::Intent {
            verb,
            doing: "",
            switches: verb == "cutover",
            environment: "prod".into(),
            by: "ann@laptop".into(),
            commit: commit("3ab9d42", "fix | <b>the</b> `header` @ann\n### x"),
            ahead_of_live: Some(1),
            host: "web1.example".into(),
            slot: Some(Color::Green),
        }
    }

    fn finished(title: &str, millis: u64, note: Option<&str>) -> Event {
        Event::StepFinished {
            number: 1,
            total: 2,
            title: title.into(),
            took: Duration::from_millis(millis),
            note: note.map(str::to_owned),
        }
    }

    fn world(live: &str, next: &str) -> World {
        let slot =
            |color, short: &str| Some(WorldSlot { color, commit: commit(short, ""), word: "healthy".into() });
        World { live: slot(Color::Green, live), next: slot(Color::Blue, next), run: None }
    }

    fn shown(summary: &Summary) -> String {
        let took = Duration::from_secs(95);
        format!("{}\n---\n{}", summary.text(took).join("\n"), summary.markdown(took).unwrap_or_default())
    }

    #[test]
    fn a_release_is_one_table() {
        let mut summary = Summary::default();
        for event in [
            intent("deploy"),
            finished("seed 3ab9d42", 140, Some("5 objects, 1.1 kB")),
            finished("build the virtualenv", 61_000, None),
            intent("cutover"),
            finished("switch to green and reload nginx", 200, Some("proven at the front door")),
            Event::World(world("3ab9d42", "a1b2c3d")),
        ] {
            summary.see(&event);
        }
        insta::assert_snapshot!(shown(&summary));
    }

    #[test]
    fn a_failure_is_one_too() {
        let mut summary = Summary::default();
        summary.see(&intent("deploy"));
        summary.see(&Event::StepFailed {
            number: 1,
            total: 2,
            title: "build the virtualenv".into(),
            took: Duration::from_millis(1500),
        });
        let mut failure = Failure::new("virtualenv", "could not build the virtualenv on web1 (exit 1)")
            .site(Site::Untouched);
        failure.world = Some(world("a1b2c3d", "0f0f0f0"));
        summary.fail(&failure);
        insta::assert_snapshot!(shown(&summary));
    }

    #[test]
    fn where_no_step_was_taken_there_is_nothing_to_sum_up() {
        let mut summary = Summary::default();
        summary.see(&intent("deploy"));
        assert!(summary.text(Duration::ZERO).is_empty());
        assert_eq!(summary.markdown(Duration::ZERO), None);
    }
}
