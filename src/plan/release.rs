//! How a release is built in a slot: what `deploy` and a rollback to an overwritten release share.

use serde_json::json;

use super::action::Action;
use super::preconditions::held;
use super::work::{BuildVirtualenv, File, LookAtMigrations, Seed, Virtualenv};
use super::{Failure, history};
use crate::config::{Cutover, Environment, Installer, Supervisor};
use crate::model::{Color, CommitSummary, HostState, Layout, Release, Secret, Secrets};
use crate::{gunicorn, launch, nginx, python, unit};

/// A release that is to be built in a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct ReleaseBuild<'a> {
    pub environment: &'a Environment,
    pub secrets: &'a Secrets,
    pub color: Color,
    pub commit: &'a CommitSummary,
    /// `user@machine`.
    pub by: &'a str,
    /// `None`: the application needs no Python.
    pub virtualenv: Option<&'a Virtualenv>,
    /// The key of the host's probes.
    pub key: &'a str,
    /// The host's clock, in seconds since 1970.
    pub now: i64,
    /// `None`: a rollback builds it again.
    pub first_time: Option<FirstTime>,
}

/// What a deploy does once for its commit; a rollback that builds a release again does none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FirstTime {
    /// Whether the application is Django's: it has a manage.py.
    pub django: bool,
    /// Go on whatever the pending migrations hold.
    pub accept_migrations: bool,
}

/// When a look is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Before the slot is touched, in a copy of the commit.
    Before,
    /// The same, by `plan`: nobody holds the lock.
    Planned,
    /// In the slot, where the virtualenv or the build needed its work tree, and it was not done before.
    Inside,
}

