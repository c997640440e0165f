//! The client dies, or the network does, at every place of every command: the site answers, and the next run mends.

#![allow(unreachable_pub)]

#[path = "../support/mod.rs"]
mod support;

mod client;
mod inside;
mod interrupt;
mod places;
mod silence;
mod stage;
mod truth;
