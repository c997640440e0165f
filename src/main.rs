//! The binary: parse, resolve, run, report, exit.

mod cli;
#[path = "main/terminal.rs"]
mod terminal;

use std::io::{ErrorKind, IsTerminal};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context as _;
use deployer::commands::{
    self, Context, CutoverOptions, DeployOptions, DoctorOptions, InitOptions, OpenOptions, OutlookOptions,
    Rehearsal, SetupOptions, Vault,
};
use deployer::config::{self, Config, Environment};
use deployer::doctor::Diagnosis;
use deployer::model::{ExitCode, HistoryEntry};
use deployer::plan::status::{Seen, StatusReport};
use deployer::plan::variables::VariablesReport;
use deployer::plan::{Failure, Outlook};
use deployer::ssh::{ConnectOptions, Interrupt};
use deployer::ui::{HistoryReport, PassedOn, Streams, Surroundings, Ui, UiOptions, Verbosity};

use cli::{Invocation, Options, Verb, patience, who};
use terminal::Terminal;

fn main() -> std::process::ExitCode {
    if cli::answer() {
        return ExitCode::Done.into();
    }
    let invocation = match cli::parse(std::env::args_os()) {
        Ok(invocation) => invocation,
        Err(error) => {
            let code = if error.use_stderr() { ExitCode::Usage } else { ExitCode::Done };
            // A reader that went away (`deployer --help | head`) is no failure.
            let _ = error.print();
            return code.into();
        }
    };
    let page = std::env::var_os("GITHUB_STEP_SUMMARY").map(PathBuf::from);
    let mut ui = Ui::new(ui_options(&invocation.options), Streams::standard()).with_page(page);
    let code = match run(&invocation, &mut ui) {
        Ok(code) => code,
        Err(failure) => {
            ui.failure(&failure);
            failure.exit.into()
        }
    };
    ui.sum_up();
    code
}

fn ui_options(options: &Options) -> UiOptions {
    let verbosity = match (options.quiet, options.verbose) {
        (true, _) => Verbosity::Quiet,
        (false, true) => Verbosity::Verbose,
        (false, false) => Verbosity::Normal,
    };
    UiOptions::suited_to(&Surroundings::of_process(), options.json, verbosity, options.color)
}

/// Carries a command out; its own failures come back, so that they are told in one place.
fn run(invocation: &Invocation, ui: &mut Ui) -> Result<std::process::ExitCode, Failure> {
    if let Some(printed) = print(invocation) {
        return printed.map(Into::into);
    }
    let start = std::env::current_dir().context("cannot tell the current folder")?;
    if let Verb::Init(options) = &invocation.command {
        return init(&start, invocation, options, ui).map(Into::into);
    }
    let config = load(&start, &invocation.options)?;
    let mut connect = ConnectOptions::from_env();
    if let Some(file) = &invocation.options.ssh_config {
        // What `ssh -F` refuses too: without it another host could be meant.
        if !file.is_file() {
            let what = format!("there is no {}", start.join(file).display());
            return Err(Failure::usage("ssh_config", what).why("-F names it"));
        }
        connect.config_files = vec![file.clone()];
    }
    let interrupt = Interrupt::install().context("cannot listen for Ctrl-C")?;
    let by = who(folder(&config));
    match &invocation.command {
        Verb::Status(_) => {
            let environments = match &invocation.environment {
                Some(name) => vec![named(&config, name)?],
                None => config.environments().to_vec(),
            };
            let status = commands::status(&environments, &connect, &interrupt, &by);
            let code = status_code(&status);
            ui.show(status);
            Ok(code.into())
        }
        Verb::Rehearse(rehearse) => {
            let environment = match &invocation.environment {
                Some(name) => named(&config, name)?,
                None => config.environments().first().cloned().ok_or_else(no_environment)?,
            };
            ui.keep_log(&environment.name, "rehearse");
            commands::rehearse(&mut Rehearsal {
                environment: &environment,
                start: folder(&config),
                commit: &rehearse.commit,
                allow_dirty: rehearse.allow_dirty,
                without_processes: rehearse.without_processes,
                interrupt: &interrupt,
                ui,
                by: &by,
            })?;
            Ok(ExitCode::Done.into())
        }
        verb => {
            let environment = needed(&config, invocation.environment.as_deref(), verb)?;
            ui.keep_log(&environment.name, verb.name());
            let mut prompt = Terminal;
            // With --json these are a single object, and nothing else.
            if matches!(
                verb,
                Verb::History(_)
                    | Verb::Plan(_)
                    | Verb::Env(_)
                    | Verb::Doctor(_)
                    | Verb::Run(_)
                    | Verb::Logs(_)
            ) {
                ui.one_object();
            }
            let mut context = Context {
                environment: &environment,
                vault: &Vault::new(folder(&config), ui.concealed()),
                connect: &connect,
                prompt: &mut prompt,
                interrupt: &interrupt,
                observer: &mut *ui,
                by: &by,
                dry_run: invocation.options.dry_run,
                patience: patience(verb),
                break_lock: false,
            };
            let came = act(verb, &mut context, &config)?;
            let code = came.code();
            match came {
                Came::Done => {}
                Came::Diagnosis(diagnosis) => ui.show(diagnosis),
                Came::Outlook(outlook) => show(*outlook, invocation.options.json, ui),
                Came::History(history, now) => {
                    ui.show(HistoryReport { environment: environment.name.clone(), history, now });
                }
                Came::Exit(code) => return Ok(code.into()),
                Came::Variables(variables) => ui.show(variables),
            }
            Ok(code.into())
        }
    }
}

