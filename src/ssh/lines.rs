//! A stream that comes in pieces, as lines: each byte is looked at once, and of an endless line only so much is kept.

/// Cuts bytes into lines.
pub struct Lines {
    rest: Vec<u8>,
    /// How much of a line is kept, in bytes.
    most: usize,
    /// How much of the line that has not ended was left out.
    left_out: usize,
}

impl Lines {
    #[must_use]
    pub fn new(most: usize) -> Lines {
        Lines { rest: Vec::new(), most, left_out: 0 }
    }

    /// Takes a piece in, and hands the lines over that end in it. A carriage return ends one too, and only the last of
    /// these is handed over: tools that draw progress bars use it.
    pub fn feed(&mut self, mut piece: &[u8], take: &mut dyn FnMut(&Lines)) {
        while let Some(end) = piece.iter().position(|byte| *byte == b'\n') {
            self.add(&piece[..end]);
            take(self);
            self.rest.clear();
            self.left_out = 0;
            piece = &piece[end + 1..];
        }
        self.add(piece);
    }

    /// What came after the last line's end.
    pub fn rest(&mut self) -> Option<String> {
        (!self.rest.is_empty()).then(|| {
            let line = self.line();
            *self = Lines::new(self.most);
            line
        })
    }

    /// The line, with a word about what was left out of it.
    #[must_use]
    pub fn line(&self) -> String {
        let line = self.rest.strip_suffix(b"\r").unwrap_or(&self.rest);
        let shown = line.rsplit(|byte| *byte == b'\r').next().unwrap_or(line);
        let mut line = String::from_utf8_lossy(shown).into_owned();
        if self.left_out > 0 {
            line.push_str(&format!(" … ({} bytes left out)", self.left_out));
        }
        line
    }

    /// Whether something was left out of the line.
    #[must_use]
    pub fn is_cut(&self) -> bool {
        self.left_out > 0
    }

    /// The bytes that were kept of the line.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.rest
    }

    fn add(&mut self, piece: &[u8]) {
        let room = self.most.saturating_sub(self.rest.len());
        if piece.len() <= room {
            self.rest.extend_from_slice(piece);
            return;
        }
        // What a progress bar has drawn over need not be kept.
        let drawn = piece.iter().rposition(|byte| *byte == b'\r');
        if let Some(at) = drawn.filter(|at| at + 1 < piece.len()) {
            self.rest.clear();
            self.left_out = 0;
            return self.add(&piece[at + 1..]);
        }
        // Looked for once: what came before it is gone then.
        let is_first = self.left_out == 0;
        let drawn = || self.rest.iter().rposition(|byte| *byte == b'\r');
        if let Some(at) = is_first.then(drawn).flatten() {
            self.rest.drain(..=at);
            self.left_out = 0;
            return self.add(piece);
        }
        self.rest.extend_from_slice(&piece[..room]);
        self.left_out += piece.len() - room;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fed(most: usize, pieces: &[&[u8]]) -> (Vec<String>, Option<String>) {
        let (mut lines, mut all) = (Lines::new(most), Vec::new());
        for piece in pieces {
            lines.feed(piece, &mut |line| all.push(line.line()));
        }
        (all, lines.rest())
    }

    #[test]
    fn lines_wait_for_their_end() {
        let (lines, rest) = fed(100, &[b"one\ntw", b"o\r\n10%\r20%\nthr"]);
        assert_eq!(lines, ["one", "two", "20%"]);
        assert_eq!(rest.as_deref(), Some("thr"));
    }

    #[test]
    fn of_an_endless_line_the_beginning_is_kept() {
        let (lines, rest) = fed(8, &[b"12345", b"67890", b"x\nshort\n", b"123456789"]);
        assert_eq!(lines, ["12345678 … (3 bytes left out)", "short"]);
        assert_eq!(rest.as_deref(), Some("12345678 … (1 bytes left out)"));
    }

    #[test]
    fn a_long_progress_bar_shows_its_last_state() {
        let (lines, _) = fed(8, &[b"10 %\r", b"20 %\r", b"30 %\r", b"100 %\n"]);
        assert_eq!(lines, ["100 %"]);
    }
}
