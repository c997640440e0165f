//! A command that an `ssh` of its own runs through the master.

use std::io::{self, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::process::{Child, ChildStderr, ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags};

use super::master::{Master, end};
use crate::ssh::carrier::is_passing;
use crate::ssh::patience::Patience;
use crate::ssh::pipe::{Exit, Held, Received};
use crate::ssh::transport::RunningCommand;
use crate::ssh::wire::WireError;

const PIECE: usize = 64 * 1024;
/// How often the clock is looked at.
const TICK: Duration = Duration::from_secs(1);
/// How often an end is looked for that cannot be polled.
const SHORT_TICK: Duration = Duration::from_millis(5);
/// The signal that ends a program whose reader has gone.
const SIGPIPE: &str = "PIPE";

pub(super) struct SshProcess<'c> {
    connection: &'c mut Master,
    child: Child,
    input: Option<ChildStdin>,
    out: Option<ChildStdout>,
    err: Option<ChildStderr>,
    held: Held,
    end: Option<Exit>,
    /// How long the host has said nothing.
    silent: Duration,
    /// Asks the host for a sign of life.
    asking: Option<Child>,
}

impl<'c> SshProcess<'c> {
    pub(super) fn start(
        connection: &'c mut Master,
        command: &str,
        input: Stdio,
    ) -> io::Result<SshProcess<'c>> {
        let mut ssh = connection.ssh(connection.command_log().path());
        ssh.args(["-T", "--", "host", command]).stdin(input).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = ssh.process_group(0).spawn()?;
        let (input, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let pipes =
            [input.as_ref().map(AsFd::as_fd), out.as_ref().map(AsFd::as_fd), err.as_ref().map(AsFd::as_fd)];
        for pipe in pipes.into_iter().flatten() {
            rustix::io::ioctl_fionbio(pipe, true)?;
        }
        Ok(SshProcess {
            held: Held::new(connection.most_held),
            connection,
            child,
            input,
            out,
            err,
            end: None,
            silent: Duration::ZERO,
            asking: None,
        })
    }

    /// Fails where Ctrl-C has been pressed often enough.
    fn check(&self) -> Result<(), WireError> {
        if self.connection.interrupt.count() < self.connection.ends_at_press {
            Ok(())
        } else {
            Err(WireError::Interrupted)
        }
    }

    /// What lies ready on either output.
    fn read(&mut self) -> Result<Received, WireError> {
        if let Some(bytes) = read(&mut self.out)? {
            return Ok(Received::Stdout(bytes));
        }
        Ok(read(&mut self.err)?.map_or(Received::Nothing, Received::Stderr))
    }

    /// Waits until something has come, or is taken where `sends`.
    fn rest(&mut self, sends: bool, deadline: Option<Instant>, press: usize) -> Result<(), WireError> {
        self.check()?;
        let began = Instant::now();
        let mut fds: Vec<PollFd<'_>> = Vec::with_capacity(4);
        fds.extend(self.out.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        fds.extend(self.err.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        let tick = if fds.is_empty() { SHORT_TICK } else { TICK };
        let nap = deadline.map_or(tick, |at| at.saturating_duration_since(began).min(tick));
        fds.extend(self.input.as_ref().filter(|_| sends).map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        let own = fds.len();
        self.connection.interrupt.poll(&mut fds, nap, press);
        if fds[..own].iter().any(|fd| !fd.revents().is_empty()) {
            self.silent = Duration::ZERO;
            return Ok(());
        }
        self.silent += began.elapsed();
        self.listen_for_life()
    }

    /// Its input is taken no more: the command has ended, or the connection.
    fn broken(&mut self, error: io::Error) -> WireError {
        let given_up = Instant::now() + TICK;
        while Instant::now() < given_up {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return self.connection.exit().err().unwrap_or(WireError::Io(error));
            }
            std::thread::sleep(SHORT_TICK);
        }
        WireError::Io(error)
    }

    /// A master of the user's may wait for ever on a host that is gone: here the host is asked by another command.
    fn listen_for_life(&mut self) -> Result<(), WireError> {
        let patience = self.connection.silence;
        if self.connection.is_watchful || self.silent < patience / 3 {
            return Ok(());
        }
        if self.silent >= patience {
            return Err(WireError::Silent(self.silent));
        }
        match &mut self.asking {
            None => {
                let mut ssh = self.connection.ssh(std::path::Path::new("/dev/null"));
                ssh.args(["-T", "--", "host", "true"]).process_group(0);
                let quiet = ssh.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
                self.asking = quiet.spawn().ok();
            }
            // A refusal is an answer too.
            Some(asking) => {
                if !matches!(asking.try_wait(), Ok(None)) {
                    self.asking = None;
                    self.silent = Duration::ZERO;
                }
            }
        }
        Ok(())
    }
}

impl RunningCommand for SshProcess<'_> {
    fn send(&mut self, mut bytes: &[u8], deadline: Option<Instant>) -> Result<(), WireError> {
        let mut patience = Patience::new(&self.connection.interrupt, deadline);
        while !bytes.is_empty() {
            self.check()?;
            let input = self.input.as_mut().ok_or(io::ErrorKind::BrokenPipe);
            match input.map_err(io::Error::from).and_then(|input| input.write(bytes)) {
                Ok(count) => {
                    bytes = &bytes[count..];
                    patience.renew();
                }
                Err(error) if is_passing(&error) => match self.read()? {
                    Received::Nothing => {
                        let deadline = patience.check(&self.connection.interrupt)?;
                        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                            return Err(WireError::TimedOut);
                        }
                        self.rest(true, deadline, self.connection.ends_at_press)?;
                    }
                    came => self.held.push(came)?,
                },
                Err(error) => {
                    self.input = None;
                    return Err(self.broken(error));
                }
            }
        }
        Ok(())
    }

