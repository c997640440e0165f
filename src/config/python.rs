//! `[python]`: what a release's virtualenv is made of.

use std::time::Duration;

use serde_json::json;
use toml::de::DeValue;

use super::problem::{Complaint, ensure};
use super::section::Section;
use super::value::{self, Value, wrong_type};

/// The name of uv's lock file.
pub const UV_LOCK: &str = "uv.lock";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Python {
    /// A command on the host's PATH or an absolute path.
    pub interpreter: String,
    /// The oldest Python that will do, such as `3.13`; uv brings it where the host's is older.
    pub version: Option<String>,
    /// Path as seen from the application's directory; `None`: the application needs no packages but gunicorn.
    pub requirements: Option<String>,
    pub installer: Installer,
    /// Further arguments for `pip install`, `uv pip install` or `uv sync`.
    pub install_args: Vec<String>,
    /// Bound on building a virtualenv.
    pub timeout: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Installer {
    /// `uv` where the host has it, `pip` where not.
    Auto,
    Pip,
    Uv,
}

impl Python {
    /// Whether the requirements are a lock, which uv alone can read.
    pub fn is_locked(&self) -> bool {
        let file = self.requirements.as_deref().and_then(|path| path.rsplit('/').next());
        file == Some(UV_LOCK)
    }

    /// The version that uv has to bring, where the host's own (`3.11.2 …`) is older than what is asked for.
    pub fn brought(&self, host: &str) -> Option<&str> {
        let minor = |text: &str| text.split('.').nth(1)?.parse::<u32>().ok();
        let wanted = self.version.as_deref()?;
        (minor(host)? < minor(wanted)?).then_some(wanted)
    }

    /// What a virtualenv is bound to: the host's own Python, or the one that uv brings beside it.
    pub fn identity(&self, host: &str) -> String {
        self.brought(host).map_or(host.to_owned(), |version| format!("uv {version} on {host}"))
    }

    pub(super) fn read(table: &Section) -> Python {
        let installers = [("auto", Installer::Auto), ("pip", Installer::Pip), ("uv", Installer::Uv)];
        let mut python = Python {
            interpreter: table.get("interpreter", interpreter),
            version: table.optional("version", version),
            requirements: table.get("requirements", requirements),
            installer: table.get("installer", |v| value::choice(v, &installers)),
            install_args: table.get("install_args", value::words),
            timeout: table.get("timeout", value::bound),
        };
        if python.version.is_some() && python.installer == Installer::Pip {
            let complaint = Complaint::new("cannot be had with installer = \"pip\": uv brings it");
            table.object("version", complaint.help("take one of the two out"));
        }
        if python.is_locked() {
            if python.installer == Installer::Pip {
                let complaint = Complaint::new("must not be \"pip\" where the requirements are uv's lock");
                table.object("installer", complaint.help("take it out: uv alone can read that"));
            }
            python.installer = Installer::Uv;
        }
        python
    }
}

fn interpreter(value: &Value) -> Result<String, Complaint> {
    let command = value::like(value, "^(/|[^-/][^/]*$)")?;
    let is_relative = command.contains('/') && !command.starts_with('/');
    let complaint = Complaint::new("must be a command on the host's PATH or an absolute path");
    ensure(!is_relative && !command.starts_with('-'), complaint)?;
    Ok(command)
}

/// `3.13`: no more and no less, for a newer one of the host's will do too.
fn version(value: &Value) -> Result<String, Complaint> {
    let text = value::like(value, "^3\\.([6-9]|[1-9][0-9])$")?;
    let minor = text.strip_prefix("3.").and_then(|minor| minor.parse::<u8>().ok());
    let is_right = minor.is_some_and(|minor| (6..100).contains(&minor) && text == format!("3.{minor}"));
    ensure(is_right, Complaint::new("must be a version of Python such as \"3.13\""))?;
    Ok(text)
}

/// The requirements file, or `false` where there is none. Only at its beginning may the path lead upward: a lock or a list
/// that several applications share lies above their folders.
fn requirements(value: &Value) -> Result<Option<String>, Complaint> {
    let path = match value.get_ref() {
        DeValue::Boolean(false) => return Ok(None),
        DeValue::String(path) if path.is_empty() => return Ok(None),
        DeValue::String(_) => value::text(value)?,
        _ => {
            let path = json!({
                "type": "string",
                "pattern": r"^(\.\./)*(\./)*\.?[^/.~]",
                "not": { "pattern": r"[^/.][^/]*/\.\.(/|$)" },
            });
            let complaint = wrong_type("a path, or false where there is none", value);
            return Err(complaint.takes(json!({ "anyOf": [path, { "enum": [false, ""] }] })));
        }
    };
    let rest = path.trim_start_matches("../");
    let upward = &path[..path.len() - rest.len()];
    let name = if upward.is_empty() {
        value::inner_path(value)?
    } else {
        ensure(!rest.starts_with('/'), Complaint::new("must be a path inside the repository"))?;
        value::plain_parts(rest)?.join("/")
    };
    let complaint = Complaint::new("must name a file").help("write false where there is none");
    ensure(!matches!(&*name, "" | "."), complaint)?;
    Ok(Some(format!("{upward}{name}")))
}
