//! `[shared]`: folders of the application that outlive a release.

use serde_json::json;

use super::problem::{Complaint, ensure};
use super::section::Section;
use super::value::{self, Value, inside};

pub(super) fn read(table: &Section) -> Vec<String> {
    table.get("directories", folders)
}

fn folders(value: &Value) -> Result<Vec<String>, Complaint> {
    let found = value::list(value, "a list of folders such as [\"media\"]", folder)?;
    for (index, later) in found.iter().enumerate() {
        let both = found[..index].iter().find(|earlier| inside(later, earlier) || inside(earlier, later));
        if let Some(earlier) = both {
            let what = format!("must not name {later:?} beside {earlier:?}: one of them is in the other");
            return Err(Complaint::new(what));
        }
    }
    Ok(found)
}

/// A folder below the application's.
pub(super) fn folder(value: &Value) -> Result<String, Complaint> {
    let takes = || json!({ "type": "string", "pattern": r"^(\./)*\.?[^/.~]", "not": { "pattern": r"(^|/)\.(\.|git)(/|$)" } });
    let path = value::inner_path(value).map_err(|complaint| complaint.takes(takes()))?;
    ensure(path != ".", Complaint::new("must name a folder below the application's"))?;
    let is_git = path.split('/').any(|part| part == ".git");
    ensure(!is_git, Complaint::new("must not be in .git, which is git's"))?;
    Ok(path)
}
