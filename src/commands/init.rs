//! `init`: a `deployer.toml` for the application in a folder.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::invocation::Invocation;
use super::job::here;
use super::names;
use super::verb::{AnyVerb, Environments, Verb};
use crate::config::{self, Config};
use crate::git::Repository;
use crate::init::{
    Answers, Recognised, Sources, default_name, default_ports, default_root, default_url, is_read, recognise,
    render,
};
use crate::model::ExitCode;
use crate::plan::{self, Event, Failure, Observer};
use crate::shell;
use crate::ui::{Terminal, Ui};

pub(super) const VERB: AnyVerb = AnyVerb::of::<InitArgs>();

/// Write a deployer.toml for the application in this folder
#[derive(Args, Debug)]
#[command(after_help = "\
Django, Flask, FastAPI and their like are recognised by their files, requirements and settings. It asks for what these \
do not tell, and never overwrites a file. What a Procfile, fujin, Kamal, Capistrano or gitric was told is taken over. ENV \
names the environment; without it, `prod`. Without a terminal nothing is asked: --host is needed, and --user and --url too, unless --yes takes their defaults.

Example: deployer init --host web1.example.org --user deploy --url https://shop.example.org")]
pub(super) struct InitArgs {
    /// The server: a name that ssh knows, or an address.
    #[arg(long)]
    host: Option<String>,
    /// The user to log in as there; by default `deploy`.
    #[arg(long)]
    user: Option<String>,
    /// The front door, as users reach it; by default http:// and the host's name.
    #[arg(long)]
    url: Option<String>,
    /// The folder on the server that holds both slots; by default /home/USER/NAME, for root /srv/NAME.
    #[arg(long, value_name = "FOLDER")]
    root: Option<String>,
    /// What gunicorn serves, instead of what the files tell.
    #[arg(long, value_name = "MODULE:CALLABLE")]
    app: Option<String>,
    /// Where the slots listen on 127.0.0.1; by default two that depend on the name.
    #[arg(long, value_name = "BLUE,GREEN", value_parser = ports)]
    ports: Option<(u16, u16)>,
    /// The application's name; by default its folder's.
    #[arg(long)]
    name: Option<String>,
    /// The environment's name, instead of ENV.
    #[arg(long, value_name = "ENV")]
    environment: Option<String>,
    /// Ask nothing, take the defaults.
    #[arg(short, long)]
    yes: bool,
}

impl Verb for InitArgs {
    const ENVIRONMENT: Environments = Environments::Any;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        init(&self, invocation, &here()?, ui)?;
        Ok(ExitCode::Done as u8)
    }
}

/// Writes the file, or with `dry_run` only shows it.
///
/// # Errors
/// Where a configuration exists, something is missing that nobody can be asked for, or an answer is not a valid one.
fn init(options: &InitArgs, invocation: &Invocation, start: &Path, ui: &mut Ui) -> Result<(), Failure> {
    let file = invocation.options.config.as_deref();
    let dry_run = invocation.options.dry_run;
    let target = target(start, file)?;
    let repository = Repository::discover(start).map_err(|error| {
        Failure::usage("repository", error.to_string())
            .why("what is deployed is a commit")
            .advise("git init && git add --all && git commit -m 'begin'")
    })?;
    let found = recognise(&Sources::new(repository.files(start, is_read)));
    ui.event(Event::Note {
        message: found.describe().unwrap_or_else(|| "no application was recognised here".to_string()),
    });
    let directory = directory(&repository, start, &found);
    let environment = options.environment.as_ref().or(invocation.environment.as_ref());
    let environment = environment.map_or("prod", String::as_str);
    let folder = start.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let name = options.name.clone();
    let name = name.unwrap_or_else(|| default_name(found.former.name.as_deref().unwrap_or(&folder)));
    let answers = Questions { options }.answers(&found, directory, environment, name)?;
    let text = render(&found, &answers);
    // The same reader that every other command has.
    let config = Config::parse_beside(&names(), &text, &target).map_err(|error| {
        Failure::usage("init", "the answers do not make a valid configuration").why(error.to_string())
    })?;
    if dry_run {
        ui.event(Event::File { file: target.to_string_lossy().into_owned(), text });
    } else {
        write(&target, &text)?;
    }
    let data = config.environments().iter().filter_map(plan::named_database);
    for message in found.notes.iter().cloned().chain(data) {
        ui.event(Event::Note { message });
    }
    let what = if dry_run {
        "nothing was written".to_string()
    } else {
        format!("wrote {}: read it, and commit it", target.display())
    };
    let run = (!dry_run).then(|| format!("deployer {} doctor", answers.environment));
    ui.event(Event::Done { what, run });
    Ok(())
}

/// Where the file goes; refused where a configuration rules this folder already.
fn target(start: &Path, file: Option<&Path>) -> Result<PathBuf, Failure> {
    let target = file.map_or_else(|| start.join("deployer.toml"), |file| start.join(file));
    let other = match file {
        Some(_) => None,
        None => config::find(start, None).ok(),
    };
    let existing = other.or_else(|| target.symlink_metadata().is_ok().then(|| target.clone()));
    match existing {
        Some(path) => Err(Failure::usage(
            "init.exists",
            format!("there is a configuration already: {}", path.display()),
        )
        .advise("change it by hand; init never overwrites a file")),
        None => Ok(target),
    }
}

