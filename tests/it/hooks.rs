//! What goes on around a release: hooks, folders that outlive it, static files.

mod here;
mod host;
mod shared;
mod static_files;

/// A row for the table of the suites.
fn passed(case: &str) {
    crate::support::row("hooks", case, "ok");
}
