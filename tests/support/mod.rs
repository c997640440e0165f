//! What several test files share. Each file uses a part of it.
#![allow(dead_code, unused_imports, unreachable_pub)]

use std::sync::{Mutex, MutexGuard, PoisonError};

mod delay_proxy;
mod site;

pub use delay_proxy::DelayProxy;
pub use deployer::rehearsal::{Answer, Load, LoadReport, Outcome, Running};
pub use site::{APP, Ran, Site, git, gunicorn, http, ran, until};

/// The turn of a test that measures or fills the machine; it lasts while the guard does.
pub fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::new(());
    TURN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One row of the table of suites, which tests/run.sh collects.
pub fn row(suite: &str, case: &str, result: impl std::fmt::Display) {
    println!("@row | {suite} | {case} | {result}");
}
