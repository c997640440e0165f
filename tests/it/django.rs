//! A Django application: what its migrations do to the release that runs, and `examples/django` under load.

mod broker;
mod judgement;
mod shop;
mod small;

/// A row for the table of the suites.
fn passed(case: &str) {
    crate::support::row("django", case, "ok");
}
