use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::*;
use crate::model::{Color, CommitSummary};
use crate::plan::status::StatusReport;
use crate::plan::{Unit, World, WorldSlot};
use crate::ui::clock::Stopped;
use crate::ui::look::{Columns, Look};

/// A stream whose bytes can be read while another holds it.
#[derive(Clone, Default)]
struct Captured(Arc<Mutex<Vec<u8>>>);

impl Write for Captured {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Captured {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().expect("no writer panics").clone()).expect("UTF-8")
    }
}

fn commit(short: &str, subject: &str) -> CommitSummary {
    CommitSummary { id: short.repeat(6)[..40].to_owned(), subject: subject.into() }
}

fn started(number: usize, title: &str) -> Event {
    Event::StepStarted { number, total: 4, title: title.into() }
}

fn finished(number: usize, title: &str, millis: u64, note: Option<&str>) -> Event {
    Event::StepFinished {
        number,
        total: 4,
        title: title.into(),
        took: Duration::from_millis(millis),
        note: note.map(str::to_owned),
    }
}

fn output(line: &str) -> Event {
    Event::Output { line: line.into() }
}

fn world(word: &str) -> World {
    World {
        live: Some(WorldSlot {
            color: Color::Blue,
            commit: Some(commit("a1b2c3d", "")),
            word: "unchanged".into(),
        }),
        next: Some(WorldSlot { color: Color::Green, commit: Some(commit("3ab9d42", "")), word: word.into() }),
        run: Some("deployer prod cutover".into()),
    }
}

fn deploy() -> Vec<Event> {
    vec![
        Event::Intent {
            verb: "deploy",
            doing: "deploying {commit} to {environment}",
            switches: false,
            environment: "prod".into(),
            by: "ann@laptop".into(),
            commit: Some(commit("3ab9d42", "fix the header \u{1b}[2J")),
            ahead_of_live: Some(2),
            host: "web1.example".into(),
            slot: Some(Color::Green),
        },
        Event::Connected { host: "web1.example".into(), own_ssh: None, took: Duration::from_millis(210) },
        Event::Warning { message: "2 untracked files are not deployed".into() },
        started(1, "send the commit"),
        Event::Progress { done: 4_000_000, total: 4_000_000, unit: Unit::Bytes },
        finished(1, "send the commit", 4_321, Some("512 objects, 4.0 MB")),
        started(2, "build the virtualenv"),
        Event::Command { line: "uv pip install -r requirements.txt".into() },
        output("Collecting flask\rInstalled \u{1b}[32m7 packages\u{1b}[0m"),
        output("::error::not from us"),
        finished(2, "build the virtualenv", 125_000, None),
        started(3, "start gunicorn"),
        finished(3, "start gunicorn", 1_100, Some("pid 4242")),
        Event::World(world("healthy")),
    ]
}

struct Shown {
    out: String,
    err: String,
}

fn show(options: UiOptions, events: Vec<Event>, failed: Option<&Failure>) -> Shown {
    let (out, err) = (Captured::default(), Captured::default());
    let streams = Streams { out: Box::new(out.clone()), err: Box::new(err.clone()) };
    let mut ui = Ui::with_clock(options, streams, Box::new(Stopped));
    let folder = tempfile::tempdir().expect("a folder");
    let log = LogFile::create(folder.path(), "prod", "deploy").expect("a log");
    let path = log.path().to_string_lossy().into_owned();
    ui.keep(log);
    for event in events {
        ui.event(event);
    }
    if let Some(failed) = failed {
        ui.failure(failed);
    }
    drop(ui);
    let [out, err] = [out, err].map(|page| page.text().replace(&path, "/log/x.log"));
    Shown { out, err }
}

