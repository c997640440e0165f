//! `[static]`: files that nginx serves by itself.

use std::time::Duration;

use serde_json::json;

use super::duration::parse_duration;
use super::problem::{Complaint, ensure};
use super::section::Section;
use super::shared::folder;
use super::url::not_acme;
use super::value::{self, Value, wrong_type};

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

impl StaticFiles {
    /// `None` where no folder is named.
    pub(super) fn read(table: &Section) -> Option<StaticFiles> {
        let (url, keep) = (table.get("url", url), table.get("keep", keep));
        let collect = table.optional("collect", value::text);
        if collect.is_some() && !table.has("directory") {
            let complaint = Complaint::new("needs `directory`, the folder that it fills");
            table.object("collect", complaint.help("add: directory = \"staticfiles\""));
        }
        Some(StaticFiles { directory: table.optional("directory", served_folder)?, url, collect, keep })
    }
}

/// A folder that nginx's configuration names.
fn served_folder(value: &Value) -> Result<String, Complaint> {
    let takes = || value::path_like(r#"^(\./)*\.?[^/.~$"\\][^$"\\]*$"#);
    let path = folder(value).map_err(|complaint| complaint.takes(takes()))?;
    let complaint = "must not hold `$`, quotes or backslashes, which nginx reads otherwise";
    ensure(!path.contains(['$', '"', '\\']), Complaint::new(complaint))?;
    Ok(path)
}

/// The beginning of a path, in letters that mean the same to nginx wherever they stand.
fn url(value: &Value) -> Result<String, Complaint> {
    let takes = || value::path_like(r"^/[A-Za-z0-9_.-]([A-Za-z0-9_./-]*[A-Za-z0-9_.-])?/$");
    let url = value::text(value).map_err(|complaint| complaint.takes(takes()))?;
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./".contains(c);
    let is_plain = |inner: &str| !inner.split('/').any(|part| matches!(part, "" | "." | ".."));
    let inner = url.strip_prefix('/').and_then(|url| url.strip_suffix('/'));
    let complaint = Complaint::new("must be the beginning of a path, with a slash at both ends");
    ensure(
        inner.is_some_and(is_plain) && url.chars().all(plain),
        complaint.help("write it as \"/static/\"; it holds letters, digits, `-`, `_` and `.`"),
    )?;
    not_acme(&url)?;
    Ok(url)
}

const DAY: u64 = 24 * 3600;

/// A duration that may be counted in days.
fn keep(value: &Value) -> Result<Duration, Complaint> {
    let takes = || json!({ "type": "string", "pattern": "^([0-9]+|[0-9]{1,4}d|([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$", "minLength": 1 });
    let complaint = || wrong_type("a duration such as \"30d\"", value).takes(takes());
    let text = value.get_ref().as_str().ok_or_else(complaint)?;
    let days = text.strip_suffix('d').filter(|days| days.bytes().all(|b| b.is_ascii_digit()));
    let time = match days {
        Some(days) => {
            days.parse().ok().filter(|days: &u64| *days <= 3660).map(|days| Duration::from_secs(days * DAY))
        }
        None => parse_duration(text).ok(),
    };
    let complaint = "must be a duration such as \"30d\" or \"12h\", of ten years at the most";
    time.ok_or_else(|| Complaint::new(complaint))
}
