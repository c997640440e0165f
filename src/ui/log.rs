//! The log that is always kept: every event and every line of output, with the time.

use std::env;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::clock::{Clock, SystemClock};
use super::failure;
use super::lines;
use super::look::Look;
use super::progress::Gate;
use super::text::clean;
use crate::model::{KeptLines, size};
use crate::plan::{Event, Failure};

/// Logs that are kept.
const KEPT: usize = 50;
/// How much of what tools print goes into a log; of the rest, the end of each step does.
const MOST_OUTPUT: usize = 8 << 20;
/// The most that a log holds, but for the failure at its end.
const MOST: usize = 16 << 20;
/// Tries to find a name that is free; two commands may begin in the same second.
const NAMES: usize = 100;

/// One command's log.
pub struct LogFile {
    path: PathBuf,
    file: File,
    clock: Box<dyn Clock>,
    gate: Gate,
    written: usize,
    /// The output that is too much for the log; its end is written before whatever comes next.
    surplus: KeptLines,
}

impl LogFile {
    /// `$XDG_STATE_HOME/deployer`, by default `~/.local/state/deployer`; `None` without a home.
    pub fn directory() -> Option<PathBuf> {
        let absolute = |name: &str| {
            let path = PathBuf::from(env::var_os(name)?);
            path.is_absolute().then_some(path)
        };
        let state =
            absolute("XDG_STATE_HOME").or_else(|| absolute("HOME").map(|home| home.join(".local/state")));
        state.map(|state| state.join("deployer"))
    }

    /// Begins the log `<UTC time>-<environment>-<verb>.log` in a directory, which is made where it is missing, and
    /// removes the oldest logs there beyond fifty. Only its owner can read it.
    pub fn create(directory: &Path, environment: &str, verb: &str) -> io::Result<LogFile> {
        let clock = Box::new(SystemClock::new());
        LogFile::with_clock(directory, environment, verb, clock)
    }

    /// [`LogFile::create`] with another clock.
    pub fn with_clock(
        directory: &Path,
        environment: &str,
        verb: &str,
        clock: Box<dyn Clock>,
    ) -> io::Result<LogFile> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        let time = clock.now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let stem = format!("{time}-{}-{}", in_name(environment), in_name(verb));
        let (path, file) = free(directory, &stem)?;
        // A log too many is no reason to go without one.
        let _ = prune(directory);
        Ok(LogFile { path, file, clock, gate: Gate::default(), written: 0, surplus: KeptLines::default() })
    }

    /// The log in the usual place; `Err` says why there is none.
    pub fn open(environment: &str, verb: &str) -> Result<LogFile, String> {
        let directory =
            LogFile::directory().ok_or("no log is kept: neither XDG_STATE_HOME nor HOME is set")?;
        LogFile::create(&directory, environment, verb)
            .map_err(|error| format!("no log is kept: {}: {error}", directory.display()))
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes down what happens.
    pub fn event(&mut self, event: &Event) {
        let lines = match event {
            Event::Output { line } if self.written >= MOST_OUTPUT => {
                self.surplus.push(line.clone());
                return;
            }
            Event::StepStarted { number, total, title } => {
                self.gate = Gate::default();
                vec![format!("  > {} ({number} of {total})", clean(title))]
            }
            Event::Progress { done, total, unit } => {
                let now = self.clock.elapsed();
                self.gate.line(*done, *total, *unit, now).into_iter().collect()
            }
            // All of it, also what a terminal would have drawn over.
            Event::Output { line } => vec![format!("    │ {}", clean(line))],
            event => lines::of_event(event, Look::PLAIN),
        };
        if self.written < MOST {
            self.catch_up();
            self.write(&lines);
        }
    }

    /// Writes down how the command failed.
    pub fn failure(&mut self, failed: &Failure) {
        self.catch_up();
        let lines = failure::lines(failed, None, Look::PLAIN);
        self.write(&lines);
    }

    /// Writes what is left of an output that was too long.
    fn catch_up(&mut self) {
        if self.surplus.seen() == 0 {
            return;
        }
        let (surplus, full) = (std::mem::take(&mut self.surplus), self.written >= MOST);
        let mut lines = vec![format!(
            "    │ … the log grew too long; of the next {} of output, this is the beginning and the end …",
            size(surplus.seen())
        )];
        if !full {
            let of_output = |line: String| format!("    │ {}", clean(&line));
            lines.extend(surplus.into_lines().into_iter().map(of_output));
        }
        self.write(&lines);
    }

    fn write(&mut self, lines: &[String]) {
        let time = self.clock.now().strftime("%Y-%m-%dT%H:%M:%S%.3fZ").to_string();
        let text: String = lines.iter().map(|line| format!("{time}  {line}\n")).collect();
        self.written += text.len();
        // One write for each event: what was said is there even if the process ends in the next moment.
        let _ = self.file.write_all(text.as_bytes());
    }
}

/// Only what is safe in a file name.
fn in_name(word: &str) -> String {
    let safe = |character: char| match character {
        letter if letter.is_ascii_alphanumeric() => letter,
        '-' | '_' => character,
        _ => '_',
    };
    word.chars().map(safe).take(60).collect()
}