impl ReleaseBuild<'_> {
    pub(super) fn layout(&self) -> Layout {
        Layout::new(&self.environment.root)
    }

    /// From the virtualenv to the record; the objects are there already.
    pub(super) fn actions(&self, state: &HostState) -> Result<Vec<Action>, Failure> {
        let (color, environment) = (self.color, self.environment);
        let virtualenv = self.virtualenv.map(|virtualenv| self.virtualenv(state, virtualenv));
        let pid = state.slot(color).process.as_ref().map(|process| process.pid);
        let stop = Action::Stop { color, pid, makes_way: true };
        let check_out = Action::CheckOut {
            color,
            commit: self.commit.clone(),
            directory: environment.app.directory.clone(),
            shared: environment.shared.clone(),
        };
        let mut actions: Vec<Action> = self.keep_static().into_iter().collect();
        // All that can fail without harm comes before the stop; packages that are in the work tree need it first.
        if self.virtualenv.is_some_and(|virtualenv| virtualenv.local) {
            actions.extend([stop, check_out]);
            actions.extend(virtualenv);
        } else {
            actions.extend(virtualenv);
            actions.extend(self.judge(state, When::Before)?);
            actions.extend([stop, check_out]);
        }
        actions.push(self.configure(state)?);
        let lines = environment.build.commands.iter();
        actions.extend(lines.map(|line| Action::Build { color, line: line.clone() }));
        actions.extend(self.collect());
        actions.extend(self.judge(state, When::Inside)?);
        if let Some(lines) = self.lines(&environment.hooks.release) {
            actions.push(Action::Release { color, lines });
        }
        actions.push(start(state, environment, color));
        if let Some(lines) = self.lines(&environment.hooks.smoke) {
            let url = format!("http://127.0.0.1:{}", environment.ports.of(color));
            let lines = lines.iter().map(|line| line.replace("{url}", &url)).collect();
            actions.push(Action::Smoke { color, lines });
        }
        actions.push(self.record(state));
        Ok(actions)
    }

    /// The seed of one repository; the bundle, if one is needed, is made when the plan is carried out.
    pub(super) fn seed(&self, module: Option<&str>, commit: &CommitSummary, haves: Vec<String>) -> Action {
        let layout = self.layout();
        Action::Seed(Seed {
            module: module.map(str::to_string),
            commit: commit.clone(),
            git: layout.git(self.color, module),
            other: layout.git(self.color.other(), module),
            upload: layout.home(&format!("upload.{}", commit.id)),
            haves,
        })
    }

    /// The lines of a hook that runs once for a commit.
    fn lines(&self, hook: &[String]) -> Option<Vec<String>> {
        (self.first_time.is_some() && !hook.is_empty()).then(|| hook.to_vec())
    }

    fn keep_static(&self) -> Option<Action> {
        let files = self.environment.static_files.as_ref()?;
        Some(Action::KeepStatic {
            color: self.color,
            folder: self.environment.app.path(&files.directory),
            app: self.environment.app.directory.clone(),
            keep: files.keep.as_secs(),
        })
    }

    fn collect(&self) -> Option<Action> {
        let files = self.environment.static_files.as_ref()?;
        Some(Action::Collect {
            color: self.color,
            folder: self.environment.app.path(&files.directory),
            line: files.collect.clone()?,
        })
    }

    fn virtualenv(&self, state: &HostState, virtualenv: &Virtualenv) -> Action {
        let wanted = &self.environment.python;
        let directory = &self.environment.app.directory;
        let requirements = wanted.requirements.as_ref();
        let brought = wanted.brought(&state.python);
        Action::Virtualenv(Box::new(BuildVirtualenv {
            key: virtualenv.key.clone(),
            complete: state.virtualenvs.contains(&virtualenv.key),
            color: self.color,
            commit: self.commit.clone(),
            interpreter: brought.unwrap_or(&wanted.interpreter).to_owned(),
            installer: match wanted.installer {
                _ if brought.is_some() => "uv",
                Installer::Auto => "auto",
                Installer::Pip => "pip",
                Installer::Uv => "uv",
            },
            directory: directory.clone(),
            requirements: requirements.map(|path| python::told(directory, path, &virtualenv.files)),
            gunicorn: self.environment.web.install().unwrap_or("-").to_string(),
            files: if virtualenv.local { Vec::new() } else { virtualenv.files.clone() },
            lines: virtualenv.lines.clone(),
            install_args: wanted.install_args.clone(),
        }))
    }

    fn configure(&self, state: &HostState) -> Result<Action, Failure> {
        let (environment, color) = (self.environment, self.color);
        let snippet = nginx::snippet(color, environment.ports.of(color), &self.commit.id, self.key);
        let mut files = vec![web(state, environment, color)?];
        files.extend(self.processes(state)?);
        files.push(etc(color, "served", format!("deployer {color} {}\n", self.commit.id)));
        let path = format!("{color}/etc/env");
        files.push(File { path, mode: "600", content: self.variables()? });
        files.push(etc(color, "nginx.conf", snippet));
        let virtualenv = self.virtualenv.map(|virtualenv| virtualenv.key.clone());
        Ok(Action::Configure { color, virtualenv, files })
    }

    /// The content of `etc/env`.
    pub(super) fn variables(&self) -> Result<Secret, Failure> {
        let environment = self.environment;
        let (env, name) = (&environment.env, &environment.name);
        Ok(gunicorn::variables(env, self.secrets, self.color, self.commit, name)?)
    }

    /// What the slot's release runs beside its web server, where there is anything to say of it.
    fn processes(&self, state: &HostState) -> Result<Vec<File>, Failure> {
        let (environment, color) = (self.environment, self.color);
        if environment.processes.is_empty() && state.slot(color).processes.is_empty() {
            return Ok(Vec::new());
        }
        let mut files = vec![etc(color, "processes.json", launch::processes(environment))];
        for (name, process) in &environment.processes {
            files.push(etc(color, &format!("run/{name}"), launch::process(environment, process)?));
            // For the cutover, which starts it.
            if let (true, Some(systemd)) = (environment.supervisor != Supervisor::None, state.systemd) {
                let text = unit::text(environment, color, name, systemd.scope);
                files.push(etc(color, &format!("units/{name}"), text));
            }
        }
        Ok(files)
    }

    fn record(&self, state: &HostState) -> Action {
        let release = Release {
            commit: self.commit.id.clone(),
            subject: self.commit.subject.clone(),
            by: self.by.to_string(),
            at: self.now,
            virtualenv: self.virtualenv.map(|of| of.key.clone()).unwrap_or_default(),
            files: self.virtualenv.map(|of| of.files.clone()).unwrap_or_default(),
            local: self.virtualenv.is_some_and(|of| of.local),
            accepted: match self.first_time {
                Some(_) => state.accepted.last().map_or(0, |last| last.number),
                // Built again, it knows no more than it did.
                None => history::known(state, &self.commit.id),
            },
        };
        Action::Record { color: self.color, record: format!("{}\n", json!(release)) }
    }

    /// The look at what the release command is about to migrate, where there is one.
    pub(super) fn judge(&self, state: &HostState, when: When) -> Result<Option<Action>, Failure> {
        let Some(first_time) = self.first_time.filter(|first_time| first_time.django) else {
            return Ok(None);
        };
        let local = self.virtualenv.is_some_and(|virtualenv| virtualenv.local);
        let wanted = match when {
            When::Inside => local || self.may_need_the_build(),
            _ => !local,
        };
        if self.environment.hooks.release.is_empty() || !wanted {
            return Ok(None);
        }
        let look = self.look(state, self.layout().home("look"), when, first_time.accept_migrations)?;
        Ok(Some(Action::Migrations(Box::new(look))))
    }

    fn may_need_the_build(&self) -> bool {
        !self.environment.build.commands.is_empty()
    }

    pub(super) fn look(
        &self,
        state: &HostState,
        folder: String,
        when: When,
        accepted: bool,
    ) -> Result<LookAtMigrations, Failure> {
        let (environment, inside) = (self.environment, when == When::Inside);
        let seconds = environment.hooks.timeout.as_secs();
        Ok(LookAtMigrations {
            accepted,
            inside,
            again: inside && !self.virtualenv.is_some_and(|virtualenv| virtualenv.local),
            later: when == When::Before && self.may_need_the_build(),
            notes: when != When::Planned,
            upload: format!("{folder}/upload"),
            folder,
            color: self.color,
            commit: self.commit.clone(),
            by: self.by.to_string(),
            directory: environment.app.directory.clone(),
            shared: environment.shared.clone(),
            virtualenv: self.virtualenv.map(|virtualenv| virtualenv.key.clone()),
            beside: held(state, self.color.other()).is_some(),
            // Somebody waits for a look of `plan`, and for nothing else.
            seconds: if when == When::Planned { seconds.min(40) } else { seconds },
            web: launch::web(environment, self.color, false)?,
            variables: self.variables()?,
        })
    }
}