/// Shows what a deploy would bring. That it would be refused is told as any failure is; JSON has a field for it.
fn show(outlook: Outlook, json: bool, ui: &mut Ui) {
    let refused = outlook.refused.clone();
    ui.show(outlook);
    if let Some(refused) = refused.filter(|_| !json) {
        ui.failure(&refused);
    }
}

/// The commands that are about the program itself, and need neither a configuration nor a host.
fn print(invocation: &Invocation) -> Option<Result<ExitCode, Failure>> {
    let verb = &invocation.command;
    let printed = match verb {
        Verb::Help(help) => {
            let color = ui_options(&invocation.options).out.color;
            match help.print(cli::command(), color) {
                Ok(Err(failure)) => return Some(Err(failure)),
                shown => shown.map(|_| ()),
            }
        }
        Verb::Completions(completions) => completions.print(),
        Verb::Man(pages) => pages.print(),
        _ => return None,
    };
    Some(match printed {
        Ok(()) => Ok(ExitCode::Done),
        // A reader that went away (`deployer man | head`) is no failure.
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(ExitCode::Done),
        Err(error) => Err(Failure::usage("usage", error.to_string())),
    })
}

/// What a command came to, beside what was told on its way.
enum Came {
    Done,
    /// And the host's clock.
    History(Vec<HistoryEntry>, f64),
    Variables(VariablesReport),
    Diagnosis(Diagnosis),
    /// With the exit code of another command.
    Exit(u8),
    Outlook(Box<Outlook>),
}

impl Came {
    /// That something stands in the way is an answer, and told as data, but no success.
    fn code(&self) -> ExitCode {
        match self {
            Came::Diagnosis(diagnosis) if diagnosis.bad() > 0 => ExitCode::Failed,
            Came::Outlook(outlook) => outlook.refused.as_ref().map_or(ExitCode::Done, |refused| refused.exit),
            _ => ExitCode::Done,
        }
    }
}

