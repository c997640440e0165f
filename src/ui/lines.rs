//! Events as lines of text: what a terminal, a pipe and the log file have in common.

use std::time::Duration;

use super::look::Look;
use super::text::{clean, clean_output, pad, width};
use super::words;
use crate::model::CommitSummary;
use crate::plan::{Event, World, WorldSlot};

/// Where the durations of the steps begin, so that they stand below each other.
const TITLE: usize = 38;
/// Room for a right-aligned duration.
const DURATION: usize = 9;

/// The lines that say an event. What a step's tools print ([`Event::Output`], [`Event::Command`]) is included: the
/// caller decides whether a person wants it. Starts and progress are not: they belong to what moves.
pub(crate) fn of_event(event: &Event, look: Look) -> Vec<String> {
    match event {
        Event::Intent { .. } => vec![look.strong(&intent(event))],
        Event::Connected { host, own_ssh, took } => {
            let title = format!("connect to {}", clean(host));
            let by = own_ssh.as_ref().map(|why| format!("by your own ssh: {}", clean(why)));
            vec![step(look, true, &title, *took, by.as_deref())]
        }
        Event::Warning { message } => labelled("warning: ", &look.doubtful("warning:"), message),
        Event::Note { message } => labelled("note: ", &look.strong("note:"), message),
        // Data, which has a stream of its own.
        Event::Opened { .. } | Event::File { .. } => Vec::new(),
        Event::Asking { .. }
        | Event::Connecting { .. }
        | Event::StepStarted { .. }
        | Event::Progress { .. }
        | Event::Brings { .. }
        | Event::Moment { .. }
        | Event::Traffic(_) => Vec::new(),
        Event::Output { line } => {
            let bar = look.bar();
            vec![look.faint(&format!("    {bar} {}", clean_output(line)))]
        }
        Event::Command { line } => {
            line.lines().map(|line| look.faint(&format!("    $ {}", clean(line)))).collect()
        }
        Event::StepFinished { title, took, note, .. } => {
            vec![step(look, true, title, *took, note.as_deref())]
        }
        Event::StepFailed { title, took, .. } => vec![step(look, false, title, *took, None)],
        Event::Planned { number, title, touches } => {
            let title = pad(&clean(title), TITLE + 3);
            vec![format!("  {number:>2}. {title}  touches {}", clean(touches))]
        }
        Event::World(state) => vec![world(state, look)],
        Event::Done { what, run } => {
            let run = run.as_ref().map(|run| format!(" {} run: {}", look.dash(), look.hint(&clean(run))));
            vec![format!("{}{}", clean(what), run.unwrap_or_default())]
        }
    }
}

/// A line with a tick or a cross: `  ✓ build the virtualenv    0.0 s  unchanged`.
fn step(look: Look, good: bool, title: &str, took: Duration, note: Option<&str>) -> String {
    let mark = if good { look.tick() } else { look.cross() };
    let title = pad(&clean(title), TITLE);
    let took = words::duration(took);
    let gap = " ".repeat(DURATION.saturating_sub(width(&took)));
    let note = note.filter(|note| !note.is_empty()).map(|note| format!("  {}", clean(note)));
    let note = look.faint(&note.unwrap_or_default());
    look.clip(&format!("  {mark} {title}{gap}{took}{note}"))
}

/// `deploying 3ab9d42 "fix the header" (+2 commits) to prod: green on web1.example, by ann@laptop`.
fn intent(event: &Event) -> String {
    let Event::Intent { doing, environment, by, commit, ahead_of_live, host, slot, .. } = event else {
        return String::new();
    };
    let what = commit.as_ref().map(|commit| {
        let ahead = match ahead_of_live {
            None => String::new(),
            Some(0) => " (no new commits)".to_owned(),
            Some(number) => format!(" (+{})", words::count(*number, "commit")),
        };
        format!("{}{ahead}", quoted(commit))
    });
    let doing = doing.replace("{environment}", &clean(environment));
    let doing = doing.replace("{commit}", what.as_deref().unwrap_or("nothing"));
    let place = match slot {
        Some(color) => format!(": {color} on {}", clean(host)),
        None => format!(" on {}", clean(host)),
    };
    format!("{doing}{place}, by {}", clean(by))
}

/// `3ab9d42 "fix the header"`.
fn quoted(commit: &CommitSummary) -> String {
    if commit.subject.is_empty() {
        clean(commit.short())
    } else {
        format!("{} \"{}\"", clean(commit.short()), clean(&commit.subject))
    }
}

/// `live: blue a1b2c3d (unchanged) | next: green 3ab9d42 healthy — run: deployer prod cutover`.
pub(crate) fn world(world: &World, look: Look) -> String {
    let slot = |slot: &Option<WorldSlot>| match slot {
        None => "nothing".to_owned(),
        Some(slot) => world_slot(slot, look),
    };
    let mut line = format!(
        "{} {} | {} {}",
        look.strong("live:"),
        slot(&world.live),
        look.strong("next:"),
        slot(&world.next),
    );
    if let Some(run) = &world.run {
        line.push_str(&format!(" {} run: {}", look.dash(), look.hint(&clean(run))));
    }
    line
}

fn world_slot(slot: &WorldSlot, look: Look) -> String {
    let commit = slot.commit.as_ref().map(|commit| clean(commit.short()));
    let word = match slot.word.as_str() {
        "" => String::new(),
        "unchanged" => "(unchanged)".to_owned(),
        "healthy" => look.good("healthy"),
        other if other.starts_with("FAILED") => look.bad(&clean(other)),
        other => clean(other),
    };
    let parts = [slot.color.to_string(), commit.unwrap_or_default(), word];
    let parts: Vec<String> = parts.into_iter().filter(|part| !part.is_empty()).collect();
    parts.join(" ")
}

