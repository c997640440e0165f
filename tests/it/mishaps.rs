//! What goes wrong on real hosts, each with its exit code, its message, and the state that is left.

mod common;
mod cutover;
mod data;
mod disk;
mod guard;
mod host;
mod links;
mod lock;
mod processes;
mod rollback;
mod strangers;
mod unfinished;
