//! The plan of a setup: the slots and the links, so that there is something for nginx to include.

use super::Failure;
use super::action::{Action, Plan};
use super::preconditions::{check_host, layout};
use super::slots::slots;
use crate::config::Environment;
use crate::model::{HostState, Secret};

/// Lays out what is missing; no step where nothing is.
///
/// # Errors
/// Where it cannot be told which slot is live, or the root cannot be written to.
pub fn setup(state: &HostState, environment: &Environment, new_key: &str) -> Result<Plan, Failure> {
    check_host(state, environment)?;
    let slots = slots(state, environment)?;
    let mut actions = layout(state, &slots, new_key);
    // The site is to find those files that an older deployer put aside, before the next deploy.
    if environment.static_files.is_some() && state.static_in_shared {
        actions.retain(|action| !matches!(action, Action::LayOut { .. }));
        let aside = Some(environment.app.directory.clone());
        actions.insert(0, Action::LayOut { key: Secret::new(new_key), aside });
    }
    Ok(Plan { actions })
}