    fn close_input(&mut self, _: Option<Instant>) -> Result<(), WireError> {
        self.input = None;
        Ok(())
    }

    fn take(&mut self) -> Result<Received, WireError> {
        self.check()?;
        if let Some(held) = self.held.pop() {
            return Ok(held);
        }
        if let Some(exit) = &self.end {
            return Ok(Received::End(exit.clone()));
        }
        match self.read()? {
            Received::Nothing if self.out.is_none() && self.err.is_none() => {
                match self.child.try_wait().map_err(WireError::Io)? {
                    None => Ok(Received::Nothing),
                    Some(_) => {
                        let exit = self.connection.exit()?;
                        self.end = Some(exit.clone());
                        Ok(Received::End(exit))
                    }
                }
            }
            came => Ok(came),
        }
    }

    fn wait(&mut self, deadline: Instant, press: usize) -> Result<(), WireError> {
        self.rest(false, Some(deadline), press)
    }

    fn at_end(&self) -> bool {
        // A pipe breaks only where its reader has gone.
        self.input.is_none()
    }

    fn ends_at_press(&self) -> usize {
        self.connection.ends_at_press
    }
}

impl Drop for SshProcess<'_> {
    fn drop(&mut self) {
        if self.end.is_none() {
            self.connection.abandoned = true;
        }
        end(&mut self.child);
        if let Some(asking) = &mut self.asking {
            end(asking);
        }
    }
}

/// Runs a command with this program's own standard streams: the master reads and writes them.
pub(super) fn attach(
    connection: &mut Master,
    command: &str,
    (out, err): (&mut dyn Write, &mut dyn Write),
) -> Result<Exit, WireError> {
    if io::stdin().is_terminal() && io::stdout().is_terminal() {
        return lend_terminal(connection, command);
    }
    let mut process = SshProcess::start(connection, command, Stdio::inherit()).map_err(WireError::Io)?;
    loop {
        let written = match process.take()? {
            Received::Stdout(bytes) => out.write_all(&bytes).and_then(|()| out.flush()),
            Received::Stderr(bytes) => err.write_all(&bytes).and_then(|()| err.flush()),
            Received::End(exit) => return Ok(exit),
            Received::Nothing => {
                let press = process.ends_at_press();
                process.rest(false, None, press)?;
                continue;
            }
        };
        match written {
            // The reader has gone (`| head`): so would a program of this machine.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                return Ok(Exit { status: None, signal: Some(SIGPIPE.to_owned()) });
            }
            written => written.map_err(WireError::Io)?,
        }
    }
}

/// `ssh` has the terminal, and does all that belongs to it.
fn lend_terminal(connection: &Master, command: &str) -> Result<Exit, WireError> {
    let mut ssh = connection.ssh(connection.command_log().path());
    let mut child = ssh.args(["-tt", "--", "host", command]).spawn().map_err(WireError::Io)?;
    while matches!(child.try_wait(), Ok(None)) {
        if connection.interrupt.count() >= connection.ends_at_press {
            end(&mut child);
            return Err(WireError::Interrupted);
        }
        connection.interrupt.poll(&mut Vec::new(), SHORT_TICK * 4, connection.ends_at_press);
    }
    connection.exit()
}

/// What can be read at once; the end of a stream takes it away.
fn read(stream: &mut Option<impl Read>) -> Result<Option<Vec<u8>>, WireError> {
    let Some(open) = stream else { return Ok(None) };
    let mut piece = vec![0; PIECE];
    match open.read(&mut piece) {
        Ok(0) => *stream = None,
        Ok(count) => {
            piece.truncate(count);
            return Ok(Some(piece));
        }
        Err(error) if is_passing(&error) => {}
        Err(error) => return Err(WireError::Io(error)),
    }
    Ok(None)
}
