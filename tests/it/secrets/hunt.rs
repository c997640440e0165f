//! Looks for a value wherever it must not be.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// A word that stands in a secret and nowhere else, however it is quoted.
pub(crate) fn token() -> String {
    format!("Zq{}", deployer::host::nonce())
}

pub(crate) fn holds(bytes: &[u8], token: &str) -> bool {
    bytes.windows(token.len()).any(|window| window == token.as_bytes())
}

/// Every file below a folder that holds the token, with its mode.
pub(crate) fn files(folder: &Path, token: &str) -> Vec<(PathBuf, u32)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(data) = entry.metadata() else { continue };
        if data.is_dir() {
            found.extend(files(&entry.path(), token));
        } else if data.is_file() && fs::read(entry.path()).is_ok_and(|bytes| holds(&bytes, token)) {
            found.push((entry.path(), data.permissions().mode() & 0o777));
        }
    }
    found.sort();
    found
}

/// Reads the arguments of all processes again and again.
pub(crate) struct Watch {
    over: Arc<AtomicBool>,
    thread: JoinHandle<(usize, Vec<String>)>,
}

impl Watch {
    pub(crate) fn start(token: &str) -> Watch {
        let over = Arc::new(AtomicBool::new(false));
        let (stop, token) = (Arc::clone(&over), token.to_string());
        let thread = thread::spawn(move || {
            let (mut looks, mut found) = (0, Vec::new());
            while !stop.load(Ordering::SeqCst) {
                looks += 1;
                for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
                    let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
                    if holds(&arguments, &token) {
                        found.push(String::from_utf8_lossy(&arguments).replace('\0', " "));
                    }
                }
                thread::sleep(Duration::from_millis(2));
            }
            (looks, found)
        });
        Watch { over, thread }
    }

    /// Ends the watch; panics where the token was seen.
    #[track_caller]
    pub(crate) fn end(self) {
        self.over.store(true, Ordering::SeqCst);
        let (looks, found) = self.thread.join().expect("the watch ends");
        assert!(looks > 10, "the watch looked {looks} times");
        assert!(found.is_empty(), "in the arguments of processes: {found:#?}");
    }
}

/// The processes that have the token in their environment, by the first word of their arguments.
pub(crate) fn environs(token: &str) -> Vec<String> {
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        if fs::read(process.path().join("environ")).is_ok_and(|bytes| holds(&bytes, token)) {
            let arguments = fs::read(process.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&arguments).replace('\0', " "));
        }
    }
    found
}
