//! The steps that bring a release to life in next: what `deploy` and a rollback to an overwritten release share.

use serde_json::json;

use super::around::Once;
use super::migrations::When;
use super::step::{Action, Seed, Step, Virtualenv};
use super::{Failure, history};
use crate::config::{Cutover, Environment, Installer, Supervisor};
use crate::model::{Color, CommitSummary, HostState, Layout, Release, Secret, Secrets};
use crate::shell::Call;
use crate::{gunicorn, launch, nginx, python, unit};

/// A release that is to be built in a slot.
#[derive(Clone, Copy, Debug)]
pub(super) struct Build<'a> {
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
    pub once: Option<Once>,
}

impl Build<'_> {
    pub(super) fn layout(&self) -> Layout {
        Layout::new(&self.environment.root)
    }

    /// From the virtualenv to the record; the objects are there already.
    pub(super) fn steps(&self, state: &HostState) -> Result<Vec<Step>, Failure> {
        let (color, commit) = (self.color, self.commit);
        let virtualenv = self.virtualenv.map(|virtualenv| self.virtualenv(state, virtualenv));
        let stop = self.vacate(state);
        let check_out = Step::new(
            Action::CheckOut { color, commit: commit.clone() },
            Call::new("checkout")
                .arg(color.as_str())
                .arg(&commit.id)
                .arg(&self.environment.app.directory)
                .args(&self.environment.shared),
        );
        // All that can fail without harm comes before the stop; packages that are in the work tree need it first.
        let mut steps = Vec::new();
        if self.virtualenv.is_some_and(|virtualenv| virtualenv.local) {
            steps.extend([stop, check_out]);
            steps.extend(virtualenv);
        } else {
            steps.extend(virtualenv);
            steps.extend(self.judge(state, When::Before)?);
            steps.extend([stop, check_out]);
        }
        steps.splice(0..0, self.keep_static());
        steps.push(self.configure(state)?);
        steps.extend(self.builds());
        steps.extend(self.collect());
        steps.extend(self.judge(state, When::Inside)?);
        steps.extend(self.release());
        steps.push(start(state, self.environment, color));
        steps.extend(self.smoke());
        steps.push(self.record(state));
        Ok(steps)
    }

    /// The seed of one repository; the bundle, if one is needed, is made when the step is carried out.
    pub(super) fn seed(&self, module: Option<&str>, commit: &CommitSummary, haves: Vec<String>) -> Step {
        let layout = self.layout();
        let git = layout.git(self.color, module);
        let other = layout.git(self.color.other(), module);
        let upload = layout.home(&format!("upload.{}", commit.id));
        let seed =
            Seed { module: module.map(str::to_string), commit: commit.clone(), git, other, upload, haves };
        let call = Call::new("seed").arg(&seed.git).arg(&seed.other);
        Step::new(Action::Seed(seed), call)
    }

    /// What makes a release of the work tree, with the release's own variables.
    fn builds(&self) -> impl Iterator<Item = Step> {
        let color = self.color;
        self.environment.build.commands.iter().map(move |line| {
            let call = Call::new("hook").arg(color.as_str()).arg(line);
            let line = line.clone();
            Step::new(Action::Build { color, line }, call)
        })
    }

    fn virtualenv(&self, state: &HostState, virtualenv: &Virtualenv) -> Step {
        let wanted = &self.environment.python;
        let installer = match wanted.installer {
            Installer::Auto => "auto",
            Installer::Pip => "pip",
            Installer::Uv => "uv",
        };
        let files = if virtualenv.local { String::new() } else { virtualenv.files.join("\n") };
        let directory = &self.environment.app.directory;
        let requirements = wanted.requirements.as_ref();
        let requirements = requirements.map(|path| python::told(directory, path, &virtualenv.files));
        let call = Call::new("virtualenv")
            .arg(&virtualenv.key)
            .arg(self.color.as_str())
            .arg(&self.commit.id)
            .arg(&wanted.interpreter)
            .arg(installer)
            .arg(directory)
            .arg(requirements.as_deref().unwrap_or("-"))
            .arg(self.environment.web.install().unwrap_or("-"))
            .arg(files)
            .args(wanted.install_args.iter().cloned());
        let complete = state.virtualenvs.contains(&virtualenv.key);
        Step::new(Action::Virtualenv { key: virtualenv.key.clone(), complete }, call)
    }

    fn vacate(&self, state: &HostState) -> Step {
        let color = self.color;
        let pid = state.slot(color).process.as_ref().map(|process| process.pid);
        let record = self.layout().etc(color, "release.json");
        Step::new(Action::Stop { color, pid }, Call::new("vacate").arg(color.as_str()).arg(record))
    }

    fn configure(&self, state: &HostState) -> Result<Step, Failure> {
        let (environment, color, layout) = (self.environment, self.color, self.layout());
        let variables = self.variables()?;
        let snippet = nginx::snippet(color, environment.ports.of(color), &self.commit.id, self.key);
        let served = format!("deployer {color} {}\n", self.commit.id);
        let activate = Call::new("activate")
            .arg(color.as_str())
            .arg(self.virtualenv.map_or("", |virtualenv| &virtualenv.key));
        let mut step = Step::new(Action::Configure { color }, activate)
            .before(put_launcher(&layout))
            .before(put_web(state, environment, color)?);
        for call in self.processes(state)? {
            step = step.before(call);
        }
        Ok(step
            .before(Call::new("put").arg(layout.etc(color, "served")).arg("644").arg(served))
            .before(Call::new("put").arg(layout.etc(color, "env")).arg("600").secret(variables))
            .before(Call::new("put").arg(layout.etc(color, "nginx.conf")).arg("644").arg(snippet)))
    }

    /// The content of `etc/env`.
    pub(super) fn variables(&self) -> Result<Secret, Failure> {
        let environment = self.environment;
        let (env, name) = (&environment.env, &environment.name);
        Ok(gunicorn::variables(env, self.secrets, self.color, self.commit, name)?)
    }

    /// What the slot's release runs beside its web server, where there is anything to say of it.
    fn processes(&self, state: &HostState) -> Result<Vec<Call>, Failure> {
        let (environment, color, layout) = (self.environment, self.color, self.layout());
        if environment.processes.is_empty() && state.slot(color).processes.is_empty() {
            return Ok(Vec::new());
        }
        let put =
            |file: &str, text: String| Call::new("put").arg(layout.etc(color, file)).arg("644").arg(text);
        let mut calls = vec![put("processes.json", launch::processes(environment))];
        for (name, process) in &environment.processes {
            let words = launch::process(environment, process)?;
            calls.push(put(&format!("run/{name}"), words));
            // For the cutover, which starts it.
            if let (true, Some(systemd)) = (environment.supervisor != Supervisor::None, state.systemd) {
                let text = unit::text(environment, color, name, systemd.scope);
                calls.push(put(&format!("units/{name}"), text));
            }
        }
        Ok(calls)
    }

    fn record(&self, state: &HostState) -> Step {
        let release = Release {
            commit: self.commit.id.clone(),
            subject: self.commit.subject.clone(),
            by: self.by.to_string(),
            at: self.now,
            virtualenv: self.virtualenv.map(|of| of.key.clone()).unwrap_or_default(),
            files: self.virtualenv.map(|of| of.files.clone()).unwrap_or_default(),
            local: self.virtualenv.is_some_and(|of| of.local),
            accepted: match self.once {
                Some(_) => state.accepted.last().map_or(0, |last| last.number),
                // Built again, it knows no more than it did.
                None => history::known(state, &self.commit.id),
            },
        };
        let record = format!("{}\n", json!(release));
        let path = self.layout().etc(self.color, "release.json");
        Step {
            action: Action::Record { color: self.color },
            before: vec![Call::new("record").arg(path).arg(record)],
            call: None,
        }
    }
}