/// Starts a slot's web server and proves it.
fn start(state: &HostState, environment: &Environment, color: Color) -> Action {
    let (supervisor, unit) = match (environment.supervisor, state.systemd) {
        (Supervisor::Auto, Some(systemd)) => ("auto", unit::text(environment, color, "web", systemd.scope)),
        (Supervisor::Systemd, Some(systemd)) => {
            ("systemd", unit::text(environment, color, "web", systemd.scope))
        }
        _ => ("none", String::new()),
    };
    Action::Start {
        color,
        port: environment.ports.of(color),
        server: environment.web.name(),
        log: environment.web.log(),
        supervisor,
        unit,
        boot: state.systemd.is_none() && environment.supervisor == Supervisor::Auto,
        files: Vec::new(),
    }
}

/// Starts a release that was stopped: an older deployer may have built it, which wrote less.
pub(super) fn start_again(
    state: &HostState,
    environment: &Environment,
    color: Color,
) -> Result<Action, Failure> {
    let mut action = start(state, environment, color);
    if let Action::Start { files, .. } = &mut action
        && !state.slot(color).run.iter().any(|name| name == "web")
    {
        files.push(web(state, environment, color)?);
    }
    Ok(action)
}

/// Asks the slot that is about to become live for the pages of `[hooks] warm`.
pub(super) fn warm(environment: &Environment, color: Color) -> Option<Action> {
    let (times, paths) = (environment.web.workers().into(), environment.hooks.warm.clone());
    (!paths.is_empty()).then_some(Action::Warm { color, times, paths })
}

fn web(state: &HostState, environment: &Environment, color: Color) -> Result<File, Failure> {
    // nginx looks for next, too, where it has been told to: until a cutover has told it otherwise, there is a socket.
    let followed = state.serves_by_socket();
    let words = launch::web(environment, color, followed || environment.cutover == Cutover::Socket)?;
    Ok(etc(color, "run/web", words))
}

fn etc(color: Color, name: &str, content: String) -> File {
    File::new(format!("{color}/etc/{name}"), content)
}
