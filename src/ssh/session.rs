//! One authenticated connection to a host, by way of as many hops as it takes.

use std::time::{Duration, Instant};

use ssh2::ErrorCode;

use super::Interrupt;
use super::auth::authenticate;
use super::channel::{Channel, Output};
use super::dial::dial;
use super::error::{ConnectError, RemoteError};
use super::jump::Jump;
use super::known_hosts::{HostKey, KnownHosts};
use super::options::{ConnectOptions, Prompt};
use super::ssh_config::{self, HostConfig};
use super::trust::check_host_key;
use super::wire::{Trouble, Wire};
use crate::model::Target;

/// libssh2 takes no longer commands.
pub const LONGEST_COMMAND: usize = 32_000;
const MOST_HOPS: usize = 8;
const STARTING: &str = "starting a command";
/// How long a host may take to start one.
pub(super) const START: Duration = Duration::from_secs(60);
const STAGE: &str = "key exchange";

/// The one connection to a host. Commands run on it one after the other.
pub struct Session {
    pub(super) wire: Wire,
    host: String,
    user: String,
    key: String,
    warnings: Vec<String>,
    abandoned: bool,
    most_output: usize,
    /// The last hop first: each one carries what stands before it in this struct.
    _jumps: Vec<Jump>,
}

impl Session {
    /// Connects, checks the host's key, and authenticates; `prompt` is asked only for the passphrase of a key that the
    /// host accepts. The first Ctrl-C gives up, since nothing has been done yet.
    ///
    /// # Errors
    /// When no authenticated session with a host of known key comes about.
    pub fn connect(
        target: &Target,
        options: &ConnectOptions,
        prompt: &mut dyn Prompt,
        interrupt: &Interrupt,
    ) -> Result<Session, ConnectError> {
        let press = interrupt.next();
        let mut warnings = Vec::new();
        let mut jumps: Vec<Jump> = Vec::new();
        let mut reached: Option<(Wire, HostConfig)> = None;
        let mut key = String::new();
        for hop in route(target, options, 0)? {
            for warning in &hop.warnings {
                if !warnings.contains(warning) {
                    warnings.push(warning.clone());
                }
            }
            let socket = match reached.take() {
                None => dial(&hop.host, hop.port, hop.connect_timeout, interrupt, press)?,
                Some((wire, via)) => {
                    let (jump, socket) = Jump::open(wire, &via, &hop, options)?;
                    jumps.insert(0, jump);
                    socket
                }
            };
            // From here to the end of the authentication: a peer that says a little now and then gains no time by it.
            let patience = options.handshake_timeout;
            let wire = Wire::new(socket, interrupt.clone(), press, Instant::now() + patience);
            let mut wire = wire.map_err(|trouble| connect_error(trouble, &hop, STAGE, patience))?;
            key = log_in(&mut wire, &hop, options, prompt)?;
            reached = Some((wire, hop));
        }
        let Some((wire, hop)) = reached else { unreachable!("a route ends at its target") };
        wire.line().end_at_press(2);
        Ok(Session {
            wire,
            host: hop.alias,
            user: hop.user,
            key,
            warnings,
            abandoned: false,
            most_output: options.most_output,
            _jumps: jumps,
        })
    }

    /// The host as the user calls it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// As whom the commands run.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The key that the host has shown, and that its known_hosts line holds.
    #[must_use]
    pub fn host_key(&self) -> HostKey {
        HostKey::new(self.wire.ssh.host_key().map_or(&[][..], |(key, _)| key))
    }

    /// The key that the host has accepted: its file, or the agent's name for it.
    #[must_use]
    pub fn key(&self) -> &str {
        &self.key
    }

