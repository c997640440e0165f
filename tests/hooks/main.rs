//! What goes on around a release: hooks, folders that outlive it, static files.

#[path = "../support/mod.rs"]
mod support;

mod here;
mod host;
mod shared;
mod static_files;

/// A row for the table of the suites.
fn passed(case: &str) {
    support::row("hooks", case, "ok");
}
