//! `init`: a `deployer.toml` for the application in a folder.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::config::{self, Config};
use crate::git::Repository;
use crate::init::{
    Answers, Recognised, Sources, default_name, default_ports, default_root, default_url, is_read, recognise,
    render,
};
use crate::plan::{Event, Failure, Observer};
use crate::shell;

/// Asks a person one thing.
pub trait Ask {
    /// Whether anybody is there to answer.
    fn is_there(&self) -> bool;
    /// The answer, which may be empty; `None` where there is none to come.
    fn ask(&mut self, question: &str) -> Option<String>;
}

/// What the command line says; what it leaves open is asked for, or has a default.
#[derive(Clone, Debug)]
pub struct InitOptions<'a> {
    pub start: &'a Path,
    /// Where to write, if not `deployer.toml` in `start`.
    pub file: Option<&'a Path>,
    pub environment: Option<String>,
    pub name: Option<String>,
    pub host: Option<String>,
    pub user: Option<String>,
    pub url: Option<String>,
    pub root: Option<String>,
    pub app: Option<String>,
    pub ports: Option<(u16, u16)>,
    pub yes: bool,
    pub dry_run: bool,
}

/// Writes the file, or with `dry_run` only shows it.
///
/// # Errors
/// Where a configuration exists, something is missing that nobody can be asked for, or an answer is not a valid one.
pub fn init(options: InitOptions, ask: &mut dyn Ask, observer: &mut dyn Observer) -> Result<(), Failure> {
    let target = target(&options)?;
    let repository = Repository::discover(options.start).map_err(|error| {
        Failure::usage("repository", error.to_string())
            .why("what is deployed is a commit")
            .advise("git init && git add --all && git commit -m 'begin'")
    })?;
    let found = recognise(&Sources::new(repository.files(options.start, is_read)));
    observer.event(Event::Note {
        message: found.describe().unwrap_or_else(|| "no application was recognised here".to_string()),
    });
    let directory = directory(&repository, options.start, &found);
    let answers = Questions { ask, options: &options }.answers(&found, directory)?;
    let text = render(&found, &answers);
    // The same reader that every other command has.
    Config::parse(&text, &target).map_err(|error| {
        Failure::usage("init", "the answers do not make a valid configuration").why(error.to_string())
    })?;
    if options.dry_run {
        observer.event(Event::File { file: target.to_string_lossy().into_owned(), text });
    } else {
        write(&target, &text)?;
    }
    for note in &found.notes {
        observer.event(Event::Note { message: note.clone() });
    }
    let what = match options.dry_run {
        true => "nothing was written".to_string(),
        false => format!("wrote {}: read it, and commit it", target.display()),
    };
    let run = (!options.dry_run).then(|| format!("deployer {} doctor", answers.environment));
    observer.event(Event::Done { what, run });
    Ok(())
}

/// Where the file goes; refused where a configuration rules this folder already.
fn target(options: &InitOptions) -> Result<PathBuf, Failure> {
    let target =
        options.file.map_or_else(|| options.start.join("deployer.toml"), |file| options.start.join(file));
    let other = match options.file {
        Some(_) => None,
        None => config::find(options.start, None).ok(),
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

struct Questions<'a, 'b> {
    ask: &'a mut dyn Ask,
    options: &'a InitOptions<'b>,
}

impl Questions<'_, '_> {
    fn answers(&mut self, found: &Recognised, directory: String) -> Result<Answers, Failure> {
        let options = self.options;
        self.missing(found)?;
        let environment = options.environment.clone().unwrap_or_else(|| "prod".to_string());
        let folder = options.start.file_name().map(|name| name.to_string_lossy().into_owned());
        let name = default_name(&folder.unwrap_or_default());
        let name = options.name.clone().unwrap_or(name);
        let app = match options.app.clone().or_else(|| found.app.clone()) {
            Some(app) => app,
            None if found.command.is_some() => String::new(),
            None => self.one("What gunicorn serves, as module:callable", None)?,
        };
        let host = self.given(&options.host, "The server: a name that ssh knows, or an address", None)?;
        let user = self.given(&options.user, "The user to log in as there", Some("deploy".to_string()))?;
        let url = default_url(&host).unwrap_or_else(|| format!("http://{host}"));
        let url = self.given(&options.url, "The address that users will type", Some(url))?;
        let root = options.root.clone().unwrap_or_else(|| default_root(&user, &name));
        let ports = options.ports.unwrap_or_else(|| default_ports(&name, &environment));
        Ok(Answers { environment, name, host, user, root, ports, url, app, directory })
    }

    /// Where nobody can be asked, everything that is missing is said at once.
    fn missing(&self, found: &Recognised) -> Result<(), Failure> {
        let options = self.options;
        let asks = self.ask.is_there() && !options.yes;
        if asks {
            return Ok(());
        }
        let mut missing = Vec::new();
        if options.host.is_none() {
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
        Err(match options.yes {
            true => failure.why("there is no default for it"),
            false => failure
                .why("there is no terminal to ask on")
                .advise("--yes takes the defaults for all but --host and --app"),
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
        &mut self,
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

    fn one(&mut self, question: &str, default: Option<String>) -> Result<String, Failure> {
        let shown = match &default {
            Some(default) => format!("{question} [{default}]:"),
            None => format!("{question}:"),
        };
        loop {
            let Some(answer) = self.ask.ask(&shown) else {
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
