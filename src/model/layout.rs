use super::Color;

/// Where things are on the host; paths are absolute and in the host's own form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    root: String,
}

impl Layout {
    /// `root` is absolute and has no slash at its end.
    pub fn new(root: impl Into<String>) -> Layout {
        Layout { root: root.into() }
    }

    /// The git directory of a slot's repository, or of one of its submodules.
    pub fn git(&self, color: Color, module: Option<&str>) -> String {
        let git = format!("{}/{color}/repo/.git", self.root);
        match module {
            None => git,
            Some(name) => format!("{git}/{name}"),
        }
    }

    /// What `deployer` keeps for itself.
    pub fn home(&self, file: &str) -> String {
        format!("{}/.deployer/{file}", self.root)
    }
}
