//! What a deploy is asked for.

use super::work::Virtualenv;
use crate::config::Environment;
use crate::model::{CommitSummary, Relation, Secrets};

/// What is asked for, as far as the local side knows it.
#[derive(Clone, Debug)]
pub struct DeployRequest<'a> {
    pub environment: &'a Environment,
    pub secrets: &'a Secrets,
    pub commit: &'a CommitSummary,
    /// `user@machine`.
    pub by: &'a str,
    pub force: bool,
    /// Whether the application is Django's.
    pub django: bool,
    /// Apply migrations that what runs now may not survive.
    pub accept_migrations: bool,
    /// How the commit stands to what the next slot holds; `None`: it holds nothing.
    pub relation: Option<Relation>,
    /// The same, of what is live.
    pub relation_to_live: Option<Relation>,
    /// `None`: the application needs no Python.
    pub virtualenv: Option<&'a Virtualenv>,
    /// Submodules at this commit: name and commit.
    pub modules: &'a [(String, CommitSummary)],
    /// The key for a host that has none yet.
    pub new_key: &'a str,
    /// The host's clock, in seconds since 1970.
    pub now: i64,
}
