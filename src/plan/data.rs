//! Databases in a slot's work tree. Each slot has its own there, so that a cutover leaves behind what users wrote.

use crate::config::Environment;
use crate::model::{Color, HostState};

/// Celery's own note of what it ran last, a database since Python 3.13; each release may begin with none.
const SCHEDULE: &str = "celerybeat-schedule";

/// What is to be known of live's databases before another slot becomes live; where live has none, of those of the slot `to`
/// that is about to, and of what the variables name.
pub fn left_behind(state: &HostState, environment: &Environment, to: Option<Color>) -> Option<String> {
    let live = super::slots(state, environment).ok()?.live;
    let mut slots = [Some(live), to].into_iter().flatten();
    slots.find_map(|color| in_work_tree(state, environment, color)).or_else(|| named_database(environment))
}

/// A variable that names an SQLite file by a path from the application's folder, which is another in each slot.
pub fn named_database(environment: &Environment) -> Option<String> {
    let is_shared =
        |path: &str| environment.shared.iter().any(|folder| path.starts_with(&format!("{folder}/")));
    environment.env.iter().find_map(|(name, value)| {
        // Three slashes before a path from here, or two, as some want it; four before one from the top.
        let (kind, rest) = value.split_once("://")?;
        let rest = rest.strip_prefix('/').unwrap_or(rest);
        let path = rest.split('?').next().unwrap_or_default().trim_start_matches("./");
        let is_own = kind.starts_with("sqlite") && !path.is_empty() && !path.starts_with(['/', ':']);
        (is_own && !is_shared(path)).then(|| {
            format!(
                "[env] {name} names the SQLite file {path} by a path of each slot's own: after a cutover users miss what they \
                 wrote; let it be alone in a folder of [shared]"
            )
        })
    })
}

/// The same, of one slot.
pub(super) fn in_work_tree(state: &HostState, environment: &Environment, color: Color) -> Option<String> {
    let databases = state.slot(color).databases.iter();
    let found: Vec<&str> = databases
        .map(String::as_str)
        .filter(|path| !path.rsplit('/').next().is_some_and(|name| name.starts_with(SCHEDULE)))
        .collect();
    let (first, more) = (found.first()?, found.len() - 1);
    let whose = if first.starts_with("../") { "folder" } else { "work tree" };
    let place = match more {
        0 => format!("the database {first} lies"),
        more => format!("the databases {first} and {more} more lie"),
    };
    let below = match &*environment.app.directory {
        "." => Some(*first),
        directory => first.strip_prefix(directory).and_then(|path| path.strip_prefix('/')),
    };
    let is_shared = |path: &str| {
        let mut shared = environment.shared.iter();
        shared.any(|folder| path.strip_prefix(&**folder).is_some_and(|rest| rest.starts_with('/')))
    };
    if below.is_some_and(is_shared) {
        return Some(format!(
            "{place} in {color}'s own work tree, as from before its folder was shared: what is written there after the deploy \
             that copied it stays behind at the cutover"
        ));
    }
    let folder = below.and_then(|path| path.rsplit_once('/')).map(|(folder, _)| folder);
    let mend = match folder {
        _ if first.starts_with("../") => "let it be alone in a folder of [shared]".to_string(),
        Some(folder) => {
            format!("share its folder, if no commit has files there: [shared] directories = [{folder:?}]")
        }
        None => {
            "move it into a folder of its own, and share that: [shared] directories = [\"data\"]".to_string()
        }
    };
    Some(format!(
        "{place} in {color}'s own {whose}: after a cutover the other slot has another or none, and what users wrote is out of \
         sight; {mend}"
    ))
}
