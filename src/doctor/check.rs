use serde::Serialize;

/// Everything that was looked at on one host.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Diagnosis {
    pub environment: String,
    pub host: String,
    pub user: String,
    pub checks: Vec<Check>,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Check {
    pub name: &'static str,
    pub level: Level,
    pub says: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mends: Vec<Mend>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    Good,
    /// Worth knowing; it stands in no way.
    Note,
    Bad,
}

/// A command that mends something, ready to paste.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Mend {
    pub by: By,
    pub command: String,
    /// Whether `--fix` may run it where the user has the right to.
    #[serde(skip)]
    pub fix: bool,
}

/// Who runs a command, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// root, on the host.
    Root,
    /// The deploy user, on the host.
    User,
    /// Whoever runs `deployer`, here.
    Here,
}

impl Check {
    pub fn good(name: &'static str, says: impl Into<String>) -> Check {
        Check { name, level: Level::Good, says: says.into(), mends: Vec::new() }
    }

    pub fn note(name: &'static str, says: impl Into<String>) -> Check {
        Check { level: Level::Note, ..Check::good(name, says) }
    }

    pub fn bad(name: &'static str, says: impl Into<String>) -> Check {
        Check { level: Level::Bad, ..Check::good(name, says) }
    }

    /// A command for root that `--fix` may run through sudo.
    #[must_use]
    pub fn root(self, command: impl Into<String>) -> Check {
        self.mend(By::Root, command, true)
    }

    /// The same, for as many as there are.
    #[must_use]
    pub fn roots(self, commands: impl IntoIterator<Item = String>) -> Check {
        commands.into_iter().fold(self, Check::root)
    }

    #[must_use]
    pub fn mend(mut self, by: By, command: impl Into<String>, fix: bool) -> Check {
        let command = command.into();
        self.mends.push(Mend { by, command, fix });
        self
    }
}

impl Diagnosis {
    /// How many things stand in the way.
    pub fn bad(&self) -> usize {
        self.checks.iter().filter(|check| check.level == Level::Bad).count()
    }
}
