use std::time::Duration;

use super::Verb;

impl Verb {
    /// As it is typed.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Verb::Init(_) => "init",
            Verb::Doctor(_) => "doctor",
            Verb::Setup(_) => "setup",
            Verb::Deploy(_) => "deploy",
            Verb::Cutover(_) => "cutover",
            Verb::Rollback(_) => "rollback",
            Verb::Status(_) => "status",
            Verb::History(_) => "history",
            Verb::Stop(_) => "stop",
            Verb::Lock(_) => "lock",
            Verb::Unlock(_) => "unlock",
            Verb::Prune(_) => "prune",
            Verb::Plan(_) => "plan",
            Verb::Open(_) => "open",
            Verb::Rehearse(_) => "rehearse",
            Verb::Completions(_) => "completions",
            Verb::Man(_) => "man",
            Verb::Help(_) => "help",
            Verb::Env(_) => "env",
            Verb::Run(_) => "run",
            Verb::Logs(_) => "logs",
        }
    }
}

/// How long a command waits for a lock that somebody else holds.
pub(crate) fn patience(verb: &Verb) -> Duration {
    let wait = match verb {
        Verb::Deploy(deploy) => deploy.wait.wait,
        Verb::Cutover(cutover) => cutover.wait.wait,
        Verb::Rollback(rollback) => rollback.wait.wait,
        Verb::Stop(stop) => stop.wait.wait,
        Verb::Prune(prune) => prune.wait.wait,
        _ => None,
    };
    wait.unwrap_or(Duration::ZERO)
}
