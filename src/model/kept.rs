//! What was printed, as much of it as anybody reads: its beginning and its end.

use std::collections::VecDeque;

const HEAD: usize = 64 * 1024;
const TAIL: usize = 256 * 1024;
/// What a line costs beside its bytes.
const LINE: usize = 48;

/// The first and the last lines of a long output, in bounded memory.
#[derive(Clone, Debug, Default)]
pub struct KeptLines {
    head: Vec<String>,
    tail: VecDeque<String>,
    head_bytes: usize,
    tail_bytes: usize,
    left_out: u64,
    seen: u64,
}

impl KeptLines {
    pub fn push(&mut self, line: String) {
        let cost = line.len() + LINE;
        self.seen += cost as u64;
        if self.tail.is_empty() && self.head_bytes + cost <= HEAD {
            self.head_bytes += cost;
            self.head.push(line);
            return;
        }
        self.tail_bytes += cost;
        self.tail.push_back(line);
        while self.tail_bytes > TAIL && self.tail.len() > 1 {
            let gone = self.tail.pop_front().map_or(0, |line| line.len() + LINE);
            self.tail_bytes -= gone;
            self.left_out += 1;
        }
    }

    /// How much there was, kept or not, in bytes.
    pub fn seen(&self) -> u64 {
        self.seen
    }

    /// All that was kept, with a line in the place of what was not.
    pub fn into_lines(self) -> Vec<String> {
        let mut lines = self.head;
        if self.left_out > 0 {
            lines.push(format!("… {} lines left out …", self.left_out));
        }
        lines.extend(self.tail);
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(count: usize, width: usize) -> Vec<String> {
        let mut kept = KeptLines::default();
        for number in 0..count {
            kept.push(format!("{number:>width$}"));
        }
        kept.into_lines()
    }

    #[test]
    fn a_short_output_is_kept_whole() {
        assert_eq!(kept(3, 1), ["0", "1", "2"]);
        assert_eq!(kept(1000, 80).len(), 1000);
    }

    #[test]
    fn of_a_long_one_the_beginning_and_the_end_are() {
        let lines = kept(100_000, 80);
        let bytes: usize = lines.iter().map(String::len).sum();
        assert!(bytes < HEAD + TAIL, "{bytes}");
        assert_eq!(lines[0].trim(), "0");
        assert_eq!(lines[lines.len() - 1].trim(), "99999");
        let gap = lines.iter().find(|line| line.contains("left out")).expect("a word of it");
        let gone: usize = gap.split(' ').nth(1).unwrap().parse().expect("a number");
        assert_eq!(gone + lines.len() - 1, 100_000);
    }

    #[test]
    fn one_line_that_is_too_long_is_still_there() {
        let mut kept = KeptLines::default();
        kept.push("x".repeat(400_000));
        assert_eq!(kept.into_lines().len(), 1);
    }
}
