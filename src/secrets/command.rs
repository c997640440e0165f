//! A command that prints a secret: `pass`, `op`, `sops`.

use std::io::{IsTerminal, Read};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process_group};

/// How often the caller is asked whether to go on.
const TICK: Duration = Duration::from_millis(100);
/// Bound on a command that can ask nobody.
const ALONE: Duration = Duration::from_secs(120);
/// Bound on the wait for a complaint, whose end a process left behind may hold open.
const COMPLAINT: Duration = Duration::from_secs(1);
/// Lines of its complaint that are shown.
const SHOWN: usize = 5;

/// Why a command gave no secret.
#[derive(Debug)]
pub(super) enum CommandError {
    Interrupted,
    /// A line, and what the command said to standard error; what it printed is never shown.
    Failed(String, Vec<String>),
}

/// What the command prints, without its last line end. It may ask on the terminal, which stays its standard input and its
/// standard error.
pub(super) fn output(
    argv: &[String],
    folder: &Path,
    go_on: &mut dyn FnMut() -> bool,
) -> Result<Vec<u8>, CommandError> {
    let failed = |what: String| CommandError::Failed(what, Vec::new());
    let can_ask = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
    let mut command = Command::new(&argv[0]);
    command.args(&argv[1..]).current_dir(folder).stdout(Stdio::piped()).stderr(if can_ask {
        Stdio::inherit()
    } else {
        Stdio::piped()
    });
    // A group of its own, to be ended with all that it started. On a terminal none may ask but the group in front, and
    // Ctrl-C reaches all of that.
    if !is_on_terminal() {
        command.process_group(0);
    }
    let mut child = command.spawn().map_err(|error| failed(format!("cannot start {}: {error}", argv[0])))?;
    let began = Instant::now();
    let Some(mut out) = child.stdout.take() else { unreachable!("it was asked for") };
    let err = child.stderr.take();
    // On threads of their own: whoever asks on the terminal takes its time, and Ctrl-C must be heard meanwhile.
    let (complain, complaint) = channel();
    thread::spawn(move || {
        let mut said = Vec::new();
        let _ = err.map(|mut err| err.read_to_end(&mut said));
        let _ = complain.send(said);
    });
    let (done, wait) = channel();
    thread::spawn(move || {
        let mut printed = Vec::new();
        let _ = done.send(out.read_to_end(&mut printed).map(|_| printed));
    });
    let printed = loop {
        match wait.recv_timeout(TICK) {
            Ok(printed) => break printed.map_err(|error| failed(format!("cannot read it: {error}")))?,
            Err(RecvTimeoutError::Timeout) if !can_ask && began.elapsed() > ALONE => {
                end(&mut child);
                return Err(failed(format!(
                    "it printed nothing for {} s, and there is no terminal to ask on",
                    ALONE.as_secs()
                )));
            }
            Err(RecvTimeoutError::Timeout) if go_on() => {}
            Err(_) => {
                end(&mut child);
                return Err(CommandError::Interrupted);
            }
        }
    };
    let status = child.wait().map_err(|error| failed(error.to_string()))?;
    if !status.success() {
        let how =
            status.code().map_or_else(|| "ended by a signal".to_owned(), |code| format!("exit code {code}"));
        let said = complaint.recv_timeout(COMPLAINT).unwrap_or_default();
        let said = String::from_utf8_lossy(&said);
        let lines: Vec<&str> = said.lines().filter(|line| !line.trim().is_empty()).collect();
        let last = lines.len().saturating_sub(SHOWN);
        let lines = lines[last..].iter().map(|line| (*line).to_owned()).collect();
        return Err(CommandError::Failed(how, lines));
    }
    let length = printed.len() - usize::from(printed.ends_with(b"\n"));
    Ok(printed[..length].to_vec())
}

fn is_on_terminal() -> bool {
    std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal()
}

fn end(child: &mut Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group.filter(|_| !is_on_terminal()) {
        let _ = kill_process_group(group, Signal::KILL);
    }
    let _ = child.kill();
    let _ = child.wait();
}
