//! The plan of a setup: the slots and the links, so that there is something for nginx to include.

use super::roles::roles;
use super::{Failure, Plan, deploy};
use crate::config::Environment;
use crate::model::HostState;

/// Lays out what is missing; no step where nothing is.
///
/// # Errors
/// Where it cannot be told which slot is live, or the root cannot be written to.
pub fn setup(state: &HostState, environment: &Environment, new_key: &str) -> Result<Plan, Failure> {
    deploy::check_host(state, environment)?;
    let roles = roles(state, environment)?;
    Ok(Plan {
        steps: deploy::layout(state, environment, &roles, new_key),
    })
}
