//! The plan of a setup: the slots and the links, so that there is something for nginx to include.

use super::roles::roles;
use super::step::{Action, Step};
use super::{Failure, Plan, deploy};
use crate::config::Environment;
use crate::model::HostState;
use crate::shell::Call;

/// Lays out what is missing; no step where nothing is.
///
/// # Errors
/// Where it cannot be told which slot is live, or the root cannot be written to.
pub fn setup(state: &HostState, environment: &Environment, new_key: &str) -> Result<Plan, Failure> {
    deploy::check_host(state, environment)?;
    let roles = roles(state, environment)?;
    let mut steps = deploy::layout(state, environment, &roles, new_key);
    // The site is to find those files that an older deployer put aside, before the next deploy.
    if environment.static_files.is_some() && state.static_in_shared {
        let call = Call::new("host").arg("aside").arg(&environment.app.directory);
        steps.push(Step::new(Action::LayOut, call));
    }
    Ok(Plan { steps })
}
