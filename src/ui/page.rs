//! The page that shows a run: one file of HTML that needs no network, for those who were not there.

use std::fmt::Write;
use std::time::Duration;

use jiff::Timestamp;

use super::failure;
use super::look::Look;
use super::picture::{Picture, escape};
use super::summary::{Summary, SummaryPart};
use super::words;
use crate::model::CommitSummary;
use crate::plan::{Counted, Event, Traffic, WorldSlot};
use crate::template::fill;

const PAGE: &str = include_str!("../../templates/report.html");

/// How wide the picture is: beside a margin, and on a phone.
const WIDE: f64 = 820.0;
const NARROW: f64 = 330.0;

/// The name of its caption.
const CAPTION: &str = "switch";

/// The page of a run that took so long and ends now; `verb` is what was typed.
pub(super) fn page(summary: &Summary, verb: &str, now: Timestamp, took: Duration) -> String {
    let title = title(summary, verb);
    let (end, end_class) = match summary.failed {
        None => ("done", "done"),
        Some(_) => ("failed", "failed"),
    };
    fill(PAGE, |name| match name {
        "version" => env!("CARGO_PKG_VERSION").to_string(),
        "title" => escape(&title),
        "end" => end.to_string(),
        "end_class" => end_class.to_string(),
        "who" => escape(&who(summary, now, took)),
        "sections" => sections(summary),
        _ => String::new(),
    })
}

fn title(summary: &Summary, verb: &str) -> String {
    let verb = if verb == "rehearse" { "rehearsal" } else { verb };
    let mut letters = verb.chars();
    let first = letters.next().map(|letter| letter.to_uppercase().to_string()).unwrap_or_default();
    let of = summary.parts.first().map(|part| format!(" of {}", part.environment)).unwrap_or_default();
    format!("{first}{}{of}", letters.as_str())
}

/// Where, by whom, when, how long.
fn who(summary: &Summary, now: Timestamp, took: Duration) -> String {
    let began = now.checked_sub(took).unwrap_or(now).strftime("%Y-%m-%d %H:%M:%S");
    let part = summary.parts.first();
    let by = part.map(|part| format!("on {}, by {}, ", part.host, part.by)).unwrap_or_default();
    format!("{by}{began} UTC, took {}", words::duration(took))
}

fn sections(summary: &Summary) -> String {
    let mut text = String::new();
    if let Some(failed) = &summary.failed {
        let lines: Vec<String> =
            failure::lines(failed, None, Look::PLAIN).iter().map(|line| escape(line)).collect();
        section(&mut text, "What failed", &format!("<pre>{}</pre>\n", lines.join("\n")));
    }
    let traffic = summary.traffic.clone().and_then(Traffic::drawable);
    section(&mut text, "Requests", &requests(summary, traffic.as_ref()));
    if !summary.warnings.is_empty() {
        section(&mut text, "Warnings", &list(summary.warnings.iter().map(|warning| escape(warning))));
    }
    if let Some(Event::Brings { from, to, commits, count }) = &summary.brings {
        let mut said = format!("<p>{} gave way to {}.</p>\n", release(from), release(to));
        let lines = commits.iter().map(|commit| {
            let short = crate::model::short(&commit.id);
            format!(
                "<code>{}</code> {} <span class=\"faint\">{}</span>",
                escape(short),
                escape(&commit.subject),
                escape(&commit.author)
            )
        });
        if !commits.is_empty() {
            said += &list(lines);
        }
        if *count > commits.len() {
            let _ = writeln!(said, "<p class=\"faint\">and {} more</p>", count - commits.len());
        }
        let heading = match count {
            0 => "The release".to_string(),
            count => format!("The release: {}", words::count(*count, "commit")),
        };
        section(&mut text, &heading, &said);
    }
    if !summary.steps.is_empty() {
        section(&mut text, "What was done", &parts(summary));
    }
    text
}

fn section(text: &mut String, heading: &str, inner: &str) {
    let _ = write!(text, "<section>\n<h2>{}</h2>\n{inner}</section>\n", escape(heading));
}

