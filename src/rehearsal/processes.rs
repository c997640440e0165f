//! Which processes belong to a throwaway host, read from `/proc`, and how they are signalled.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::HostError;

/// The variable that every session of a throwaway host carries; its value is the host's folder.
pub(super) const MARKER: &str = "DEPLOYER_REHEARSAL";
const POLL: Duration = Duration::from_millis(20);
/// How long a killed process may take to be gone.
const KILL_TIMEOUT: Duration = Duration::from_secs(10);

/// A process, told from a later one with the same number by its start time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct HostProcess {
    pub(super) pid: u32,
    parent: u32,
    started: u64,
}

impl HostProcess {
    /// `None` if there is no such process, or only its exit status is left.
    pub(super) fn find(pid: u32) -> Option<HostProcess> {
        HostProcess::parse(pid, &fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
    }

    fn parse(pid: u32, stat: &str) -> Option<HostProcess> {
        // The program's name, in brackets, may itself hold brackets and spaces.
        let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
        if matches!(*fields.first()?, "Z" | "X") {
            return None;
        }
        Some(HostProcess {
            pid,
            parent: fields.get(1)?.parse().ok()?,
            started: fields.get(19)?.parse().ok()?,
        })
    }

    fn all() -> Vec<HostProcess> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        entries
            .flatten()
            .filter_map(|entry| entry.file_name().to_str()?.parse().ok())
            .filter_map(HostProcess::find)
            .collect()
    }

    fn is_marked(&self, folder: &Path) -> bool {
        let mut marker = format!("{MARKER}=").into_bytes();
        marker.extend_from_slice(folder.as_os_str().as_bytes());
        fs::read(format!("/proc/{}/environ", self.pid))
            .is_ok_and(|environ| environ.split(|byte| *byte == 0).any(|variable| variable == marker))
    }

    /// Whether it bounds the log of one of the host's processes (`launch -bound`): it carries no variable of theirs.
    fn bounds_a_log(&self, folder: &Path) -> bool {
        let line = fs::read(format!("/proc/{}/cmdline", self.pid)).unwrap_or_default();
        let mut words = line.split(|byte| *byte == 0);
        words.next();
        words.next().is_some_and(|script| script.starts_with(folder.as_os_str().as_bytes()))
            && words.next() == Some(b"-bound")
    }

    fn works_in(&self, folder: &Path) -> bool {
        let needle = folder.as_os_str().as_bytes();
        fs::read_link(format!("/proc/{}/cwd", self.pid)).is_ok_and(|cwd| cwd.starts_with(folder))
            || fs::read(format!("/proc/{}/cmdline", self.pid))
                .is_ok_and(|line| line.windows(needle.len()).any(|window| window == needle))
    }
}

/// Every living process that was started by `ancestors`, at any remove.
pub(super) fn descendants(ancestors: &[u32]) -> HashSet<HostProcess> {
    below(&HostProcess::all(), ancestors.iter().copied().collect())
}

fn below(all: &[HostProcess], mut family: HashSet<u32>) -> HashSet<HostProcess> {
    let mut found = HashSet::new();
    loop {
        let more: Vec<HostProcess> = all
            .iter()
            .filter(|process| family.contains(&process.parent) && !found.contains(*process))
            .copied()
            .collect();
        if more.is_empty() {
            return found;
        }
        family.extend(more.iter().map(|process| process.pid));
        found.extend(more);
    }
}

/// Every living process that belongs to the host in `folder`: marked by its session's variable, or named by one of
/// the pid files and at work in the folder, or a child of one of these, or `known` from before.
///
/// A pid file alone proves nothing: it may be stale and name a stranger.
pub(super) fn of_host(
    folder: &Path,
    pid_files: &[PathBuf],
    known: &HashSet<HostProcess>,
) -> HashSet<HostProcess> {
    let all = HostProcess::all();
    let named: HashSet<u32> = pid_files.iter().filter_map(|file| read_pid(file)).collect();
    let mut mine: HashSet<HostProcess> = all
        .iter()
        .filter(|process| {
            process.is_marked(folder)
                || process.bounds_a_log(folder)
                || known.iter().any(|old| old.pid == process.pid && old.started == process.started)
                || (named.contains(&process.pid) && process.works_in(folder))
        })
        .copied()
        .collect();
    mine.extend(below(&all, mine.iter().map(|process| process.pid).collect()));
    let callers = ancestry(&all, std::process::id());
    mine.retain(|process| !callers.contains(&process.pid));
    mine
}

/// Ends all processes that `left` finds, and those that it finds then: TERM, and KILL once their time is over. Returns how
/// many there were.
pub(super) fn end(
    folder: &Path,
    grace: Duration,
    left: &mut dyn FnMut() -> HashSet<HostProcess>,
) -> Result<usize, HostError> {
    let kill_from = Instant::now() + grace;
    let mut asked: HashSet<HostProcess> = HashSet::new();
    loop {
        let left = left();
        if left.is_empty() {
            return Ok(asked.len());
        }
        let now = Instant::now();
        if now > kill_from + KILL_TIMEOUT {
            return Err(HostError::Left {
                folder: folder.to_path_buf(),
                pids: left.iter().map(|process| process.pid).collect(),
            });
        }
        if now >= kill_from {
            signal(Signal::KILL, left.iter().map(|process| process.pid));
        } else {
            let new: Vec<u32> = left.difference(&asked).map(|process| process.pid).collect();
            signal(Signal::TERM, new.iter().copied());
            signal(Signal::CONT, new);
        }
        asked.extend(left);
        std::thread::sleep(POLL);
    }
}

