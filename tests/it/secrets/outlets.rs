//! A value that is broken up by what nobody sees, or encoded, or both, comes out of no outlet.

use std::fmt::Write as _;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use deployer::doctor::{Check, Diagnosis};
use deployer::model::{Color, LoggedCommit, Secret, Secrets};
use deployer::plan::{Event, Failure, Observer, WorldSlot};
use deployer::ui::{Ci, LogFile, Mode, Streams, Ui, UiOptions, Verbosity};
use serde_json::Value;

use crate::support::{Numbers, row};

const VALUES: &[&str] =
    &["p@ss!word(42)", "grüße an \"alle\" 😀", "a/b+c=d&e%f", "it's $HOME\\n", "12345678"];

/// What a reader does not see, or takes for an instruction.
const HIDDEN: &[&str] = &[
    "\u{1b}[36m",
    "\u{1b}[0m",
    "\u{1b}[38;5;120m",
    "\u{1b}[2K",
    "\u{1b}]0;title\u{7}",
    "\u{1b}]8;;http://x/\u{1b}\\",
    "\u{1b}(B",
    "\u{1b}P1$r\u{1b}\\",
    "\u{9b}31m",
    "\u{9d}0;x\u{9c}",
    "\0",
    "\r",
    "\u{8}",
    "\u{7f}",
    "\u{85}",
    "\u{202e}",
    "\u{2066}",
    "\u{200b}",
    "\u{fffd}",
];

/// How a program may write a text.
const WRITERS: &[fn(&str) -> String] = &[
    str::to_owned,
    |text| Value::from(text).to_string(),
    |text| Value::from(Value::from(text).to_string()).to_string(),
    |text| units(text, |unit| format!("\\u{unit:04x}")),
    |text| units(text, |unit| format!("\\u{unit:04X}")),
    |text| bytes(text, |byte| format!("%{byte:02X}")),
    |text| bytes(text, |byte| format!("%{byte:02x}")).replace("%20", "+"),
    |text| bytes(text, |byte| format!("\\x{byte:02x}")),
    |text| text.chars().map(|letter| format!("&#{};", u32::from(letter))).collect(),
    |text| text.replace('&', "&amp;").replace('"', "&quot;").replace('ü', "&uuml;"),
    |text| format!("'{}'", text.replace('\'', "'\\''")),
    |text| format!("{text:?}"),
];

fn units(text: &str, write: impl Fn(u16) -> String) -> String {
    let mut units = [0; 2];
    let letter = |letter: char| {
        if letter.is_ascii_alphanumeric() {
            letter.to_string()
        } else {
            letter.encode_utf16(&mut units).iter().map(|unit| write(*unit)).collect()
        }
    };
    text.chars().map(letter).collect()
}

fn bytes(text: &str, write: impl Fn(u8) -> String) -> String {
    let byte =
        |byte: u8| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { write(byte) };
    text.bytes().map(byte).collect()
}

impl Numbers {
    fn of<'a, T: ?Sized>(&mut self, all: &[&'a T]) -> &'a T {
        all[self.below(all.len())]
    }

    /// The text with one thing put in at up to three places, never into itself: a sequence that is broken is none.
    fn broken(&mut self, text: &str) -> String {
        let mut broken: Vec<char> = text.chars().collect();
        let hidden = self.of(HIDDEN);
        let mut end = broken.len() + 1;
        for _ in 0..self.below(4) {
            if end > 0 {
                end = self.below(end);
                broken.splice(end..end, hidden.chars());
            }
        }
        broken.into_iter().collect()
    }
}

#[derive(Clone, Default)]
struct Page(Arc<Mutex<Vec<u8>>>);

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("a page").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What readers make of a text: nothing but its letters, without colours, without all sequences.
fn read(text: &str) -> Vec<String> {
    let seen = |text: &str| -> String {
        let hidden = |letter: &char| {
            letter.is_control() || matches!(letter, '\u{200b}' | '\u{202e}' | '\u{2066}' | '\u{fffd}')
        };
        text.chars().filter(|letter| !hidden(letter)).collect()
    };
    let mut uncoloured = String::new();
    for (index, piece) in text.replace('\u{9b}', "\u{1b}[").split("\u{1b}[").enumerate() {
        let body = piece.trim_start_matches(|letter: char| letter.is_ascii_digit() || letter == ';');
        uncoloured.push_str(if index == 0 { piece } else { body.get(1..).unwrap_or_default() });
    }
    let bare = anstream::adapter::strip_str(text).to_string();
    [text, &uncoloured, &bare].map(seen).into()
}

/// Every text in the JSON that a script reads.
fn texts(value: &Value, all: &mut Vec<String>) {
    match value {
        Value::String(text) => all.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| texts(item, all)),
        Value::Object(fields) => fields.values().for_each(|field| texts(field, all)),
        _ => {}
    }
}

