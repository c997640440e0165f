//! An environment's hosts, each worked on by the same code in a thread of its own.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};

use super::Context;
use crate::config::Environment;
use crate::host::{Fleet, FleetMember, Host, worst};
use crate::plan::{Event, Failure, HostTold, Observer, World};
use crate::ssh::Prompt;

/// What the thread of a host sends to the one that talks with the person.
enum FromHost {
    HostTold(HostTold),
    /// The passphrase of a key is needed.
    Asks(PathBuf, usize, Sender<Option<String>>),
}

/// One host's way to the person.
#[derive(Clone)]
struct HostLine {
    host: String,
    sender: Sender<(String, FromHost)>,
}

impl HostLine {
    fn say(&self, said: FromHost) {
        // The receiver outlives all threads.
        let _ = self.sender.send((self.host.clone(), said));
    }
}

impl Observer for HostLine {
    fn event(&mut self, event: Event) {
        self.say(FromHost::HostTold(HostTold::Event(event)));
    }

    fn begins(&mut self, titles: Vec<String>) {
        self.say(FromHost::HostTold(HostTold::Begins(titles)));
    }
}

impl Prompt for HostLine {
    fn passphrase(&mut self, key: &Path, attempt: usize) -> Option<String> {
        let (sender, receiver) = channel();
        self.say(FromHost::Asks(key.to_owned(), attempt, sender));
        receiver.recv().ok().flatten()
    }
}

impl Context<'_> {
    /// Does something on every host of the environment, on all at once. One host needs no thread.
    ///
    /// # Errors
    /// What one of the hosts failed with.
    pub(super) fn on_all(
        &mut self,
        act: &(dyn Fn(&mut Context) -> Result<(), Failure> + Sync),
    ) -> Result<(), Failure> {
        let Some(rules) = &self.environment.fleet else {
            return act(self);
        };
        let hosts: Vec<&Environment> = self.environment.hosts().collect();
        let fleet = Fleet::new(hosts.len(), rules.at_once, rules.decide_within);
        let first = hosts.iter().map(|host| &host.target.host).min().cloned();
        let (vault, ssh, interrupt, by) = (self.vault, self.ssh, self.interrupt, self.by);
        let (dry_run, patience) = (self.dry_run, self.patience);
        let (sender, receiver) = channel();
        std::thread::scope(|scope| {
            let threads: Vec<_> = hosts
                .iter()
                .enumerate()
                .map(|(number, environment)| {
                    let host = environment.target.host.clone();
                    self.observer.of_host(&host, HostTold::Joined);
                    let peer = fleet.peer(first.as_ref() == Some(&host), number == 0);
                    let wire = HostLine { host: host.clone(), sender: sender.clone() };
                    let work = move || {
                        let (mut prompt, mut observer) = (wire.clone(), wire.clone());
                        let result = act(&mut Context {
                            environment,
                            vault,
                            ssh,
                            prompt: &mut prompt,
                            interrupt,
                            observer: &mut observer,
                            by,
                            dry_run,
                            patience,
                            peer: Some(&peer),
                        });
                        if result.is_err() {
                            peer.fail();
                        }
                        wire.say(FromHost::HostTold(HostTold::Left));
                        result.map_err(|failure| (host, failure))
                    };
                    scope.spawn(work)
                })
                .collect();
            drop(sender);
            let mut gathered = Gathered::new(&hosts);
            for (host, said) in receiver {
                match said {
                    FromHost::Asks(key, attempt, answer) => {
                        let _ = answer.send(self.prompt.passphrase(&key, attempt));
                    }
                    FromHost::HostTold(told) => gathered.pass(&host, told, &mut *self.observer),
                }
            }
            let ended = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            match worst(ended.filter_map(Result::err).collect()) {
                None => {
                    gathered.sum_up(&mut *self.observer);
                    Ok(())
                }
                Some(failure) => Err(Failure {
                    world: None,
                    advice: [failure.advice, vec!["see all hosts: deployer status".to_owned()]].concat(),
                    ..failure
                }),
            }
        })
    }

    /// Waits, in a fleet, until every host has come so far.
    ///
    /// # Errors
    /// Where another host failed: this one is left as it is.
    pub(super) fn meet(&mut self, host: &mut Host) -> Result<(), Failure> {
        self.together(host, |peer, alive| peer.meet(alive))
    }

    /// Does what a host does with its fleet; one that is alone has nothing to do.
    ///
    /// # Errors
    /// Where another host failed: this one is left as it is.
    pub(super) fn together<T: Default>(
        &mut self,
        host: &mut Host,
        act: impl FnOnce(&FleetMember, &mut dyn FnMut() -> bool) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let Some(peer) = self.peer else {
            return Ok(T::default());
        };
        let interrupt = self.interrupt;
        let agent = &mut host.agent;
        let done = act(peer, &mut || agent.beat().is_ok() && interrupt.count() == 0);
        if done.is_err() {
            host.release();
        }
        done
    }
}

/// What is told once of all hosts: the intent, and the world in the end.
struct Gathered {
    hosts: Vec<String>,
    has_intent: bool,
    worlds: Vec<(String, World)>,
}

impl Gathered {
    fn new(hosts: &[&Environment]) -> Gathered {
        let hosts = hosts.iter().map(|host| host.target.host.clone()).collect();
        Gathered { hosts, has_intent: false, worlds: Vec::new() }
    }

    fn pass(&mut self, from: &str, told: HostTold, observer: &mut dyn Observer) {
        match told {
            HostTold::Event(mut intent @ Event::Intent { .. }) => {
                if let (false, Event::Intent { host, slot, .. }) = (self.has_intent, &mut intent) {
                    // The colors of one role may differ from host to host.
                    (*host, *slot) = (self.hosts.join(", "), None);
                    self.has_intent = true;
                    observer.event(intent);
                }
            }
            HostTold::Event(Event::World(world)) => self.worlds.push((from.to_owned(), world)),
            HostTold::Event(
                event @ (Event::Connecting { .. } | Event::Connected { .. } | Event::Asking { .. }),
            ) => {
                observer.event(event);
            }
            told => observer.of_host(from, told),
        }
    }

    /// The primary's world stands for all; where another host's differs, that is told.
    fn sum_up(mut self, observer: &mut dyn Observer) {
        let order = |host: &String| self.hosts.iter().position(|known| known == host);
        self.worlds.sort_by_key(|(host, _)| order(host));
        let mut worlds = self.worlds.into_iter();
        let Some((primary, world)) = worlds.next() else { return };
        let commit = |world: &World| world.live.as_ref().and_then(|slot| slot.commit.clone());
        for (host, other) in worlds.filter(|(_, other)| commit(other) != commit(&world)) {
            let name = |world| commit(world).map_or("nothing".to_owned(), |commit| commit.short().to_owned());
            let message = format!("live is {} on {host}, and {} on {primary}", name(&other), name(&world));
            observer.event(Event::Warning { message });
        }
        observer.event(Event::World(world));
    }
}
