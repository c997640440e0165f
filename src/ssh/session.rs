//! One authenticated connection to a host, by way of as many hops as it takes.

use std::time::Instant;

use super::auth::authenticate;
use super::channel::{Channel, Output};
use super::connection::Connection;
use super::dial::dial;
use super::error::{ConnectError, RemoteError};
use super::host_key::HostKey;
use super::interrupt::Interrupt;
use super::jump::Jump;
use super::known_hosts::KnownHosts;
use super::options::{ConnectOptions, Prompt};
use super::ssh_config::{self, HostConfig};
use super::trust::check_host_key;
use super::wire::{Wire, WireError};
use crate::model::Target;

const MOST_HOPS: usize = 8;
const STAGE: &str = "key exchange";

/// The one connection to a host. Commands run on it one after the other.
pub struct Session {
    pub(super) connection: Connection,
    user: String,
    key: String,
    warnings: Vec<String>,
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
            let mut wire = wire
                .map_err(|error| ConnectError::from_wire(error, (&hop.alias, hop.port), STAGE, patience))?;
            key = log_in(&mut wire, &hop, options, prompt)?;
            reached = Some((wire, hop));
        }
        let Some((wire, hop)) = reached else { unreachable!("a route ends at its target") };
        wire.peer().end_at_press(2);
        Ok(Session {
            connection: Connection::new(wire, hop.alias),
            user: hop.user,
            key,
            warnings,
            most_output: options.most_output,
            _jumps: jumps,
        })
    }

    /// The host as the user calls it.
    #[must_use]
    pub fn host(&self) -> &str {
        self.connection.host()
    }

    /// As whom the commands run.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The key that the host has shown, and that its known_hosts line holds.
    #[must_use]
    pub fn host_key(&self) -> HostKey {
        self.connection.wire.host_key()
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
        let wire = &self.connection.wire;
        let usual = wire.ends_at_press();
        wire.peer().end_at_press(wire.interrupt.next());
        let answer = self.run(command, input, deadline);
        self.connection.wire.peer().end_at_press(usual);
        answer
    }

    fn exec_until(&mut self, command: &str, deadline: Option<Instant>) -> Result<Channel<'_>, RemoteError> {
        let channel = self.connection.start(command, None, deadline)?;
        Ok(Channel::new(&mut self.connection, channel))
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
    let failed = |error| ConnectError::from_wire(error, (&config.alias, config.port), STAGE, patience);
    let known =
        KnownHosts::read(&config.known_hosts, &config.host, config.port, config.host_key_alias.as_deref());
    for (kind, list) in config.algorithms.offered(&|kind| known.knows(kind)) {
        let preferred = wire.ssh.method_pref(kind, &list);
        preferred.map_err(|error| failed(WireError::Ssh(error)))?;
    }
    let mut greeting = Vec::new();
    let shaken = wire.handshake(&mut greeting);
    shaken.map_err(|error| match error {
        WireError::Ssh(_) | WireError::Babble | WireError::TimedOut
            if !greeting.is_empty() && !greeting.starts_with(b"SSH-") =>
        {
            let line = String::from_utf8_lossy(&greeting).lines().next().unwrap_or_default().to_owned();
            let detail = format!("it says {line:?}");
            ConnectError::NotSsh { host: config.alias.clone(), port: config.port, detail }
        }
        error => failed(error),
    })?;
    check_host_key(&known, wire.host_key(), config)?;
    let key = authenticate(wire, config, options, prompt)?;
    wire.expect_life(options.silence);
    Ok(key)
}
