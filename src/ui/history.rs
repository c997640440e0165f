//! The history as a table that a person reads: newest first.

use super::look::Look;
use super::text::{clean, pad};
use super::words;
use crate::model::{HistoryEntry, short, whole_seconds};

/// The whole table; `now` is the host's clock, in seconds since 1970.
pub(crate) fn lines(environment: &str, entries: &[HistoryEntry], now: f64, look: Look) -> Vec<String> {
    if entries.is_empty() {
        return vec![format!("{}: no cutover yet", clean(environment))];
    }
    entries.iter().rev().map(|entry| look.clip(&line(entry, now, look), look.columns)).collect()
}

fn line(entry: &HistoryEntry, now: f64, look: Look) -> String {
    let age = words::age(whole_seconds(now - entry.at));
    let commit = short(&entry.commit);
    let subject = match &entry.why {
        Some(why) => format!("because {}", clean(why)),
        None => clean(&entry.subject),
    };
    let by = if entry.by.is_empty() { String::new() } else { format!("  {}", look.faint(&clean(&entry.by))) };
    let took = match entry.seconds {
        seconds if seconds > 0.0 => format!(", {seconds:.1} s"),
        _ => String::new(),
    };
    format!(
        "{}  {}  {}  {}  {subject}{by}{}",
        pad(&format!("{age} ago"), 12),
        pad(&clean(&entry.verb), 11),
        pad(entry.color.as_str(), 5),
        look.strong(&clean(commit)),
        look.faint(&took),
    )
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
        let entries = [entry("cutover", "3ab9d42000", 100.0), back];
        insta::assert_snapshot!(lines("prod", &entries, 7200.0, Look::PLAIN).join("\n"), @r"
        3 min ago     rolled back  blue   a1b2c3d  because the front door answered 500  ann@laptop, 0.1 s
        1 h ago       cutover      blue   3ab9d42  fix the header  ann@laptop, 0.1 s
        ");
    }

    #[test]
    fn nothing_yet_is_said() {
        assert_eq!(lines("prod", &[], 0.0, Look::PLAIN), ["prod: no cutover yet"]);
    }
}
