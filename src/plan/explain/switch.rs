//! Why a switch did not hold, and what that means for the site.

use super::processes;
use crate::config::Environment;
use crate::model::{Answer, Color, ExitCode, Served};
use crate::plan::{ActionFailure, Failure, Reason, Site};
use crate::{nginx, probe, shell};

/// Explains a switch that failed.
pub(super) fn explain(
    what: String,
    failed: &ActionFailure,
    environment: &Environment,
    user: &str,
) -> Failure {
    let reload = &environment.nginx.reload;
    let switch = match &failed.reason {
        Some(Reason::SwitchFailed(switch)) => switch,
        Some(Reason::Recalled(switch)) => {
            let failure = Failure::new(
                "fleet.recalled",
                "it was proven here, but not on every host: the old release is live again",
            );
            let site = if switch.restored { Site::Restored } else { Site::Affected };
            return failure.site(site).exit(ExitCode::LiveAffected).advise("see all hosts: deployer status");
        }
        Some(Reason::SwitchNotWritten) => {
            return Failure::new("switch.unwritable", what).advise(format!(
                "nothing was switched; when it is mended: deployer {} cutover",
                environment.name
            ));
        }
        Some(Reason::ProcessesDied) => return processes::died(what, failed, environment),
        Some(Reason::NotHandedOver) => return processes::unfinished(what, failed, environment),
        Some(Reason::NotRecorded) => {
            return Failure::new(
                "switch.unrecorded",
                format!("{what}: it is live and proven, but the host could not write that down"),
            )
            .site(Site::Switched)
            .exit(ExitCode::LiveAffected)
            .advise(format!("mend that and complete it: deployer {} cutover", environment.name));
        }
        _ => {
            return Failure::new("switch.unknown", what)
                .site(Site::Unknown)
                .exit(ExitCode::LiveAffected)
                .advise("see what is served: deployer status");
        }
    };
    if let Some(why) = &switch.watched {
        let failed = |what: &str| Failure::new("watch.rolled_back", what).why(why.clone());
        let failure = if switch.restored {
            failed("the new release did not hold, and was rolled back")
                .site(Site::Restored)
                .exit(ExitCode::RolledBack)
        } else {
            failed("the new release did not hold, and the old one was not seen to be served again")
                .site(Site::Affected)
                .exit(ExitCode::LiveAffected)
        };
        return failure.advise("the new release still runs in next: look at its log, mend it, deploy anew");
    }
    let failure = if let Some((color, seen)) = wrong(switch.answer.as_ref()) {
        let health = &environment.health;
        let mut failure = Failure::new("door.unhealthy", what).why(format!(
            "the front door {}, when it was asked for {} of {color}",
            probe::describe(seen, &health.expect),
            health.path
        ));
        failure.advice = probe::advise_door(seen, environment);
        failure
    } else if switch.accepted {
        let seen = match &switch.answer {
            Some(Served::Slot(slot)) => format!("the front door still answers from {}", slot.color),
            Some(Served::Unknown { unknown: text } | Served::Silent { error: text }) => text.clone(),
            None => "the front door did not answer".to_string(),
        };
        let failure = Failure::new("reload.not_applied", what)
            .why(format!("nginx accepted the reload but did not apply it: {seen}"))
            .advise(format!("nginx's error log says why: deployer {} logs nginx", environment.name));
        match &switch.answer {
            Some(Served::Silent { .. }) if environment.url.https => failure.advise(format!(
                "or it has no server with TLS for it: deployer {} setup --tls",
                environment.name
            )),
            Some(Served::Unknown { .. }) => failure
                .advise(format!("or its site does not include {}", nginx::included(environment)))
                .advise(format!("or [environments.{}] url is not that site's", environment.name)),
            _ => failure,
        }
    } else {
        let failure = Failure::new("reload.refused", format!("{what}: {}", shell::display(reload)));
        match nginx::explain(&environment.nginx, reload, user, &switch.said) {
            Some((why, advice)) => advice.into_iter().fold(failure.why(why), Failure::advise),
            None => failure.why(switch.said.lines().last().unwrap_or("the reload was refused").to_string()),
        }
    };
    if switch.restored {
        return failure.site(Site::Restored).exit(ExitCode::LiveAffected);
    }
    let failure = failure.site(Site::Affected).exit(ExitCode::LiveAffected);
    match wrong(Some(&switch.now)) {
        Some((color, seen)) => failure.advise(format!(
            "the links are back and nginx serves {color}, of which the front door {}, too: deployer status",
            probe::describe(seen, &environment.health.expect)
        )),
        None => failure.advise("the links are back; reload nginx by hand, then: deployer status"),
    }
}

/// The slot that nginx named, and what the health check got from it, where that was wrong.
fn wrong(served: Option<&Served>) -> Option<(Color, &Answer)> {
    let slot = served?.slot()?;
    slot.health.as_ref().filter(|answer| !answer.ok).map(|answer| (slot.color, answer))
}
