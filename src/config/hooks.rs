//! What goes on around a release: hooks, folders that outlive it, static files.

use std::time::Duration;

use super::duration::parse_duration;
use super::problem::Complaint;
use super::section::{Section, Value, wrong_type};
use super::site;
use super::value;

/// Lines for `sh -c`, each at its moment of a deploy or a cutover.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hooks {
    /// On the host, in the new slot before it starts.
    pub release: Vec<String>,
    /// On the host, against next once it is healthy; `{url}` stands for where it listens.
    pub smoke: Vec<String>,
    /// Paths that next is asked for before it becomes live.
    pub warm: Vec<String>,
    /// Here, after a cutover or a rollback.
    pub after_cutover: Vec<String>,
    /// Here, after a deploy, a cutover or a rollback that failed.
    pub on_failure: Vec<String>,
    /// Bound on each hook.
    pub timeout: Duration,
}

impl Default for Hooks {
    fn default() -> Hooks {
        Hooks {
            release: Vec::new(),
            smoke: Vec::new(),
            warm: Vec::new(),
            after_cutover: Vec::new(),
            on_failure: Vec::new(),
            timeout: Duration::from_secs(15 * 60),
        }
    }
}

/// Files that nginx serves by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticFiles {
    /// Begins and ends with a slash; holds nothing that nginx's configuration would read otherwise.
    pub url: String,
    /// Below the application's directory.
    pub directory: String,
    /// The line that fills the folder; `None`: it is in the repository.
    pub collect: Option<String>,
    /// How long a file stays to be had after its release was overwritten.
    pub keep: Duration,
}

pub(super) fn hooks(section: &Section<'_, '_>) -> Hooks {
    let default = Hooks::default();
    let read = |key: &str| {
        let wanted = "a line for sh, or a list of lines";
        section.value(key, |v| lines(v, wanted)).unwrap_or_default()
    };
    Hooks {
        release: read("release"),
        smoke: read("smoke"),
        warm: section.value("warm", paths).unwrap_or_default(),
        after_cutover: read("after_cutover"),
        on_failure: read("on_failure"),
        timeout: section.value("timeout", value::bound).unwrap_or(default.timeout),
    }
}

/// Folders of the application that outlive a release.
pub(super) fn shared(section: &Section<'_, '_>) -> Vec<String> {
    section.value("directories", folders).unwrap_or_default()
}

/// `None` where no folder is named.
pub(super) fn static_files(section: &Section<'_, '_>) -> Option<StaticFiles> {
    let url = section.value("url", url).unwrap_or_else(|| "/static/".to_owned());
    let collect = section.value("collect", value::text);
    let keep = section.value("keep", keep);
    if collect.is_some() && !section.has("directory") {
        let complaint = Complaint::new("needs `directory`, the folder that it fills");
        section.object("collect", complaint.help("add: directory = \"staticfiles\""));
    }
    Some(StaticFiles {
        directory: section.value("directory", served_folder)?,
        url,
        collect,
        keep: keep.unwrap_or(Duration::from_secs(30 * DAY)),
    })
}

/// One line, or a list of lines.
pub(super) fn lines(value: &Value<'_>, wanted: &str) -> Result<Vec<String>, Complaint> {
    match value.get_ref().is_array() {
        true => value::words(value),
        false => {
            value::text(value).map(|line| vec![line]).map_err(|complaint| match value.get_ref().is_str() {
                true => complaint,
                false => wrong_type(wanted, value),
            })
        }
    }
}

fn paths(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    each(value, "a list of paths such as [\"/\", \"/pricing\"]", value::health_path)
}

fn folders(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    let found = each(value, "a list of folders such as [\"media\"]", folder)?;
    for (index, later) in found.iter().enumerate() {
        for earlier in &found[..index] {
            if inside(later, earlier) || inside(earlier, later) {
                return Err(Complaint::new(format!(
                    "must not name {later:?} beside {earlier:?}: one of them is in the other"
                )));
            }
        }
    }
    Ok(found)
}

/// Whether a path is a folder or lies in it.
pub(super) fn inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

fn each<T>(
    value: &Value<'_>,
    wanted: &str,
    read: impl Fn(&Value<'_>) -> Result<T, Complaint>,
) -> Result<Vec<T>, Complaint> {
    let items = value.get_ref().as_array().ok_or_else(|| wrong_type(wanted, value))?;
    let read = |item| read(item).map_err(|complaint| complaint.at(item.span()));
    items.iter().map(read).collect()
}

fn folder(value: &Value<'_>) -> Result<String, Complaint> {
    match value::inner_path(value)?.as_str() {
        "." => Err(Complaint::new("must name a folder below the application's")),
        path if path.split('/').any(|part| part == ".git") => {
            Err(Complaint::new("must not be in .git, which is git's"))
        }
        path => Ok(path.to_owned()),
    }
}

/// A folder that nginx's configuration names.
fn served_folder(value: &Value<'_>) -> Result<String, Complaint> {
    let path = folder(value)?;
    match path.contains(['$', '"', '\\']) {
        true => Err(Complaint::new("must not hold `$`, quotes or backslashes, which nginx reads otherwise")),
        false => Ok(path),
    }
}

/// The beginning of a path, in letters that mean the same to nginx wherever they stand.
fn url(value: &Value<'_>) -> Result<String, Complaint> {
    let url = value::text(value)?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let odd = |part: &str| matches!(part, "" | "." | "..");
    match url.strip_prefix('/').and_then(|url| url.strip_suffix('/')) {
        Some(inner) if url.chars().all(plain) && !inner.split('/').any(odd) => {
            site::not_acme(&url).map(|()| url)
        }
        _ => Err(Complaint::new("must be the beginning of a path, with a slash at both ends")
            .help("write it as \"/static/\"; it holds letters, digits, `-`, `_` and `.`")),
    }
}

const DAY: u64 = 24 * 3600;

/// A duration that may be counted in days.
fn keep(value: &Value<'_>) -> Result<Duration, Complaint> {
    let complaint =
        || Complaint::new("must be a duration such as \"30d\" or \"12h\", of ten years at the most");
    let text = value.get_ref().as_str().ok_or_else(|| wrong_type("a duration such as \"30d\"", value))?;
    match text.strip_suffix('d') {
        Some(days) if days.bytes().all(|b| b.is_ascii_digit()) => match days.parse() {
            Ok(days @ 0..=3660_u64) => Ok(Duration::from_secs(days * DAY)),
            _ => Err(complaint()),
        },
        _ => parse_duration(text).map_err(|_| complaint()),
    }
}
