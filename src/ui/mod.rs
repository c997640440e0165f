//! Floor 5: events, failures and reports become words. With the binary, the only room that prints.

mod ask;
mod ci;
mod clock;
mod doctor;
mod failure;
mod fleet;
mod history;
mod json;
mod lines;
mod log;
mod look;
mod options;
mod output;
mod page;
mod passed_on;
mod picture;
mod preview;
mod progress;
mod report;
mod status;
mod summary;
mod table;
mod terminal;
mod text;
mod texts;
mod variables;
mod words;

pub use ask::Terminal;
pub use clock::{Clock, SystemClock};
pub use log::LogFile;
pub use look::{Columns, Look};
pub use options::{Ci, ColorMode, Mode, Streams, Surroundings, UiOptions, Verbosity};
pub use output::Ui;
pub use passed_on::PassedOn;
pub use report::Report;
pub use texts::Texts;

/// For `crate::fuzz`.
#[cfg(test)]
pub(crate) mod fuzzed {
    use super::{ci, text};

    pub(crate) fn text(given: &str) {
        for shown in [text::clean(given), text::clean_output(given)] {
            assert!(!shown.contains(text::is_unsafe), "{shown:?}");
            for columns in [0, 1, 4, 80] {
                let clipped = text::clip(&shown, Some(columns), true);
                assert!(text::width(&clipped) <= columns, "{columns}: {clipped:?}");
            }
            let line = ci::harmless(&shown);
            assert!(!line.contains("##[") && !line.trim_start().starts_with("::"), "{line:?}");
            let _ = ci::error(&shown);
        }
    }
}
