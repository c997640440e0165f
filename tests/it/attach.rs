//! `run` and `logs`: what the host says, on this side's own streams, on a real terminal and without one.

mod logs;
pub(crate) mod pty;
mod run;
