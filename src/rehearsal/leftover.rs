//! What a throwaway host whose owner was killed leaves behind: processes, and a folder with secrets in it.

use std::collections::HashSet;
use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::HostError;
use super::processes::{self, HostProcess};

/// What the folder of every throwaway host is called, with more behind it.
pub(super) const PREFIX: &str = "deployer-rehearsal-";
/// In a host's folder; its owner holds a lock on it for as long as it lives, whatever ends it.
const OWNER: &str = "owner";
/// How long what is left may take to end after TERM.
const GRACE: Duration = Duration::from_secs(4);

/// A host's folder whose owner is gone, and what became of it.
#[derive(Debug)]
pub struct Leftover {
    pub folder: PathBuf,
    /// Ended processes; or why it is still there.
    pub removed: Result<usize, HostError>,
}

/// Makes a folder one's own; it is so until the file is dropped.
pub(super) fn claim(folder: &Path) -> Result<File, HostError> {
    let (new, owner) = (folder.join("owner.new"), folder.join(OWNER));
    let file = File::create_new(&new).map_err(HostError::file(&new))?;
    file.lock().map_err(HostError::file(&new))?;
    // Under its name it was never without the lock.
    fs::rename(&new, &owner).map_err(HostError::file(&owner))?;
    Ok(file)
}

/// Ends and removes what killed owners left in the folder for temporary files. Only what is this user's alone counts: in a
/// folder that others may write to, they could name any process of this user.
pub fn tidy_up() -> Vec<Leftover> {
    let parent = std::env::temp_dir();
    let Ok(entries) = parent.canonicalize().and_then(fs::read_dir) else {
        return Vec::new();
    };
    let folders = entries
        .flatten()
        .filter(|entry| entry.file_name().to_string_lossy().starts_with(PREFIX))
        .map(|entry| entry.path());
    folders.filter_map(|folder| tidy(&folder)).collect()
}

fn tidy(folder: &Path) -> Option<Leftover> {
    let data = fs::symlink_metadata(folder).ok()?;
    let is_own = data.uid() == rustix::process::geteuid().as_raw() && data.mode() & 0o077 == 0;
    if !data.is_dir() || !is_own {
        return None;
    }
    // Held until the folder is gone, so that two do not set about it.
    let owner = File::open(folder.join(OWNER)).ok()?;
    owner.try_lock().ok()?;
    let known = known(folder);
    let ended = processes::end(folder, GRACE, &mut || processes::of_host(folder, &pid_files(folder), &known));
    let removed = ended.and_then(|ended| {
        fs::remove_dir_all(folder).map_err(HostError::file(folder))?;
        Ok(ended)
    });
    Some(Leftover { folder: folder.to_owned(), removed })
}

/// The servers, by what was written down when they started, and all that they started.
fn known(folder: &Path) -> HashSet<HostProcess> {
    let servers = ["ssh", "nginx"].map(|server| folder.join(server).join("started"));
    let mut known: HashSet<HostProcess> = servers.iter().filter_map(|file| processes::noted(file)).collect();
    let servers: Vec<u32> = known.iter().map(|process| process.pid).collect();
    known.extend(processes::descendants(&servers));
    known
}

fn pid_files(folder: &Path) -> Vec<PathBuf> {
    let roots = fs::read_dir(folder.join("home")).into_iter().flatten().flatten();
    let slots = |root: PathBuf| ["blue", "green"].map(|color| root.join(color).join("etc/app.pid"));
    roots.flat_map(|root| slots(root.path())).collect()
}
