//! A command on the host, attached to this program's own standard streams.

use std::io::{self, Write};
use std::os::fd::AsFd;

use rustix::event::PollFlags;

use super::connection::Connection;
use super::error::RemoteError;
use super::local_terminal::LocalTerminal;
use super::pipe::{Exit, Pipe, Received};
use super::wire::WireError;

/// How much of the input is read at a time.
const PIECE: usize = 32 * 1024;

/// The signal that ends a program whose reader has gone.
const SIGPIPE: &str = "PIPE";

/// Runs a command with this program's standard input; see [`Session::attach`](super::Session::attach).
pub(super) fn attach(
    connection: &mut Connection,
    command: &str,
    streams: (&mut dyn Write, &mut dyn Write),
) -> Result<Exit, RemoteError> {
    let on_terminal = LocalTerminal::is_there();
    let wanted = on_terminal.then(|| (LocalTerminal::kind(), LocalTerminal::size()));
    let pipe = connection.start(command, wanted, None)?;
    let attached = match on_terminal.then(LocalTerminal::enter).transpose() {
        Ok(terminal) => converse(connection, pipe, terminal, streams),
        Err(error) => Err(WireError::Io(error)),
    };
    attached.map_err(|error| {
        // Whoever runs there learns of it by the end of its streams, or of its terminal.
        connection.abandon();
        connection.error(error, "while a command ran")
    })
}

fn converse(
    connection: &mut Connection,
    mut pipe: Pipe,
    mut terminal: Option<LocalTerminal>,
    (out, err): (&mut dyn Write, &mut dyn Write),
) -> Result<Exit, WireError> {
    let mut input = Some(io::stdin());
    let mut waiting: Vec<u8> = Vec::new();
    loop {
        let written = match pipe.take(&mut connection.wire)? {
            Received::Stdout(bytes) => write(out, &bytes),
            Received::Stderr(bytes) => write(err, &bytes),
            Received::End(exit) => return Ok(exit),
            Received::Nothing => {
                let sent = pipe.offer(&mut connection.wire, &waiting);
                match sent {
                    Ok(sent) => drop(waiting.drain(..sent)),
                    Err(WireError::Io(_)) => {
                        // It reads no more, or the connection is lost, which the next call says.
                        waiting.clear();
                        input = None;
                    }
                    Err(error) => return Err(error),
                }
                listen(connection, &mut pipe, &mut input, &mut waiting, &mut terminal)?;
                continue;
            }
        };
        if let Err(error) = written {
            // The reader has gone (`| head`): so would a program of this machine.
            if error.kind() != io::ErrorKind::BrokenPipe {
                return Err(WireError::Io(error));
            }
            connection.abandon();
            return Ok(Exit { status: None, signal: Some(SIGPIPE.to_owned()) });
        }
    }
}

/// Waits for the host, for input, or for another size of the window, and takes the latter two in.
fn listen(
    connection: &mut Connection,
    pipe: &mut Pipe,
    input: &mut Option<io::Stdin>,
    waiting: &mut Vec<u8>,
    terminal: &mut Option<LocalTerminal>,
) -> Result<(), WireError> {
    let source = input.as_ref().filter(|_| waiting.is_empty());
    let mut beside = Vec::new();
    if let Some(source) = source {
        beside.push(source.as_fd());
    }
    if let Some(terminal) = terminal.as_ref() {
        beside.push(terminal.watch());
    }
    let press = connection.wire.ends_at_press();
    let (_, readable) = connection.wire.poll_beside(PollFlags::IN, None, press, &beside)?;
    let has_input = source.is_some() && readable.first() == Some(&true);
    drop(beside);
    if terminal.as_mut().is_some_and(LocalTerminal::was_resized) {
        pipe.resize(&mut connection.wire, LocalTerminal::size())?;
    }
    let Some(source) = input.as_ref().filter(|_| has_input) else {
        return Ok(());
    };
    let mut piece = vec![0; PIECE];
    match rustix::io::read(source, &mut piece) {
        Ok(count @ 1..) => waiting.extend_from_slice(&piece[..count]),
        Err(rustix::io::Errno::INTR | rustix::io::Errno::AGAIN) => {}
        // Its end, or a terminal that has gone.
        Ok(0) | Err(_) => {
            *input = None;
            pipe.close_input(&mut connection.wire, None)?;
        }
    }
    Ok(())
}

fn write(to: &mut dyn Write, bytes: &[u8]) -> io::Result<()> {
    to.write_all(bytes)?;
    to.flush()
}
