//! Whether what is live would come back after a reboot.

use super::{By, Check};
use crate::config::{Environment, Supervisor};
use crate::model::{Crontab, HostState, Systemd, UnitState};
use crate::unit;

/// It stands in the way of no release, so at the worst it is a note.
pub(super) fn reboot(state: &HostState, environment: &Environment) -> Check {
    let name = "reboot";
    if environment.supervisor == Supervisor::None {
        return Check::note(name, "nothing starts it: supervisor = \"none\"");
    }
    match (state.systemd, state.crontab) {
        (Some(systemd), _) if systemd.lingers && systemd.writable => started(state, environment),
        (Some(systemd), _) => out_of_reach(systemd, &state.user),
        (None, Some(Crontab::Starts)) => Check::good(name, "cron starts it"),
        (None, Some(Crontab::Missing)) => {
            Check::note(name, "nothing starts it: there is neither systemd nor cron")
        }
        (None, _) => Check::note(
            name,
            format!(
                "no systemd; after the first deploy, deployer {} status says the line for cron",
                environment.name
            ),
        ),
    }
}

/// systemd can; what live is may have been started before it could.
fn started(state: &HostState, environment: &Environment) -> Check {
    let live = state.live.color.map(|color| state.slot(color));
    if live.is_some_and(|slot| slot.process.is_some() && slot.unit != UnitState::Enabled) {
        Check::note("reboot", "systemd could start it, but does not know of live").mend(
            By::Here,
            format!("deployer {} deploy --cutover", environment.name),
            false,
        )
    } else {
        Check::good("reboot", "systemd starts it")
    }
}

fn out_of_reach(systemd: Systemd, user: &str) -> Check {
    let mut whys = Vec::new();
    if !systemd.lingers {
        whys.push(format!("systemd starts nothing of {user} without a login"));
    }
    if !systemd.writable {
        whys.push(format!(
            "{user} may not write to ~/.config/systemd/user, where systemd looks for what it starts"
        ));
    }
    let mut check = Check::note("reboot", whys.join("; "));
    if !systemd.lingers {
        check = check.mend(By::User, "loginctl enable-linger", true);
    }
    check.roots(unit::mends(systemd, user))
}
