//! `deployer` puts a commit of a web application on one server with no request lost, over nothing but SSH.
//!
//! The house has floors, and a room uses only rooms on lower floors; `tests/it/layering.rs` holds the table.
//! Data walks one way: the agent on the host reads it into a [`model::HostState`], a pure function makes a
//! [`plan::Plan`] of it, and a small interpreter in [`host`] carries the plan out while it emits
//! [`plan::Event`]s, which [`ui`] turns into words.
//!
//! Public is what the binary and the tests need. The other rooms are `pub(crate)`, so that the compiler finds what is
//! dead in them.

#![warn(clippy::print_stdout, clippy::print_stderr)]

pub mod model;

pub mod config;
pub mod shell;
pub(crate) mod template;

pub(crate) mod gunicorn;
pub(crate) mod init;
pub(crate) mod launch;
pub(crate) mod lock;
pub mod nginx;
pub(crate) mod probe;
pub(crate) mod python;
pub(crate) mod unit;

pub mod doctor;
pub mod plan;
pub mod settings;

pub mod git;
pub mod host;
pub mod rehearsal;
pub(crate) mod secrets;
pub mod ssh;

pub mod guide;
pub mod ui;

pub mod commands;

#[cfg(test)]
#[path = "../tests/fuzz/mod.rs"]
mod fuzz;
