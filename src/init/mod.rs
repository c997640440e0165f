//! Floor 3: what a repository's own files tell about its application, and the `deployer.toml` that follows; pure.

mod capistrano;
mod former;
mod fujin;
mod gitric;
mod health;
mod kamal;
mod modules;
mod packages;
mod procfile;
mod python;
mod recognise;
mod recognised;
mod render;
mod routes;
mod scan;
mod server;
mod sound;
mod sources;
mod sqlite;
mod statements;
mod takeover;
#[cfg(test)]
mod tests;
mod urls;
mod views;

pub(crate) use recognise::recognise;
pub(crate) use recognised::{HealthHint, Recognised};
pub(crate) use render::{Answers, default_name, default_ports, default_root, default_url, render};
pub(crate) use sources::{Sources, is_read};
