//! Completion: the shell asks the binary itself at each TAB, so that it knows the environments and branches of this folder.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use super::invocation::Invocation;
use super::line::plain_command;
use super::verb::{AnyVerb, Environments, Verb, printed};
use super::{names, verbs};
use crate::config::{self, Config};
use crate::git::Repository;
use crate::plan::Failure;
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<CompletionsArgs>();

/// What a shell sets when it asks.
const VARIABLE: &str = "DEPLOYER_COMPLETE";

/// More branches and tags than this nobody reads.
const MOST_NAMES: usize = 200;

/// Print what makes a shell complete environments and branches
#[derive(Args, Debug)]
#[command(after_help = "\
One line in the shell's own start-up file turns it on:
  ~/.bashrc                   source <(deployer completions bash)
  ~/.zshrc, after compinit    source <(deployer completions zsh)
  ~/.config/fish/config.fish  deployer completions fish | source

The environments are those of the deployer.toml that is found from the current folder.")]
pub(super) struct CompletionsArgs {
    #[arg(value_parser = PossibleValuesParser::new(Shells::builtins().names()))]
    shell: String,
}

impl Verb for CompletionsArgs {
    const ENVIRONMENT: Environments = Environments::None;

    fn run(self, _: &Invocation, _: &mut Ui) -> Result<u8, Failure> {
        let shells = Shells::builtins();
        let Some(shell) = shells.completer(&self.shell) else { unreachable!("clap takes no other shell") };
        let mut text = Vec::new();
        let written = shell.write_registration(VARIABLE, "deployer", "deployer", &own_path(), &mut text);
        printed(written.and_then(|()| io::stdout().write_all(&text)))
    }
}

/// How the shell is to call this program: by its name, unless it was called by a path.
fn own_path() -> String {
    let name = std::env::args_os().next().unwrap_or_default();
    let path = PathBuf::from(&name);
    match path.components().count() {
        0 | 1 => "deployer".to_string(),
        _ => std::path::absolute(&path).unwrap_or(path).to_string_lossy().into_owned(),
    }
}

/// Answers a shell that asks at a TAB; false where none does.
#[must_use]
pub fn complete() -> bool {
    let here = std::env::current_dir().ok();
    let asked =
        CompleteEnv::with_factory(tree).var(VARIABLE).try_complete(std::env::args_os(), here.as_deref());
    // In the middle of a line that somebody types, silence is better than an error.
    asked.unwrap_or(true)
}

/// The command line as the engine understands it: each environment is a command that has the commands below it.
fn tree() -> Command {
    let mut command = plain_command();
    let Some(config) = configuration() else {
        return command;
    };
    let about = |wanted: Environments| verbs().filter(move |(_, entry)| entry.environment == wanted);
    for (name, _) in about(Environments::One) {
        command = command.mut_subcommand(name, |verb| verb.hide(true));
    }
    for environment in config.environments() {
        let verbs = about(Environments::One).chain(about(Environments::Any));
        let below = Command::new(environment.name.clone())
            .about(format!("environment on {}", environment.target.host))
            .disable_help_subcommand(true)
            .display_order(0)
            .subcommands(verbs.map(|(name, entry)| entry.command(name)));
        command = command.subcommand(below);
    }
    command
}

/// The configuration that the line is about, as far as it is typed.
fn configuration() -> Option<Config> {
    let words: Vec<_> = std::env::args_os().collect();
    let named = words.iter().enumerate().find_map(|(index, word)| {
        if word == OsStr::new("--config") {
            return words.get(index + 1).map(PathBuf::from);
        }
        word.to_str()?.strip_prefix("--config=").map(PathBuf::from)
    });
    let here = std::env::current_dir().ok()?;
    let path = config::find(&here, named.as_deref()).ok()?;
    config::load(&path, &names()).ok()
}

/// Branches and tags, for an argument that is a commit.
pub(super) fn commits() -> ArgValueCandidates {
    ArgValueCandidates::new(|| {
        let here = std::env::current_dir().unwrap_or_default();
        let names = Repository::discover(&here).map(|repository| repository.names());
        names.unwrap_or_default().into_iter().take(MOST_NAMES).map(CompletionCandidate::new).collect()
    })
}
