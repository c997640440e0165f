//! A host on which the agent runs: the lease is taken where something is to be changed, the state is read.

use std::time::{Duration, Instant};

use super::error::ShellError;
use super::failure::{end_of, locked, lost, no_scripts, unwritable};
use super::lease::TakeLease;
use super::message::Message;
use super::request::Request;
use super::session::{HostSession, Opening};
use super::work::Work;
use crate::config::Environment;
use crate::lock;
use crate::model::{ExitCode, HostState, KeptLines, size};
use crate::plan::{self, Event, Failure};
use crate::settings::{Probes, Wish, settings};
use crate::ssh::Session;

/// Bound on a host's silence while it reads its own state.
const OBSERVE: Duration = Duration::from_secs(60);

/// Bound on all that it takes, beside the wait for a lock that somebody else holds.
const OBSERVE_ALL: Duration = Duration::from_secs(180);

/// Bound on what a host's tools may print meanwhile, in bytes.
const MOST_PRINTED: u64 = 16 << 20;

/// Bound on the words that it says meanwhile: who holds the lock, what was taken over.
const MOST_WORDS: usize = 1000;

/// Bound on the end of an agent.
const LEAVE: Duration = Duration::from_secs(10);

/// A host on which the agent runs, and the state that was read there last.
pub struct Host<'s> {
    pub agent: HostSession<'s>,
    /// As the user calls it.
    pub name: String,
    pub state: HostState,
}

impl<'s> Host<'s> {
    /// Starts the agent and reads the state; where something is to be changed, under the environment's lease.
    ///
    /// # Errors
    /// Where the connection is lost, the host does not tell its state, or somebody else is at work there.
    pub fn open(
        session: &'s mut Session,
        work: &mut Work,
        wish: &Wish,
        lease: Option<&TakeLease>,
    ) -> Result<Host<'s>, Failure> {
        let name = session.host().to_string();
        let patience = lease.map_or(Duration::ZERO, |lease| lease.patience);
        let mut agent = start(session, work.environment, wish, lease, &Request::Observe)?;
        let state = read_state(&mut agent, work, &name, patience, 0)?;
        let mut host = Host { agent, name, state };
        let Some(lease) = lease else {
            return Ok(host);
        };
        if let Some(past) = plan::interrupted(&host.state) {
            let message = format!("{}; this run mends what it left", past.what);
            work.emit(Event::Note { message });
        }
        if let Some(freeze) = host.state.freeze.clone().filter(|_| lease.heeds_pause) {
            host.release();
            return Err(plan::frozen(&freeze, &host.state, &work.environment.name));
        }
        Ok(host)
    }

    /// Decides what to do; a refusal lets go of the lease, and shows the world as it was found.
    ///
    /// # Errors
    /// The refusal.
    pub fn decide<T>(
        &mut self,
        environment: &Environment,
        decide: impl FnOnce(&HostState) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        decide(&self.state).map_err(|mut refusal| {
            self.release();
            refusal.world = Some(plan::world(&self.state, environment, None));
            refusal
        })
    }

    /// Reads the state once more.
    ///
    /// # Errors
    /// Where the host does not tell it.
    pub fn observe_again(&mut self, work: &mut Work) -> Result<(), Failure> {
        self.agent.ask(&Request::Observe).map_err(|error| lost(error, &self.name))?;
        // Whoever pressed Ctrl-C once wants to know how things stand; only another press gives that up.
        let presses = work.interrupt.count();
        self.state = read_state(&mut self.agent, work, &self.name, Duration::ZERO, presses)?;
        Ok(())
    }

    /// Gives the lease back, with nothing left to tell the next command.
    pub fn release(&mut self) {
        release(&mut self.agent);
    }

    /// Ends the agent, which has nothing left to do, so that the connection can be used for something else.
    pub fn leave(self) -> HostState {
        leave(self.agent);
        self.state
    }
}

/// Starts the agent on a host.
///
/// # Errors
/// Where the connection is lost.
pub fn start<'s>(
    session: &'s mut Session,
    environment: &Environment,
    wish: &Wish,
    lease: Option<&TakeLease>,
    first: &Request,
) -> Result<HostSession<'s>, Failure> {
    let host = session.host().to_string();
    let opening = Opening {
        root: &environment.root,
        interpreter: &environment.python.interpreter,
        settings: &settings(environment, wish),
        lease,
        first,
    };
    HostSession::open(session, &opening).map_err(|error| lost(error, &host))
}

