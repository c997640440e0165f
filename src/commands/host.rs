//! The way to a host's state: connect, take the lock where the command changes something, observe.

use std::path::Path;
use std::time::{Duration, Instant};

use super::Context;
use crate::config::Environment;
use crate::host::{HostSession, Message, Opening, Request, ShellError, TakeLease};
use crate::lock;
use crate::model::{ExitCode, Freeze, Holder, HostState, Kept, Lock, age, size, whole_seconds};
use crate::plan::{self, Event, Failure, Observer, Site};
use crate::settings::{Probes, Wish, settings};
use crate::ssh::{ConnectError, Prompt, Session};

/// Bound on a host's silence while it reads its own state.
const OBSERVE: Duration = Duration::from_secs(60);

/// Bound on all that it takes, beside the wait for a lock that somebody else holds.
const OBSERVE_ALL: Duration = Duration::from_secs(180);

/// Bound on what a host's tools may print meanwhile, in bytes.
const MOST_PRINTED: u64 = 16 << 20;

/// Bound on the words that it says meanwhile: who holds the lock, what was taken over.
const MOST_WORDS: usize = 1000;

/// Bound on the end of a shell.
const LEAVE: Duration = Duration::from_secs(10);

/// A command on its host: the open shell, and the state that was read on it last.
pub(super) struct Visit<'s> {
    pub shell: HostSession<'s>,
    /// The host as the user calls it.
    pub host: String,
    pub state: HostState,
}

/// Connects, takes the lock where `holder` changes something, reads the state, and lets `act` go on from there.
/// A dry run takes no lock.
pub(super) fn visit<T>(
    context: &mut Context,
    wish: &Wish,
    holder: Option<&Holder>,
    act: impl FnOnce(&mut Context, &mut Visit) -> Result<T, Failure>,
) -> Result<T, Failure> {
    let holder = holder.filter(|_| !context.dry_run);
    let mut session = connect(context)?;
    let host = session.host().to_string();
    let (shell, state) = observe(&mut session, context, wish, holder)?;
    act(context, &mut Visit { shell, host, state })
}

impl Visit<'_> {
    /// Decides what to do; a refusal lets go of the lock, and shows the world as it was found.
    pub(super) fn decide<T>(
        &mut self,
        environment: &Environment,
        decide: impl FnOnce(&HostState) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        decide(&self.state).map_err(|mut refusal| {
            release(&mut self.shell);
            refusal.world = Some(plan::world(&self.state, environment, None));
            refusal
        })
    }
}

/// Opens the one connection.
pub(super) fn connect(context: &mut Context) -> Result<Session, Failure> {
    let began = Instant::now();
    let target = &context.environment.target;
    context.emit(Event::Connecting { host: target.host.clone() });
    let mut prompt = Asking { prompt: &mut *context.prompt, observer: &mut *context.observer };
    let session = Session::connect(target, context.connect, &mut prompt, context.interrupt)
        .map_err(|error| unreachable(&error, &context.environment.name))?;
    for message in session.warnings().to_vec() {
        context.emit(Event::Warning { message });
    }
    context.emit(Event::Connected { host: session.host().to_string(), took: began.elapsed() });
    Ok(session)
}

/// Clears the screen of what moves before a person is asked.
struct Asking<'a> {
    prompt: &'a mut dyn Prompt,
    observer: &'a mut dyn Observer,
}

impl Prompt for Asking<'_> {
    fn passphrase(&mut self, key: &Path, attempt: usize) -> Option<String> {
        let what = format!("the passphrase of {}", key.display());
        self.observer.event(Event::Asking { what });
        self.prompt.passphrase(key, attempt)
    }
}

/// Opens the shell and reads the state; with a holder, under the environment's lock.
pub(super) fn observe<'s>(
    session: &'s mut Session,
    context: &mut Context,
    wish: &Wish,
    holder: Option<&Holder>,
) -> Result<(HostSession<'s>, HostState), Failure> {
    let environment = context.environment;
    let host = session.host().to_string();
    let lease = holder.map(|holder| TakeLease {
        holder,
        patience: context.patience.as_secs(),
        breaks: context.break_lock,
        even_if_full: context.even_if_full,
    });
    let mut shell = start(session, context, wish, lease, &Request::Observe)?;
    let state = read_state(&mut shell, context, &host, 0)?;
    if let Some(past) = plan::interrupted(&state).filter(|_| holder.is_some()) {
        let message = format!("{}; this run mends what it left", past.what);
        context.emit(Event::Note { message });
    }
    if let Some(freeze) = state.freeze.as_ref().filter(|_| holder.is_some() && context.heeds_pause) {
        release(&mut shell);
        return Err(frozen(freeze, &state, &environment.name));
    }
    Ok((shell, state))
}