/// The commands that concern one environment.
fn act(verb: &Verb, context: &mut Context, config: &Config) -> Result<Came, Failure> {
    let start = folder(config);
    let after = |after: &cli::After| CutoverOptions {
        watch: after.watch.unwrap_or(Duration::ZERO),
        stop_old: after.stop_old,
    };
    match verb {
        Verb::Deploy(deploy) => {
            if !deploy.cutover && (deploy.after.watch.is_some() || deploy.after.stop_old) {
                return Err(Failure::usage("usage", "--watch and --stop-old go with --cutover"));
            }
            let options = DeployOptions {
                start,
                commit: &deploy.commit,
                allow_dirty: deploy.allow_dirty,
                force: deploy.force,
                accept_migrations: deploy.accept_migrations,
                cutover: deploy.cutover.then(|| after(&deploy.after)),
            };
            commands::deploy(context, &options)?;
        }
        Verb::Cutover(cutover) => commands::cutover(context, &after(&cutover.after))?,
        Verb::Rollback(rollback) => commands::rollback(context, rollback.commit.as_deref(), rollback.force)?,
        Verb::Stop(_) => commands::stop(context)?,
        Verb::Plan(plan) => {
            let options = OutlookOptions { start, config: &config.path, commit: &plan.commit };
            let outlook = commands::outlook(context, &options)?;
            return Ok(Came::Outlook(Box::new(outlook)));
        }
        Verb::Open(open) => commands::open(
            context,
            &OpenOptions {
                slot: &open.slot,
                port: open.port,
                browser: !open.print && std::io::stdout().is_terminal(),
            },
        )?,
        Verb::Prune(prune) => commands::prune(context, prune.keep)?,
        Verb::Lock(lock) => commands::lock(context, &lock.message)?,
        Verb::Unlock(unlock) => commands::unlock(context, unlock.force)?,
        Verb::History(_) => {
            return commands::history(context).map(|(entries, now)| Came::History(entries, now));
        }
        Verb::Run(run) => {
            let (mut out, mut err) = PassedOn::of_command();
            return commands::run(context, &run.slot, &run.command, (&mut out, &mut err)).map(Came::Exit);
        }
        Verb::Logs(logs) => {
            return commands::logs(context, &logs.options(), &mut PassedOn::stdout()).map(Came::Exit);
        }
        Verb::Env(env) => return commands::variables(context, env.values).map(Came::Variables),
        Verb::Doctor(doctor) => {
            let options = DoctorOptions { fix: doctor.fix, open_home: doctor.open_home };
            return commands::doctor(context, options).map(Came::Diagnosis);
        }
        Verb::Setup(setup) => {
            let tls = match (setup.tls, setup.no_tls) {
                (true, _) => Some(true),
                (_, true) => Some(false),
                _ => None,
            };
            let options = SetupOptions { print: setup.print, yes: setup.yes, tls };
            commands::setup(context, options, &mut Terminal)?;
        }
        Verb::Init(_)
        | Verb::Status(_)
        | Verb::Rehearse(_)
        | Verb::Completions(_)
        | Verb::Man(_)
        | Verb::Help(_) => {}
    }
    Ok(Came::Done)
}

fn init(
    start: &Path,
    invocation: &Invocation,
    options: &cli::Init,
    ui: &mut Ui,
) -> Result<ExitCode, Failure> {
    commands::init(
        InitOptions {
            start,
            file: invocation.options.config.as_deref(),
            environment: options.environment.clone().or_else(|| invocation.environment.clone()),
            name: options.name.clone(),
            host: options.host.clone(),
            user: options.user.clone(),
            url: options.url.clone(),
            root: options.root.clone(),
            app: options.app.clone(),
            ports: options.ports,
            yes: options.yes,
            dry_run: invocation.options.dry_run,
        },
        &mut Terminal,
        ui,
    )?;
    Ok(ExitCode::Done)
}

fn load(start: &Path, options: &Options) -> Result<Config, Failure> {
    config::find(start, options.config.as_deref()).and_then(|path| config::load(&path)).map_err(|error| {
        let failure = Failure::usage("config", error.to_string());
        match error {
            config::ConfigError::NotFound { .. } => failure.advise("deployer init"),
            _ => failure,
        }
    })
}

/// The folder that the configuration stands in: where its repository is looked for.
fn folder(config: &Config) -> &Path {
    config.path.parent().unwrap_or(Path::new("."))
}

fn named(config: &Config, name: &str) -> Result<Environment, Failure> {
    config.environment(name).map_err(|error| Failure::usage("environment", error.to_string()))
}

fn needed(config: &Config, environment: Option<&str>, verb: &Verb) -> Result<Environment, Failure> {
    match environment {
        Some(name) => named(config, name),
        None => {
            let verb = verb.name();
            let known: Vec<&str> = config.names().collect();
            let example = known.first().copied().unwrap_or("prod");
            Err(Failure::usage(
                "environment",
                format!("`{verb}` needs an environment; there are: {}", known.join(", ")),
            )
            .advise(format!("deployer {example} {verb}")))
        }
    }
}

fn no_environment() -> Failure {
    Failure::usage("environment", "deployer.toml has no environment")
}

/// Data that could not be had is a failure, though it is told as data.
fn status_code(status: &StatusReport) -> ExitCode {
    let unreachable = |seen: &Seen| matches!(seen, Seen::Unreachable { .. });
    match status.environments.iter().any(|environment| unreachable(&environment.seen)) {
        true => ExitCode::Failed,
        false => ExitCode::Done,
    }
}
