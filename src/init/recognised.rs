use std::fmt;

use super::former::Former;

/// What was recognised; what is not known is left for a person to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Recognised {
    pub kind: Option<Framework>,
    /// Where that was seen: `manage.py`, `app.py`.
    pub seen: Option<String>,
    /// The application's folder, as seen from the folder looked at; `.` for that folder itself.
    pub directory: String,
    /// `module:callable`.
    pub app: Option<String>,
    /// The folder below `directory` that modules are imported from, where it is not `directory` itself.
    pub python_path: Option<String>,
    /// Whether it speaks ASGI: gunicorn then needs uvicorn's workers.
    pub asgi: bool,
    /// The requirements file below `directory`; `None`: there is none yet.
    pub requirements: Option<String>,
    /// Whether the requirements bring gunicorn.
    pub has_gunicorn: bool,
    pub health: HealthHint,
    /// Django's settings module.
    pub settings: Option<String>,
    /// `manage.py` below `directory`.
    pub manage: Option<String>,
    pub static_files: Option<Static>,
    /// The folder that uploads go to.
    pub media: Option<String>,
    pub celery: Option<Celery>,
    pub database: Option<Database>,
    pub migrations: Option<MigrationTool>,
    /// Variables that the sources read from the environment.
    pub variables: Vec<String>,
    /// The command that starts an application that is not Python's.
    pub command: Option<String>,
    /// What builds it.
    pub build: Option<String>,
    /// Further arguments of its web server, and how many workers it has, where a line for another tool says so.
    pub args: Vec<String>,
    pub workers: Option<u16>,
    /// What was told of by the files of another tool.
    pub former: Former,
    /// What a person has to do or to know.
    pub notes: Vec<String>,
}

/// What migrates the database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MigrationTool {
    Django,
    Flask,
    /// With its `alembic.ini`, as seen from the application's folder.
    Alembic(String),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framework {
    Django,
    /// A framework whose application is an object: its name and what makes it.
    Object(&'static str),
    Node,
}

impl fmt::Display for Framework {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Framework::Django => "Django",
            Framework::Object(name) => name,
            Framework::Node => "Node",
        })
    }
}

/// What a probe should ask for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct HealthHint {
    /// A page that answers anybody, as far as the sources tell.
    pub path: Option<String>,
    /// Why a person should look at it.
    pub doubt: Option<&'static str>,
}

/// Files that nginx can serve by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Static {
    /// Begins and ends with a slash.
    pub url: String,
    /// Below the application's directory.
    pub root: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Celery {
    /// The module for `celery -A`.
    pub app: String,
    pub beat: bool,
}

/// A database in the work tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Database {
    /// As seen from the application's folder, where the sources tell.
    pub file: Option<String>,
    /// The folder that can outlive the releases: nothing else is in it.
    pub folder: Option<String>,
    /// The variable that names another database.
    pub instead: Option<String>,
}