/// Starts the agent on a host.
pub(super) fn start<'s>(
    session: &'s mut Session,
    context: &Context,
    wish: &Wish,
    lease: Option<TakeLease>,
    first: &Request,
) -> Result<HostSession<'s>, Failure> {
    let environment = context.environment;
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
pub(super) fn ask<T>(
    session: &mut Session,
    context: &Context,
    request: &Request,
    take: &mut dyn FnMut(Message) -> Option<T>,
) -> Result<T, Failure> {
    let host = session.host().to_string();
    let mut shell = start(session, context, &Wish::new(Probes::FrontDoor), None, request)?;
    let mut said = Kept::default();
    let answer = shell.until(&mut |message| match message {
        Message::Log(line) => {
            said.push(line);
            None
        }
        message => take(message),
    });
    let answer = answer.map_err(|error| lost(error, &host))?;
    leave(shell);
    answer.ok_or_else(|| no_scripts(&host, said.into_lines()))
}

/// Gives the lease back, with nothing left to tell the next command.
pub(super) fn release(shell: &mut HostSession) {
    // Where the connection is lost instead, the host lets go by itself.
    let _ = shell.ask(&Request::Release).and_then(|()| shell.until_done());
}

/// Ends a shell that has nothing left to do, so that the connection can be used for something else.
pub(super) fn leave(mut shell: HostSession) {
    release(&mut shell);
    let began = Instant::now();
    // One that talks on is left as it is.
    while began.elapsed() < LEAVE
        && !matches!(shell.next(LEAVE), Ok(Message::Ended(_) | Message::Nothing) | Err(_))
    {}
}

/// Reads the state once more, on a shell that is open.
pub(super) fn observe_again(shell: &mut HostSession, context: &mut Context) -> Option<HostState> {
    shell.ask(&Request::Observe).ok()?;
    let host = context.environment.target.host.clone();
    // Whoever pressed Ctrl-C once wants to know how things stand; only another press gives that up.
    let presses = context.interrupt.count();
    read_state(shell, context, &host, presses).ok()
}

fn read_state(
    shell: &mut HostSession,
    context: &mut Context,
    host: &str,
    presses: usize,
) -> Result<HostState, Failure> {
    let environment = context.environment;
    let mut said = Kept::default();
    let (began, printed) = (Instant::now(), shell.printed());
    let (mut last, mut words) = (began, 0);
    let mut holder = None;
    let mut is_unwritable = false;
    loop {
        if context.interrupt.count() > presses {
            return Err(Failure::new("interrupted", "interrupted before anything was changed")
                .exit(ExitCode::Interrupted));
        }
        let message = shell.next(OBSERVE).map_err(|error| lost(error, host))?;
        // Whatever else it says, it is no nearer to its state.
        if matches!(message, Message::Locked(_)) {
            last = Instant::now();
        }
        let patience = match holder {
            None => OBSERVE,
            Some(_) => OBSERVE + context.patience,
        };
        if last.elapsed() > patience || began.elapsed() > OBSERVE_ALL + context.patience {
            let failure = Failure::new("host.silent", format!("{host} did not tell its state"));
            return Err(failure.output(end_of(said.into_lines())));
        }
        words += usize::from(!matches!(message, Message::Nothing | Message::Log(_)));
        if shell.printed() - printed > MOST_PRINTED || words > MOST_WORDS {
            let what = match words > MOST_WORDS {
                true => format!("more than {MOST_WORDS} words before its state"),
                false => format!("more than {} before its state", size(MOST_PRINTED)),
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
                if context.patience > Duration::ZERO {
                    let who = held.as_ref().map_or_else(|| "somebody else".to_string(), lock::describe);
                    let message = format!("the lock is held by {who}; waiting");
                    context.emit(Event::Note { message });
                }
                holder = held;
            }
            Message::Denied => return Err(locked(holder.as_ref(), environment, host)),
            Message::Note(message) => context.emit(Event::Note { message }),
            Message::Log(line) => said.push(line),
            Message::Ended(_) => {
                return Err(no_scripts(host, said.into_lines())
                    .why("it needs a POSIX sh and python3")
                    .advise(format!("try: ssh {host} 'command -v sh python3'")));
            }
            _ => {}
        }
    }
}

