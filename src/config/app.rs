//! `[app]`: the application and its folder in the repository.

use super::section::Section;
use super::value;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct App {
    pub name: String,
    /// Folder in the repository that the application lives in; `.` for its top.
    pub directory: String,
    /// Whether untracked files make the work tree dirty.
    pub untracked_is_dirty: bool,
}

impl App {
    /// A path in the repository, from one below the application's folder.
    pub fn path(&self, below: &str) -> String {
        match &*self.directory {
            "." => below.to_owned(),
            directory => format!("{directory}/{below}"),
        }
    }

    /// `folder`: the name of the file's folder.
    pub(super) fn read(table: &Section, folder: &str) -> App {
        App {
            name: table.optional("name", value::text).unwrap_or_else(|| folder.to_owned()),
            directory: table.get("directory", value::inner_path),
            untracked_is_dirty: table
                .get("untracked", |v| value::choice(v, &[("refuse", true), ("ignore", false)])),
        }
    }
}