/// Asks the host for one thing, by an agent that does nothing else; `take` finds the answer in what it says.
///
/// # Errors
/// Where the connection is lost, or the host does not answer.
pub fn ask<T>(
    session: &mut Session,
    environment: &Environment,
    request: &Request,
    take: &mut dyn FnMut(Message) -> Option<T>,
) -> Result<T, Failure> {
    let host = session.host().to_string();
    let mut agent = start(session, environment, &Wish::new(Probes::FrontDoor), None, request)?;
    let mut said = KeptLines::default();
    let answer = agent.until(&mut |message| match message {
        Message::Log(line) => {
            said.push(line);
            None
        }
        message => take(message),
    });
    let answer = answer.map_err(|error| lost(error, &host))?;
    leave(agent);
    answer.ok_or_else(|| no_scripts(&host, said.into_lines()))
}

fn release(agent: &mut HostSession) {
    // Where the connection is lost instead, the host lets go by itself.
    let _ = agent.ask(&Request::Release).and_then(|()| agent.until_done());
}

fn leave(mut agent: HostSession) {
    release(&mut agent);
    let began = Instant::now();
    // One that talks on is left as it is.
    while began.elapsed() < LEAVE
        && !matches!(agent.next(LEAVE), Ok(Message::Ended(_) | Message::Nothing) | Err(_))
    {}
}

fn read_state(
    agent: &mut HostSession,
    work: &mut Work,
    host: &str,
    patience: Duration,
    presses: usize,
) -> Result<HostState, Failure> {
    let environment = work.environment;
    let mut said = KeptLines::default();
    let (began, printed) = (Instant::now(), agent.printed());
    let (mut last, mut words) = (began, 0);
    let mut holder = None;
    let (mut is_unwritable, mut broken) = (false, None);
    loop {
        if work.interrupt.count() > presses {
            return Err(Failure::new("interrupted", "interrupted before anything was changed")
                .exit(ExitCode::Interrupted));
        }
        let message = agent.next(OBSERVE).map_err(|error| lost(error, host))?;
        // Whatever else it says, it is no nearer to its state.
        if matches!(message, Message::Locked(_)) {
            last = Instant::now();
        }
        let awaited = if holder.is_some() { patience } else { Duration::ZERO };
        if last.elapsed() > OBSERVE + awaited || began.elapsed() > OBSERVE_ALL + patience {
            let failure = Failure::new("host.silent", format!("{host} did not tell its state"));
            return Err(failure.output(end_of(said.into_lines())));
        }
        words += usize::from(!matches!(message, Message::Nothing | Message::Log(_)));
        if agent.printed() - printed > MOST_PRINTED || words > MOST_WORDS {
            let what = if words > MOST_WORDS {
                format!("more than {MOST_WORDS} words before its state")
            } else {
                format!("more than {} before its state", size(MOST_PRINTED))
            };
            return Err(lost(ShellError::Endless(what), host).output(end_of(said.into_lines())));
        }
        match message {
            Message::State(state) => return Ok(*state),
            // Why comes on another stream, which is read to its end.
            Message::Unwritable => is_unwritable = true,
            Message::Ended(_) if is_unwritable => {
                return Err(unwritable(host, environment, said.into_lines()));
            }
            Message::Locked(held) => {
                if patience > Duration::ZERO {
                    let who = held.as_ref().map_or_else(|| "somebody else".to_string(), lock::describe);
                    let message = format!("the lock is held by {who}; waiting");
                    work.emit(Event::Note { message });
                }
                holder = held;
            }
            Message::Denied => return Err(locked(holder.as_ref(), environment, host)),
            Message::Note(message) => work.emit(Event::Note { message }),
            Message::Log(line) => said.push(line),
            Message::Broken(what) => broken = Some(what),
            Message::Ended(_) => {
                let failure = no_scripts(host, said.into_lines());
                if let Some(what) = broken {
                    return Err(failure.why(format!("deployer's own part there has a mistake: {what}")));
                }
                return Err(failure
                    .why("it needs a POSIX sh and python3")
                    .advise(format!("try: ssh {host} 'command -v sh python3'")));
            }
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_may_be_worked_on_in_a_thread_of_its_own() {
        fn may_be_sent<T: Send>() {}
        may_be_sent::<Session>();
        may_be_sent::<Host>();
    }
}
