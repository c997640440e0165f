//! `plan`: what a deploy and its cutover would bring. It reads, and takes no lock.

use std::path::Path;

use clap::Args;

use super::Context;
use super::completions;
use super::deploy::{DeployArgs, doubts, make_plan};
use super::invocation::Invocation;
use super::judge::{Judged, judge};
use super::local::{Local, read_local, refused};
use super::prune::measure;
use super::verb::{AnyVerb, Environments, Verb};
use crate::config::{Environment, differences};
use crate::git::Repository;
use crate::host::Host;
use crate::model::{ChangeKind, CommitSummary, ExitCode, FileChange, HostState};
use crate::plan::{self, Commits, Failure, Preview, PreviewInput, Silent};
use crate::python;
use crate::settings::{Probes, Wish};
use crate::ui::Ui;

/// More commits than this are counted only.
const MOST_COMMITS: usize = 50;

pub(super) const VERB: AnyVerb = AnyVerb::of::<PlanArgs>();

/// Show what a deploy and its cutover would bring
#[derive(Args, Debug)]
#[command(after_help = "\
Commits going out, packages, migrations, variables (of these and of secrets the names only), steps and space: the \
commit, and the deployer.toml that lies here, compared with what is live. It changes nothing, takes no lock, \
does not look at changes in the work tree, and asks for no secrets. Exit code 1: the deploy would be refused; 2: \
deployer.toml is wrong, or the commit lacks what it names.

Examples:
  deployer prod plan
  deployer prod plan main --json")]
pub(super) struct PlanArgs {
    /// Anything that `git rev-parse` takes.
    #[arg(default_value = "HEAD", add = completions::commits())]
    commit: String,
}

impl Verb for PlanArgs {
    const ENVIRONMENT: Environments = Environments::One;
    const ONE_OBJECT: bool = true;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let file = job.workspace.config.path.clone();
        let preview = preview(&mut job.context(ui), self.commit, &file)?;
        let refused = preview.refused.clone();
        ui.show(preview);
        let Some(refused) = refused else {
            return Ok(ExitCode::Done as u8);
        };
        // Told as any failure is; JSON has a field for it.
        if !invocation.options.json {
            ui.failure(&refused);
        }
        Ok(refused.exit as u8)
    }
}

/// Reads what a deploy of the commit and its cutover would change.
///
/// # Errors
/// Where the commit or the host cannot be read. That the deploy would be refused is part of what is told.
fn preview(context: &mut Context, commit: String, config: &Path) -> Result<Preview, Failure> {
    let deploy = DeployArgs { commit, allow_dirty: true, ..DeployArgs::default() };
    let mut local = read_local(context, &deploy.commit, deploy.allow_dirty)?;
    context.dry_run = true;
    let mut session = context.connect()?;
    let mut host = context.open(&mut session, &Wish::new(Probes::All), None)?;
    read(context, &mut host, config, &deploy, &mut local)
}

fn read(
    context: &mut Context,
    host: &mut Host,
    file: &Path,
    deploy: &DeployArgs,
    local: &mut Local,
) -> Result<Preview, Failure> {
    let found = measure(host)?;
    let mut planned = {
        let mut quiet = Context { observer: &mut Silent, prompt: &mut *context.prompt, ..*context };
        make_plan(&mut quiet, deploy, local, &host.state, &host.name)
    };
    if let Some(event) = planned.as_ref().ok().and_then(|(plan, _)| doubts(context.environment, local, plan))
    {
        context.observer.event(event);
    }
    let judged = match planned {
        Ok(_) => judge(context, host, deploy, local)?,
        Err(_) => Judged::Nothing,
    };
    let _ = host.agent.close();
    let (environment, state) = (context.environment, &host.state);
    if let Judged::Found(migrations) = &judged
        && let Some(refusal) = migrations.refusal(environment)
    {
        planned = Err(refusal);
    }
    let (judged, unjudged) = match judged {
        Judged::Nothing => (None, None),
        Judged::Found(found) => (Some(found), None),
        Judged::Later(why) => (None, Some(why)),
    };
    let live = plan::slots(state, environment).ok().and_then(|slots| plan::held(state, slots.live));
    // What the host says is a commit's name, or nothing that this repository knows.
    let known = live.filter(|live| local.repository.has(live));
    let reading = PreviewInput {
        environment,
        state,
        by: context.by,
        commit: &local.commit,
        commits: commits(local, live, known)?,
        migrations: migrations(local, known, &environment.app.directory)?,
        packages: (
            known.map(|live| packages(context, &local.repository, live)).unwrap_or_default(),
            packages(context, &local.repository, &local.commit.id),
        ),
        config: known
            .map(|live| config(&local.repository, live, file, &environment.name))
            .unwrap_or_default(),
        new_bytes: new_bytes(local, state, environment)?,
        deploy: planned.map(|(plan, _)| plan),
        judged,
        unjudged,
        found,
        now: jiff::Timestamp::now().as_second(),
    };
    Ok(plan::preview(reading))
}

