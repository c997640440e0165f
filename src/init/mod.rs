//! Floor 3: what a repository's own files tell about its application, and the `deployer.toml` that follows; pure.

mod health;
mod modules;
mod packages;
mod python;
mod recognise;
mod recognised;
mod render;
mod routes;
mod scan;
mod sound;
mod sources;
mod sqlite;
mod statements;
#[cfg(test)]
mod tests;
mod urls;
mod views;

pub(crate) use recognise::recognise;
pub(crate) use recognised::{Framework, HealthHint, Recognised};
pub(crate) use render::{Answers, default_name, default_ports, default_root, default_url, render};
pub(crate) use sources::{Sources, is_read};
