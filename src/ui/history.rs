//! The histories as tables that a person reads: newest first.

use super::look::Look;
use super::report::Report;
use super::table::Table;
use super::text::{clean, clip};
use super::words;
use crate::model::{End, HistoryEntry, RecordedCommand, age, short, whole_seconds};
use crate::plan::status::{CommandsReport, HistoryReport};

impl Report for HistoryReport {
    fn lines(&self, look: Look) -> Vec<String> {
        if self.history.is_empty() {
            return vec![format!("{}: no cutover yet", clean(&self.environment))];
        }
        let mut table = Table::with_least(&[12, 11, 5]);
        for entry in self.history.iter().rev() {
            table.row(row(entry, self.now, look));
        }
        table.lines().iter().map(|line| look.clip(line)).collect()
    }
}

fn row(entry: &HistoryEntry, now: f64, look: Look) -> [String; 5] {
    let subject = match &entry.why {
        Some(why) => format!("because {}", clean(why)),
        None => clean(&entry.subject),
    };
    let by = if entry.by.is_empty() { String::new() } else { format!("  {}", look.faint(&clean(&entry.by))) };
    let took = match entry.seconds {
        seconds if seconds > 0.0 => format!(", {seconds:.1} s"),
        _ => String::new(),
    };
    [
        format!("{} ago", age(whole_seconds(now - entry.at))),
        clean(&entry.verb),
        entry.color.to_string(),
        look.strong(&clean(short(&entry.commit))),
        format!("{subject}{by}{}", look.faint(&took)),
    ]
}

impl Report for CommandsReport {
    fn lines(&self, look: Look) -> Vec<String> {
        if self.commands.is_empty() {
            return vec![format!("{}: no command is recorded yet", clean(&self.environment))];
        }
        let mut table = Table::with_least(&[12, 8, 7]);
        for command in self.commands.iter().rev() {
            table.row(recorded(command, self.now, look));
        }
        table.lines().iter().map(|line| look.clip(line)).collect()
    }
}

fn recorded(command: &RecordedCommand, now: f64, look: Look) -> [String; 4] {
    let what = match (&command.commit, &command.command) {
        (Some(commit), _) => clean(short(commit)),
        (None, Some(program)) => clip(&clean(program), Some(20), look.unicode),
        (None, None) => String::new(),
    };
    let by =
        if command.by.is_empty() { String::new() } else { format!("  {}", look.faint(&clean(&command.by))) };
    let took = command.seconds.and_then(|seconds| std::time::Duration::try_from_secs_f64(seconds).ok());
    let took = took.map_or(String::new(), |took| format!(", {}", words::duration(took)));
    [
        format!("{} ago", age(whole_seconds(now - command.at))),
        clean(&command.verb),
        look.strong(&what),
        format!("{}{by}{}", ended(command, look), look.faint(&took)),
    ]
}

/// How it ended, in words.
fn ended(command: &RecordedCommand, look: Look) -> String {
    match command.end {
        End::Done if command.switched == Some(true) => "done, and live".to_string(),
        End::Done => "done".to_string(),
        End::Unchanged => "changed nothing".to_string(),
        End::CutOff => look.bad("cut off"),
        End::Running => "at work".to_string(),
        End::Unknown => "end not seen".to_string(),
        End::Failed => {
            let exit = command.exit.map(|code| format!("exit {code}"));
            let step = command.step.as_ref().map(|step| step.replace('_', " "));
            let step = step.map(|step| match &command.reason {
                Some(reason) => format!("{step} ({})", reason.replace('_', " ")),
                None => step,
            });
            match exit.or(step) {
                Some(why) => look.bad(&clean(&format!("failed: {why}"))),
                None => look.bad("failed"),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Color;

    fn entry(verb: &str, commit: &str, at: f64) -> HistoryEntry {
        HistoryEntry {
            verb: verb.to_string(),
            color: Color::Blue,
            commit: commit.to_string(),
            subject: "fix the \x1b[31mheader".to_string(),
            by: "ann@laptop".to_string(),
            at,
            seconds: 0.15,
            previous: None,
            why: None,
            release: None,
        }
    }

    #[test]
    fn the_newest_comes_first_and_drives_no_terminal() {
        let mut back = entry("rolled back", "a1b2c3d000", 7000.0);
        back.why = Some("the front door answered 500".to_string());
        let history = vec![entry("cutover", "3ab9d42000", 100.0), back];
        let report = HistoryReport { environment: "prod".into(), history, now: 7200.0 };
        insta::assert_snapshot!(report.lines(Look::PLAIN).join("\n"), @r"
        3 min ago     rolled back  blue   a1b2c3d  because the front door answered 500  ann@laptop, 0.1 s
        1 h ago       cutover      blue   3ab9d42  fix the header  ann@laptop, 0.1 s
        ");
    }

    #[test]
    fn every_command_says_how_it_ended() {
        let command = |verb: &str, at: f64, end| RecordedCommand {
            verb: verb.to_string(),
            by: "ann@laptop".to_string(),
            at,
            seconds: Some(2.04),
            end,
            ..RecordedCommand::default()
        };
        let (commit, step) = (Some("3ab9d42000".to_string()), Some("virtualenv".to_string()));
        let commands = vec![
            RecordedCommand {
                commit: commit.clone(),
                step,
                reason: Some("no_version".into()),
                ..command("deploy", 100.0, End::Failed)
            },
            RecordedCommand { commit, switched: Some(true), ..command("deploy", 3600.0, End::Done) },
            command("prune", 5000.0, End::Unchanged),
            RecordedCommand {
                command: Some("py\u{1b}[31mthon".into()),
                exit: Some(3),
                ..command("run", 7000.0, End::Failed)
            },
            RecordedCommand { seconds: None, ..command("cutover", 7100.0, End::Running) },
        ];
        let report = CommandsReport { environment: "prod".into(), commands, now: 7200.0 };
        insta::assert_snapshot!(report.lines(Look::PLAIN).join("\n"), @r"
        1 min ago     cutover            at work  ann@laptop
        3 min ago     run       python   failed: exit 3  ann@laptop, 2.0 s
        36 min ago    prune              changed nothing  ann@laptop, 2.0 s
        1 h ago       deploy    3ab9d42  done, and live  ann@laptop, 2.0 s
        1 h ago       deploy    3ab9d42  failed: virtualenv (no version)  ann@laptop, 2.0 s
        ");
        let report = CommandsReport { commands: Vec::new(), ..report };
        assert_eq!(report.lines(Look::PLAIN), ["prod: no command is recorded yet"]);
    }

    #[test]
    fn nothing_yet_is_said() {
        let report = HistoryReport { environment: "prod".into(), history: Vec::new(), now: 0.0 };
        assert_eq!(report.lines(Look::PLAIN), ["prod: no cutover yet"]);
    }
}
