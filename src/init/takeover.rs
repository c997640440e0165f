//! What an application's former tools were told becomes part of what is recognised.

use super::former::{Former, minor_version};
use super::packages::Packages;
use super::recognised::{Framework, HealthHint, Recognised};
use super::server::{bare, settings, take};
use super::sources::Sources;
use super::{capistrano, fujin, gitric, kamal, procfile};

/// What is told by all of them; of two that say the same, the more specific.
pub(super) fn former(sources: &Sources) -> Former {
    let mut found = Former::default();
    for read in [gitric::read, fujin::read, kamal::read, capistrano::read, procfile::read] {
        if let Some(told) = read(sources) {
            found.add(told);
        }
    }
    if found.python.is_none() {
        found.python = oldest_python(sources);
    }
    if !found.files.is_empty() {
        found.notes.insert(0, format!("taken over from {}", found.files.join(" and ")));
    }
    found
}

/// What another tool was told of the application is what a person meant: it counts above what the sources look like.
pub(super) fn take_over(found: &mut Recognised, mut former: Former, packages: &Packages) {
    // There a line changes to the folder that it is run in here.
    let change = format!("cd {} && ", found.directory);
    let own = |line: &str| bare(line.trim().strip_prefix(&*change).unwrap_or(line));
    if let Some(line) = former.web.take() {
        let (variables, line) = settings(&own(&line));
        former.env.extend(variables.into_iter().filter(|(name, _)| is_variable(name)));
        take(found, &line, former.web_file.unwrap_or_default(), packages);
        if let (None, Some(_)) = (found.kind, &found.app) {
            found.kind = Some(Framework::Object(if found.asgi { "ASGI" } else { "WSGI" }));
        }
    }
    // What is collected for nginx has a place of its own.
    let is_own = |part: &&str| found.static_files.is_none() || !part.contains("collectstatic");
    let release = former.release.take().map(|line| {
        let parts: Vec<String> = own(&line).split("&&").filter(is_own).map(bare).collect();
        parts.join(" && ")
    });
    former.release = release.filter(|line| !line.is_empty());
    former.processes.values_mut().for_each(|command| *command = own(command));
    if let Some(path) = former.health.take().filter(|path| path.starts_with('/')) {
        found.health = HealthHint { path: Some(path), doubt: None };
        found.notes.retain(|note| !note.contains("[health] path"));
    }
    found.settings = former.env.remove("DJANGO_SETTINGS_MODULE").or(found.settings.take());
    former.secrets.retain(|name| !is_given(name));
    former.env.retain(|name, _| !is_given(name) && !former.secrets.contains(name));
    found.variables.retain(|name| !former.env.contains_key(name) && !former.secrets.contains(name));
    found.notes.append(&mut former.notes);
    found.former = former;
}

fn is_variable(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_uppercase())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// Whether a slot has a variable by itself.
pub(super) fn is_given(name: &str) -> bool {
    ["DJANGO_SETTINGS_MODULE", "PORT", "BLUEGREEN"].contains(&name) || name.starts_with("DEPLOYER_")
}

/// The Python that the project's files ask for, where not every host has one.
fn oldest_python(sources: &Sources) -> Option<String> {
    /// What the oldest Debian that is kept up has.
    const EVERYWHERE: u8 = 9;
    let table = |name: &str| sources.text(name)?.parse::<toml::Table>().ok();
    let text = |table: &toml::Table, path: &[&str]| {
        let (last, above) = path.split_last()?;
        let table = above.iter().try_fold(table, |table, name| table.get(*name)?.as_table())?;
        table.get(*last)?.as_str().map(str::to_owned)
    };
    let project = table("pyproject.toml").unwrap_or_default();
    let asked = [
        sources.text(".python-version").map(str::to_owned),
        sources.text("runtime.txt").map(str::to_owned),
        text(&project, &["project", "requires-python"]).filter(|bound| bound.contains(['>', '=', '~'])),
        text(&project, &["tool", "poetry", "dependencies", "python"]),
        table("Pipfile").and_then(|table| text(&table, &["requires", "python_version"])),
    ];
    let version = asked.into_iter().flatten().find_map(|text| minor_version(&text))?;
    let minor: u8 = version.strip_prefix("3.")?.parse().ok()?;
    (minor > EVERYWHERE).then_some(version)
}