/// What a terminal shows after these bytes: enough of one for the moving line.
fn screen(bytes: &str) -> String {
    let (mut lines, mut row, mut column) = (vec![Vec::<char>::new()], 0, 0);
    let mut rest = bytes.chars();
    while let Some(character) = rest.next() {
        match character {
            '\r' => column = 0,
            '\n' => {
                row += 1;
                column = 0;
            }
            '\u{1b}' => {
                let sequence: String = rest.by_ref().skip(1).take_while_inclusive();
                match sequence.as_str() {
                    "2K" => lines[row].clear(),
                    up if up.ends_with('A') => {
                        row -= up.trim_end_matches('A').parse::<usize>().expect("a number");
                    }
                    color if color.ends_with('m') => {}
                    other => panic!("unexpected sequence {other:?}"),
                }
            }
            plain => {
                while lines[row].len() <= column {
                    lines[row].push(' ');
                }
                lines[row][column] = plain;
                column += 1;
            }
        }
        while lines.len() <= row {
            lines.push(Vec::new());
        }
    }
    let lines: Vec<String> = lines.iter().map(|line| line.iter().collect()).collect();
    lines.join("\n").trim_end().to_owned()
}

trait TakeSequence {
    /// Up to and with the letter that ends an escape sequence.
    fn take_while_inclusive(self) -> String;
}

impl<I: Iterator<Item = char>> TakeSequence for I {
    fn take_while_inclusive(mut self) -> String {
        let mut taken = String::new();
        for character in self.by_ref() {
            taken.push(character);
            if character.is_ascii_alphabetic() {
                break;
            }
        }
        taken
    }
}

