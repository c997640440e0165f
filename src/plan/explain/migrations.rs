//! Why a deploy stopped before it migrated anything.

use crate::config::Environment;
use crate::plan::migrations::{Migrations, anyway};
use crate::plan::{Failure, Reason};

/// Explains a look that found what must not be applied, or could not be taken.
pub(super) fn explain(
    what: String,
    reason: Option<&Reason>,
    found: Option<&Migrations>,
    environment: &Environment,
) -> Failure {
    let unsafe_ones = found.filter(|_| reason == Some(&Reason::MigrationsStop));
    unsafe_ones.and_then(|found| found.refusal(environment)).unwrap_or_else(|| {
        Failure::new("migrations.unknown", what)
            .why("Django's migrations could not be read, so nothing was migrated")
            .advise("mend what the output shows, commit, and deploy anew")
            .advise(format!("or go on without a look at them: {}", anyway(environment)))
    })
}
