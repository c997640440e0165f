//! Probes: how to read what came back, and which well-known mistake it shows.

use crate::config::{Environment, Statuses};
use crate::model::Answer;

/// What a probe's answer means, as a fragment: `answered 400, expected 2xx`.
pub(crate) fn describe(answer: &Answer, expect: &Statuses) -> String {
    match (&answer.status, &answer.error) {
        (Some(status), _) if answer.ok => format!("answered {status}"),
        (Some(status), _) => format!("answered {status}, expected {expect}"),
        (None, Some(error)) => error.clone(),
        (None, None) => "did not answer".to_string(),
    }
}

/// What a person is told while a started release gives a wrong answer.
pub(crate) fn waits(answer: &Answer, environment: &Environment) -> String {
    let health = &environment.health;
    let to = answer.location.as_ref().map(|to| format!(" to {to}")).unwrap_or_default();
    format!("waiting: {} {}{to}", health.path, describe(answer, &health.expect))
}

/// What to do about an unhealthy answer, where its status tells.
pub(crate) fn advise(answer: &Answer, environment: &Environment) -> Vec<String> {
    let health = &environment.health;
    match answer.status {
        Some(400) => vec![format!(
            "Django answers 400 to a Host header that is not in ALLOWED_HOSTS: add {:?} there, or set [health] host",
            health.host.as_ref().unwrap_or(&environment.url.host)
        )],
        Some(301 | 302 | 303 | 307 | 308) => vec![redirected(answer, environment)],
        Some(404) => {
            vec![format!(
                "the application serves nothing at {:?}: set [health] path to a page that it serves",
                health.path
            )]
        }
        Some(401 | 403) => {
            vec![format!("{:?} wants a login: set [health] path to a public page", health.path)]
        }
        Some(405) => vec![format!("{:?} takes no GET: set [health] path to a page that does", health.path)],
        Some(500..) => vec!["the application's own log says more: see the lines above".to_string()],
        _ => Vec::new(),
    }
}

/// What an address is called by whose page is a login.
const LOGINS: [&str; 7] = ["login", "signin", "sign-in", "sign_in", "auth", "sso", "session"];

/// Where a redirect leads, without its query: the page that was asked for, a token.
fn led_to(answer: &Answer) -> Option<&str> {
    answer.location.as_deref()?.split('?').next()
}

/// What to do about a redirect, by where it leads.
fn redirected(answer: &Answer, environment: &Environment) -> String {
    let (asked, to) = (&environment.health.path, led_to(answer).unwrap_or("elsewhere"));
    let rest = to.split_once("://").map_or(to, |(_, rest)| rest);
    let path = if rest.len() == to.len() { to } else { rest.find('/').map_or("/", |at| &rest[at..]) };
    let bare = |path: &str| path.split(['?', '#']).next().unwrap_or_default().to_owned();
    let (path, asked) = (bare(path), bare(asked));
    if path != asked && path.trim_end_matches('/') == asked.trim_end_matches('/') {
        return format!("it redirects to {to}, which differs by a slash: set [health] path = {path:?}");
    }
    if path == asked && to.starts_with("https:") {
        return if environment.url.https {
            format!(
                "it redirects to {to} although the probe says X-Forwarded-Proto: https, as nginx must: let the application \
                 believe that header (Django: SECURE_PROXY_SSL_HEADER; Flask: ProxyFix)"
            )
        } else {
            format!(
                "it sends plain http to {to}: name the https address in [environments.{}] url, or turn that redirect off",
                environment.name
            )
        };
    }
    let lower = path.to_ascii_lowercase();
    if LOGINS.iter().any(|word| lower.contains(word)) {
        return format!("it redirects to {to}, a login: set [health] path to a page that needs none");
    }
    format!("it redirects to {to}: set [health] path to a page that answers itself, or expect = \"2xx,3xx\"")
}

/// What to do where the front door gives another answer than the slot at its port.
pub(crate) fn advise_door(answer: &Answer, environment: &Environment) -> Vec<String> {
    match answer.status {
        Some(200..=499) => vec![
            "nginx's site passes a visitor's request on otherwise than the probe asks at the port: compare the headers \
             that it sets (Host, X-Forwarded-Proto)"
                .to_string(),
            "or set [health] path to a page that every visitor may see".to_string(),
        ],
        _ => vec![format!(
            "nginx's error log says why: deployer {} logs nginx",
            environment.name
        )],
    }
}
