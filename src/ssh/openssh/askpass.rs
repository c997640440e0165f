//! What `ssh` asks a person comes to this program, and goes on to whoever is asked for passphrases: `ssh` starts this
//! program once more (SSH_ASKPASS), which brings the question here and takes the answer back.

use std::env;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::model::ExitCode;
use crate::ssh::options::Prompt;

/// Names the socket at which the question is awaited.
const SOCKET: &str = "DEPLOYER_ASKPASS";
/// How `ssh` says that it only tells something, or wants a yes.
const KIND: &str = "SSH_ASKPASS_PROMPT";

/// Where questions arrive.
pub(super) struct Askpass {
    listener: UnixListener,
    socket: PathBuf,
}

impl Askpass {
    pub(super) fn listen(folder: &Path) -> io::Result<Askpass> {
        let socket = folder.join("askpass");
        let listener = UnixListener::bind(&socket)?;
        listener.set_nonblocking(true)?;
        Ok(Askpass { listener, socket })
    }

    /// Has `ssh` ask by `program`.
    pub(super) fn tell(&self, ssh: &mut Command, program: &Path) {
        ssh.env("SSH_ASKPASS", program).env("SSH_ASKPASS_REQUIRE", "force").env(SOCKET, &self.socket);
    }

    pub(super) fn watch(&self) -> BorrowedFd<'_> {
        self.listener.as_fd()
    }

    /// Passes a question on, if there is one.
    pub(super) fn serve(&self, prompt: &mut dyn Prompt) -> io::Result<()> {
        let (stream, _) = match self.listener.accept() {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
            accepted => accepted?,
        };
        stream.set_nonblocking(false)?;
        let (mut kind, mut question) = (String::new(), String::new());
        let mut reader = BufReader::new(&stream);
        reader.read_line(&mut kind)?;
        reader.read_to_string(&mut question)?;
        let answer = match kind.trim() {
            "none" => {
                prompt.tell(question.trim());
                None
            }
            // Whether to trust a host is no question here.
            "confirm" => None,
            _ if question.contains("(yes/no") => None,
            _ => prompt.answer(&question),
        };
        // Whoever asked may have gone.
        let _ = answer.map(|answer| (&stream).write_all(format!("{answer}\n").as_bytes()));
        Ok(())
    }
}

/// Where this process was started to ask: takes the question there and prints the answer. `None`: it was not.
#[must_use]
pub fn askpass() -> Option<ExitCode> {
    let socket = env::var_os(SOCKET)?;
    let question = env::args_os().nth(1).unwrap_or_default();
    let kind = env::var(KIND).unwrap_or_default();
    let asked = || -> io::Result<String> {
        let mut stream = UnixStream::connect(socket)?;
        write!(stream, "{kind}\n{}", question.display())?;
        stream.shutdown(Shutdown::Write)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        io::stdout().write_all(answer.as_bytes())?;
        Ok(answer)
    };
    Some(match asked() {
        Ok(answer) if !answer.is_empty() => ExitCode::Done,
        _ => ExitCode::Failed,
    })
}
