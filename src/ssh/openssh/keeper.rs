//! Whoever opens a master, and closes it when this program is gone, however it went.

use std::io::{self, Read};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};
use rustix::process::{Pid, Signal, kill_process_group};

use super::askpass::Askpass;
use super::client::{Client, literal};
use super::verdict::verdict;
use crate::ssh::error::ConnectError;
use crate::ssh::interrupt::Interrupt;
use crate::ssh::options::{ConnectOptions, Prompt};

/// Takes a folder, the socket of a master to end (or nothing), and the command that opens it. It says how that ended,
/// and waits for the end of its own input.
const SCRIPT: &str = "folder=$1 control=$2; shift 2; trap : PIPE; \"$@\" </dev/null >/dev/null; echo $?; read -r end; \
                      [ -z \"$control\" ] || ssh -F none -S \"$control\" -O exit -- host >/dev/null 2>&1; \
                      rm -rf \"$folder\"";

/// What `ssh` writes down once it has reached the host.
const ESTABLISHED: &str = "Connection established";
/// How often that is looked for.
const TICK: Duration = Duration::from_millis(100);
/// How long it may take to clean up.
const FAREWELL: Duration = Duration::from_secs(1);

pub(super) struct Keeper(Child);

impl Keeper {
    /// One that only removes the folder.
    pub(super) fn of_folder(client: &Client) -> Result<Keeper, ConnectError> {
        Keeper::start(client, None, &Command::new("true"))
    }

    /// Opens a master, and says where it listens. Where the user wants theirs kept open (ControlPersist), it is theirs.
    pub(super) fn open(
        client: &Client,
        options: &ConnectOptions,
        prompt: &mut dyn Prompt,
        interrupt: &Interrupt,
    ) -> Result<(PathBuf, Keeper), ConnectError> {
        let may_ask = options.askpass.as_ref().filter(|_| prompt.can_answer());
        let asking = may_ask.map(|program| {
            client.may_ask(options)?;
            Askpass::listen(client.folder()).map(|askpass| (askpass, program))
        });
        let asking = asking.transpose().map_err(|error| unusable(&error))?;
        let is_kept = matches!(client.setting("controlmaster"), "auto" | "yes" | "true")
            && !matches!(client.setting("controlpersist"), "" | "no" | "false");
        let shared = client.shared_control().filter(|_| is_kept);
        let own = client.folder().join("master");
        let mut ssh = client.ssh();
        ssh.args(["-f", "-N", "-o", "LogLevel=DEBUG1", "-E"]).arg(client.log().path());
        for option in [
            "ClearAllForwardings=yes",
            "ForwardAgent=no",
            "ForwardX11=no",
            "PermitLocalCommand=no",
            "RemoteCommand=none",
        ] {
            ssh.args(["-o", option]);
        }
        if shared.is_none() {
            ssh.args(["-M", "-o", "ControlPersist=no", "-S"]).arg(literal(&own));
        }
        if let Some((askpass, program)) = &asking {
            askpass.tell(&mut ssh, program);
        }
        ssh.args(client.destination());
        let mut keeper = Keeper::start(client, shared.is_none().then_some(&own), &ssh)?;
        let asking = asking.map(|(askpass, _)| askpass);
        match keeper.word(client, options, asking.as_ref(), prompt, interrupt) {
            Ok(Some(0)) => Ok((shared.unwrap_or(own), keeper)),
            Ok(Some(_)) => Err(verdict(client, asking.is_some())),
            Ok(None) => {
                keeper.end();
                if interrupt.count() > 0 {
                    return Err(ConnectError::Interrupted { host: client.host().to_owned() });
                }
                let (stage, after) = if client.log().has(ESTABLISHED) {
                    ("key exchange", options.handshake_timeout)
                } else {
                    ("TCP connection", client.connect_timeout(options))
                };
                let (host, port) = (client.host().to_owned(), client.port());
                Err(ConnectError::TimedOut { host, port, stage, after })
            }
            Err(error) => Err(unusable(&error)),
        }
    }

    fn start(client: &Client, control: Option<&PathBuf>, opens: &Command) -> Result<Keeper, ConnectError> {
        let log = client.log().append().map_err(|error| unusable(&error))?;
        let mut sh = Command::new("sh");
        sh.args(["-c", SCRIPT, "deployer"]).arg(client.folder());
        sh.arg(control.map(|path| literal(path)).unwrap_or_default());
        sh.arg(opens.get_program()).args(opens.get_args());
        for (name, value) in opens.get_envs() {
            match value {
                Some(value) => sh.env(name, value),
                None => sh.env_remove(name),
            };
        }
        // In a group of its own, Ctrl-C does not reach it, nor a ProxyCommand.
        sh.process_group(0).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        sh.spawn().map(Keeper).map_err(|error| unusable(&error))
    }

    /// Its one word: how the command ended. `None` where time is over, and when Ctrl-C is pressed.
    fn word(
        &mut self,
        client: &Client,
        options: &ConnectOptions,
        asking: Option<&Askpass>,
        prompt: &mut dyn Prompt,
        interrupt: &Interrupt,
    ) -> io::Result<Option<i32>> {
        let press = interrupt.next();
        let out = self.0.stdout.as_mut().expect("it is a pipe");
        // What a ProxyCommand does is not told: it has the time of both.
        let mut deadline = Instant::now() + client.connect_timeout(options) + options.handshake_timeout;
        let (mut is_established, mut told) = (false, 0);
        loop {
            // A ProxyCommand may name a page at which a person has to log in.
            if asking.is_some() {
                let words = client.log().words();
                words.iter().skip(told).for_each(|line| prompt.tell(line));
                told = words.len();
            }
            if !is_established && client.log().has(ESTABLISHED) {
                is_established = true;
                deadline = Instant::now() + options.handshake_timeout;
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() || interrupt.count() >= press {
                return Ok(None);
            }
            if let Some(askpass) = asking {
                let began = Instant::now();
                askpass.serve(prompt)?;
                // The clock stands still while a person is asked.
                deadline += began.elapsed();
            }
            let mut fds = vec![PollFd::new(&*out, PollFlags::IN)];
            fds.extend(asking.map(|askpass| PollFd::from_borrowed_fd(askpass.watch(), PollFlags::IN)));
            interrupt.poll(&mut fds, left.min(TICK), press);
            if fds[0].revents().is_empty() {
                continue;
            }
            drop(fds);
            let mut word = [0; 16];
            let count = out.read(&mut word)?;
            let word = String::from_utf8_lossy(&word[..count]);
            return word.trim().parse().map(Some).map_err(|_| io::Error::other("sh has ended"));
        }
    }

    /// Ends it with all that it has started.
    fn end(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.0), Signal::KILL);
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        drop(self.0.stdin.take());
        let given_up = Instant::now() + FAREWELL;
        while matches!(self.0.try_wait(), Ok(None)) {
            if Instant::now() >= given_up {
                self.end();
                let _ = self.0.wait();
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
    }
}

fn unusable(error: &io::Error) -> ConnectError {
    ConnectError::NoOwnSsh { detail: error.to_string() }
}