fn commits(local: &Local, live: Option<&str>, known: Option<&str>) -> Result<Commits, Failure> {
    let Some(known) = known else {
        return Ok(Commits { first: live.is_none(), live_unknown: live.is_some(), ..Commits::default() });
    };
    let log = |from: &str, to: &str| local.repository.log(from, to, MOST_COMMITS).map_err(refused);
    let (out, out_count) = log(known, &local.commit.id)?;
    let (lost, lost_count) = log(&local.commit.id, known)?;
    Ok(Commits { first: false, live_unknown: false, out, out_count, lost, lost_count })
}

/// The packages that a commit asks for; a lock file beside the project's file knows them best.
fn packages(
    context: &Context,
    repository: &Repository,
    commit: &str,
) -> std::collections::BTreeMap<String, String> {
    let Some(path) = &context.environment.python.requirements else {
        return Default::default();
    };
    let folder = &context.environment.app.directory;
    let mut read = |path: &str| repository.read(commit, path).ok().flatten();
    let mut found = python::requirements(folder, path, &mut read).unwrap_or_default();
    let project = found.files.first().map(|(path, _)| path.clone()).unwrap_or_default();
    if let Some(folder) = project.strip_suffix("pyproject.toml").filter(|_| path.ends_with("pyproject.toml"))
    {
        for name in ["uv.lock", "poetry.lock"] {
            let lock = format!("{folder}{name}");
            found.files.extend(read(&lock).map(|content| (lock, content)));
        }
    }
    python::packages(&found)
}

/// What the file that rules now says otherwise than the one in live's commit.
fn config(
    repository: &Repository,
    live: &str,
    file: &Path,
    environment: &str,
) -> Vec<crate::config::Difference> {
    let below = repository.top().and_then(|top| {
        let path = std::fs::canonicalize(file).ok()?;
        let top = std::fs::canonicalize(top).ok()?;
        path.strip_prefix(top).ok().map(Path::to_path_buf)
    });
    let old = below.and_then(|below| repository.read(live, below.to_str()?).ok().flatten());
    match (old, std::fs::read_to_string(file)) {
        (Some(old), Ok(new)) => differences(&String::from_utf8_lossy(&old), &new, environment),
        _ => Vec::new(),
    }
}

/// The migrations that differ from live's; what is in a folder of that name need not be one.
fn migrations(local: &Local, live: Option<&str>, directory: &str) -> Result<Vec<FileChange>, Failure> {
    let (repository, new) = (&local.repository, &*local.commit.id);
    let changes = repository.changes(live, new, directory).map_err(refused)?;
    let is_one = |change: &FileChange| {
        let holds = match change.kind {
            ChangeKind::Removed => live,
            _ => Some(new),
        };
        let text = holds.and_then(|commit| repository.read(commit, &change.path).ok().flatten());
        text.is_some_and(|text| plan::migrates(&String::from_utf8_lossy(&text)))
    };
    let likely = changes.into_iter().filter(|change| plan::may_migrate(&change.path));
    Ok(likely.filter(is_one).collect())
}

/// Bytes of the files that next lacks.
fn new_bytes(local: &Local, state: &HostState, environment: &Environment) -> Result<u64, Failure> {
    let held = plan::slots(state, environment)
        .ok()
        .and_then(|slots| plan::held(state, slots.next))
        .filter(|held| local.repository.has(held));
    let CommitSummary { id, .. } = &local.commit;
    let changes = local.repository.changes(held, id, ".").map_err(refused)?;
    Ok(changes.iter().map(|change| change.bytes).sum())
}
