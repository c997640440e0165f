//! What working on a host takes beside its connection.

use super::fleet::FleetMember;
use crate::config::Environment;
use crate::plan::{Event, Observer};
use crate::ssh::Interrupt;

/// What working on a host takes beside its connection. Whoever works on several has one for each, in a thread of its own.
pub struct Work<'a> {
    pub environment: &'a Environment,
    pub interrupt: &'a Interrupt,
    pub observer: &'a mut dyn Observer,
    /// The host's part in its fleet, where it is not alone.
    pub peer: Option<&'a FleetMember<'a>>,
}

impl Work<'_> {
    pub(super) fn emit(&mut self, event: Event) {
        self.observer.event(event);
    }
}
