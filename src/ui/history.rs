//! The history as a table that a person reads: newest first.

use super::look::Look;
use super::report::Report;
use super::table::Table;
use super::text::clean;
use crate::model::{HistoryEntry, age, short, whole_seconds};
use crate::plan::status::HistoryReport;

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
    fn nothing_yet_is_said() {
        let report = HistoryReport { environment: "prod".into(), history: Vec::new(), now: 0.0 };
        assert_eq!(report.lines(Look::PLAIN), ["prod: no cutover yet"]);
    }
}
