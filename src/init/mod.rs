//! Floor 2: what a repository's own files tell about its application, and the `deployer.toml` that follows; pure.

mod found;
mod packages;
mod python;
mod recognise;
mod render;
mod scan;
mod sound;
mod sources;
#[cfg(test)]
mod tests;

pub use found::{Celery, Found, Kind, Static};
pub use recognise::recognise;
pub use render::{Answers, default_name, default_ports, default_root, default_url, render};
pub use sources::{Sources, is_read};
