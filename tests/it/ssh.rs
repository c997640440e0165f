//! The way to a host, against real sshds on loopback.

mod algorithms;
mod auth;
mod commands;
mod config;
mod failures;
mod host;
mod host_keys;
mod hostile;
mod jumps;
mod matrix;
mod openssh;