/// The last of what was printed, as much as a failure shows.
pub(super) fn end_of(mut lines: Vec<String>) -> Vec<String> {
    lines.drain(..lines.len().saturating_sub(plan::SHOWN_LINES));
    lines
}

fn locked(held: Option<&Lock>, environment: &Environment, host: &str) -> Failure {
    let who = held.map_or_else(|| "somebody else".to_string(), lock::describe);
    let failure =
        Failure::new("locked", format!("{} is locked by {who}", environment.name)).exit(ExitCode::Locked);
    let force = format!("deployer {} unlock --force", environment.name);
    match held {
        Some(Lock::Stranger(stranger)) => failure
            .why("it is no command of a deployer's: nobody can tell when it lets go")
            .advise(stranger.end(&force, host)),
        _ => failure
            .advise("wait for it: --wait, or --wait=15m (deploy, cutover, rollback, stop, prune)")
            .advise(format!("if it hangs for good, end it: {force}")),
    }
}

pub(super) fn frozen(freeze: &Freeze, state: &HostState, environment: &str) -> Failure {
    #[allow(clippy::cast_precision_loss)]
    let ago = age(whole_seconds(state.now - freeze.at as f64));
    Failure::new(
        "frozen",
        format!("{environment} was locked by {} {ago} ago: {:?}", freeze.by, freeze.message),
    )
    .exit(ExitCode::Locked)
    .advise(format!("when its time is over: deployer {environment} unlock"))
}

fn unwritable(host: &str, environment: &Environment, said: Vec<String>) -> Failure {
    let why = plan::disk(&said);
    let failure = Failure::new("host.root", format!("cannot write below {} on {host}", environment.root))
        .output(end_of(said));
    if let Some(why) = why {
        let advice = plan::make_room(&why, host, environment);
        return failure.why(why).advise(advice);
    }
    failure.advise(format!(
        "the folder above it must belong to the deploy user; on the host, as root: install -d -o USER {}",
        crate::shell::display(std::slice::from_ref(&environment.root))
    ))
}

fn unreachable(error: &ConnectError, environment: &str) -> Failure {
    let what = format!("cannot connect to {environment}: {error}");
    no_connection(error.code(), what, error.advice())
}

/// Ctrl-C ends a connection too, and has an exit code of its own.
fn no_connection(code: &'static str, what: String, advice: Vec<String>) -> Failure {
    let failure = Failure { advice, ..Failure::new(code, what) };
    if code.contains("interrupt") {
        return failure.exit(ExitCode::Interrupted);
    }
    failure
}

/// What was sent to the host said nothing; `said` is what its tools did.
pub(super) fn no_scripts(host: &str, said: Vec<String>) -> Failure {
    let what = format!("{host} does not run the deployer's scripts");
    Failure::new("host.shell", what).output(end_of(said))
}

/// The connection was lost before anything was changed.
pub(super) fn lost(error: ShellError, host: &str) -> Failure {
    match error {
        ShellError::Remote(error) => {
            let what = format!("lost the connection to {host}: {error}");
            no_connection(error.code(), what, error.advice())
        }
        ShellError::Nul(error) => error.into(),
        error @ ShellError::Endless(_) => Failure::new("host.endless", format!("{host}: {error}"))
            .site(Site::Untouched)
            .advise(format!("see what its start-up files and tools print: ssh {host} true")),
        ShellError::NoPython(command) => {
            Failure::new("host.python", format!("{host} has no {command} on its PATH"))
                .advise("on the host, as root: apt-get install python3-venv")
                .advise("or give its absolute path: [python] interpreter")
        }
        error => Failure::new("host.shell", format!("{host}: {error}")).site(Site::Untouched),
    }
}
