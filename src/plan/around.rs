//! The steps around a release's start that the configuration asks for: static files, hooks.

use super::rebuild::Build;
use super::step::{Action, Step};
use crate::config::Environment;
use crate::model::Color;
use crate::shell::Call;

/// Sent by the deploys that need it alone; `put` lays it down, its step takes it away.
const STATIC: &str = include_str!("../../templates/once/static.py");

/// What a deploy does once for its commit; a rollback that builds a release again does none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Once {
    /// Whether the application is Django's: it has a manage.py.
    pub django: bool,
    /// Go on whatever the pending migrations hold.
    pub accept_migrations: bool,
}

impl Build<'_> {
    /// Puts aside the static files that the slot still has.
    pub(super) fn keep_static(&self) -> Option<Step> {
        let files = self.environment.static_files.as_ref()?;
        let call = Call::new("keep_static")
            .arg(self.color.as_str())
            .arg(self.environment.app.path(&files.directory))
            .arg(files.keep.as_secs().to_string())
            .arg(&self.environment.app.directory);
        let script = self.layout().home("static.py");
        let action = Action::KeepStatic { color: self.color };
        Some(Step::new(action, call).before(Call::new("put").arg(script).arg("600").arg(STATIC)))
    }

    pub(super) fn collect(&self) -> Option<Step> {
        let files = self.environment.static_files.as_ref()?;
        let call = Call::new("collect")
            .arg(self.color.as_str())
            .arg(self.environment.app.path(&files.directory))
            .arg(files.collect.as_ref()?);
        Some(Step::new(Action::Collect { color: self.color }, call))
    }

    pub(super) fn release(&self) -> Option<Step> {
        let lines = &self.environment.hooks.release;
        if self.once.is_none() || lines.is_empty() {
            return None;
        }
        let call = Call::new("release_hook").arg(self.color.as_str()).args(lines);
        Some(Step::new(Action::Release { color: self.color }, call))
    }

    pub(super) fn smoke(&self) -> Option<Step> {
        let lines = &self.environment.hooks.smoke;
        if self.once.is_none() || lines.is_empty() {
            return None;
        }
        let port = self.environment.ports.of(self.color);
        let url = format!("http://127.0.0.1:{port}");
        let call = Call::new("smoke")
            .arg(self.color.as_str())
            .arg(port.to_string())
            .args(lines.iter().map(|line| line.replace("{url}", &url)));
        Some(Step::new(Action::Smoke { color: self.color }, call))
    }
}

/// Asks the slot that is about to become live for the pages of `[hooks] warm`.
pub(super) fn warm(environment: &Environment, color: Color) -> Option<Step> {
    let paths = &environment.hooks.warm;
    if paths.is_empty() {
        return None;
    }
    let call = Call::new("warm").arg(color.as_str()).arg(environment.web.workers().to_string()).args(paths);
    Some(Step::new(Action::Warm { color }, call))
}
