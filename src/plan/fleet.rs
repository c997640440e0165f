//! What the hosts of a fleet must agree on before any of them switches.

use super::Failure;
use super::failure::Site;
use super::status::{Problem, Seen, StatusReport};
use crate::model::{ExitCode, HostState};

/// How a host of a fleet stands.
#[derive(Clone, Debug, PartialEq)]
pub struct HostStanding {
    pub host: String,
    /// The commit that is live.
    pub live: Option<String>,
    /// When it became so, in seconds since 1970.
    pub at: f64,
    /// The commit that a switch would make live.
    pub wanted: Option<String>,
}

/// What a host does in a switch of its fleet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SwitchPart {
    Switch,
    /// It has what the others go to.
    Stay,
}

impl HostStanding {
    pub fn of(host: &str, state: &HostState, wanted: Option<String>) -> HostStanding {
        let live = state.live.color.and_then(|color| state.slot(color).commit()).map(|commit| commit.id);
        HostStanding {
            host: host.to_owned(),
            live,
            at: state.history.last().map_or(0.0, |last| last.at),
            wanted,
        }
    }
}

/// The commit that a fleet switches to: that which all hosts would make live. Where they have split and it is not the same,
/// what was decided last is carried on (`forward`), or taken back on the host that has it.
fn target(all: &[HostStanding], forward: bool) -> Option<&String> {
    let mut wanted = all.iter().filter_map(|one| one.wanted.as_ref());
    let first = wanted.next();
    let is_split = all.iter().any(|one| one.live != all[0].live);
    if !is_split || wanted.all(|other| Some(other) == first) {
        return first;
    }
    let latest = all.iter().max_by(|a, b| a.at.total_cmp(&b.at))?;
    if forward { latest.live.as_ref() } else { latest.wanted.as_ref() }
}

/// What `own` does, one of `all`, so that every host has the same release in the end.
///
/// # Errors
/// Where the host holds another release than the one that the fleet switches to.
pub fn part(
    all: &[HostStanding],
    own: &HostStanding,
    forward: bool,
    environment: &str,
) -> Result<SwitchPart, Failure> {
    let target = target(all, forward);
    let split = all.iter().any(|one| one.live != own.live);
    if split && target.is_some() && own.live.as_ref() == target {
        return Ok(SwitchPart::Stay);
    }
    if own.wanted.as_ref() == target {
        return Ok(SwitchPart::Switch);
    }
    let name =
        |commit: Option<&String>| commit.map_or("nothing", |commit| crate::model::short(commit)).to_owned();
    let what = format!(
        "{} holds {} where the other hosts go to {}: nobody has switched",
        own.host,
        name(own.wanted.as_ref()),
        name(target)
    );
    Err(Failure::new("fleet.differs", what)
        .site(Site::Untouched)
        .exit(ExitCode::Failed)
        .advise(format!("bring all hosts to one commit: deployer {environment} deploy {}", name(target))))
}

/// Adds to a status which hosts of a fleet do not have what the others have.
pub fn name_splits(report: &mut StatusReport) {
    let lives: Vec<(String, String, Option<String>)> = report
        .environments
        .iter()
        .filter_map(|one| match &one.seen {
            Seen::Reached(host) => {
                let commit = host.live.as_ref().and_then(|slot| slot.commit.as_ref());
                Some((one.name.clone(), one.host.clone(), commit.map(|commit| commit.short().to_owned())))
            }
            Seen::Unreachable { .. } => None,
        })
        .collect();
    for one in &mut report.environments {
        let Seen::Reached(host) = &mut one.seen else { continue };
        let Some((_, _, own)) = lives.iter().find(|(name, host, _)| (name, host) == (&one.name, &one.host))
        else {
            continue;
        };
        if let Some((_, other, live)) = lives.iter().find(|(name, _, live)| *name == one.name && live != own)
        {
            let live = live.as_deref().unwrap_or("nothing");
            host.problems.push(Problem {
                what: format!("the fleet is split: live is {live} on {other}"),
                run: Some(format!("deployer {} cutover", one.name)),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn standing(host: &str, live: &str, at: f64, wanted: &str) -> HostStanding {
        let commit = |text: &str| (!text.is_empty()).then(|| text.to_owned());
        HostStanding { host: host.into(), live: commit(live), at, wanted: commit(wanted) }
    }

    fn parts(all: &[HostStanding], forward: bool) -> Vec<String> {
        let part = |own| part(all, own, forward, "prod");
        all.iter()
            .map(|own| part(own).map_or_else(|failure| failure.what, |part| format!("{part:?}")))
            .collect()
    }

    #[test]
    fn hosts_that_agree_switch() {
        let all = [standing("web1", "old", 1.0, "new"), standing("web2", "old", 2.0, "new")];
        assert_eq!(parts(&all, true), ["Switch", "Switch"]);
        assert_eq!(parts(&all, false), ["Switch", "Switch"]);
    }

    #[test]
    fn a_split_is_mended_towards_what_came_last() {
        let all = [standing("web1", "new", 9.0, "old"), standing("web2", "old", 2.0, "new")];
        assert_eq!(parts(&all, true), ["Stay", "Switch"]);
        assert_eq!(parts(&all, false), ["Switch", "Stay"]);
    }

    #[test]
    fn what_was_deployed_to_all_goes_to_all_however_they_had_split() {
        let all = [standing("web1", "new", 9.0, "newer"), standing("web2", "old", 2.0, "newer")];
        assert_eq!(parts(&all, true), ["Switch", "Switch"]);
        // A host that is new has nothing live.
        let all = [standing("web1", "old", 9.0, "new"), standing("web2", "", 0.0, "new")];
        assert_eq!(parts(&all, true), ["Switch", "Switch"]);
    }

    #[test]
    fn a_host_that_is_not_fit_does_not_say_where_the_others_go() {
        let all = [standing("web1", "old", 1.0, ""), standing("web2", "old", 2.0, "new")];
        assert_eq!(parts(&all, true)[1], "Switch");
    }

    #[test]
    fn whoever_has_something_else_keeps_all_back() {
        let all = [standing("web1", "old", 1.0, "new"), standing("web2", "old", 2.0, "other")];
        let held = "web2 holds other where the other hosts go to new: nobody has switched";
        assert_eq!(parts(&all, true), ["Switch", held]);
    }
}
