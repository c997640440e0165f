//! What several test files share. Each file uses a part of it.
#![allow(dead_code, unused_imports, unreachable_pub)]

mod delay_proxy;
mod site;

pub use delay_proxy::DelayProxy;
pub use deployer::rehearsal::{Answer, Load, LoadReport, Outcome, Running};
pub use site::{APP, Ran, Site, git, gunicorn, http, ran, until};

/// One row of the table of suites, which tests/run.sh collects.
pub fn row(suite: &str, case: &str, result: impl std::fmt::Display) {
    println!("@row | {suite} | {case} | {result}");
}