/// Writes down which process this is, so that it is known again after its parent has ended.
pub(super) fn note(pid: u32, file: &Path) -> io::Result<()> {
    let started = HostProcess::find(pid).map_or(0, |process| process.started);
    fs::write(file, format!("{pid} {started} {}", boot()))
}

/// The process that was written down, if it still runs.
pub(super) fn noted(file: &Path) -> Option<HostProcess> {
    let text = fs::read_to_string(file).ok()?;
    let [pid, started, booted] = text.split_whitespace().collect::<Vec<_>>()[..] else {
        return None;
    };
    let process = HostProcess::find(pid.parse().ok()?)?;
    (started.parse() == Ok(process.started) && booted == boot()).then_some(process)
}

/// Times of processes count from the start of the machine, whose present run has this name.
fn boot() -> String {
    let name = fs::read_to_string("/proc/sys/kernel/random/boot_id");
    name.map_or_else(|_| "-".to_owned(), |name| name.trim().to_owned())
}

fn ancestry(all: &[HostProcess], pid: u32) -> HashSet<u32> {
    let parents: HashMap<u32, u32> = all.iter().map(|process| (process.pid, process.parent)).collect();
    let mut line = HashSet::new();
    let mut current = Some(pid);
    while let Some(pid) = current {
        if !line.insert(pid) {
            break;
        }
        current = parents.get(&pid).copied().filter(|parent| *parent != 0);
    }
    line
}

pub(super) fn read_pid(file: &Path) -> Option<u32> {
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

/// Sends a signal; a process that has ended meanwhile is no error.
pub(super) fn signal(signal: Signal, pids: impl IntoIterator<Item = u32>) {
    for pid in pids {
        if let Some(pid) = i32::try_from(pid).ok().and_then(Pid::from_raw) {
            let _ = kill_process(pid, signal);
        }
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")] // what they read is in /proc
mod tests {
    use std::process::Command;

    use super::*;

    fn process(pid: u32, parent: u32) -> HostProcess {
        HostProcess { pid, parent, started: 7 }
    }

    #[test]
    fn a_stat_line_is_read_past_a_name_with_brackets() {
        let stat = "42 (a) b) S 17 42 42 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 99123 1 1";
        let read = HostProcess::parse(42, stat).unwrap();
        assert_eq!((read.parent, read.started), (17, 99123));
        assert_eq!(HostProcess::parse(42, &stat.replace(" S ", " Z ")), None);
        assert_eq!(HostProcess::parse(42, "nonsense"), None);
    }

    #[test]
    fn descendants_are_found_at_any_remove() {
        let all = [process(9, 5), process(5, 2), process(2, 1), process(3, 1)];
        let found = below(&all, HashSet::from([2]));
        assert_eq!(found, HashSet::from([process(5, 2), process(9, 5)]));
    }

    #[test]
    fn a_pid_file_that_names_a_stranger_ties_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let mut stranger = Command::new("sleep").arg("60").current_dir("/").spawn().unwrap();
        let file = folder.path().join("app.pid");
        fs::write(&file, stranger.id().to_string()).unwrap();
        let tied = of_host(folder.path(), &[file], &HashSet::new());
        stranger.kill().unwrap();
        stranger.wait().unwrap();
        assert_eq!(tied, HashSet::new());
    }

    #[test]
    fn a_process_that_was_written_down_is_known_again_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("started");
        let mut child = Command::new("sleep").arg("60").current_dir("/").spawn().unwrap();
        note(child.id(), &file).unwrap();
        assert_eq!(noted(&file).map(|process| process.pid), Some(child.id()));
        let text = fs::read_to_string(&file).unwrap();
        // One of the same number that began at another time, or in another run of the machine.
        for other in [text.replacen(' ', " 1", 1), format!("{text}0"), format!("{}", child.id()), "x".into()]
        {
            fs::write(&file, other).unwrap();
            assert_eq!(noted(&file), None);
        }
        fs::write(&file, text).unwrap();
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(noted(&file), None);
    }

    #[test]
    fn a_marked_process_is_found_without_a_pid_file() {
        let folder = tempfile::tempdir().unwrap();
        let mut child = Command::new("sleep").arg("60").env(MARKER, folder.path()).spawn().unwrap();
        // `spawn` returns a moment before the kernel shows the new program's variables.
        let bound = Instant::now() + Duration::from_secs(10);
        let tied = loop {
            let tied = of_host(folder.path(), &[], &HashSet::new());
            if !tied.is_empty() || Instant::now() > bound {
                break tied;
            }
            std::thread::yield_now();
        };
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(tied.iter().map(|process| process.pid).collect::<Vec<_>>(), [child.id()]);
    }
}
