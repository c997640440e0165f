//! What a session needs of whoever carries it: libssh2 in this process, or the user's own `ssh`.

use std::io::Write;
use std::net::TcpListener;
use std::time::Instant;

use super::error::RemoteError;
use super::interrupt::Interrupt;
use super::pipe::{Exit, Received};
use super::wire::WireError;

/// A connection that is logged in. Commands run on it one after the other.
pub(super) trait Transport: Send {
    /// Starts a command, as the user's shell on the host reads it.
    fn start(
        &mut self,
        command: &str,
        deadline: Option<Instant>,
    ) -> Result<Box<dyn RunningCommand + '_>, RemoteError>;

    /// Runs a command with this program's standard input, and on a terminal with a terminal.
    fn attach(
        &mut self,
        command: &str,
        streams: (&mut dyn Write, &mut dyn Write),
    ) -> Result<Exit, RemoteError>;

    /// Whether something takes connections at this port of the host's loopback.
    fn knock(&mut self, port: u16) -> Result<bool, RemoteError>;

    /// Carries all connections of `listener` to that port until Ctrl-C.
    fn tunnel(&mut self, listener: &TcpListener, port: u16) -> Result<(), RemoteError>;

    /// Sets the press of Ctrl-C that ends whatever waits, counted from 1; returns the one before.
    fn end_at_press(&mut self, press: usize) -> usize;
}

/// A command that runs. Dropped before its end, it takes the connection with it.
pub(super) trait RunningCommand: Send {
    /// Hands over all of `bytes`. What comes from the host meanwhile is held.
    fn send(&mut self, bytes: &[u8], deadline: Option<Instant>) -> Result<(), WireError>;

    fn close_input(&mut self, deadline: Option<Instant>) -> Result<(), WireError>;

    /// The next thing that has come, without waiting; fails once Ctrl-C was pressed often enough.
    fn take(&mut self) -> Result<Received, WireError>;

    /// Waits until something may have come, the deadline, or that press.
    fn wait(&mut self, deadline: Instant, press: usize) -> Result<(), WireError>;

    /// Whether nothing more comes, and everything was read.
    fn at_end(&self) -> bool;

    /// The press of Ctrl-C that ends it.
    fn ends_at_press(&self) -> usize;
}

/// What is known of a connection once it stands.
pub(super) struct LoggedIn {
    /// The host as the user calls it.
    pub(super) host: String,
    pub(super) user: String,
    /// The key that the host has shown, and the one that it has accepted, in words.
    pub(super) proof: String,
    /// Why it is the user's own `ssh` that made it, where it is.
    pub(super) own_ssh: Option<String>,
    /// What in ssh_config was left out of account.
    pub(super) warnings: Vec<String>,
    pub(super) interrupt: Interrupt,
}