/// A commit whose subject and author are the text.
fn brings(text: &str) -> Event {
    let slot = |color| WorldSlot { color, commit: None, word: String::new() };
    let commit =
        LoggedCommit { id: "0".repeat(40), subject: text.to_owned(), author: text.to_owned(), at: 0 };
    Event::Brings { from: slot(Color::Blue), to: slot(Color::Green), commits: vec![commit], count: 1 }
}

/// What a browser shows of HTML, as far as we write any.
fn unescaped(html: &str) -> String {
    let marks = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#39;", "'"), ("&amp;", "&")];
    marks.iter().fold(html.to_owned(), |text, (mark, letter)| text.replace(mark, letter))
}

/// All that is shown and kept of events, a failure and a report that hold the text.
fn shown(text: &str, secrets: &Secrets) -> Vec<(&'static str, String)> {
    let outlets = [
        ("terminal", Mode::Terminal, None),
        ("plain", Mode::Plain, None),
        ("github", Mode::Plain, Some(Ci::Github)),
        ("gitlab", Mode::Plain, Some(Ci::Gitlab)),
        ("json", Mode::Json, None),
    ];
    let mut all = Vec::new();
    for (name, mode, ci) in outlets {
        let folder = tempfile::tempdir().expect("a folder");
        let (out, err) = (Page::default(), Page::default());
        let streams = Streams { out: Box::new(out.clone()), err: Box::new(err.clone()) };
        let options = UiOptions { mode, verbosity: Verbosity::Verbose, ci, ..UiOptions::plain() };
        let page = folder.path().join("summary");
        let mut ui = Ui::new(options, streams).with_page(Some(page.clone()));
        let report = folder.path().join("report.html");
        ui.report_to(&report, "deploy").expect("a file");
        ui.keep(LogFile::create(folder.path(), "prod", "deploy").expect("a log"));
        ui.concealed().conceal(secrets);
        let title = format!("step {text}");
        let (number, total) = (1, 1);
        for event in [
            Event::Note { message: text.to_owned() },
            Event::StepStarted { number, total, title: title.clone() },
            Event::Command { line: text.to_owned() },
            Event::Output { line: format!("tool: {text} and more") },
            Event::StepFinished { number, total, title, took: Duration::ZERO, note: Some(text.to_owned()) },
            Event::File { file: text.to_owned(), text: format!("first\n{text}") },
            Event::Warning { message: text.to_owned() },
            brings(text),
        ] {
            ui.event(event);
        }
        let failure = Failure::new("x", format!("it failed with {text}"))
            .output(vec![text.to_owned()])
            .why(text)
            .advise(text);
        ui.failure(&failure);
        ui.show(Diagnosis {
            environment: "prod".to_owned(),
            host: "web1".to_owned(),
            user: "deploy".to_owned(),
            checks: vec![Check::note("nginx", text).root(format!("echo {text}"))],
        });
        ui.sum_up();
        let mut logs =
            std::fs::read_dir(folder.path()).expect("a folder").flatten().map(|entry| entry.path());
        let log = logs.find(|path| path.extension().is_some_and(|kind| kind == "log"));
        let texts_of = |page: &Page| String::from_utf8_lossy(&page.0.lock().expect("a page")).into_owned();
        let mut said = texts_of(&out);
        if mode == Mode::Json {
            let mut parsed = Vec::new();
            for line in said.lines() {
                texts(&serde_json::from_str(line).expect("JSON"), &mut parsed);
            }
            let _ = write!(said, "{}", parsed.join("\n"));
        }
        all.push((name, said + &texts_of(&err)));
        all.push(("log", std::fs::read_to_string(log.expect("a log")).expect("text")));
        let report = std::fs::read_to_string(report).expect("text");
        all.push(("report", unescaped(&report)));
        all.push(("page", std::fs::read_to_string(page).unwrap_or_default()));
    }
    all
}

#[test]
fn no_outlet_shows_a_value_whatever_is_put_into_it() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let cases = 240;
    for case in 0..cases {
        let value = numbers.of(VALUES);
        let secrets = Secrets::from([("KEY".to_owned(), Secret::new(value))]);
        let write = WRITERS[numbers.below(WRITERS.len())];
        // Colours are put in before a value is written down, or after.
        let text = match case % 2 {
            0 => write(&numbers.broken(value)),
            _ => numbers.broken(&write(value)),
        };
        let written = write(value);
        for (outlet, said) in shown(&text, &secrets) {
            // A page is GitHub's alone; all else says that something was there.
            assert!(
                outlet == "page" || said.contains("[KEY redacted]"),
                "case {case}: {text:?} of {value:?} in {outlet}:\n{said}"
            );
            for said in read(&said) {
                for forbidden in [value, &*written] {
                    assert!(
                        !said.contains(forbidden)
                            && !said.replace(' ', "").contains(&forbidden.replace(' ', "")),
                        "case {case}: {text:?} of {value:?} in {outlet}:\n{said}"
                    );
                }
            }
        }
    }
    row("secrets", "outlets", format!("ok: {cases} texts, none shows its value"));
}
