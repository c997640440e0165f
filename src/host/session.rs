//! The connection to the agent on a host: what it says and is asked for, as values.

use std::time::{Duration, Instant};

use super::agent::{Hello, command, package, version};
use super::error::ShellError;
use super::lease::TakeLease;
use super::message::{Message, parse};
use super::request::Request;
use crate::model::size;
use crate::settings::AgentSettings;
use crate::ssh::{Channel, Lines, Received, RemoteError, Session};

/// How often a host is told that the client lives.
const BEAT: Duration = Duration::from_secs(5);

/// How long a host may say nothing while it works off a line that needs no time.
const SILENCE: Duration = Duration::from_secs(60);

/// The longest word that a host has to say: its state, with all that was ever released there.
const LONGEST_WORD: usize = 1 << 20;

/// How much it has to say of one line of ours: a watch of a day tells more than anything else.
const MOST_SAID: usize = 8 << 20;

/// How much its tools may print before an answer.
const MOST_PRINTED: u64 = 16 << 20;

/// How often a host may say that it got one step further, before that is taken for talk.
const MOST_STEPS: usize = 100;

/// How much of a line that a tool prints is kept. What is shown of it is less, so that no secret is cut in two.
const LONGEST_LINE: usize = 64 * 1024;

/// What an agent is started for.
#[derive(Clone, Copy)]
pub struct Opening<'a> {
    pub root: &'a str,
    pub interpreter: &'a str,
    pub settings: &'a AgentSettings<'a>,
    /// `None`: it only reads.
    pub lease: Option<&'a TakeLease>,
    /// What it is asked for first, so that the answer takes no further round trip.
    pub first: &'a Request<'a>,
}

/// An agent at work on a host, started by [`HostSession::open`].
pub struct HostSession<'s> {
    channel: Channel<'s>,
    interpreter: String,
    nonce: String,
    out: Lines,
    err: Lines,
    /// How much the host has said since it was asked last, in bytes.
    said: usize,
    /// How much its tools have printed, in bytes.
    printed: u64,
    /// Whether what they print is handed over as it comes, and not in lines.
    raw: bool,
    /// Messages that came in one piece with an earlier one.
    ready: std::collections::VecDeque<Message>,
    last_beat: Instant,
    /// While an upload runs, its bytes are the sign of life, and nothing else may come between them.
    uploading: bool,
    /// Whether the host was sent the agent.
    is_equipped: bool,
}

impl<'s> HostSession<'s> {
    /// Starts the agent; its messages follow by [`HostSession::next`].
    ///
    /// # Errors
    /// Where the connection is lost or a value cannot be an argument.
    pub fn open(session: &'s mut Session, opening: &Opening) -> Result<HostSession<'s>, ShellError> {
        let nonce = nonce();
        let hello = Hello {
            nonce: &nonce,
            root: opening.root,
            agent: version(),
            lease: opening.lease,
            settings: opening.settings,
            first: opening.first,
        };
        let channel = session.exec(&command(opening.interpreter, &hello)?)?;
        Ok(HostSession {
            channel,
            interpreter: opening.interpreter.to_string(),
            nonce,
            out: Lines::new(LONGEST_WORD),
            err: Lines::new(LONGEST_LINE),
            said: 0,
            printed: 0,
            raw: matches!(opening.first, Request::Logs { .. }),
            ready: std::collections::VecDeque::new(),
            last_beat: Instant::now(),
            uploading: false,
            is_equipped: false,
        })
    }

    /// Asks for something; the answer follows by [`HostSession::next`].
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn ask(&mut self, request: &Request) -> Result<(), ShellError> {
        let mut line = serde_json::to_string(request).expect("plain values always become JSON");
        line.push('\n');
        self.said = 0;
        Ok(self.channel.send(line.as_bytes())?)
    }

    /// Sends the next bytes of an upload that the running line takes in.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn upload(&mut self, bytes: &[u8]) -> Result<(), ShellError> {
        self.uploading = true;
        Ok(self.channel.send(bytes)?)
    }

    /// The upload is complete.
    pub fn uploaded(&mut self) {
        self.uploading = false;
    }

    /// Waits for [`Message::Done`], and returns what it says. Anything else is dropped.
    ///
    /// # Errors
    /// Where the connection is lost, the host falls silent, or Ctrl-C is pressed.
    pub fn until_done(&mut self) -> Result<bool, ShellError> {
        self.until(&mut |message| match message {
            Message::Done(done) => Some(done),
            _ => None,
        })
        .map(|done| done.unwrap_or(false))
    }

    /// Waits until `take` finds its answer in what the host says; `None`: the agent ended without one.
    ///
    /// # Errors
    /// Where the connection is lost, the host falls silent, or Ctrl-C is pressed.
    pub fn until<T>(&mut self, take: &mut dyn FnMut(Message) -> Option<T>) -> Result<Option<T>, ShellError> {
        let printed = self.printed;
        let (mut last, mut steps) = (Instant::now(), 0);
        loop {
            match self.next(BEAT)? {
                Message::Ended(_) => return Ok(None),
                Message::Nothing => {}
                message => {
                    // Whatever else it says, and its tools print, is no answer.
                    if matches!(message, Message::Begin(_) | Message::End(..)) && steps < MOST_STEPS {
                        (last, steps) = (Instant::now(), steps + 1);
                    }
                    if let Some(found) = take(message) {
                        return Ok(Some(found));
                    }
                }
            }
            // One before this wait counts too: nobody wants to wait any more.
            if self.channel.presses() > 0 {
                return Err(RemoteError::Interrupted.into());
            }
            if last.elapsed() >= SILENCE {
                return Err(ShellError::Silent(SILENCE));
            }
            if self.printed - printed > MOST_PRINTED {
                return Err(ShellError::Endless(format!(
                    "more than {} before its answer",
                    size(MOST_PRINTED)
                )));
            }
        }
    }

