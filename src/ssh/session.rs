//! One authenticated connection to a host, whoever carries it.

use std::io::Write;
use std::net::TcpListener;
use std::time::Instant;

use super::channel::{Channel, Output};
use super::error::{ConnectError, RemoteError};
use super::interrupt::Interrupt;
use super::libssh2;
use super::openssh;
use super::options::{ConnectOptions, Prompt};
use super::pipe::Exit;
use super::route::{Way, way};
use super::transport::{LoggedIn, Transport};
use crate::model::Target;

/// The one connection to a host. Commands run on it one after the other.
pub struct Session {
    transport: Box<dyn Transport>,
    login: LoggedIn,
    most_output: usize,
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
        let (transport, login) = match way(target, options)? {
            Way::Libssh2(route) => libssh2::connect(&route, options, prompt, interrupt)?,
            Way::OwnSsh(client) => openssh::connect(client, options, prompt, interrupt)?,
        };
        Ok(Session { transport, login, most_output: options.most_output })
    }

    /// The host as the user calls it.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.login.host
    }

    /// As whom the commands run.
    #[must_use]
    pub fn user(&self) -> &str {
        &self.login.user
    }

    /// The key that the host has shown, which its known_hosts line holds, and the key that it has accepted.
    #[must_use]
    pub fn proof(&self) -> &str {
        &self.login.proof
    }

    /// Why the user's own `ssh` carries it; `None` where libssh2 does.
    #[must_use]
    pub fn own_ssh(&self) -> Option<&str> {
        self.login.own_ssh.as_deref()
    }

    /// What in ssh_config was left out of account.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.login.warnings
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
        let usual = self.transport.end_at_press(self.login.interrupt.next());
        let answer = self.run(command, input, deadline);
        self.transport.end_at_press(usual);
        answer
    }

    /// Runs a command with this program's standard input; what it prints goes to `streams`. On a terminal it gets one
    /// too, of the same size, and every key, Ctrl-C among them, is the command's; without one, the first Ctrl-C ends the
    /// connection.
    ///
    /// # Errors
    /// When the connection is lost or the host starts no command. How the command itself ended is the value.
    pub fn attach(
        &mut self,
        command: &str,
        streams: (&mut dyn Write, &mut dyn Write),
    ) -> Result<Exit, RemoteError> {
        self.transport.end_at_press(self.login.interrupt.next());
        self.transport.attach(command, streams)
    }

    /// Whether something takes connections at this port of the host's loopback.
    ///
    /// # Errors
    /// When the connection is lost.
    pub fn knock(&mut self, port: u16) -> Result<bool, RemoteError> {
        self.transport.knock(port)
    }

    /// Carries all connections of `listener` until Ctrl-C. One that the host's port does not take is closed.
    ///
    /// # Errors
    /// When the connection to the host is lost, or no connection can be accepted.
    pub fn tunnel(&mut self, listener: &TcpListener, port: u16) -> Result<(), RemoteError> {
        self.transport.end_at_press(self.login.interrupt.next());
        self.transport.tunnel(listener, port)
    }

    fn exec_until(&mut self, command: &str, deadline: Option<Instant>) -> Result<Channel<'_>, RemoteError> {
        let running = self.transport.start(command, deadline)?;
        Ok(Channel::new(running, &self.login.host, &self.login.interrupt))
    }
}
