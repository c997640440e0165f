//! The command line. The environment comes first, as in `fab prod deploy`.

use std::ffi::OsString;

use clap::error::ErrorKind;
use clap::{ArgMatches, Command, CommandFactory, FromArgMatches, Parser};

use super::invocation::{Invocation, Options};
use super::verb::AnyVerb;
use super::{GROUPS, names, verbs};
use crate::config::closest;
use crate::guide;
use crate::plan::Failure;
use crate::ui::{Ui, UiOptions};

/// What deployer is, in the help and on its man page.
pub(super) const WHAT: &str = "\
Two slots, blue and green, stand side by side on the host. One is live, the
other is next: `deploy` rebuilds next and proves that it works, `cutover` makes
next live, `rollback` is the same step back.";

/// Put a commit of a web application on one server over SSH, with no request lost
#[derive(Debug, Parser)]
#[command(
    name = "deployer",
    version,
    override_usage = "deployer [OPTIONS] [ENV] <COMMAND>",
    subcommand_required = true,
    arg_required_else_help = true,
    disable_help_subcommand = true,
    after_help = "\
ENV is an environment of deployer.toml: `prod`, `staging`. `init`, `rehearse` and `status` do without.

From nothing to the first release, in the application's folder:
  deployer init               write deployer.toml; read it, commit it
  deployer prod doctor        what the server lacks, and what mends it
  deployer prod setup         the slots, and the site that makes nginx serve them
  deployer prod deploy        build HEAD in next, start it, prove it healthy
  deployer prod open next     look at it
  deployer prod cutover       make it live; and back: deployer prod rollback

Exit codes:
  0    done
  1    failed, live untouched; of `doctor` and `plan`: something stands in the way
  2    the command line or deployer.toml is wrong; nothing was tried
  3    live affected or unknown
  4    locked by somebody else
  5    did not hold under --watch, and was rolled back
  130  interrupted"
)]
struct TopLevel {
    #[command(flatten)]
    options: Options,
}

/// A command line that was understood.
pub struct CommandLine {
    invocation: Invocation,
    entry: &'static AnyVerb,
    /// The verb's own arguments.
    matches: ArgMatches,
}

impl CommandLine {
    /// How its words are to look.
    #[must_use]
    pub fn ui_options(&self) -> UiOptions {
        self.invocation.ui_options()
    }

    /// Does what was asked for, and returns the exit code; its own failures come back, so that they are told in one place.
    ///
    /// # Errors
    /// The verb's.
    pub fn run(&self, ui: &mut Ui) -> Result<u8, Failure> {
        self.entry.run(&self.matches, &self.invocation, ui)
    }
}

/// Reads a command line; the first word is the program's own name.
///
/// # Errors
/// Clap's, which is also how it asks for help to be printed.
pub fn parse(words: impl IntoIterator<Item = OsString>) -> Result<CommandLine, clap::Error> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let environment = take_environment(&mut words);
    let mut command = command();
    let matches = match command.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(error) => return Err(suggest(error, environment.as_deref(), &mut command)),
    };
    let found = matches.subcommand().and_then(|(name, own)| {
        let (verb, entry) = verbs().find(|(verb, _)| *verb == name)?;
        Some((verb, entry, own.clone()))
    });
    let Some((verb, entry, own)) = found else {
        return Err(command.error(ErrorKind::MissingSubcommand, "a command is missing"));
    };
    let options = Options::from_arg_matches(&matches)?;
    let host = own.try_get_one::<String>("one_host").ok().flatten().cloned();
    let (one_object, fleets) = (entry.one_object, entry.fleets);
    let invocation = Invocation { environment, options, verb, one_object, fleets, host };
    Ok(CommandLine { invocation, entry, matches: own })
}

/// Takes the environment out, which is what clap takes for a command that it does not know.
fn take_environment(words: &mut Vec<OsString>) -> Option<String> {
    let matches = plain_command().allow_external_subcommands(true).try_get_matches_from(&*words).ok()?;
    let (name, rest) = matches.subcommand()?;
    if names().contains(&name) {
        return None;
    }
    let behind = rest.get_many::<OsString>("").map_or(0, Iterator::count);
    words.remove(words.len() - behind - 1);
    Some(name.to_owned())
}

/// A single word that is no command may be meant as one.
fn suggest(error: clap::Error, environment: Option<&str>, command: &mut Command) -> clap::Error {
    let missing = matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let Some(word) = environment.filter(|_| missing) else {
        return error;
    };
    let message = match closest(word, names()) {
        Some(near) => format!("no command `{word}`; did you mean `{near}`?"),
        None => format!("what is to be done with `{word}`? For example: deployer {word} deploy"),
    };
    command.error(ErrorKind::MissingSubcommand, message)
}

/// The command line as clap knows it.
pub(super) fn plain_command() -> Command {
    TopLevel::command().subcommands(verbs().map(|(name, entry)| entry.command(name)))
}

/// The command line with its verbs in groups, for people who ask for help: clap lists them without headings.
pub(super) fn command() -> Command {
    let command = plain_command();
    let mut list = String::new();
    for group in GROUPS {
        list += &format!("\n{}:\n", group.heading);
        for (name, _) in group.verbs {
            let about = command.find_subcommand(name).and_then(Command::get_about);
            list += &format!("  {name:<12} {}\n", about.map(ToString::to_string).unwrap_or_default());
        }
    }
    let topics = guide::topics();
    command.help_template(format!(
        "{{about-with-newline}}\n{WHAT}\n\n{{usage-heading}} {{usage}}\n{list}\nThe guide, by `deployer help TOPIC`:\n{topics}\nOptions of every command:\n{{options}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Invocation {
        parse(line.split(' ').map(OsString::from)).expect("it is right").invocation
    }

    #[test]
    fn clap_finds_its_definitions_sound() {
        command().debug_assert();
    }

    #[test]
    fn every_verb_is_on_one_line_of_a_terminal() {
        for verb in plain_command().get_subcommands() {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(!about.is_empty() && about.len() <= 65, "{}: {about}", verb.get_name());
            assert!(!about.ends_with('.'), "{about}");
        }
    }

    #[test]
    fn the_environment_comes_first() {
        for (line, environment) in [
            ("deployer prod deploy HEAD~1", Some("prod")),
            ("deployer status", None),
            ("deployer --config x.toml prod status", Some("prod")),
            ("deployer -v --color never prod status", Some("prod")),
            ("deployer prod run -- prod prod", Some("prod")),
            ("deployer -Fx prod deploy prod", Some("prod")),
        ] {
            assert_eq!(read(line).environment.as_deref(), environment, "{line}");
        }
        assert_eq!(read("deployer prod run -- prod prod").verb, "run");
    }
}