fn list(lines: impl Iterator<Item = String>) -> String {
    let lines: String = lines.map(|line| format!("<li>{line}</li>\n")).collect();
    format!("<ul>\n{lines}</ul>\n")
}

fn release(slot: &WorldSlot) -> String {
    let commit = slot.commit.as_ref().map_or("nothing", CommitSummary::short);
    format!("{} <code>{}</code>", slot.color, escape(commit))
}

/// The numbers, the picture, and the numbers that it is drawn of.
fn requests(summary: &Summary, traffic: Option<&Traffic>) -> String {
    let Some(traffic) = traffic else {
        return "<p>Nobody counted them: <code>--watch TIME</code> does.</p>\n".to_string();
    };
    let counted = traffic.by != Counted::Nobody;
    let mut text = String::from("<ul class=\"numbers\">\n");
    let mut number = |what: &str, value: String| {
        let _ = writeln!(text, "<li><strong>{value}</strong> {what}</li>");
    };
    if counted {
        number("lost", grouped(traffic.lost()));
        number("requests", grouped(traffic.requests()));
    }
    let mut usual: Vec<f64> = traffic.columns.iter().filter_map(|column| column.usual).collect();
    usual.sort_by(f64::total_cmp);
    if let Some(usual) = usual.get(usual.len() / 2) {
        number("usual latency", milliseconds(*usual));
    }
    let slowest = traffic
        .columns
        .iter()
        .filter_map(|column| column.slowest)
        .fold(None, |most, value| Some(f64::max(most.unwrap_or(0.0), value)));
    if let Some(slowest) = slowest {
        number("slowest", milliseconds(slowest));
    }
    text.push_str("</ul>\n");
    let (names, classes) = match &summary.brings {
        Some(Event::Brings { from, to, .. }) => {
            ([name(from), name(to)], [from.color.as_str(), to.color.as_str()])
        }
        _ => (["old".to_string(), "new".to_string()], ["blue", "green"]),
    };
    let title = if counted {
        "Requests a second by release, and their latency, over time"
    } else {
        "Latency of the health check over time"
    };
    let said = describe(summary, traffic, &names);
    let picture = Picture { traffic, moments: &summary.moments, classes, title, caption: CAPTION };
    text.push_str("<figure>\n");
    text.push_str(&key(&names, classes, counted));
    text.push_str(&picture.svg(WIDE, "wide"));
    text.push_str(&picture.svg(NARROW, "narrow"));
    let _ = write!(text, "<figcaption id=\"{CAPTION}\">{}</figcaption>\n</figure>\n", escape(&said));
    text.push_str(&numbers(traffic, &names, picture.zero()));
    text
}

fn name(slot: &WorldSlot) -> String {
    format!("{} {}", slot.color, slot.commit.as_ref().map_or("", CommitSummary::short))
}

/// What the colours mean.
fn key(names: &[String; 2], classes: [&str; 2], counted: bool) -> String {
    let square = |class: &str| format!("<rect class=\"{class}\" width=\"12\" height=\"12\"/>");
    let line = |class: &str| format!("<path class=\"{class}\" d=\"M0 6H12\"/>");
    let mut entries = Vec::new();
    if counted {
        entries.extend([
            (square(classes[0]), escape(&names[0])),
            (square(classes[1]), escape(&names[1])),
            (square("lost"), "lost".to_string()),
        ]);
    }
    entries.extend([
        (line("usual"), "half of the answers within".to_string()),
        (line("slowest"), "the slowest".to_string()),
    ]);
    let lines: String = entries
        .iter()
        .map(|(mark, said)| {
            format!("<li><svg viewBox=\"0 0 12 12\" aria-hidden=\"true\">{mark}</svg>{said}</li>\n")
        })
        .collect();
    format!("<ul class=\"key\">\n{lines}</ul>\n")
}

