//! Completion: the shell asks the binary itself at each TAB, so that it knows the environments and branches of this folder.

use std::ffi::OsStr;
use std::io::{self, Write};
use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Args, Command, CommandFactory};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::Shells;

use super::Cli;
use deployer::config::{self, Config};
use deployer::git::Repository;

/// What a shell sets when it asks.
const VARIABLE: &str = "DEPLOYER_COMPLETE";

/// More branches and tags than this nobody reads.
const MOST_NAMES: usize = 200;

/// Print what makes a shell complete environments and branches
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer completions <SHELL>",
    after_help = "\
One line in the shell's own start-up file turns it on:
  ~/.bashrc                   source <(deployer completions bash)
  ~/.zshrc, after compinit    source <(deployer completions zsh)
  ~/.config/fish/config.fish  deployer completions fish | source

The environments are those of the deployer.toml that is found from the current folder."
)]
pub(crate) struct Completions {
    #[arg(value_parser = PossibleValuesParser::new(Shells::builtins().names()))]
    shell: String,
}

impl Completions {
    /// Prints the lines for a shell to read.
    ///
    /// # Errors
    /// Where standard output takes nothing.
    pub(crate) fn print(&self) -> io::Result<()> {
        let shells = Shells::builtins();
        let Some(shell) = shells.completer(&self.shell) else { unreachable!("clap takes no other shell") };
        let mut text = Vec::new();
        shell.write_registration(VARIABLE, "deployer", "deployer", &own_path(), &mut text)?;
        io::stdout().write_all(&text)
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
pub(crate) fn answer() -> bool {
    let here = std::env::current_dir().ok();
    let asked =
        CompleteEnv::with_factory(tree).var(VARIABLE).try_complete(std::env::args_os(), here.as_deref());
    // In the middle of a line that somebody types, silence is better than an error.
    asked.unwrap_or(true)
}

/// The command line as the engine understands it: each environment is a command that has the commands below it.
fn tree() -> Command {
    let mut command = Cli::command();
    for verb in ["deploy", "plan", "rehearse"] {
        if command.find_subcommand(verb).is_some() {
            command = command.mut_subcommand(verb, |verb| {
                verb.mut_arg("commit", |commit| commit.add(ArgValueCandidates::new(names)))
            });
        }
    }
    let Some(config) = configuration() else {
        return command;
    };
    let (needs, takes): (Vec<_>, Vec<_>) = command
        .get_subcommands()
        .filter(|verb| usage(verb).starts_with("deployer [ENV]") || needs_environment(verb))
        .cloned()
        .partition(needs_environment);
    for verb in &needs {
        command = command.mut_subcommand(verb.get_name(), |verb| verb.hide(true));
    }
    for environment in config.environments() {
        let below = Command::new(environment.name.clone())
            .about(format!("environment on {}", environment.target.host))
            .disable_help_subcommand(true)
            .display_order(0)
            .subcommands(needs.iter().chain(&takes).cloned());
        command = command.subcommand(below);
    }
    command
}

fn usage(verb: &Command) -> String {
    verb.get_overridden_usage().map(ToString::to_string).unwrap_or_default()
}

/// Whether a command means nothing without an environment in front of it.
fn needs_environment(verb: &Command) -> bool {
    usage(verb).starts_with("deployer <ENV>")
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
    config::load(&path).ok()
}

/// Branches and tags.
fn names() -> Vec<CompletionCandidate> {
    let here = std::env::current_dir().unwrap_or_default();
    let names = Repository::discover(&here).map(|repository| repository.names());
    let mut names = names.unwrap_or_default();
    names.truncate(MOST_NAMES);
    names.into_iter().map(CompletionCandidate::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_usage_says_whether_it_wants_an_environment() {
        for verb in Cli::command().get_subcommands() {
            let usage = usage(verb);
            let says = ["deployer <ENV> ", "deployer [ENV] ", "deployer "]
                .iter()
                .any(|start| usage.strip_prefix(start).is_some_and(|rest| rest.starts_with(verb.get_name())));
            assert!(says, "{usage}");
        }
    }
}
