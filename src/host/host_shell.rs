//! The one long-lived shell on a host: what `templates/session.sh` says, as values.

use std::time::{Duration, Instant};

use super::message::{Message, parse};
use super::packed::{gzip, lean, packed};
use crate::model::{Holder, size};
use crate::shell::{NulError, quote};
use crate::ssh::Lines;
use crate::ssh::{Channel, Received};
use crate::ssh::{RemoteError, Session};

const SESSION: &str = include_str!("../../templates/session.sh");
/// What reads the state, and takes the lock: sent as the command itself, and so ready after one round trip.
const HOST: &str = concat!(
    include_str!("../../templates/host/proc.py"),
    include_str!("../../templates/host/http.py"),
    include_str!("../../templates/host/lock.py"),
    include_str!("../../templates/host/units.py"),
    include_str!("../../templates/host/processes.py"),
    include_str!("../../templates/host/data.py"),
    include_str!("../../templates/host/observe.py"),
);
const MAIN: &str = include_str!("../../templates/host/main.py");
/// What the steps need: sent along with the first of them.
const STEPS: &str = include_str!("../../templates/steps.sh");
const MORE: &str = concat!(
    include_str!("../../templates/host/git.py"),
    include_str!("../../templates/host/switch.py"),
    include_str!("../../templates/host/verbs.py"),
);

/// How often a host is told that the client lives.
const BEAT: Duration = Duration::from_secs(5);

/// How long a host may say nothing while it works off a line that needs no time.
const SILENCE: Duration = Duration::from_secs(60);

/// The longest word that a host has to say: its state, with all that was ever released there.
const LONGEST_WORD: usize = 1 << 20;

/// How much it has to say of one line of ours: a watch of a day tells more than anything else.
const MOST_SAID: usize = 8 << 20;

/// How much of a line that a tool prints is kept. What is shown of it is less, so that no secret is cut in two.
const LONGEST_LINE: usize = 64 * 1024;

/// What a shell is opened for.
#[derive(Clone, Debug)]
pub struct Opening<'a> {
    pub root: &'a str,
    pub interpreter: &'a str,
    /// From [`crate::facts::facts`].
    pub facts: &'a str,
    /// Who takes the environment's lock; `None`: the shell only reads.
    pub lock: Option<&'a Holder>,
    /// How long to wait for a lock that somebody else holds.
    pub patience: Duration,
    /// End whoever holds it.
    pub break_lock: bool,
    /// It must be done where the disk is full too: what is kept in reserve for that is given up, and it goes on even where
    /// nobody can write down who holds the lock.
    pub needs_room: bool,
}

