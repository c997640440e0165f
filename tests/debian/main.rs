//! On a complete Debian host with systemd: what comes back after a crash and after a power loss.

#![allow(unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod comeback;
mod host;
mod newcomer;
mod power;
mod smoke;
mod stage;
mod workers;