/// The application's folder as seen from the repository's top.
fn directory(repository: &Repository, start: &Path, found: &Recognised) -> String {
    let top = repository.top().and_then(|top| top.canonicalize().ok());
    let here = start.canonicalize().unwrap_or_else(|_| start.to_owned());
    let below = top.and_then(|top| here.strip_prefix(top).ok().map(Path::to_owned)).unwrap_or_default();
    let parts: Vec<String> = below
        .join(&found.directory)
        .components()
        .map(|part| part.as_os_str().to_string_lossy().into_owned())
        .filter(|part| part != ".")
        .collect();
    if parts.is_empty() { ".".to_string() } else { parts.join("/") }
}

struct Questions<'a> {
    options: &'a InitArgs,
}

impl Questions<'_> {
    fn answers(
        &self,
        found: &Recognised,
        directory: String,
        environment: &str,
        name: String,
    ) -> Result<Answers, Failure> {
        let options = self.options;
        self.missing(found)?;
        let app = match (&options.app, &found.command, &found.app) {
            (Some(app), ..) => app.clone(),
            (_, Some(_), _) => String::new(),
            (.., Some(app)) => app.clone(),
            _ => self.one("What gunicorn serves, as module:callable", None)?,
        };
        let former = &found.former;
        let host = former.host.clone();
        let host = self.given(&options.host, "The server: a name that ssh knows, or an address", host)?;
        let user = former.user.clone().or(Some("deploy".to_string()));
        let user = self.given(&options.user, "The user to log in as there", user)?;
        let url =
            former.url.clone().or_else(|| default_url(&host)).unwrap_or_else(|| format!("http://{host}"));
        let url = self.given(&options.url, "The address that users will type", Some(url))?;
        let root = options.root.clone().or_else(|| former.root.clone());
        let root = root.unwrap_or_else(|| default_root(&user, &name));
        let ports = options.ports.or(former.ports).unwrap_or_else(|| default_ports(&name, environment));
        let environment = environment.to_string();
        Ok(Answers { environment, name, host, user, root, ports, url, app, directory })
    }

    /// Where nobody can be asked, everything that is missing is said at once.
    fn missing(&self, found: &Recognised) -> Result<(), Failure> {
        let options = self.options;
        let asks = Terminal.is_there() && !options.yes;
        if asks {
            return Ok(());
        }
        let mut missing = Vec::new();
        let former = &found.former;
        if options.host.is_none() && !(options.yes && former.host.is_some()) {
            missing.push("--host");
        }
        if !options.yes {
            missing.extend(options.user.is_none().then_some("--user"));
            missing.extend(options.url.is_none().then_some("--url"));
        }
        if options.app.is_none() && found.app.is_none() && found.command.is_none() {
            missing.push("--app");
        }
        if missing.is_empty() {
            return Ok(());
        }
        let failure = Failure::usage("init.missing", format!("init needs {}", missing.join(", ")))
            .advise(self.whole(&missing));
        Err(if options.yes {
            failure.why("there is no default for it")
        } else {
            failure
                .why("there is no terminal to ask on")
                .advise("--yes takes the defaults for all but --host and --app")
        })
    }

    /// The command with what was given, and an example for what is missing.
    fn whole(&self, missing: &[&str]) -> String {
        let options = self.options;
        let mut words = vec!["deployer".to_owned(), "init".to_owned()];
        for (flag, given, example) in [
            ("--host", &options.host, "web1.example.org"),
            ("--user", &options.user, "deploy"),
            ("--url", &options.url, "https://shop.example.org"),
            ("--app", &options.app, "app:app"),
        ] {
            let value = given.as_deref().or(missing.contains(&flag).then_some(example));
            words.extend(value.into_iter().flat_map(|value| [flag.to_owned(), value.to_owned()]));
        }
        words.extend(options.yes.then(|| "--yes".to_owned()));
        shell::display(&words)
    }

    fn given(
        &self,
        given: &Option<String>,
        question: &str,
        default: Option<String>,
    ) -> Result<String, Failure> {
        match (given, default) {
            (Some(given), _) => Ok(given.clone()),
            (None, Some(default)) if self.options.yes => Ok(default),
            (None, default) => self.one(question, default),
        }
    }

    fn one(&self, question: &str, default: Option<String>) -> Result<String, Failure> {
        let shown = match &default {
            Some(default) => format!("{question} [{default}]:"),
            None => format!("{question}:"),
        };
        loop {
            let Some(answer) = Terminal.ask(&shown) else {
                return Err(Failure::usage("init.missing", format!("no answer to: {question}")));
            };
            match (answer.is_empty(), &default) {
                (false, _) => return Ok(answer),
                (true, Some(default)) => return Ok(default.clone()),
                (true, None) => {}
            }
        }
    }
}

fn write(target: &Path, text: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| {
        Failure::new("init.write", format!("cannot write {}: {error}", target.display()))
    };
    // `create_new`: somebody else's file that came in between is not overwritten either.
    let mut file = fs::File::create_new(target).map_err(failed)?;
    file.write_all(text.as_bytes()).map_err(failed)
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let port = |word: &str| word.trim().parse().ok();
    text.split_once(',')
        .and_then(|(blue, green)| Some((port(blue)?, port(green)?)))
        .ok_or_else(|| "write two ports, such as 8001,8002".to_string())
}
