//! Text of a host's, passed on as data: untouched into a file or another program, harmless on a terminal and in the log of
//! a build service.

use std::fs::Metadata;
use std::io::{self, IsTerminal, Write};
use std::os::unix::fs::FileTypeExt;
use std::path::PathBuf;

use super::ci::harmless_bytes;
use super::options::Surroundings;
use super::text::clean_output;

/// Of a line that does not end, so much is held back at most.
const LONGEST: usize = 64 * 1024;

/// A standard stream for what others wrote.
pub struct PassedOn {
    out: Box<dyn Write>,
    reader: Reader,
    /// The line that has not ended yet, where a reader must be spared something.
    line: Vec<u8>,
}

/// Who reads it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reader {
    /// A file, or another program: nothing is changed.
    Program,
    Terminal,
    /// A build service's log.
    Service,
}

impl PassedOn {
    /// Standard output, for text.
    #[must_use]
    pub fn stdout() -> PassedOn {
        let reader = match (io::stdout().is_terminal(), Surroundings::of_process().ci) {
            (true, _) => Reader::Terminal,
            (false, Some(_)) if !is_file(1) => Reader::Service,
            (false, _) => Reader::Program,
        };
        PassedOn::to(io::stdout(), reader)
    }

    /// Standard output and error, for whatever a command prints: also what is no text, into another program.
    #[must_use]
    pub fn of_command() -> (PassedOn, PassedOn) {
        let is_on_service = Surroundings::of_process().ci.is_some();
        let reader = |stream| {
            if is_on_service && !is_file(stream) && is_of_parent(stream) {
                Reader::Service
            } else {
                Reader::Program
            }
        };
        (PassedOn::to(io::stdout(), reader(1)), PassedOn::to(io::stderr(), reader(2)))
    }

    fn to(out: impl Write + 'static, reader: Reader) -> PassedOn {
        PassedOn { out: Box::new(out), reader, line: Vec::new() }
    }

    fn pass(&mut self, line: &[u8]) -> io::Result<()> {
        match self.reader {
            Reader::Service => self.out.write_all(&harmless_bytes(line)),
            _ => writeln!(self.out, "{}", clean_output(&String::from_utf8_lossy(line))),
        }
    }
}

/// What a standard stream of a process is, as the kernel names it.
fn stream(process: &str, number: u32) -> PathBuf {
    PathBuf::from(format!("/proc/{process}/fd/{number}"))
}

fn is_file(number: u32) -> bool {
    stream("self", number).metadata().is_ok_and(|data: Metadata| {
        let kind = data.file_type();
        !kind.is_fifo() && !kind.is_socket() && !kind.is_char_device()
    })
}

/// Whether a stream is the script's own, and so the service's; another one was put in its place, and somebody reads it.
fn is_of_parent(number: u32) -> bool {
    let parent = std::os::unix::process::parent_id().to_string();
    match (stream("self", number).read_link(), stream(&parent, number).read_link()) {
        (Ok(own), Ok(parents)) => own == parents,
        _ => true,
    }
}

impl Write for PassedOn {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.reader == Reader::Program {
            return self.out.write(bytes);
        }
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if piece.ends_with(b"\n") || self.line.len() > LONGEST {
                let line = std::mem::take(&mut self.line);
                self.pass(&line)?;
            }
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl Drop for PassedOn {
    fn drop(&mut self) {
        let line = std::mem::take(&mut self.line);
        if !line.is_empty() {
            let _ = self.pass(&line).and_then(|()| self.out.flush());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Page(Arc<Mutex<Vec<u8>>>);

    impl Write for Page {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().expect("a page").extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn passed(reader: Reader, pieces: &[&[u8]]) -> Vec<u8> {
        let page = Page::default();
        let mut passed_on = PassedOn::to(page.clone(), reader);
        for piece in pieces {
            passed_on.write_all(piece).expect("written");
        }
        drop(passed_on);
        let bytes = page.0.lock().expect("a page");
        bytes.clone()
    }

    #[test]
    fn each_reader_is_spared_what_would_instruct_it() {
        let pieces: &[&[u8]] = &[b"a\x1b[2Jb #", b"#[x]\n:", b":y::\xff\r::z\n#", b"#vso[w]"];
        assert_eq!(passed(Reader::Program, pieces), pieces.concat());
        assert_eq!(passed(Reader::Service, pieces), b"a\x1b[2Jb # #[x]\n|::y::\xff\r|::z\n# #vso[w]");
        assert_eq!(passed(Reader::Terminal, pieces), "ab ##[x]\n::z\n##vso[w]\n".as_bytes());
    }

    #[test]
    fn a_line_without_an_end_is_not_kept_for_ever() {
        let page = Page::default();
        let mut passed_on = PassedOn::to(page.clone(), Reader::Service);
        for _ in 0..100 {
            passed_on.write_all(&[b'x'; 4096]).expect("written");
            assert!(passed_on.line.len() <= LONGEST + 4096);
        }
        assert!(page.0.lock().expect("a page").len() > 300_000);
    }
}
