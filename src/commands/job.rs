//! What a verb needs beside its own arguments: the configuration, the environments, the way to their hosts.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;

use super::invocation::Invocation;
use super::person::who;
use super::{Context, Vault, names};
use crate::config::{self, Config, ConfigError, Environment};
use crate::plan::Failure;
use crate::ssh::{ConnectOptions, Interrupt};
use crate::ui::{Terminal, Ui};

/// A command with its configuration, and what every way to a host needs.
pub(super) struct Workspace {
    pub(super) config: Config,
    pub(super) connect: ConnectOptions,
    pub(super) interrupt: Interrupt,
    /// Who runs this, as `user@machine`.
    pub(super) by: String,
}

/// A command that is about one environment.
pub(super) struct Job {
    pub(super) workspace: Workspace,
    pub(super) environment: Environment,
    vault: Vault,
    terminal: Terminal,
    dry_run: bool,
}

/// The folder that somebody stands in.
pub(super) fn here() -> Result<PathBuf, Failure> {
    Ok(std::env::current_dir().context("cannot tell the current folder")?)
}

impl Invocation {
    /// Reads the configuration.
    pub(super) fn workspace(&self) -> Result<Workspace, Failure> {
        let start = here()?;
        let path = config::find(&start, self.options.config.as_deref());
        let config = path.and_then(|path| config::load(&path, &names())).map_err(|error| {
            let failure = Failure::usage("config", error.to_string());
            match error {
                ConfigError::NotFound { .. } => failure.advise("deployer init"),
                _ => failure,
            }
        })?;
        let mut connect = ConnectOptions::from_env();
        if let Some(file) = &self.options.ssh_config {
            // What `ssh -F` refuses too: without it another host could be meant.
            if !file.is_file() {
                let what = format!("there is no {}", start.join(file).display());
                return Err(Failure::usage("ssh_config", what).why("-F names it"));
            }
            connect.config_files = vec![file.clone()];
        }
        let interrupt = Interrupt::install().context("cannot listen for Ctrl-C")?;
        let by = who(folder(&config));
        Ok(Workspace { config, connect, interrupt, by })
    }

    /// The environments that the command is about: the one that is named, or all.
    pub(super) fn environments(&self, config: &Config) -> Result<Vec<Environment>, Failure> {
        match &self.environment {
            Some(name) => Ok(vec![self.named(config, name)?]),
            None => config.environments().iter().map(|one| self.named(config, &one.name)).collect(),
        }
    }

    fn named(&self, config: &Config, name: &str) -> Result<Environment, Failure> {
        let environment = named(config, name)?;
        if let Some(wanted) = &self.host {
            let known: Vec<&str> = environment.hosts().map(|host| &*host.target.host).collect();
            let what = format!("{name} has no host {wanted}: it has {}", known.join(", "));
            return environment.host(wanted).ok_or_else(|| Failure::usage("environment", what));
        }
        if environment.fleet.is_some() && !self.fleets {
            let what = format!("`{}` works on one host, and {name} has several", self.verb);
            let host = &environment.target.host;
            let command = format!("deployer {name} {} --host {host}", self.verb);
            return Err(Failure::usage("fleet.verb", what).advise(command));
        }
        Ok(environment)
    }

    /// Reads the configuration of the environment that is named, and begins the log.
    pub(super) fn job(&self, ui: &mut Ui) -> Result<Job, Failure> {
        let workspace = self.workspace()?;
        let Some(name) = &self.environment else {
            return Err(self.no_environment(&workspace.config));
        };
        let environment = self.named(&workspace.config, name)?;
        ui.keep_log(&environment.name, self.verb);
        if self.one_object {
            ui.one_object();
        }
        let vault = Vault::new(workspace.folder(), ui.concealed());
        Ok(Job { workspace, environment, vault, terminal: Terminal, dry_run: self.options.dry_run })
    }

    fn no_environment(&self, config: &Config) -> Failure {
        let verb = self.verb;
        let known: Vec<&str> = config.names().collect();
        let example = known.first().copied().unwrap_or("prod");
        let what = format!("`{verb}` needs an environment; there are: {}", known.join(", "));
        Failure::usage("environment", what).advise(format!("deployer {example} {verb}"))
    }
}

impl Workspace {
    /// The folder that the configuration stands in: where its repository is looked for.
    pub(super) fn folder(&self) -> &Path {
        folder(&self.config)
    }
}

impl Job {
    /// What the talk with the host needs.
    pub(super) fn context<'a>(&'a mut self, ui: &'a mut Ui) -> Context<'a> {
        Context {
            environment: &self.environment,
            vault: &self.vault,
            ssh: &self.workspace.connect,
            prompt: &mut self.terminal,
            interrupt: &self.workspace.interrupt,
            observer: ui,
            by: &self.workspace.by,
            dry_run: self.dry_run,
            patience: Duration::ZERO,
            peer: None,
        }
    }
}

fn folder(config: &Config) -> &Path {
    config.path.parent().unwrap_or(Path::new("."))
}

fn named(config: &Config, name: &str) -> Result<Environment, Failure> {
    config.environment(name).map_err(|error| Failure::usage("environment", error.to_string()))
}
