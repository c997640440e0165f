//! Probes: how to read what came back, and which well-known mistake it shows.

use crate::config::{Environment, Statuses};
use crate::model::Answer;

/// What a probe's answer means, as a fragment: `answered 400, expected 2xx`.
pub fn describe(answer: &Answer, expect: &Statuses) -> String {
    match (&answer.status, &answer.error) {
        (Some(status), _) if answer.ok => format!("answered {status}"),
        (Some(status), _) => format!("answered {status}, expected {expect}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "did not answer".to_string(),
    }
}

/// What to do about an unhealthy answer, where its status tells.
pub fn advise(answer: &Answer, environment: &Environment) -> Vec<String> {
    let health = &environment.health;
    match answer.status {
        Some(400) => vec![format!(
            "Django answers 400 to a Host header that is not in ALLOWED_HOSTS: add {:?} there, or set [health] host",
            health.host.as_ref().unwrap_or(&environment.url.host)
        )],
        Some(301 | 302 | 307 | 308) => {
            let to = answer.location.as_deref().unwrap_or("elsewhere");
            vec![format!(
                "it redirects to {to}: set [health] path to a page that answers itself, or expect = \"2xx,3xx\""
            )]
        }
        Some(404) => {
            vec![format!(
                "nothing answers at {:?}: set [health] path to a page that exists",
                health.path
            )]
        }
        Some(401 | 403) => vec![format!(
            "{:?} wants a login: set [health] path to a public page",
            health.path
        )],
        Some(500..) => vec!["the application's own log says more: see the lines above".to_string()],
        _ => Vec::new(),
    }
}