#[test]
fn a_deploy_in_plain_lines() {
    let shown = show(UiOptions::plain(), deploy(), None);
    insta::assert_snapshot!(shown.err, @r#"
    deploying 3ab9d42 "fix the header " (+2 commits) to prod: green on web1.example, by ann@laptop
    warning: 2 untracked files are not deployed
        100 %  4.0 MB of 4.0 MB
      ✓ send the commit                           4.3 s  512 objects, 4.0 MB
      ✓ build the virtualenv                  2 min 05 s
      ✓ start gunicorn                            1.1 s  pid 4242
    live: blue a1b2c3d (unchanged) | next: green 3ab9d42 healthy — run: deployer prod cutover
    "#);
    assert_eq!(shown.out, "");
    assert!(!shown.err.contains(['\r', '\u{1b}']));
}

#[test]
fn a_deploy_on_a_terminal_ends_as_the_plain_one() {
    let terminal = UiOptions {
        mode: Mode::Terminal,
        err: Look { color: true, columns: Columns::Fixed(100), ..Look::PLAIN },
        ..UiOptions::plain()
    };
    let shown = show(terminal, deploy(), None);
    let plain = show(UiOptions::plain(), deploy(), None);
    let without_progress: Vec<&str> = plain.err.lines().filter(|line| !line.contains(" % ")).collect();
    assert_eq!(screen(&shown.err), without_progress.join("\n"));
    assert!(shown.err.contains("\u{1b}[32m"), "{}", shown.err);
}

#[test]
fn verbose_and_quiet() {
    let verbose = UiOptions {
        verbosity: Verbosity::Verbose,
        err: Look { unicode: false, ..Look::PLAIN },
        ..UiOptions::plain()
    };
    insta::assert_snapshot!(show(verbose, deploy(), None).err, @r#"
    deploying 3ab9d42 "fix the header " (+2 commits) to prod: green on web1.example, by ann@laptop
      ok     connect to web1.example                   0.2 s
    warning: 2 untracked files are not deployed
        100 %  4.0 MB of 4.0 MB
      ok     send the commit                           4.3 s  512 objects, 4.0 MB
        $ uv pip install -r requirements.txt
        | Installed 7 packages
        | ::error::not from us
      ok     build the virtualenv                  2 min 05 s
      ok     start gunicorn                            1.1 s  pid 4242
    live: blue a1b2c3d (unchanged) | next: green 3ab9d42 healthy - run: deployer prod cutover
    "#);
    let quiet = UiOptions { verbosity: Verbosity::Quiet, ..UiOptions::plain() };
    let failed = Failure::new("x", "it broke");
    insta::assert_snapshot!(show(quiet, deploy(), Some(&failed)).err, @r"
    live: blue a1b2c3d (unchanged) | next: green 3ab9d42 healthy — run: deployer prod cutover
    error: it broke
    site:  The live site is not affected.
    log:   /log/x.log
    ");
}

#[test]
fn json_goes_to_stdout_and_nothing_else_anywhere() {
    let options = UiOptions { mode: Mode::Json, ..UiOptions::plain() };
    let mut failed = Failure::new("x", "it broke");
    failed.world = Some(world("FAILED"));
    let shown = show(options, deploy(), Some(&failed));
    assert_eq!(shown.err, "");
    assert_eq!(shown.out.lines().count(), deploy().len() + 1);
    for line in shown.out.lines() {
        let value: serde_json::Value = serde_json::from_str(line).expect(line);
        assert!(value["event"].is_string(), "{line}");
    }
    insta::assert_snapshot!(shown.out.lines().last().unwrap_or_default(), @r#"{"event":"failure","code":"x","what":"it broke","why":null,"site":"untouched","advice":[],"exit":1,"world":{"live":{"color":"blue","commit":{"id":"a1b2c3da1b2c3da1b2c3da1b2c3da1b2c3da1b2c","subject":""},"word":"unchanged"},"next":{"color":"green","commit":{"id":"3ab9d423ab9d423ab9d423ab9d423ab9d423ab9d","subject":""},"word":"FAILED"},"run":"deployer prod cutover"},"log":"/log/x.log"}"#);
}

#[test]
fn build_services_fold_what_steps_print() {
    let on = |ci| UiOptions { ci: Some(ci), ..UiOptions::plain() };
    let events = || deploy().split_off(6);
    let gitlab = show(on(Ci::Gitlab), events(), None).err;
    let github = show(on(Ci::Github), events(), None).err;
    insta::assert_snapshot!(github, @r"
    ::group::build the virtualenv
        $ uv pip install -r requirements.txt
        │ Installed 7 packages
        │ ::error::not from us
    ::endgroup::
      ✓ build the virtualenv                  2 min 05 s
      ✓ start gunicorn                            1.1 s  pid 4242
    live: blue a1b2c3d (unchanged) | next: green 3ab9d42 healthy — run: deployer prod cutover
    ");
    let visible = gitlab.replace('\u{1b}', "ESC").replace('\r', "CR");
    insta::assert_snapshot!(visible, @r"
    ESC[0Ksection_start:1767323045:deployer_1[collapsed=true]CRESC[0Kbuild the virtualenv
        $ uv pip install -r requirements.txt
        │ Installed 7 packages
        │ ::error::not from us
    ESC[0Ksection_end:1767323045:deployer_1CRESC[0K
      ✓ build the virtualenv                  2 min 05 s
      ✓ start gunicorn                            1.1 s  pid 4242
    live: blue a1b2c3d (unchanged) | next: green 3ab9d42 healthy — run: deployer prod cutover
    ");
    let commands: Vec<&str> = github.lines().filter(|line| line.trim_start().starts_with("::")).collect();
    assert_eq!(commands, ["::group::build the virtualenv", "::endgroup::"]);
}

#[test]
fn a_failure_closes_the_fold_before_it_speaks() {
    let options = UiOptions { ci: Some(Ci::Github), ..UiOptions::plain() };
    let events = vec![started(1, "build"), output("boom")];
    let failed = Failure::new("x", "it broke").output(vec!["::warning::x".into()]);
    insta::assert_snapshot!(show(options, events, Some(&failed)).err, @r"
    ::group::build
        │ boom
    ::endgroup::
    error: it broke
           │ ::warning::x
    site:  The live site is not affected.
    log:   /log/x.log
    ::error title=deployer::it broke
    ");
}

#[test]
fn a_reader_that_has_gone_stops_nothing() {
    struct Gone;
    impl Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }
    for mode in [Mode::Terminal, Mode::Plain, Mode::Json] {
        let options = UiOptions { mode, ..UiOptions::plain() };
        let streams = Streams { out: Box::new(Gone), err: Box::new(Gone) };
        let mut ui = Ui::new(options, streams);
        deploy().into_iter().for_each(|event| ui.event(event));
        ui.show(StatusReport::default());
        ui.failure(&Failure::new("x", "it broke"));
    }
}

#[test]
fn nothing_moves_between_steps() {
    let streams = Streams { out: Box::new(io::sink()), err: Box::new(io::sink()) };
    let options = UiOptions { mode: Mode::Terminal, ..UiOptions::plain() };
    let mut ui = Ui::new(options, streams);
    ui.event(started(1, "build"));
    assert!(ui.spinner.is_some());
    ui.event(finished(1, "build", 10, None));
    assert!(ui.spinner.is_none());
}
