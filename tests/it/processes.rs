//! How a slot runs its processes: by the launcher, and proven to be the slot's own.

mod launch;
mod web;
mod workers;

/// A row for the table of the suites.
fn passed(case: &str) {
    crate::support::row("processes", case, "ok");
}