/// Starts a slot's web server and proves it.
pub(super) fn start(state: &HostState, environment: &Environment, color: Color) -> Step {
    let action = Action::Start { color, port: environment.ports.of(color), server: environment.web.name() };
    let call = Call::new("start").arg(color.as_str()).arg(environment.web.log());
    let (supervisor, unit) = match (environment.supervisor, state.systemd) {
        (Supervisor::Auto, Some(systemd)) => ("auto", unit::text(environment, color, "web", systemd.scope)),
        (Supervisor::Systemd, Some(systemd)) => {
            ("systemd", unit::text(environment, color, "web", systemd.scope))
        }
        _ => ("none", String::new()),
    };
    let step = Step::new(action, call.arg(supervisor).arg(unit));
    if state.systemd.is_some() || environment.supervisor != Supervisor::Auto {
        return step;
    }
    // For the crontab, should its owner want it there.
    let path = Layout::new(&environment.root).home("boot");
    step.before(Call::new("keep").arg(path).arg("755").arg(launch::BOOT))
}

/// Starts a release that was stopped: an older deployer may have built it, which wrote less.
pub(super) fn start_again(
    state: &HostState,
    environment: &Environment,
    color: Color,
) -> Result<Step, Failure> {
    let layout = Layout::new(&environment.root);
    let mut step = start(state, environment, color).before(put_launcher(&layout));
    if !state.slot(color).run.iter().any(|name| name == "web") {
        step = step.before(put_web(state, environment, color)?);
    }
    Ok(step)
}

fn put_launcher(layout: &Layout) -> Call {
    Call::new("keep").arg(layout.home("launch")).arg("755").arg(launch::LAUNCHER)
}

fn put_web(state: &HostState, environment: &Environment, color: Color) -> Result<Call, Failure> {
    // nginx looks for next, too, where it has been told to: until a cutover has told it otherwise, there is a socket.
    let followed = state.served.as_ref().is_some_and(|served| served.by_socket);
    let words = launch::web(environment, color, followed || environment.cutover == Cutover::Socket)?;
    let path = Layout::new(&environment.root).etc(color, "run/web");
    Ok(Call::new("put").arg(path).arg("644").arg(words))
}
