//! Connections to a port of this machine, each carried on by an `ssh -W` through the master.

use std::io::ErrorKind;
use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::master::{Master, end};
use crate::ssh::carrier::is_passing;
use crate::ssh::connection::START;
use crate::ssh::wire::WireError;

pub(super) const STAGE: &str = "in the tunnel";
const TICK: Duration = Duration::from_secs(1);

pub(super) fn knock(connection: &Master, port: u16) -> Result<bool, WireError> {
    let log = connection.command_log();
    log.clear();
    let mut ssh = leading_to(connection, log.path(), port);
    // Its input stays open as long as it is wanted.
    let mut child = ssh.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().map_err(WireError::Io)?;
    let deadline = Instant::now() + START;
    let is_open = loop {
        if log.is_opened() {
            break Ok(true);
        }
        match child.try_wait().map_err(WireError::Io)? {
            Some(_) if connection.answers() => break Ok(log.is_opened()),
            Some(_) => break Err(connection.loss()),
            None if connection.interrupt.count() >= connection.ends_at_press => {
                break Err(WireError::Interrupted);
            }
            None if Instant::now() >= deadline => break Err(WireError::TimedOut),
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    end(&mut child);
    is_open
}

pub(super) fn tunnel(connection: &mut Master, listener: &TcpListener, port: u16) -> Result<(), WireError> {
    connection.abandoned = true;
    let mut carried = Vec::new();
    let done = carry(connection, listener, port, &mut carried);
    carried.iter_mut().for_each(end);
    done
}

fn carry(
    connection: &Master,
    listener: &TcpListener,
    port: u16,
    carried: &mut Vec<Child>,
) -> Result<(), WireError> {
    listener.set_nonblocking(true).map_err(WireError::Io)?;
    let presses = connection.interrupt.count();
    while connection.interrupt.count() == presses {
        match listener.accept() {
            Ok((local, _)) => carried.push(pass_on(connection, local, port).map_err(WireError::Io)?),
            // Whoever knocked has gone, or nobody did.
            Err(error) if is_passing(&error) || error.kind() == ErrorKind::ConnectionAborted => {
                carried.retain_mut(|child| matches!(child.try_wait(), Ok(None)));
                let mut fds = vec![PollFd::new(listener, PollFlags::IN)];
                connection.interrupt.poll(&mut fds, TICK, presses + 1);
                if UnixStream::connect(&connection.control).is_err() {
                    return Err(connection.loss());
                }
            }
            Err(error) => return Err(WireError::Io(error)),
        }
    }
    Ok(())
}

/// The connection itself is that `ssh`'s input and output: nothing is copied here.
fn pass_on(connection: &Master, local: TcpStream, port: u16) -> std::io::Result<Child> {
    local.set_nonblocking(false)?;
    let output = OwnedFd::from(local.try_clone()?);
    let mut ssh = leading_to(connection, Path::new("/dev/null"), port);
    ssh.stdin(Stdio::from(OwnedFd::from(local))).stdout(Stdio::from(output)).spawn()
}

fn leading_to(connection: &Master, log: &Path, port: u16) -> Command {
    let mut ssh = connection.ssh(log);
    ssh.args(["-W", &format!("127.0.0.1:{port}"), "--", "host"]).stderr(Stdio::null()).process_group(0);
    ssh
}
