//! The one line that moves: what the running step is, since when, and what it said last.

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle, TermLike};

use super::look::Look;
use super::text::{clean, clean_output};
use super::words;
use crate::plan::Unit;

/// A step that takes longer shows what it says.
const SLOW: Duration = Duration::from_secs(2);
const FRAMES: Duration = Duration::from_millis(100);

/// A stream that the moving line and the lasting lines share.
#[derive(Clone)]
pub(crate) struct Screen {
    stream: Arc<Mutex<Box<dyn Write + Send>>>,
    look: Look,
}

impl Screen {
    pub(crate) fn new(stream: Box<dyn Write + Send>, look: Look) -> Screen {
        let stream = Arc::new(Mutex::new(stream));
        Screen { stream, look }
    }

    pub(crate) fn write(&self, text: &str) -> io::Result<()> {
        let mut stream = self.stream.lock().unwrap_or_else(PoisonError::into_inner);
        stream.write_all(text.as_bytes())?;
        stream.flush()
    }
}

impl fmt::Debug for Screen {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Screen")
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        let columns = self.look.columns().unwrap_or(80);
        u16::try_from(columns).unwrap_or(u16::MAX)
    }

    fn move_cursor_up(&self, lines: usize) -> io::Result<()> {
        self.moved(lines, 'A')
    }

    fn move_cursor_down(&self, lines: usize) -> io::Result<()> {
        self.moved(lines, 'B')
    }

    fn move_cursor_right(&self, columns: usize) -> io::Result<()> {
        self.moved(columns, 'C')
    }

    fn move_cursor_left(&self, columns: usize) -> io::Result<()> {
        self.moved(columns, 'D')
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write(&format!("{text}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.write(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.write("\r\u{1b}[2K")
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

impl Screen {
    fn moved(&self, distance: usize, direction: char) -> io::Result<()> {
        match distance {
            0 => Ok(()),
            _ => self.write(&format!("\u{1b}[{distance}{direction}")),
        }
    }
}

/// What the moving line says.
#[derive(Clone, Debug, Default)]
struct Said {
    title: String,
    tail: String,
    progress: Option<(u64, u64, Unit)>,
}

/// The moving line. Dropping it removes it from the screen.
pub(crate) struct Spinner {
    bar: ProgressBar,
    said: Arc<Mutex<Said>>,
}

impl Spinner {
    pub(crate) fn start(screen: &Screen, title: &str) -> Spinner {
        let said = Arc::new(Mutex::new(Said { title: clean(title), ..Said::default() }));
        let target = ProgressDrawTarget::term_like(Box::new(screen.clone()));
        let (shared, look) = (Arc::clone(&said), screen.look);
        let line = move |state: &ProgressState, out: &mut dyn fmt::Write| {
            let said = shared.lock().unwrap_or_else(PoisonError::into_inner).clone();
            // The formatter of a progress bar cannot fail.
            let _ = out.write_str(&moving(&said, state.elapsed(), look));
        };
        let style = ProgressStyle::with_template("{line}")
            .unwrap_or_else(|_| ProgressStyle::default_spinner())
            .with_key("line", line);
        let bar = ProgressBar::with_draw_target(None, target).with_style(style);
        bar.enable_steady_tick(FRAMES);
        Spinner { bar, said }
    }

    pub(crate) fn tail(&self, line: &str) {
        let line = clean_output(line);
        if !line.trim().is_empty() {
            self.change(|said| said.tail = line.trim().to_owned());
        }
    }

    pub(crate) fn progress(&self, done: u64, total: u64, unit: Unit) {
        self.change(|said| said.progress = Some((done, total, unit)));
    }

    fn change(&self, change: impl FnOnce(&mut Said)) {
        change(&mut self.said.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Prints while the moving line is out of the way.
    pub(crate) fn aside(&self, print: impl FnOnce()) {
        self.bar.suspend(print);
    }
}

impl Drop for Spinner {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// `  ⠙ push objects  3.2 s  ━━━━━━╌╌╌╌╌╌  51 %  31 MB of 61 MB`, never wider than the terminal.
fn moving(said: &Said, elapsed: Duration, look: Look) -> String {
    let frames: &[&str] = if look.unicode {
        &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏"]
    } else {
        &["-", "\\", "|", "/"]
    };
    let turn = usize::try_from(elapsed.as_millis() / FRAMES.as_millis()).unwrap_or(0);
    let frame = frames[turn % frames.len()];
    let title = format!("  {} {}  {}", look.hint(frame), said.title, words::duration(elapsed));
    let rest = if let Some((done, total, unit)) = said.progress {
        let percent = words::percent(done, total);
        format!("  {}  {percent} %  {}", bar(percent, look), words::progress(done, total, unit))
    } else if elapsed > SLOW && !said.tail.is_empty() {
        format!("  {}", said.tail)
    } else {
        String::new()
    };
    // One column stays free: some terminals wrap when the last one is written.
    let room = look.columns().map(|columns| columns.saturating_sub(1));
    look.clip_to(&format!("{title}{}", look.faint(&rest)), room)
}

fn bar(percent: u8, look: Look) -> String {
    let full = usize::from(percent) / 5;
    let (done, open) = if look.unicode { ("━", "╌") } else { ("#", ".") };
    format!("{}{}", done.repeat(full), open.repeat(20 - full.min(20)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ui::look::Columns;
    use crate::ui::text::width;

    const LOOK: Look = Look { color: false, unicode: true, columns: Columns::Fixed(78) };

    #[test]
    fn the_moving_line() {
        let quick = Said {
            title: "build the virtualenv".into(),
            tail: "Collecting flask==3.1 from a mirror whose name alone is already quite long".into(),
            progress: None,
        };
        let push = Said {
            title: "send 61 MB".into(),
            progress: Some((31_000_000, 61_000_000, Unit::Bytes)),
            ..Said::default()
        };
        let ascii = Look { unicode: false, ..LOOK };
        let all = [
            moving(&quick, Duration::from_millis(1900), LOOK),
            moving(&quick, Duration::from_millis(2100), LOOK),
            moving(&quick, Duration::from_millis(2100), ascii),
            moving(&push, Duration::from_millis(300), LOOK),
            moving(&push, Duration::from_millis(300), ascii),
        ];
        insta::assert_snapshot!(all.join("\n"), @r"
        ⠏ build the virtualenv  1.9 s
        ⠙ build the virtualenv  2.1 s  Collecting flask==3.1 from a mirror whose n…
        \ build the virtualenv  2.1 s  Collecting flask==3.1 from a mirror whose...
        ⠸ send 61 MB  0.3 s  ━━━━━━━━━━╌╌╌╌╌╌╌╌╌╌  50 %  31 MB of 61 MB
        / send 61 MB  0.3 s  ##########..........  50 %  31 MB of 61 MB
        ");
        for columns in 10..100 {
            let look = Look { columns: Columns::Fixed(columns), ..LOOK };
            let line = moving(&quick, Duration::from_secs(3), look);
            assert!(width(&line) < columns, "{columns}: {line}");
        }
    }
}
