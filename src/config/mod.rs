//! Floor 1: `deployer.toml` becomes typed, validated [`Environment`]s; errors name file, line and key.
//!
//! One file a table, with its struct and its reader. `templates/deployer.toml` is the layer below every file: it holds the
//! defaults, and names every key. So a new key is a field with its reader, and a line there.

mod app;
mod build;
mod conflicts;
mod difference;
mod duration;
mod env;
mod environment;
mod file;
mod fleet;
mod gunicorn;
mod health;
mod hooks;
mod hosts;
mod metrics;
mod name;
mod nginx;
mod ports;
mod problem;
mod processes;
mod python;
mod read;
mod schema;
mod secrets;
mod section;
mod shared;
mod starter;
mod static_files;
mod target;
mod url;
mod value;
mod veil;
mod web;

pub use app::App;
pub use build::Build;
pub use difference::{Difference, differences, variable};
pub use duration::parse_duration;
pub use environment::{Cutover, Environment, Supervisor};
pub use file::{Config, ConfigError, find, load};
pub use fleet::FleetRules;
pub use gunicorn::Gunicorn;
pub use health::{Health, Statuses};
pub use hooks::Hooks;
pub use metrics::Metrics;
pub use name::{closest, distance};
pub use nginx::Nginx;
pub use ports::Ports;
pub use processes::SlotProcess;
pub use python::{Installer, Python, UV_LOCK};
pub use schema::schema;
pub use secrets::SecretSource;
pub use static_files::StaticFiles;
pub use url::Url;
pub use web::{Web, WebCommand};
