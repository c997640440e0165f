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