#[derive(Debug, thiserror::Error)]
pub enum ShellError {
    #[error(transparent)]
    Remote(#[from] RemoteError),
    #[error(transparent)]
    Nul(#[from] NulError),
    #[error("cannot read what is to be sent: {0}")]
    Upload(#[from] std::io::Error),
    #[error("the command for the host is {0} bytes long, more than SSH carries")]
    TooLong(usize),
    #[error("the host said something that this version does not understand: {0}")]
    Strange(String),
    #[error("the host did not answer within {} s", .0.as_secs())]
    Silent(Duration),
    #[error("the host sends without end: {0}")]
    Endless(String),
}

/// A shell on the host, opened by [`HostShell::open`].
pub struct HostShell<'s> {
    channel: Channel<'s>,
    nonce: String,
    out: Lines,
    err: Lines,
    /// How much the host has said of the last line that it was sent, in bytes.
    said: usize,
    /// How much its tools have printed, in bytes.
    printed: u64,
    /// Messages that came in one piece with an earlier one.
    ready: std::collections::VecDeque<Message>,
    last_beat: Instant,
    /// Whether the host has what the steps need.
    has_scripts: bool,
    /// While an upload runs, its bytes are the sign of life, and nothing else may come between them.
    uploading: bool,
}

impl<'s> HostShell<'s> {
    /// Starts the shell; its messages follow by [`HostShell::next`].
    ///
    /// # Errors
    /// Where the connection is lost or a value cannot be an argument.
    pub fn open(session: &'s mut Session, opening: &Opening) -> Result<HostShell<'s>, ShellError> {
        let nonce = nonce();
        let command = command(&nonce, opening)?;
        let channel = session.exec(&command)?;
        Ok(HostShell {
            channel,
            nonce,
            out: Lines::new(LONGEST_WORD),
            err: Lines::new(LONGEST_LINE),
            said: 0,
            printed: 0,
            ready: std::collections::VecDeque::new(),
            last_beat: Instant::now(),
            has_scripts: false,
            uploading: false,
        })
    }

    /// Sends a line of calls to run; [`Message::Idle`] tells its end.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn run(&mut self, line: &str) -> Result<(), ShellError> {
        debug_assert!(!line.contains('\n'));
        self.said = 0;
        Ok(self.channel.send(format!("run {line}\n").as_bytes())?)
    }

    /// The same, of a line that has steps in it.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn run_steps(&mut self, line: &str) -> Result<(), ShellError> {
        let mut bytes = Vec::new();
        if !self.has_scripts {
            let text =
                format!("deployer_steps={}\ndeployer_more={}\n", quote(&lean(STEPS))?, quote(&lean(MORE))?);
            let scripts = gzip(&text);
            bytes.extend(format!("scripts {}\n", scripts.len()).into_bytes());
            bytes.extend(scripts);
            self.has_scripts = true;
        }
        debug_assert!(!line.contains('\n'));
        bytes.extend(format!("run {line}\n").into_bytes());
        self.said = 0;
        Ok(self.channel.send(&bytes)?)
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

    /// Asks a guarded step to stop.
    ///
    /// # Errors
    /// Where the connection is lost.
    pub fn stop(&mut self) -> Result<(), ShellError> {
        Ok(self.channel.send(b"stop\n")?)
    }

    /// Waits until the line that was sent is worked off, and returns its status. What the host says meanwhile is dropped.
    ///
    /// # Errors
    /// Where the connection is lost, or the host falls silent.
    pub fn until_idle(&mut self) -> Result<i32, ShellError> {
        self.until_idle_with(&mut |_| {})
    }

    /// The same, and `take` is given what the host says meanwhile.
    ///
    /// # Errors
    /// Where the connection is lost, the host falls silent, or Ctrl-C is pressed.
    pub fn until_idle_with(&mut self, take: &mut dyn FnMut(Message)) -> Result<i32, ShellError> {
        let (presses, mut last) = (self.channel.presses(), Instant::now());
        loop {
            match self.next(BEAT)? {
                Message::Idle(status) => return Ok(status),
                Message::Ended(exit) => return Ok(exit.status.unwrap_or(-1)),
                Message::Nothing => {}
                message => {
                    // What tools print is no answer.
                    if !matches!(message, Message::Log(_)) {
                        last = Instant::now();
                    }
                    take(message);
                }
            }
            if self.channel.presses() > presses {
                return Err(RemoteError::Interrupted.into());
            }
            if last.elapsed() >= SILENCE {
                return Err(ShellError::Silent(SILENCE));
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
            self.channel.send(b"beat\n")?;
        }
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
        let (nonce, ready, mut wrong) = (&self.nonce, &mut self.ready, None);
        self.out.feed(bytes, &mut |line| {
            // What the user's shell start-up files print has no nonce.
            if !line.bytes().starts_with(nonce.as_bytes()) || wrong.is_some() {
                return;
            }
            let said = match line.is_cut() {
                true => Err(endless_word()),
                false => parse(line.line()[nonce.len()..].trim_start()),
            };
            match said {
                Ok(message) => ready.extend(message),
                Err(error) => wrong = Some(error),
            }
        });
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
            ready.push_back(match line == mark {
                true => Message::Flushed,
                false => Message::Log(line),
            });
        });
    }
}

fn endless_word() -> ShellError {
    ShellError::Endless(format!("a line of more than {}", size(LONGEST_WORD as u64)))
}

/// The command that SSH carries.
fn command(nonce: &str, opening: &Opening) -> Result<String, ShellError> {
    let holder = opening.lock.map(|holder| serde_json::json!(holder).to_string()).unwrap_or_default();
    let patience = opening.patience.as_secs().to_string();
    let lock = match opening.lock {
        None => "none",
        Some(_) if opening.break_lock => "break",
        Some(_) => "take",
    };
    let mut text = String::from("set --");
    for word in [
        nonce,
        opening.root,
        opening.interpreter,
        opening.facts,
        lock,
        &patience,
        &holder,
        if opening.needs_room { "room" } else { "-" },
    ] {
        text.push(' ');
        text.push_str(&quote(word)?);
    }
    text.push_str(&format!(
        "\ndeployer_host={}\ndeployer_main={}\n",
        quote(&lean(HOST))?,
        quote(&lean(MAIN))?
    ));
    text.push_str(&lean(SESSION));
    packed(&text)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ssh::LONGEST_COMMAND;

    #[test]
    fn the_whole_of_the_scripts_fits_one_request() {
        let holder = Holder { by: "ann@laptop".to_string(), verb: "deploy".to_string(), commit: None };
        let opening = Opening {
            root: "/srv/app",
            interpreter: "python3",
            facts: &"x".repeat(4000),
            lock: Some(&holder),
            patience: Duration::ZERO,
            break_lock: false,
            needs_room: false,
        };
        let command = command("0", &opening).unwrap();
        // Room for what a long configuration adds.
        assert!(command.len() < LONGEST_COMMAND - 4000, "{}", command.len());
    }
}
