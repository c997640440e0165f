//! What a verb works with: the environment, the way to its host, whom it asks and tells.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use crate::config::Environment;
use crate::host::{self, FleetMember, Host, TakeLease, Work};
use crate::model::{Holder, Secrets};
use crate::plan::{Event, Failure, Observer, Plan};
use crate::secrets::Concealed;
use crate::settings::Wish;
use crate::ssh::{ConnectOptions, Interrupt, Prompt, Session};

/// What every command needs beside its own arguments.
pub(super) struct Context<'a> {
    pub environment: &'a Environment,
    pub vault: &'a Vault,
    pub ssh: &'a ConnectOptions,
    pub prompt: &'a mut dyn Prompt,
    pub interrupt: &'a Interrupt,
    pub observer: &'a mut dyn Observer,
    /// Who runs this, as `user@machine`.
    pub by: &'a str,
    /// Show the plan, do nothing.
    pub dry_run: bool,
    /// How long to wait for a lock that somebody else holds.
    pub patience: Duration,
    /// The host's part in its fleet, where it is not alone.
    pub peer: Option<&'a FleetMember<'a>>,
}

impl Context<'_> {
    pub(super) fn emit(&mut self, event: Event) {
        self.observer.event(event);
    }

    /// What working on the host takes of this.
    pub(super) fn work(&mut self) -> Work<'_> {
        Work {
            environment: self.environment,
            interrupt: self.interrupt,
            observer: &mut *self.observer,
            peer: self.peer,
        }
    }

    /// Opens the one connection.
    pub(super) fn connect(&mut self) -> Result<Session, Failure> {
        let mut work = Work {
            environment: self.environment,
            interrupt: self.interrupt,
            observer: &mut *self.observer,
            peer: self.peer,
        };
        host::connect(self.ssh, &mut *self.prompt, &mut work)
    }

    /// Starts the agent and reads the state, under the lease where one is given; a dry run takes none.
    pub(super) fn open<'s>(
        &mut self,
        session: &'s mut Session,
        wish: &Wish,
        lease: Option<TakeLease>,
    ) -> Result<Host<'s>, Failure> {
        let lease = lease.filter(|_| !self.dry_run);
        let (peer, interrupt) = (self.peer, self.interrupt);
        let mut alive = || interrupt.count() == 0;
        if let Some(peer) = peer {
            peer.wait_for_turn(&mut alive)?;
        }
        let mut host = Host::open(session, &mut self.work(), wish, lease.as_ref())?;
        if let Some(peer) = peer {
            peer.leased();
            self.meet(&mut host)?;
        }
        Ok(host)
    }

    /// The lease of a verb that works on a full disk too, and during a pause.
    pub(super) fn lease(&self, verb: &str) -> TakeLease {
        TakeLease {
            holder: Holder { by: self.by.to_string(), verb: verb.to_string(), commit: None },
            patience: self.patience,
            breaks: false,
            heeds_pause: false,
            even_if_full: true,
        }
    }

    /// Shows a plan that is not carried out.
    pub(super) fn show(&mut self, plan: &Plan) {
        for (index, action) in plan.actions.iter().enumerate() {
            self.emit(Event::Planned {
                number: index + 1,
                title: action.title(),
                touches: action.touches().as_str().to_string(),
            });
        }
    }
}

/// Where a run finds its secrets, and what it has found.
pub(super) struct Vault {
    /// The folder of `deployer.toml`.
    pub(super) folder: PathBuf,
    pub(super) found: Mutex<Option<Secrets>>,
    /// Where they go, so that nothing shows them.
    pub(super) concealed: Concealed,
}

impl Vault {
    pub(super) fn new(folder: &Path, concealed: &Concealed) -> Vault {
        Vault { folder: folder.to_owned(), found: Mutex::default(), concealed: concealed.clone() }
    }
}
