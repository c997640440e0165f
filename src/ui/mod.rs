//! Floor 6: events and failures become words. The only room that prints.

mod ci;
mod clock;
mod doctor;
mod failure;
mod history;
mod json;
mod lines;
mod log;
mod look;
mod options;
mod outlook;
mod passed_on;
mod progress;
mod reporter;
mod status;
mod summary;
mod tee;
mod terminal;
mod text;
mod variables;
mod words;

pub use clock::{Clock, SystemClock};
pub use log::LogFile;
pub use options::{Ci, ColorMode, Columns, Mode, ReportOptions, Streams, Surroundings, Verbosity};
pub use passed_on::PassedOn;
pub use reporter::Reporter;
pub use tee::{DataOnly, Tee};

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
