use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::config::Environment;
use crate::model::{Holder, Secrets};
use crate::plan::{Event, Observer};
use crate::secrets::Concealed;
use crate::ssh::{ConnectOptions, Interrupt, Prompt};

/// What every command needs beside its own arguments.
pub struct Context<'a> {
    pub environment: &'a Environment,
    pub vault: &'a Vault,
    pub connect: &'a ConnectOptions,
    pub prompt: &'a mut dyn Prompt,
    pub interrupt: &'a Interrupt,
    pub observer: &'a mut dyn Observer,
    /// Who runs this, as `user@machine`.
    pub by: &'a str,
    /// Show the plan, do nothing.
    pub dry_run: bool,
    /// How long to wait for a lock that somebody else holds.
    pub patience: Duration,
    /// End whoever holds the lock.
    pub break_lock: bool,
    /// Whether a pause that somebody asked for is heeded.
    pub heeds_pause: bool,
    /// Whether it works on a full disk too.
    pub even_if_full: bool,
}

impl Context<'_> {
    pub(super) fn emit(&mut self, event: Event) {
        self.observer.event(event);
    }

    pub(super) fn holder(&self, verb: &str, commit: Option<&str>) -> Holder {
        Holder { by: self.by.to_string(), verb: verb.to_string(), commit: commit.map(str::to_string) }
    }
}

/// Where a run finds its secrets, and what it has found.
pub struct Vault {
    /// The folder of `deployer.toml`.
    pub(super) folder: PathBuf,
    pub(super) found: RefCell<Option<Secrets>>,
    /// Where they go, so that nothing shows them.
    pub(super) concealed: Concealed,
}

impl Vault {
    pub fn new(folder: &Path, concealed: &Concealed) -> Vault {
        Vault { folder: folder.to_owned(), found: RefCell::default(), concealed: concealed.clone() }
    }
}