/// The picture in words.
fn describe(summary: &Summary, traffic: &Traffic, names: &[String; 2]) -> String {
    let [old, new] = names;
    let counts = format!(
        "{} by {old}, {} by {new}, {} lost",
        traffic.sum(|column| column.old),
        traffic.sum(|column| column.new),
        traffic.lost()
    );
    let source = match traffic.by {
        Counted::Load => format!("Four clients asked one after the other: {counts}."),
        Counted::Log => format!(
            "By nginx's access log: {counts} since the switch. The latency is that of the watch's own looks through the front door."
        ),
        Counted::Nobody => {
            "The requests were not counted: [nginx] access_log names no log that the deploy user can \
                            read. The latency is that of the watch's own looks through the front door."
                .to_string()
        }
    };
    let zero = summary.moments.first().map_or(0.0, |(_, at)| *at);
    let moments: Vec<String> = summary
        .moments
        .iter()
        .map(|(moment, at)| format!("{} {:+.2} s", super::picture::word(*moment), at - zero))
        .collect();
    if moments.is_empty() { source } else { format!("{source} The switch: {}.", moments.join(", ")) }
}

/// What the picture is drawn of, for those who want the numbers.
fn numbers(traffic: &Traffic, [old, new]: &[String; 2], zero: f64) -> String {
    let shown = |latency: Option<f64>| latency.map_or(String::new(), |value| format!("{value:.1}"));
    let rows: String = traffic
        .columns
        .iter()
        .scan(traffic.begin, |at, column| {
            let begin = *at;
            *at += traffic.width;
            Some((begin, column))
        })
        .filter(|(_, column)| column.requests() > 0 || column.usual.is_some())
        .map(|(at, column)| {
            let cells = [
                format!("{:+.2}", at - zero),
                column.old.to_string(),
                column.new.to_string(),
                column.lost.to_string(),
                shown(column.usual),
                shown(column.slowest),
            ];
            let cells: String = cells.iter().map(|cell| format!("<td class=\"right\">{cell}</td>")).collect();
            format!("<tr>{cells}</tr>\n")
        })
        .collect();
    let heads: String = ["s", old, new, "lost", "half, ms", "slowest, ms"]
        .iter()
        .map(|head| format!("<th scope=\"col\" class=\"right\">{}</th>", escape(head).replace(' ', "<br>")))
        .collect();
    format!(
        "<details>\n<summary>The numbers</summary>\n<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}</tbody>\n\
         </table>\n</details>\n"
    )
}

/// The steps, below what they were taken for.
fn parts(summary: &Summary) -> String {
    let mut text = String::new();
    for (index, part) in summary.parts.iter().enumerate() {
        let end = summary.parts.get(index + 1).map_or(summary.steps.len(), |next| next.first_step);
        let Some(steps) = summary.steps.get(part.first_step..end).filter(|steps| !steps.is_empty()) else {
            continue;
        };
        let _ = writeln!(text, "<h3>{}</h3>", heading(part));
        text.push_str(
            "<table class=\"steps\">\n<thead><tr><th scope=\"col\">step</th><th scope=\"col\" class=\"right\">took</th>\
             <th scope=\"col\">result</th></tr></thead>\n<tbody>\n",
        );
        for step in steps {
            let _ = writeln!(
                text,
                "<tr><td>{}</td><td class=\"right\">{}</td><td>{}</td></tr>",
                escape(&step.title),
                words::duration(step.took),
                escape(&step.result)
            );
        }
        text.push_str("</tbody>\n</table>\n");
    }
    text
}

/// `Deploy of <code>1a2b3c4</code> to green: fix the header`.
fn heading(part: &SummaryPart) -> String {
    let commit = part
        .commit
        .as_ref()
        .map_or(String::new(), |commit| format!(" of <code>{}</code>", escape(commit.short())));
    let subject = part.commit.as_ref().map_or("", |commit| &commit.subject);
    let subject = if subject.is_empty() { String::new() } else { format!(": {}", escape(subject)) };
    let slot = part.slot.map(|slot| format!(" in {slot}")).unwrap_or_default();
    let verb = match part.verb {
        "deploy" => "Deploy",
        "cutover" => "Cutover",
        "rollback" => "Rollback",
        other => other,
    };
    format!("{verb}{commit}{slot}{subject}")
}

fn milliseconds(value: f64) -> String {
    match value {
        value if value < 10.0 => format!("{value:.1} ms"),
        value if value < 10_000.0 => format!("{value:.0} ms"),
        value => format!("{:.1} s", value / 1000.0),
    }
}

/// `12,345`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
