//! What the local side knows of a commit, and everything that can be refused without asking the host.

use super::Context;
use crate::config::Environment;
use crate::git::{Repository, SourceError};
use crate::model::{CommitSummary, ExitCode, Secrets};
use crate::plan::{self, Failure};
use crate::python::{self, Brought, Requirements};
use crate::shell;

/// What the local side knows before it asks the host.
pub(super) struct Local {
    pub repository: Repository,
    pub commit: CommitSummary,
    pub requirements: Requirements,
    pub modules: Vec<Module>,
    pub secrets: Secrets,
    /// Whether it is Django's: there is a manage.py.
    pub django: bool,
}

pub(super) struct Module {
    pub name: String,
    pub commit: CommitSummary,
    pub repository: Repository,
}

/// Everything that can be refused without asking the host.
pub(super) fn read_local(context: &Context, commit: &str, allow_dirty: bool) -> Result<Local, Failure> {
    let app = &context.environment.app;
    let repository = Repository::discover(&context.vault.folder).map_err(refused)?;
    let commit = repository.resolve(commit).map_err(refused)?;
    if !allow_dirty {
        let dirty = repository.dirty(app.untracked_is_dirty).map_err(refused)?;
        if !dirty.is_empty() {
            return Err(plan::dirty(&dirty));
        }
    }
    repository.check_sendable(&commit.id).map_err(refused)?;
    if repository.tree(&commit.id, &app.directory).map_err(refused)?.is_none() {
        let what = format!("commit {} has no folder {:?}", commit.short(), app.directory);
        return Err(Failure::usage("app.directory", what).advise("correct [app] directory in deployer.toml"));
    }
    check_shared(context.environment, &repository, &commit)?;
    let requirements = read_requirements(context, &repository, &commit)?;
    let manage = app.path("manage.py");
    let django = repository.read(&commit.id, &manage).map_err(refused)?.is_some();
    let mut modules = Vec::new();
    for module in repository.submodules(&commit.id).map_err(refused)? {
        let repository = module.repository().map_err(refused)?;
        let commit = repository.resolve(&module.commit).map_err(refused)?;
        modules.push(Module { name: module.git_dir.clone(), commit, repository });
    }
    Ok(Local { repository, commit, requirements, modules, secrets: Secrets::new(), django })
}

/// A folder that is to be a link into the shared ones cannot have files of the commit's.
fn check_shared(
    environment: &Environment,
    repository: &Repository,
    commit: &CommitSummary,
) -> Result<(), Failure> {
    for folder in &environment.shared {
        let path = environment.app.path(folder);
        let files = repository.files_at(&commit.id, &path).map_err(refused)?;
        let Some(file) = files.iter().find(|file| !holds_a_folder_open(file)) else {
            continue;
        };
        let what = format!("commit {} has the file {file:?}", commit.short());
        return Err(Failure::usage("shared.tracked", what)
            .why(format!("[shared] directories makes {path} a link to files that outlive a release"))
            .advise(format!(
                "take it out of the repository: git rm -r --cached {}",
                shell::display(std::slice::from_ref(&path))
            ))
            .advise("or name another folder in deployer.toml"));
    }
    Ok(())
}

/// Whether a file is there for its folder's sake alone, such as `.gitkeep`; the scripts on the host know the same names.
fn holds_a_folder_open(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.starts_with(".git") || name == ".keep"
}

fn read_requirements(
    context: &Context,
    repository: &Repository,
    commit: &CommitSummary,
) -> Result<Requirements, Failure> {
    let (app, python) = (&context.environment.app, &context.environment.python);
    let Some(path) = &python.requirements else {
        return Ok(Requirements::default());
    };
    let mut read = |path: &str| repository.read(&commit.id, path).ok().flatten();
    let found = python::requirements(&app.directory, path, &mut read).map_err(|error| {
        Failure::usage("requirements", format!("commit {}: {error}", commit.short()))
            .advise("correct [python] requirements in deployer.toml, or commit the file")
    })?;
    match brought(context.environment, &found) {
        Brought::Never => Err(plan::without_gunicorn(context.environment, commit.short())),
        _ => Ok(found),
    }
}

/// Whether the requirements bring gunicorn, where they have to.
pub(super) fn brought(environment: &Environment, requirements: &Requirements) -> Brought {
    match environment.web.install() {
        Some(_) => Brought::Maybe,
        None => python::brings_gunicorn(requirements, &environment.python.install_args),
    }
}

pub(super) fn refused(error: SourceError) -> Failure {
    let exit = match error {
        SourceError::Interrupted => ExitCode::Interrupted,
        _ => ExitCode::Failed,
    };
    Failure::new("repository", error.to_string()).exit(exit)
}
