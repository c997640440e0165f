//! Which of the pages that are served a probe should ask for.

use super::modules::Modules;
use super::recognised::{Framework, HealthHint, Recognised};
use super::views::Defaults;
use super::{routes, urls};

/// What a page for probes is called, the best first.
const NAMES: [&str; 13] = [
    "healthz",
    "health",
    "up",
    "ping",
    "status",
    "livez",
    "readyz",
    "healthcheck",
    "health-check",
    "health_check",
    "alive",
    "ready",
    "heartbeat",
];

const LOGINS: [&str; 3] = ["login", "signin", "sign-in"];

pub(super) fn health(
    modules: &Modules,
    found: &Recognised,
    root: Option<&str>,
    defaults: Defaults,
) -> HealthHint {
    let (mut served, unknown, docs) = match found.kind {
        Some(Framework::Django) => {
            let (served, unknown) = urls::served(modules, root.unwrap_or("urls"), defaults);
            (served, unknown, None)
        }
        Some(Framework::Object(_)) => {
            let (served, docs) = routes::served(modules, found);
            (served, Vec::new(), docs)
        }
        Some(Framework::Node) | None => return HealthHint::default(),
    };
    let last = |path: &str| path.trim_end_matches('/').rsplit('/').next().unwrap_or("").to_owned();
    let name = |path: &str| last(path).trim_matches(['_', '-']).to_ascii_lowercase();
    served.sort_by_key(|path| (path.matches('/').count(), path.len(), path.clone()));
    let by_name = |paths: &[String]| {
        let named = |wanted: &&str| paths.iter().find(|path| name(path) == **wanted).cloned();
        NAMES.iter().find_map(named)
    };
    let of = |path: String, doubt: Option<&'static str>| HealthHint { path: Some(path), doubt };
    if let Some(path) = by_name(&served) {
        return of(path, None);
    }
    if let Some(path) = by_name(&unknown) {
        return of(path, Some("it must answer 2xx without a login; its view was not seen"));
    }
    if let Some(path) = served.iter().find(|path| *path == "/") {
        return of(path.clone(), None);
    }
    let login = || served.iter().find(|path| LOGINS.contains(&&*name(path))).cloned();
    match docs.or_else(login) {
        Some(path) => of(path, Some("it answers without a login; a page made for probes is better")),
        None => HealthHint {
            path: None,
            doubt: Some(
                "a guess: name a page that answers 2xx without a login; none was seen in the sources",
            ),
        },
    }
}
