//! The other way: the user's own `ssh`, for what libssh2 cannot do, and for a connection of theirs that is open.
//!
//! One `ssh` opens the connection and keeps it as a master (ControlMaster); each command is another one, which the master
//! carries. So a person is asked once, and what goes wrong on the way is told apart from what a command says. Where a
//! master of the user's is open, it is used as it stands.

mod askpass;
mod client;
mod keeper;
mod log;
mod master;
mod process;
mod tunnel;
mod verdict;

use std::io::Write;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::Instant;

use super::error::{ConnectError, RemoteError};
use super::interrupt::Interrupt;
use super::options::{ConnectOptions, Prompt};
use super::pipe::Exit;
use super::transport::{LoggedIn, RunningCommand, Transport};
use super::wire::WireError;
pub use askpass::askpass;
pub(super) use client::Client;
use keeper::Keeper;
use master::Master;
use process::SshProcess;

/// Opens a connection, or uses the one that is open.
pub(super) fn connect(
    client: Client,
    options: &ConnectOptions,
    prompt: &mut dyn Prompt,
    interrupt: &Interrupt,
) -> Result<(Box<dyn Transport>, LoggedIn), ConnectError> {
    let is_open = client.has_open_master();
    let (control, keeper, proof) = if is_open {
        let proof = "through the open connection of your own ssh".to_owned();
        (client.shared_control().unwrap_or_default(), Keeper::of_folder(&client)?, proof)
    } else {
        let (control, keeper) = Keeper::open(&client, options, prompt, interrupt)?;
        let (shown, accepted) = client.log().keys();
        (control, keeper, format!("host key {shown}, by {accepted}, through your own ssh"))
    };
    let login = LoggedIn {
        host: client.host().to_owned(),
        user: client.setting("user").to_owned(),
        proof,
        own_ssh: Some(client.why.clone()),
        warnings: Vec::new(),
        interrupt: interrupt.clone(),
    };
    let connection = Master {
        host: client.host().to_owned(),
        control,
        interrupt: interrupt.clone(),
        ends_at_press: 2,
        abandoned: false,
        silence: options.silence,
        most_held: options.most_output.saturating_mul(2),
        is_watchful: !is_open,
        _keeper: keeper,
        client,
    };
    Ok((Box::new(connection), login))
}

/// Takes in what an `ssh` may have written down.
#[cfg(test)]
pub(super) fn read_log(client: &Client, text: &str) {
    std::fs::write(client.log().path(), text).expect("a log");
    let _ = (verdict::verdict(client, true).to_string(), client.log().keys(), client.log().exit_status());
}

impl Transport for Master {
    fn start(
        &mut self,
        command: &str,
        _: Option<Instant>,
    ) -> Result<Box<dyn RunningCommand + '_>, RemoteError> {
        self.prepare(command)?;
        let host = self.host.clone();
        let started = SshProcess::start(self, command, Stdio::piped());
        match started {
            Ok(process) => Ok(Box::new(process)),
            Err(error) => Err(RemoteError::from_wire(WireError::Io(error), &host, "starting a command")),
        }
    }

    fn attach(
        &mut self,
        command: &str,
        streams: (&mut dyn Write, &mut dyn Write),
    ) -> Result<Exit, RemoteError> {
        self.prepare(command)?;
        let attached = process::attach(self, command, streams);
        attached.map_err(|error| {
            self.abandoned = true;
            self.error(error, "while a command ran")
        })
    }

    fn knock(&mut self, port: u16) -> Result<bool, RemoteError> {
        tunnel::knock(self, port).map_err(|error| self.error(error, tunnel::STAGE))
    }

    fn tunnel(&mut self, listener: &TcpListener, port: u16) -> Result<(), RemoteError> {
        tunnel::tunnel(self, listener, port).map_err(|error| self.error(error, tunnel::STAGE))
    }

    fn end_at_press(&mut self, press: usize) -> usize {
        std::mem::replace(&mut self.ends_at_press, press)
    }
}
