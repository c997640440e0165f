//! Tests only: every pure reader meets a great many broken inputs. None may panic, take long, or use much memory.
//!
//! Inputs are made of real ones by a generator that a seed rules: `DEPLOYER_FUZZ_SEED=7` makes the same inputs again.

#![allow(clippy::print_stdout)]

mod readers;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use readers::readers;
use rustix::time::{ClockId, clock_gettime};

/// What an input may take of a processor, in a build without optimisation.
const SLOWEST: Duration = Duration::from_secs(1);
/// What all readers together may add to the memory in use.
const LARGEST_KB: u64 = 512 * 1024;
/// Some inputs are as large as this.
const LONGEST: usize = 64 * 1024;
/// Of one reader, so many failures are enough.
const SHOWN: usize = 3;

/// A function that reads text which others wrote.
struct Reader {
    name: &'static str,
    /// Inputs as they should be.
    seeds: Vec<String>,
    /// Reads one, and panics where what it makes of it is wrong.
    read: Box<dyn Fn(&str) + Sync>,
}

#[test]
fn readers_take_what_is_broken() {
    take(seed_or(1), 2_000);
}

#[test]
#[ignore = "takes minutes; other inputs each time"]
fn readers_take_100_000_broken_inputs() {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    take(seed_or(now.unwrap_or_default().as_secs()), 100_000);
}

fn seed_or(default: u64) -> u64 {
    let given = std::env::var("DEPLOYER_FUZZ_SEED").ok();
    given.and_then(|seed| seed.parse().ok()).unwrap_or(default)
}

fn take(seed: u64, inputs: u64) {
    println!("seed {seed}: DEPLOYER_FUZZ_SEED={seed} makes the same inputs again");
    let readers = readers();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let before = peak_kb();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(reader) = readers.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = reader.take(seed, inputs);
                    failures.lock().expect("no panic in between").extend(found);
                }
            });
        }
    });
    let failures = failures.into_inner().expect("no panic in between");
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
    let grown = peak_kb().saturating_sub(before);
    assert!(grown < LARGEST_KB, "{grown} kB more than before");
}

/// The most memory that this process ever used, in kB.
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

impl Reader {
    /// Reads so many inputs, and says which it could not take.
    fn take(&self, seed: u64, inputs: u64) -> Vec<String> {
        let began = Instant::now();
        let mut slowest = Duration::ZERO;
        let mut failures = Vec::new();
        let own =
            self.name.bytes().fold(seed, |mixed, byte| mixed.wrapping_mul(31).wrapping_add(byte.into()));
        for number in 0..inputs {
            let mut random = Random(own ^ number.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let input = random.broken(&self.seeds);
            let said = match self.timed(&input) {
                Ok(took) if took <= SLOWEST => {
                    slowest = slowest.max(took);
                    continue;
                }
                Ok(took) => format!("takes {took:?}"),
                Err(()) => "panics".to_string(),
            };
            let shown: String = input.chars().take(4_000).collect();
            let bytes = input.len();
            failures.push(format!(
                "{}: input {number} of seed {seed}, {bytes} bytes, {said}: {shown:?}",
                self.name
            ));
            if failures.len() == SHOWN {
                break;
            }
        }
        let took = began.elapsed();
        let word = if failures.is_empty() { "ok" } else { "FAILED" };
        println!(
            "@row | fuzz | {}: {inputs} inputs | {word} in {took:.1?}, the slowest {slowest:.1?}",
            self.name
        );
        failures
    }

    /// What it takes of a processor, whoever else wants that one.
    fn timed(&self, input: &str) -> Result<Duration, ()> {
        let began = used();
        catch_unwind(AssertUnwindSafe(|| (self.read)(input))).map_err(drop)?;
        Ok(used().saturating_sub(began))
    }
}

/// What this thread has had of a processor.
fn used() -> Duration {
    let now = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(now).unwrap_or_default()
}

/// What means something to one reader or another.
const TOKENS: &[&str] = &[
    "\0",
    "\r",
    "\r\n",
    "\n\n",
    "\u{feff}",
    "\u{202e}",
    "\u{a0}",
    "é",
    "İ",
    "🦀",
    "\u{301}",
    "\x1b[31m",
    "\x1b]0;",
    "\x07",
    "\u{9b}",
    "'",
    "\"",
    "\"\"\"",
    "\\",
    "\\\n",
    "\\u",
    "`",
    "$(",
    "${",
    "[",
    "]",
    "[[",
    "{",
    "}",
    "(",
    ")",
    "=",
    ":",
    ",",
    ";",
    "#",
    "%",
    "%h",
    "%%",
    "*",
    "?",
    "!",
    "**",
    "..",
    "../",
    "/",
    "//",
    "~",
    "@",
    "|1|",
    "|",
    "-",
    "--",
    "-1",
    "0",
    "00",
    "1e999",
    "nan",
    "9999999999999999999999",
    "0x7fffffffffffffff",
    "-9223372036854775808",
    "true",
    "null",
    "::1",
    "[::1]",
    "://",
    " ",
    "\t",
    "Match",
    "Include",
    "-----BEGIN ",
    "====",
    "a",
];

/// splitmix64: small, and the same everywhere.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.next() % bound.max(1) as u64).unwrap_or(0)
    }

    fn of<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.below(choices.len())]
    }

    /// A part of something so long, mostly a short one.
    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.below(length + 1);
        let most = if self.below(4) == 0 { length } else { 16 };
        let end = (start + self.below(most + 1)).min(length);
        start..end
    }

    /// One of the seeds with a few things wrong in it.
    fn broken(&mut self, seeds: &[String]) -> String {
        let mut bytes = self.of(seeds).clone().into_bytes();
        for _ in 0..=self.below(6) {
            self.harm(&mut bytes, seeds);
        }
        if self.below(200) == 0 {
            let range = self.range(bytes.len());
            let part = bytes[range.clone()].to_vec();
            let times = self.below(LONGEST) / part.len().max(1);
            bytes.splice(range, part.repeat(times));
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }

    fn harm(&mut self, bytes: &mut Vec<u8>, seeds: &[String]) {
        let range = self.range(bytes.len());
        match self.below(9) {
            0 => drop(bytes.drain(range)),
            1 => {
                let part = bytes[range.clone()].to_vec();
                bytes.splice(range.end..range.end, part);
            }
            2 => drop(bytes.splice(range, self.of(TOKENS).bytes())),
            3 => drop(bytes.splice(range.start..range.start, self.of(TOKENS).bytes())),
            4 => {
                let other = self.of(seeds).as_bytes();
                let part = self.range(other.len());
                bytes.splice(range, other[part].iter().copied());
            }
            5 => bytes.truncate(range.start),
            6 => {
                let byte = (self.next() & 0xff) as u8;
                bytes.splice(range.start..range.start, [byte]);
            }
            7 => {
                // Another line in the place of one.
                let mut lines: Vec<Vec<u8>> =
                    bytes.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect();
                let (from, to) = (self.below(lines.len()), self.below(lines.len()));
                lines[to] = lines[from].clone();
                *bytes = lines.join(&b'\n');
            }
            _ => {
                // A number in the place of one.
                let digits = |byte: &u8| byte.is_ascii_digit();
                if let Some(start) = bytes[range.start..].iter().position(digits).map(|at| at + range.start) {
                    let end = start + bytes[start..].iter().take_while(|byte| digits(byte)).count();
                    let number =
                        *self.of(&["0", "-1", "65536", "4294967296", "18446744073709551616", "1.5", "1e400"]);
                    bytes.splice(start..end, number.bytes());
                }
            }
        }
    }
}
