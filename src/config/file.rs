//! Finds and loads `deployer.toml`.

use std::path::{Path, PathBuf};

use thiserror::Error;

use super::environment::Environment;
use super::name::closest;
use super::read;

const FILE_NAME: &str = "deployer.toml";

/// A `deployer.toml` that holds at least one environment, all of them valid.
#[derive(Clone, Debug)]
pub struct Config {
    pub path: PathBuf,
    environments: Vec<Environment>,
}

/// Why there is no configuration to work with. Nothing was tried on any host.
#[derive(Debug, Error)]
pub enum ConfigError {
    #[error("no {FILE_NAME} in {} or above it, up to {}: write one there, or name one with --config", .start.display(), .top.display())]
    NotFound { start: PathBuf, top: PathBuf },

    #[error("cannot read {}: {source}", .path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },

    #[error("{}:{line}: is not UTF-8 text", .path.display())]
    NotText { path: PathBuf, line: usize },

    /// Each problem as a person reads it, behind the file's name.
    #[error("{}", listing(.path, .problems))]
    Invalid { path: PathBuf, problems: Vec<String> },

    #[error("no environment `{name}` in {}: {}", .path.display(), way_out(.name, .known))]
    UnknownEnvironment { path: PathBuf, name: String, known: Vec<String> },
}

impl Config {
    /// Reads a configuration's text; `path` is what messages call it, and its folder's name is the
    /// application's default name.
    pub fn parse(text: &str, path: &Path) -> Result<Config, ConfigError> {
        Config::parse_beside(&[], text, path)
    }

    /// The same, beside words of the command line: no environment may be named like one of them.
    pub fn parse_beside(reserved: &[&str], text: &str, path: &Path) -> Result<Config, ConfigError> {
        let folder = path
            .parent()
            .and_then(Path::file_name)
            .map(|name| name.to_string_lossy().into_owned())
            .filter(|name| !name.contains(char::is_control));
        match read::environments(text, folder.as_deref().unwrap_or("app"), reserved) {
            Ok(environments) => Ok(Config { path: path.to_owned(), environments }),
            Err(problems) => Err(ConfigError::Invalid { path: path.to_owned(), problems }),
        }
    }

    /// Every environment in the file's order.
    pub fn environments(&self) -> &[Environment] {
        &self.environments
    }

    /// The environments' names in the file's order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.environments.iter().map(|environment| environment.name.as_str())
    }

    pub fn environment(&self, name: &str) -> Result<Environment, ConfigError> {
        let found = self.environments.iter().find(|environment| environment.name == name);
        found.cloned().ok_or_else(|| ConfigError::UnknownEnvironment {
            path: self.path.clone(),
            name: name.to_owned(),
            known: self.names().map(str::to_owned).collect(),
        })
    }
}

/// Finds the configuration that rules a folder: the explicit one if there is one, else the nearest `deployer.toml`
/// in `start` or above it, up to the repository's top. `start` must be absolute.
pub fn find(start: &Path, explicit: Option<&Path>) -> Result<PathBuf, ConfigError> {
    if let Some(path) = explicit {
        return Ok(start.join(path));
    }
    let mut top = start;
    for folder in start.ancestors() {
        let candidate = folder.join(FILE_NAME);
        if candidate.is_file() {
            return Ok(candidate);
        }
        top = folder;
        // A file, not a folder, in a work tree of its own and in a submodule.
        if folder.join(".git").exists() {
            break;
        }
    }
    Err(ConfigError::NotFound { start: start.to_owned(), top: top.to_owned() })
}

/// Reads and validates a configuration file; no environment in it may be named like a reserved word.
pub fn load(path: &Path, reserved: &[&str]) -> Result<Config, ConfigError> {
    let bytes =
        std::fs::read(path).map_err(|source| ConfigError::Unreadable { path: path.to_owned(), source })?;
    let text = std::str::from_utf8(&bytes).map_err(|error| ConfigError::NotText {
        path: path.to_owned(),
        line: bytes[..error.valid_up_to()].iter().filter(|byte| **byte == b'\n').count() + 1,
    })?;
    Config::parse_beside(reserved, text, path)
}

fn listing(path: &Path, problems: &[String]) -> String {
    problems.iter().map(|problem| format!("{}:{problem}", path.display())).collect::<Vec<_>>().join("\n\n")
}

fn way_out(name: &str, known: &[String]) -> String {
    match closest(name, known.iter().map(String::as_str)) {
        Some(close) => format!("did you mean `{close}`?"),
        None => format!("it has {}", known.join(", ")),
    }
}
