//! How the environment's lease is taken.

use std::time::Duration;

use serde::{Serialize, Serializer};

use crate::model::Holder;

/// How the environment's lease is taken.
#[derive(Clone, Debug, Serialize)]
pub struct TakeLease {
    pub holder: Holder,
    /// How long to wait for one that somebody else holds.
    #[serde(serialize_with = "seconds")]
    pub patience: Duration,
    /// End whoever holds it.
    #[serde(rename = "break")]
    pub breaks: bool,
    /// Whether a pause that somebody asked for is heeded.
    #[serde(skip)]
    pub heeds_pause: bool,
    /// It must be done where the disk is full too: what is kept in reserve for that is given up, and it goes on even where
    /// nobody can write down who holds the lease.
    pub even_if_full: bool,
}

fn seconds<S: Serializer>(time: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(time.as_secs())
}
