//! Text of a host's, passed on as data: untouched into a pipe or a file, harmless on a terminal.

use std::io::{self, IsTerminal, Write};

use super::text::clean_output;

/// Standard output for what others wrote.
pub struct PassedOn {
    out: io::Stdout,
    /// The line that has not ended yet, on a terminal.
    line: Option<Vec<u8>>,
}

impl PassedOn {
    #[must_use]
    pub fn stdout() -> PassedOn {
        let out = io::stdout();
        let line = out.is_terminal().then(Vec::new);
        PassedOn { out, line }
    }
}

impl Write for PassedOn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(line) = &mut self.line else {
            return self.out.write(bytes);
        };
        line.extend_from_slice(bytes);
        while let Some(end) = line.iter().position(|byte| *byte == b'\n') {
            let whole: Vec<u8> = line.drain(..=end).collect();
            writeln!(self.out, "{}", clean_output(&String::from_utf8_lossy(&whole)))?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        if let Some(line) = self.line.take().filter(|line| !line.is_empty()) {
            let _ = writeln!(self.out, "{}", clean_output(&String::from_utf8_lossy(&line)));
        }
    }
}
