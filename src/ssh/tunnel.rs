//! A tunnel: connections to a port of this machine go on to a port of the host's loopback, all on the one session.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use rustix::event::PollFlags;

use super::carrier::is_passing;
use super::connection::{Connection, START};
use super::error::RemoteError;
use super::pipe::Pipe;
use super::relay::{Relay, Relayed};
use super::wire::{Wire, WireError, is_refused, would_block};

/// How long to wait before a local reader that takes nothing is tried again.
const BLOCKED: Duration = Duration::from_millis(10);
const STAGE: &str = "in the tunnel";
const LOOPBACK: &str = "127.0.0.1";

/// Whether something takes connections at this port of the host's loopback.
pub(super) fn knock(connection: &mut Connection, port: u16) -> Result<bool, RemoteError> {
    let deadline = Some(Instant::now() + START);
    let opened = connection.wire.drive(deadline, |ssh| ssh.channel_direct_tcpip(LOOPBACK, port, None));
    let closed = match opened {
        Ok(channel) => connection.pipe(channel).close(&mut connection.wire).map(|()| true),
        Err(WireError::Ssh(error)) if is_refused(&error) => Ok(false),
        Err(error) => Err(error),
    };
    closed.map_err(|error| connection.error(error, STAGE))
}

/// Carries all connections of `listener` until Ctrl-C, which ends it also where a host that never stops talking hides it.
pub(super) fn tunnel(
    connection: &mut Connection,
    listener: &TcpListener,
    port: u16,
) -> Result<(), RemoteError> {
    let done = match carry(&mut connection.wire, listener, port) {
        Err(WireError::Interrupted) => Ok(()),
        done => done,
    };
    // What is still open then goes with the session: libssh2 would wait for each.
    connection.abandon();
    done.map_err(|error| connection.error(error, STAGE))
}

fn carry(wire: &mut Wire, listener: &TcpListener, port: u16) -> Result<(), WireError> {
    listener.set_nonblocking(true).map_err(WireError::Io)?;
    let presses = wire.interrupt.count();
    let mut relays: Vec<Relay> = Vec::new();
    let mut opening: Option<TcpStream> = None;
    while wire.interrupt.count() == presses {
        let mut moved = open(wire, listener, port, &mut opening, &mut relays)?;
        let mut index = 0;
        while index < relays.len() {
            match relays[index].step(wire)? {
                Relayed::Over => drop(relays.swap_remove(index)),
                Relayed::Broken => relays.swap_remove(index).pipe.close(wire)?,
                step => {
                    moved |= step == Relayed::Moved;
                    index += 1;
                }
            }
        }
        // Reading for one may have taken what is another's off the socket, where poll would not see it.
        if !moved {
            let listener = opening.is_none().then_some(listener);
            rest(wire, listener, &relays, presses + 1)?;
        }
    }
    Ok(())
}

/// Takes the next connection. The host needs a round trip to open its side; the others go on meanwhile.
fn open(
    wire: &mut Wire,
    listener: &TcpListener,
    port: u16,
    opening: &mut Option<TcpStream>,
    relays: &mut Vec<Relay>,
) -> Result<bool, WireError> {
    if opening.is_none() {
        match listener.accept() {
            Ok((local, _)) => {
                local.set_nonblocking(true).map_err(WireError::Io)?;
                let _ = local.set_nodelay(true);
                *opening = Some(local);
            }
            // Whoever knocked has gone, or nobody did.
            Err(error) if is_passing(&error) || error.kind() == ErrorKind::ConnectionAborted => {
                return Ok(false);
            }
            Err(error) => return Err(WireError::Io(error)),
        }
    }
    loop {
        match wire.ssh.channel_direct_tcpip(LOOPBACK, port, None) {
            Ok(channel) => {
                relays.extend(opening.take().map(|local| Relay::new(local, Pipe::new(channel, 0))));
                return Ok(true);
            }
            Err(error) if would_block(&error) && wire.half_sent() => wire.wait(None)?,
            Err(error) if would_block(&error) => return Ok(false),
            Err(error) if is_refused(&error) => {
                *opening = None;
                return Ok(true);
            }
            Err(error) => return Err(WireError::Ssh(error)),
        }
    }
}

/// Waits until any side has something.
fn rest(
    wire: &mut Wire,
    listener: Option<&TcpListener>,
    relays: &[Relay],
    press: usize,
) -> Result<(), WireError> {
    if relays.iter().any(Relay::is_full) {
        // What comes from the host stays on the socket, where poll would report it at once, again and again.
        std::thread::sleep(BLOCKED);
    }
    let mut beside: Vec<_> = relays.iter().filter(|relay| relay.listens()).map(Relay::local).collect();
    beside.extend(listener.map(AsFd::as_fd));
    let deadline = relays.iter().any(Relay::is_blocked).then(|| Instant::now() + BLOCKED);
    wire.poll_beside(PollFlags::IN, deadline, press, &beside)?;
    Ok(())
}
