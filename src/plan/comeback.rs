//! Whether a slot's processes start again by themselves after a reboot, and what to do where they would not.

use super::status::Problem;
use crate::config::{Environment, Supervisor};
use crate::model::{Color, Crontab, HostState, UnitState};
use crate::{shell, unit};

/// `None`: nobody asked, nobody is to care, or nothing runs.
pub(super) fn survives(state: &HostState, environment: &Environment, color: Color) -> Option<bool> {
    let slot = state.slot(color);
    if slot.process.is_none() || environment.supervisor == Supervisor::None {
        return None;
    }
    match (state.systemd, state.crontab) {
        (Some(systemd), _) => {
            let known = slot.unit == UnitState::Enabled && unknown(state, color).is_empty();
            Some(systemd.lingers && known)
        }
        (None, Some(crontab)) => Some(crontab == Crontab::Starts),
        (None, None) => None,
    }
}

/// Of the processes that the slot should run, those that systemd does not start.
fn unknown(state: &HostState, color: Color) -> Vec<&str> {
    let slot = state.slot(color);
    let names = slot.processes.keys().map(String::as_str);
    let due = names.filter(|_| state.live.color == Some(color));
    due.filter(|name| !slot.enabled.iter().any(|enabled| enabled == name)).collect()
}

/// What is wrong with live in this, and the command that mends it: on the host, but for another deploy.
pub(super) fn problem(state: &HostState, environment: &Environment, live: Color) -> Option<Problem> {
    if survives(state, environment, live) != Some(false) {
        return None;
    }
    let (why, run) = match (state.systemd, state.crontab) {
        (Some(systemd), _) if !systemd.lingers || !systemd.writable => {
            let what = if systemd.lingers {
                "not write its units where systemd looks for them"
            } else {
                "run nothing there without a login"
            };
            let mends = unit::mends(systemd, &state.user);
            let sudo: Vec<String> = mends.iter().map(|line| format!("sudo {line}")).collect();
            (
                format!("user {} may {what} (mend it on the host, then deploy again)", state.user),
                (!sudo.is_empty()).then(|| sudo.join(" && ")),
            )
        }
        (Some(_), _) => (
            match (state.slot(live).unit, unknown(state, live)) {
                (UnitState::Enabled, names) => {
                    format!("systemd does not know of its {}", names.join(" and "))
                }
                _ => "systemd does not know of it".to_string(),
            },
            Some(format!("deployer {} deploy --cutover", environment.name)),
        ),
        (None, Some(Crontab::Silent)) => (
            "the host has no systemd; let cron start it there".to_string(),
            Some(format!(
                "(crontab -l 2>/dev/null; echo {}) | crontab -",
                shell::display(&[crontab_line(environment)])
            )),
        ),
        (None, _) => ("the host has neither systemd nor cron".to_string(), None),
    };
    Some(Problem { what: format!("live ({live}) will not survive a reboot: {why}"), run })
}

/// What the user's crontab needs; to cron, a `%` is a line's end.
fn crontab_line(environment: &Environment) -> String {
    let boot = format!("{}/.deployer/boot", environment.root);
    format!("@reboot sh {}", shell::display(&[boot])).replace('%', "\\%")
}
