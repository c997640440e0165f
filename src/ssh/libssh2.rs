//! The usual way: libssh2, in this process, by way of as many hops as it takes.

use std::io::Write;
use std::net::TcpListener;
use std::time::Instant;

use super::auth::authenticate;
use super::connection::Connection;
use super::dial::dial;
use super::error::{ConnectError, RemoteError};
use super::interrupt::Interrupt;
use super::jump::Jump;
use super::known_hosts::KnownHosts;
use super::options::{ConnectOptions, Prompt};
use super::pipe::{Exit, Pipe, Received};
use super::ssh_config::HostConfig;
use super::transport::{LoggedIn, RunningCommand, Transport};
use super::trust::check_host_key;
use super::wire::{Wire, WireError};
use super::{attach, tunnel};
use rustix::event::PollFlags;

const STAGE: &str = "key exchange";

/// A connection of libssh2's.
struct Libssh2 {
    connection: Connection,
    /// The last hop first: each one carries what stands before it in this struct.
    _jumps: Vec<Jump>,
}

/// A command on it. Dropped before its end it takes the connection with it: libssh2 would wait for the command otherwise.
struct Piped<'s> {
    connection: &'s mut Connection,
    pipe: Pipe,
}

/// Logs in at each hop of a route, the target last.
pub(super) fn connect(
    route: &[HostConfig],
    options: &ConnectOptions,
    prompt: &mut dyn Prompt,
    interrupt: &Interrupt,
) -> Result<(Box<dyn Transport>, LoggedIn), ConnectError> {
    let press = interrupt.next();
    let mut warnings = Vec::new();
    let mut jumps: Vec<Jump> = Vec::new();
    let mut reached: Option<(Wire, &HostConfig)> = None;
    let mut key = String::new();
    for hop in route {
        for warning in &hop.warnings {
            if !warnings.contains(warning) {
                warnings.push(warning.clone());
            }
        }
        let socket = match reached.take() {
            None => dial(&hop.host, hop.port, hop.connect_timeout, interrupt, press)?,
            Some((wire, via)) => {
                let (jump, socket) = Jump::open(wire, via, hop, options)?;
                jumps.insert(0, jump);
                socket
            }
        };
        // From here to the end of the authentication: a peer that says a little now and then gains no time by it.
        let patience = options.handshake_timeout;
        let wire = Wire::new(socket, interrupt.clone(), press, Instant::now() + patience);
        let mut wire =
            wire.map_err(|error| ConnectError::from_wire(error, (&hop.alias, hop.port), STAGE, patience))?;
        key = log_in(&mut wire, hop, options, prompt)?;
        reached = Some((wire, hop));
    }
    let Some((wire, hop)) = reached else { unreachable!("a route ends at its target") };
    wire.peer().end_at_press(2);
    let login = LoggedIn {
        host: hop.alias.clone(),
        user: hop.user.clone(),
        proof: format!("host key {}, by {key}", wire.host_key()),
        own_ssh: None,
        warnings,
        interrupt: interrupt.clone(),
    };
    let connection = Connection::new(wire, hop.alias.clone(), options.most_output.saturating_mul(2));
    Ok((Box::new(Libssh2 { connection, _jumps: jumps }), login))
}

impl Transport for Libssh2 {
    fn start(
        &mut self,
        command: &str,
        deadline: Option<Instant>,
    ) -> Result<Box<dyn RunningCommand + '_>, RemoteError> {
        let pipe = self.connection.start(command, None, deadline)?;
        Ok(Box::new(Piped { connection: &mut self.connection, pipe }))
    }

    fn attach(
        &mut self,
        command: &str,
        streams: (&mut dyn Write, &mut dyn Write),
    ) -> Result<Exit, RemoteError> {
        attach::attach(&mut self.connection, command, streams)
    }

    fn knock(&mut self, port: u16) -> Result<bool, RemoteError> {
        tunnel::knock(&mut self.connection, port)
    }

    fn tunnel(&mut self, listener: &TcpListener, port: u16) -> Result<(), RemoteError> {
        tunnel::tunnel(&mut self.connection, listener, port)
    }

    fn end_at_press(&mut self, press: usize) -> usize {
        let before = self.connection.wire.ends_at_press();
        self.connection.wire.peer().end_at_press(press);
        before
    }
}

impl RunningCommand for Piped<'_> {
    fn send(&mut self, bytes: &[u8], deadline: Option<Instant>) -> Result<(), WireError> {
        self.pipe.send(&mut self.connection.wire, bytes, deadline)
    }

    fn close_input(&mut self, deadline: Option<Instant>) -> Result<(), WireError> {
        self.pipe.close_input(&mut self.connection.wire, deadline)
    }

    fn take(&mut self) -> Result<Received, WireError> {
        self.pipe.take(&mut self.connection.wire)
    }

    fn wait(&mut self, deadline: Instant, press: usize) -> Result<(), WireError> {
        self.connection.wire.poll(PollFlags::IN, Some(deadline), press).map(drop)
    }

    fn at_end(&self) -> bool {
        self.pipe.at_end()
    }

    fn ends_at_press(&self) -> usize {
        self.connection.wire.ends_at_press()
    }
}

impl Drop for Piped<'_> {
    fn drop(&mut self) {
        if !self.pipe.has_ended() {
            self.connection.abandon();
        }
    }
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
