//! Floor 1: `deployer.toml` becomes typed, validated [`Environment`]s; errors name file, line and key.

mod application;
mod difference;
mod duration;
mod environment;
mod file;
mod hooks;
mod name;
mod problem;
mod processes;
mod read;
mod secret_source;
mod secrets;
mod section;
mod site;
mod value;

pub use difference::{Difference, differences, variable};
pub use duration::parse_duration;
pub use environment::{
    App, Build, Cutover, Environment, Gunicorn, Health, Installer, Nginx, Ports, Python, SlotProcess,
    Statuses, Supervisor, UV_LOCK, Url, Web, WebCommand,
};
pub use file::{Config, ConfigError, find, load};
pub use hooks::{Hooks, StaticFiles};
pub use name::{COMMANDS, closest, distance};
pub use problem::{Place, Problem};
pub use secret_source::SecretSource;