/// Text behind a label, its further lines below its first one.
pub(crate) fn labelled(label: &str, painted: &str, text: &str) -> Vec<String> {
    let gap = " ".repeat(label.len().saturating_sub(label.trim_end().len()));
    let indent = " ".repeat(label.len());
    let mut lines: Vec<String> = Vec::new();
    for line in text.trim_end().lines() {
        let line = clean(line);
        lines.push(if lines.is_empty() {
            format!("{painted}{gap}{line}")
        } else {
            format!("{indent}{line}").trim_end().to_owned()
        });
    }
    if lines.is_empty() {
        lines.push(painted.to_owned());
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Color;
    use crate::ui::look::Columns;

    fn commit(subject: &str) -> CommitSummary {
        CommitSummary { id: "3ab9d4200112233445566778899aabbccddeeff0".into(), subject: subject.into() }
    }

    fn intent_of(
        doing: &'static str,
        subject: Option<&str>,
        ahead_of_live: Option<usize>,
        slot: bool,
    ) -> String {
        intent(&Event::Intent {
            verb: "",
            doing,
            switches: false,
            environment: "prod".into(),
            by: "ann@laptop".into(),
            commit: subject.map(commit),
            ahead_of_live,
            host: "web1.example".into(),
            slot: slot.then_some(Color::Green),
        })
    }

    #[test]
    fn intents_are_sentences() {
        let deploying = "deploying {commit} to {environment}";
        let all = [
            intent_of(deploying, Some("fix the {environment}"), Some(2), true),
            intent_of(deploying, Some("fix the header"), Some(1), true),
            intent_of(deploying, Some("fix the header"), Some(0), true),
            intent_of(deploying, Some(""), None, false),
            intent_of("cutting {environment} over to {commit}", Some("fix the header"), Some(2), true),
            intent_of("rolling {environment} back to {commit}", Some("fix the header"), None, true),
            intent_of("stopping next of {environment}, {commit}", Some("fix the header"), None, true),
            intent_of("pruning {environment}", None, None, false),
            intent_of(deploying, Some("\u{1b}]0;owned\u{7}\u{1b}[2Jhello\r\u{8}"), None, true),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        deploying 3ab9d42 "fix the {environment}" (+2 commits) to prod: green on web1.example, by ann@laptop
        deploying 3ab9d42 "fix the header" (+1 commit) to prod: green on web1.example, by ann@laptop
        deploying 3ab9d42 "fix the header" (no new commits) to prod: green on web1.example, by ann@laptop
        deploying 3ab9d42 to prod on web1.example, by ann@laptop
        cutting prod over to 3ab9d42 "fix the header" (+2 commits): green on web1.example, by ann@laptop
        rolling prod back to 3ab9d42 "fix the header": green on web1.example, by ann@laptop
        stopping next of prod, 3ab9d42 "fix the header": green on web1.example, by ann@laptop
        pruning prod on web1.example, by ann@laptop
        deploying 3ab9d42 "hello " to prod: green on web1.example, by ann@laptop
        "#);
    }

    #[test]
    fn worlds_fit_one_line() {
        let slot = |color, word: &str| Some(WorldSlot { color, commit: Some(commit("")), word: word.into() });
        let full = World {
            live: slot(Color::Blue, "unchanged"),
            next: slot(Color::Green, "healthy"),
            run: Some("deployer prod cutover".into()),
        };
        let failed = World { live: None, next: slot(Color::Green, "FAILED"), run: None };
        let look = Look { unicode: false, ..Look::PLAIN };
        let all = [
            world(&full, Look::PLAIN),
            world(&full, look),
            world(&failed, look),
            world(&World::default(), look),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        live: blue 3ab9d42 (unchanged) | next: green 3ab9d42 healthy — run: deployer prod cutover
        live: blue 3ab9d42 (unchanged) | next: green 3ab9d42 healthy - run: deployer prod cutover
        live: nothing | next: green 3ab9d42 FAILED
        live: nothing | next: nothing
        ");
    }

    #[test]
    fn steps_are_cut_only_where_there_is_an_edge() {
        let look = |columns: Option<usize>, unicode, color| Look {
            color,
            unicode,
            columns: columns.map_or(Columns::Unlimited, Columns::Fixed),
        };
        let note = Some("unchanged since the last deploy of this slot");
        let took = Duration::from_millis(125_000);
        let title = "build the virtualenv";
        let all = [
            step(look(None, true, false), true, title, took, note),
            step(look(Some(70), true, false), true, title, took, note),
            step(look(Some(30), true, false), true, title, took, note),
            step(look(None, false, false), true, title, took, note),
            step(look(None, false, false), false, title, took, None),
            step(look(Some(70), true, true), false, title, took, note).replace('\u{1b}', "ESC"),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        ✓ build the virtualenv                  2 min 05 s  unchanged since the last deploy of this slot
        ✓ build the virtualenv                  2 min 05 s  unchanged since…
        ✓ build the virtualenv…
        ok     build the virtualenv                  2 min 05 s  unchanged since the last deploy of this slot
        FAILED build the virtualenv                  2 min 05 s
        ESC[1mESC[31m✗ESC[0m build the virtualenv                  2 min 05 sESC[2m  unchanged since…ESC[0m
        ");
        for columns in 10..90 {
            let line = step(look(Some(columns), true, false), true, title, took, note);
            assert!(width(&line) <= columns, "{columns}: {line}");
        }
    }

    #[test]
    fn messages_of_several_lines_stay_below_their_label() {
        let event = Event::Warning { message: "two things:\nfirst\n  second\n".into() };
        insta::assert_snapshot!(of_event(&event, Look::PLAIN).join("\n"), @r"
        warning: two things:
                 first
                   second
        ");
    }
}
