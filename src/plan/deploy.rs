//! *State → Plan or Refusal* for `deploy`, and for the look at its migrations that `plan` takes.

use super::action::{Action, Plan};
use super::preconditions::{check_host, check_port, check_served, layout};
use super::prune::tidy;
use super::release::{FirstTime, ReleaseBuild, When};
use super::request::DeployRequest;
use super::slots::{Slots, slots};
use super::{Failure, history};
use crate::model::HostState;

/// The plan of a deploy.
///
/// # Errors
/// A refusal, where it would harm what is served or lose what next holds, or where the host cannot do it.
pub fn deploy(state: &HostState, request: &DeployRequest) -> Result<Plan, Failure> {
    let environment = request.environment;
    let slots = slots(state, environment)?;
    check_served(state, &slots, environment)?;
    check_host(state, environment)?;
    history::check(state, request, &slots)?;
    check_port(state, slots.next, environment)?;

    let key = state.key.as_deref().unwrap_or(request.new_key);
    let build = release_build(request, &slots, key);
    let mut actions = layout(state, &slots, request.new_key);
    let both = [state.slot(slots.next), state.slot(slots.live)];
    let haves = both.iter().flat_map(|slot| slot.refs.values().cloned());
    actions.push(build.seed(None, request.commit, haves.collect()));
    for (name, commit) in request.modules {
        let haves = both.iter().filter_map(|slot| slot.modules.get(name)).flatten();
        actions.push(build.seed(Some(name), commit, haves.cloned().collect()));
    }
    actions.extend(build.actions(state)?);
    let key = request.virtualenv.map_or("", |virtualenv| &virtualenv.key);
    actions.extend(tidy(state, environment, key));
    Ok(Plan { actions })
}

/// What is built in next for a request.
fn release_build<'a>(request: &'a DeployRequest, slots: &Slots, key: &'a str) -> ReleaseBuild<'a> {
    let (django, accept_migrations) = (request.django, request.accept_migrations);
    ReleaseBuild {
        environment: request.environment,
        secrets: request.secrets,
        color: slots.next,
        commit: request.commit,
        by: request.by,
        virtualenv: request.virtualenv,
        key,
        now: request.now,
        first_time: Some(FirstTime { django, accept_migrations }),
    }
}

/// The look that `plan` takes, in a folder of its own.
#[derive(Clone, Debug)]
pub struct PlannedLook {
    pub plan: Plan,
    /// Commits that the host has; what it lacks for the look goes along.
    pub haves: Vec<String>,
}

/// The look that a deploy would take, by somebody who deploys nothing; `Err` says why only the deploy can.
pub fn look(state: &HostState, request: &DeployRequest, nonce: &str) -> Result<Option<PlannedLook>, String> {
    let environment = request.environment;
    let (true, false, Ok(slots)) =
        (request.django, environment.hooks.release.is_empty(), slots(state, environment))
    else {
        return Ok(None);
    };
    if request.virtualenv.is_some_and(|virtualenv| virtualenv.local) {
        return Err("its virtualenv is built in the slot's work tree".to_string());
    }
    if request.virtualenv.is_some_and(|of| !state.virtualenvs.contains(&of.key)) {
        return Err("its virtualenv is not built yet".to_string());
    }
    let build = release_build(request, &slots, "");
    let folder = build.layout().home(&format!("look.{nonce}"));
    let look = build.look(state, folder, When::Planned, false).map_err(|failure| failure.to_string())?;
    let haves = [&state.blue, &state.green].map(|slot| slot.refs.values().cloned());
    Ok(Some(PlannedLook {
        plan: Plan { actions: vec![Action::Migrations(Box::new(look))] },
        haves: haves.into_iter().flatten().collect(),
    }))
}