fn free(directory: &Path, stem: &str) -> io::Result<(PathBuf, File)> {
    for number in 1..=NAMES {
        let name = match number {
            1 => format!("{stem}.log"),
            _ => format!("{stem}-{number}.log"),
        };
        let path = directory.join(name);
        let made = OpenOptions::new().create_new(true).append(true).mode(0o600).open(&path);
        match made {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            made => return made.map(|file| (path, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

/// Removes the oldest logs; whatever is not named like one is not ours and stays.
fn prune(directory: &Path) -> io::Result<()> {
    let mut logs = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if name.to_str().is_some_and(is_log) {
            logs.push(name);
        }
    }
    logs.sort();
    let surplus = logs.len().saturating_sub(KEPT);
    for name in &logs[..surplus] {
        fs::remove_file(directory.join(name))?;
    }
    Ok(())
}

/// `20260102T030405Z-….log`.
fn is_log(name: &str) -> bool {
    let shape = b"00000000T000000Z-";
    let begins = name.len() > shape.len()
        && name.bytes().zip(shape).all(|(byte, shape)| match shape {
            b'0' => byte.is_ascii_digit(),
            other => byte == *other,
        });
    begins && name.ends_with(".log")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::ui::clock::Stopped;

    fn log_in(directory: &Path) -> LogFile {
        LogFile::with_clock(directory, "prod", "deploy", Box::new(Stopped)).expect("a log")
    }

    #[test]
    fn a_log_has_everything_and_is_private() {
        let directory = tempfile::tempdir().expect("a directory");
        let state = directory.path().join("state/deployer");
        let mut log = log_in(&state);
        log.event(&Event::StepStarted { number: 1, total: 9, title: "build".into() });
        log.event(&Event::Command { line: "pip install".into() });
        log.event(&Event::Output { line: "10 %\r100 %\u{1b}[0m".into() });
        log.failure(&Failure::new("x", "it broke"));
        let mode = |path: &Path| fs::metadata(path).expect("it exists").permissions().mode();
        assert_eq!(mode(log.path()) & 0o777, 0o600);
        assert_eq!(mode(&state) & 0o777, 0o700);
        assert!(log.path().ends_with("20260102T030405Z-prod-deploy.log"));
        insta::assert_snapshot!(fs::read_to_string(log.path()).expect("text"), @r"
        2026-01-02T03:04:05.000Z    > build (1 of 9)
        2026-01-02T03:04:05.000Z      $ pip install
        2026-01-02T03:04:05.000Z      │ 10 % 100 %
        2026-01-02T03:04:05.000Z  error: it broke
        2026-01-02T03:04:05.000Z  site:  The live site is not affected.
        ");
        assert!(log_in(&state).path().ends_with("20260102T030405Z-prod-deploy-2.log"));
    }

    #[test]
    fn a_long_output_leaves_its_beginning_and_its_end() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut log = log_in(directory.path());
        let line = |number: usize| format!("{number} {}", "x".repeat(1000));
        let lines = 40_000;
        for number in 0..lines {
            log.event(&Event::Output { line: line(number) });
        }
        log.event(&Event::Note { message: "what comes after".into() });
        let text = fs::read_to_string(log.path()).expect("text");
        assert!(text.len() < MOST_OUTPUT + (1 << 20), "{}", text.len());
        for part in [&line(0), &line(lines - 1), "lines left out", "what comes after"] {
            assert!(text.contains(part), "{}", &part[..20.min(part.len())]);
        }
        for _ in 0..MOST / 100 {
            let message = "x".repeat(200);
            log.event(&Event::Note { message });
        }
        log.failure(&Failure::new("x", "it broke"));
        let text = fs::read_to_string(log.path()).expect("text");
        assert!(text.len() < MOST + (1 << 20) && text.contains("it broke"), "{}", text.len());
    }

    #[test]
    fn names_cannot_leave_the_directory() {
        let directory = tempfile::tempdir().expect("a directory");
        let clock = Box::new(Stopped);
        let log = LogFile::with_clock(directory.path(), "../../etc", "a b", clock).expect("a log");
        assert!(log.path().ends_with("20260102T030405Z-______etc-a_b.log"));
        assert_eq!(log.path().parent(), Some(directory.path()));
    }

    #[test]
    fn the_newest_fifty_stay_and_so_does_what_is_not_ours() {
        let directory = tempfile::tempdir().expect("a directory");
        let path = |name: &str| directory.path().join(name);
        fs::write(path("notes.log"), "").expect("written");
        for day in 10..70 {
            fs::write(path(&format!("202501{day}T000000Z-prod-deploy.log")), "").expect("written");
        }
        let log = log_in(directory.path());
        let left = fs::read_dir(directory.path()).expect("a directory").count();
        assert_eq!(left, KEPT + 1);
        assert!(log.path().exists() && path("notes.log").exists());
        assert!(path("20250169T000000Z-prod-deploy.log").exists());
        assert!(!path("20250120T000000Z-prod-deploy.log").exists());
        assert!(path("20250121T000000Z-prod-deploy.log").exists());
    }
}