    /// Gives a sign of life while this side is at work by itself.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn beat(&mut self) -> Result<(), ShellError> {
        if self.last_beat.elapsed() >= BEAT {
            self.last_beat = Instant::now();
            self.ask_in_between(&Request::Beat)?;
        }
        Ok(())
    }

    /// Asks a guarded action to stop.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn stop(&mut self) -> Result<(), ShellError> {
        self.ask_in_between(&Request::Stop)
    }

    fn ask_in_between(&mut self, request: &Request) -> Result<(), ShellError> {
        let said = self.said;
        self.ask(request)?;
        self.said = said;
        Ok(())
    }

    /// How much the host's tools have printed, in bytes, whether it made lines or not.
    #[must_use]
    pub fn printed(&self) -> u64 {
        self.printed
    }

    /// Tells the host that there is nothing more to do.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn close(&mut self) -> Result<(), ShellError> {
        Ok(self.channel.close_input()?)
    }

    /// What the host says next, or [`Message::Nothing`] after `wait` or at a press of Ctrl-C.
    ///
    /// # Errors
    /// Where the connection is lost or a message cannot be read.
    pub fn next(&mut self, wait: Duration) -> Result<Message, ShellError> {
        let until = Instant::now() + wait.min(BEAT);
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Ok(message);
            }
            if !self.uploading {
                self.beat()?;
            }
            match self.channel.receive(until.saturating_duration_since(Instant::now()))? {
                Received::Nothing => return Ok(Message::Nothing),
                Received::End(exit) => {
                    self.ready.extend(self.err.rest().map(Message::Log));
                    self.ready.push_back(Message::Ended(exit));
                }
                Received::Stdout(bytes) => self.hear(&bytes)?,
                Received::Stderr(bytes) if self.raw => {
                    self.printed += bytes.len() as u64;
                    self.ready.push_back(Message::Raw(bytes));
                }
                Received::Stderr(bytes) => self.read_log(&bytes),
            }
            // To talk on and say nothing is to be silent.
            if self.ready.is_empty() && Instant::now() >= until {
                return Ok(Message::Nothing);
            }
        }
    }

    /// Takes in what the scripts say.
    fn hear(&mut self, bytes: &[u8]) -> Result<(), ShellError> {
        self.said += bytes.len();
        if self.said > MOST_SAID {
            let most = size(MOST_SAID as u64);
            return Err(ShellError::Endless(format!("more than {most} where a few words were awaited")));
        }
        let (nonce, ready, is_equipped) = (&self.nonce, &mut self.ready, &self.is_equipped);
        let interpreter = &self.interpreter;
        let (mut wrong, mut is_wanted) = (None, false);
        self.out.feed(bytes, &mut |line| {
            // What the user's shell start-up files print has no nonce.
            if !line.bytes().starts_with(nonce.as_bytes()) || wrong.is_some() {
                return;
            }
            let said = if line.is_cut() {
                Err(endless_word())
            } else {
                parse(line.line()[nonce.len()..].trim_start())
            };
            match said {
                Ok(Message::Wanted) if *is_equipped || is_wanted => {
                    wrong = Some(ShellError::Strange("it asks for the agent again".to_string()));
                }
                Ok(Message::Wanted) => is_wanted = true,
                Ok(Message::NoPython) => wrong = Some(ShellError::NoPython(interpreter.clone())),
                Ok(message) => ready.push_back(message),
                Err(error) => wrong = Some(error),
            }
        });
        if is_wanted && wrong.is_none() {
            self.is_equipped = true;
            self.channel.send(&package())?;
        }
        match wrong {
            Some(error) => Err(error),
            // Its end need not be awaited.
            None if self.out.is_cut() && self.out.bytes().starts_with(nonce.as_bytes()) => {
                Err(endless_word())
            }
            None => Ok(()),
        }
    }

    /// Takes in what tools print.
    fn read_log(&mut self, bytes: &[u8]) {
        self.printed += bytes.len() as u64;
        let (mark, ready) = (format!("{} flush", self.nonce), &mut self.ready);
        self.err.feed(bytes, &mut |line| {
            let line = line.line();
            ready.push_back(if line == mark { Message::Flushed } else { Message::Log(line) });
        });
    }
}

fn endless_word() -> ShellError {
    ShellError::Endless(format!("a line of more than {}", size(LONGEST_WORD as u64)))
}

/// A word that nobody can guess: 32 hexadecimal digits, from the system's own source of secrets.
///
/// # Panics
/// Where the system has none.
pub fn nonce() -> String {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the system gives random bytes");
    format!("{:032x}", u128::from_be_bytes(bytes))
}
