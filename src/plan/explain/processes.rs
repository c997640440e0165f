//! Why the processes of a release were not handed over.

use crate::config::Environment;
use crate::model::ExitCode;
use crate::plan::{ActionFailure, Failure, Site};

/// A process of the new release that would not live: nothing was switched.
pub(super) fn died(what: String, failed: &ActionFailure, environment: &Environment) -> Failure {
    why(Failure::new("process.died", what), failed)
        .site(Site::Untouched)
        .advise(format!("mend it, commit, and run: deployer {} deploy", environment.name))
}

/// Something went wrong after the switch: the new release is live, but not all of its processes are in their place.
pub(super) fn unfinished(what: String, failed: &ActionFailure, environment: &Environment) -> Failure {
    let name = &environment.name;
    let what = format!("{what}: it is live and proven, but not all processes were handed over");
    why(Failure::new("process.handover", what), failed)
        .site(Site::Switched)
        .exit(ExitCode::LiveAffected)
        .advise(format!("complete it: deployer {name} cutover"))
        .advise(format!("or go back: deployer {name} rollback"))
}

fn why(failure: Failure, failed: &ActionFailure) -> Failure {
    let marks = [" ended with status ", " could not be started: ", " lives on after KILL"];
    let said = |line: &&String| marks.iter().any(|mark| line.contains(mark));
    match failed.output.iter().rev().find(said) {
        Some(line) => failure.why(line.clone()),
        None => failure,
    }
}
