//! The terminal that this program runs on, lent to a command on the host.

use std::io::{self, IsTerminal, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use rustix::termios::{OptionalActions, Termios, tcgetattr, tcgetwinsize, tcsetattr};
use signal_hook::consts::SIGWINCH;
use signal_hook::low_level::{pipe, unregister};

/// A terminal in raw mode, until it is dropped: every key goes to the host as it is, Ctrl-C too.
pub(super) struct LocalTerminal {
    before: Termios,
    /// Readable when the window has another size.
    resized: UnixStream,
    signal: signal_hook::SigId,
}

impl LocalTerminal {
    /// Whether standard input and output both are one.
    pub(super) fn is_there() -> bool {
        io::stdin().is_terminal() && io::stdout().is_terminal()
    }

    /// Its kind, as programs know it.
    pub(super) fn kind() -> String {
        let kind = std::env::var("TERM").ok().filter(|kind| !kind.is_empty());
        kind.unwrap_or_else(|| "dumb".to_owned())
    }

    /// Columns and rows.
    pub(super) fn size() -> (u32, u32) {
        match tcgetwinsize(io::stdout()) {
            Ok(size) if size.ws_col > 0 && size.ws_row > 0 => (size.ws_col.into(), size.ws_row.into()),
            _ => (80, 24),
        }
    }

    pub(super) fn enter() -> io::Result<LocalTerminal> {
        let (resized, tell) = UnixStream::pair()?;
        resized.set_nonblocking(true)?;
        let signal = pipe::register(SIGWINCH, tell)?;
        let before = tcgetattr(io::stdin())?;
        let mut raw = before.clone();
        raw.make_raw();
        tcsetattr(io::stdin(), OptionalActions::Now, &raw)?;
        Ok(LocalTerminal { before, resized, signal })
    }

    /// What turns readable when the size changes.
    pub(super) fn watch(&self) -> BorrowedFd<'_> {
        self.resized.as_fd()
    }

    /// Whether the size has changed since the last time.
    pub(super) fn was_resized(&mut self) -> bool {
        let mut told = [0; 64];
        matches!(self.resized.read(&mut told), Ok(1..))
    }
}

impl Drop for LocalTerminal {
    fn drop(&mut self) {
        unregister(self.signal);
        // What was written must be seen in the mode that it was written for.
        let _ = tcsetattr(io::stdin(), OptionalActions::Drain, &self.before);
    }
}
