//! `[fleet]`: how the hosts of an environment switch together.

use std::time::Duration;

use super::section::Section;
use super::value;

/// How the hosts of an environment switch together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FleetRules {
    /// How many hosts switch at one time; `None`: all.
    pub at_once: Option<usize>,
    /// How long a host that has switched waits for the decision before it goes back by itself.
    pub decide_within: Duration,
    /// The host that runs the release command; `None`: the first.
    pub primary: Option<String>,
}

impl FleetRules {
    pub(super) fn read(table: &Section) -> FleetRules {
        FleetRules {
            at_once: table.optional("at_once", |value| value::number(value, 1, 1000)).map(usize::from),
            decide_within: table.get("decide_within", value::bound),
            primary: table.optional("primary", value::text),
        }
    }
}