    /// What in ssh_config was left out of account.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Starts a command, as the user's shell on the host reads it.
    ///
    /// # Errors
    /// When the connection is lost or the host starts no command.
    pub fn exec(&mut self, command: &str) -> Result<Channel<'_>, RemoteError> {
        self.exec_until(command, None)
    }

    /// Runs a command to its end, at most until `deadline`. The first Ctrl-C lets it finish.
    ///
    /// # Errors
    /// When the connection is lost, the deadline passes, the host starts no command, or the command writes more than
    /// [`ConnectOptions::most_output`]. How the command itself ended stands in the output.
    pub fn run(
        &mut self,
        command: &str,
        input: &[u8],
        deadline: Option<Instant>,
    ) -> Result<Output, RemoteError> {
        let most = self.most_output;
        self.exec_until(command, deadline)?.finish(input, deadline, most)
    }

    /// The same for a command that changes nothing: the first Ctrl-C ends it.
    ///
    /// # Errors
    /// As [`Session::run`], and at Ctrl-C.
    pub fn ask(
        &mut self,
        command: &str,
        input: &[u8],
        deadline: Option<Instant>,
    ) -> Result<Output, RemoteError> {
        let usual = self.wire.ends_at_press();
        self.wire.line().end_at_press(self.wire.interrupt.next());
        let answer = self.run(command, input, deadline);
        self.wire.line().end_at_press(usual);
        answer
    }

    fn exec_until(&mut self, command: &str, deadline: Option<Instant>) -> Result<Channel<'_>, RemoteError> {
        self.check(command)?;
        let deadline = deadline.or_else(|| Some(Instant::now() + START));
        let opened = self.wire.drive(deadline, |ssh| ssh.channel_session());
        let mut channel = opened.map_err(|trouble| self.exec_error(trouble, STARTING))?;
        let started = self.wire.drive(deadline, |_| channel.exec(command));
        started.map_err(|trouble| self.exec_error(trouble, STARTING))?;
        Ok(Channel::new(self, channel))
    }

    /// Whether a command can be started now.
    pub(super) fn check(&self, command: &str) -> Result<(), RemoteError> {
        if command.len() > LONGEST_COMMAND {
            return Err(RemoteError::CommandTooLong { host: self.host.clone(), length: command.len() });
        }
        if self.abandoned {
            let detail = "it was closed because a command was left running".into();
            return Err(RemoteError::Lost { host: self.host.clone(), stage: STAGE, detail });
        }
        Ok(())
    }

    /// Ends the connection, because a command runs that nobody waits for.
    pub(super) fn abandon(&mut self) {
        self.abandoned = true;
        self.wire.cut();
    }

    pub(super) fn remote_error(&self, trouble: Trouble, stage: &'static str) -> RemoteError {
        RemoteError::from_trouble(trouble, &self.host, stage)
    }

    pub(super) fn exec_error(&mut self, trouble: Trouble, stage: &'static str) -> RemoteError {
        match trouble {
            // LIBSSH2_ERROR_CHANNEL_FAILURE and LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED.
            Trouble::Ssh(error) if matches!(error.code(), ErrorCode::Session(-21 | -22)) => {
                RemoteError::ExecRefused { host: self.host.clone(), detail: error.message().to_owned() }
            }
            trouble => {
                // A call that was given up half-way cannot be taken up again.
                self.abandon();
                self.remote_error(trouble, stage)
            }
        }
    }
}

/// The hosts on the way, the target last. Only the first jump's own ProxyJump counts, as in OpenSSH.
fn route(target: &Target, options: &ConnectOptions, depth: usize) -> Result<Vec<HostConfig>, ConnectError> {
    let config = ssh_config::resolve(target, options)?;
    let mut hops = Vec::new();
    if let Some((first, others)) = config.jumps.split_first() {
        if depth >= MOST_HOPS {
            return Err(ConnectError::Circle { host: target.host.clone(), route: first.host.clone() });
        }
        hops = route(first, options, depth + 1)?;
        for other in others {
            hops.push(ssh_config::resolve(other, options)?);
        }
    }
    hops.push(config);
    Ok(hops)
}

fn log_in(
    wire: &mut Wire,
    config: &HostConfig,
    options: &ConnectOptions,
    prompt: &mut dyn Prompt,
) -> Result<String, ConnectError> {
    let patience = options.handshake_timeout;
    let failed = |trouble| connect_error(trouble, config, STAGE, patience);
    let known =
        KnownHosts::read(&config.known_hosts, &config.host, config.port, config.host_key_alias.as_deref());
    for (kind, list) in config.algorithms.offered(&|kind| known.knows(kind)) {
        let preferred = wire.ssh.method_pref(kind, &list);
        preferred.map_err(|error| failed(Trouble::Ssh(error)))?;
    }
    let mut greeting = Vec::new();
    let shaken = wire.handshake(&mut greeting);
    shaken.map_err(|trouble| match trouble {
        Trouble::Ssh(_) | Trouble::Babble | Trouble::TimedOut
            if !greeting.is_empty() && !greeting.starts_with(b"SSH-") =>
        {
            let line = String::from_utf8_lossy(&greeting).lines().next().unwrap_or_default().to_owned();
            let detail = format!("it says {line:?}");
            ConnectError::NotSsh { host: config.alias.clone(), port: config.port, detail }
        }
        trouble => failed(trouble),
    })?;
    let shown = HostKey::new(wire.ssh.host_key().map_or(&[][..], |(key, _)| key));
    check_host_key(&known, shown, config)?;
    let key = authenticate(wire, config, options, prompt)?;
    wire.expect_life(options.silence);
    Ok(key)
}

/// Names trouble before a session stands.
pub(super) fn connect_error(
    trouble: Trouble,
    config: &HostConfig,
    stage: &'static str,
    after: Duration,
) -> ConnectError {
    let (host, port) = (config.alias.clone(), config.port);
    match trouble {
        Trouble::Interrupted => ConnectError::Interrupted { host },
        Trouble::TimedOut | Trouble::Silent(_) => ConnectError::TimedOut { host, port, stage, after },
        Trouble::Babble | Trouble::TooMuch(_) => ConnectError::Babble { host, port, stage },
        Trouble::Io(error) => ConnectError::Lost { host, stage, detail: error.to_string() },
        Trouble::Ssh(error) => {
            let detail = error.message().to_owned();
            match error.code() {
                ErrorCode::Session(-2 | -3 | -7 | -13 | -43) => ConnectError::Lost { host, stage, detail },
                _ => ConnectError::KeyExchange { host, detail },
            }
        }
    }
}
