//! Floor 7: the command line, as clap types and nothing else.
//!
//! The environment comes first, as in `fab prod deploy`. Clap has no such grammar, so [`parse`] takes the environment's
//! word out before clap sees the rest.

mod complete;
mod grouped;
mod help;
mod host;
mod look;
mod man;
mod person;
mod slot;
mod verb;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::error::ErrorKind;
use clap::{Args, FromArgMatches, Parser, Subcommand};

pub(crate) use complete::{Completions, answer};
use deployer::config::{COMMANDS, closest, parse_duration};
use deployer::ui::ColorMode;
pub(crate) use grouped::command;
pub(crate) use help::Help;
pub(crate) use host::{Doctor, Init, Setup};
pub(crate) use look::{Open, Plan};
pub(crate) use man::ManPages;
pub(crate) use person::who;
pub(crate) use slot::{Env, Logs, Run};
pub(crate) use verb::patience;

/// A command line that was understood.
#[derive(Debug)]
pub(crate) struct Invocation {
    pub(crate) environment: Option<String>,
    pub(crate) options: Options,
    pub(crate) command: Verb,
}

/// Put a commit of a web application on one server over SSH, with no request lost
#[derive(Debug, Parser)]
#[command(
    name = "deployer",
    version,
    override_usage = "deployer [OPTIONS] [ENV] <COMMAND>",
    disable_help_subcommand = true,
    subcommand_required = true,
    arg_required_else_help = true,
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
struct Cli {
    #[command(flatten)]
    options: Options,
    #[command(subcommand)]
    command: Verb,
}

#[derive(Args, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(crate) struct Options {
    /// Read this file instead of the deployer.toml of the repository.
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Read this file instead of ~/.ssh/config and /etc/ssh/ssh_config.
    #[arg(short = 'F', long, global = true, value_name = "FILE")]
    pub(crate) ssh_config: Option<PathBuf>,
    /// Show what would be done, and what each step touches; do nothing.
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,
    /// Show each command and all that it prints.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    pub(crate) verbose: bool,
    /// Say nothing but failures and the last line.
    #[arg(short, long, global = true)]
    pub(crate) quiet: bool,
    /// Print JSON on stdout: an event a line, or a single object where a command only reads; `run` and `logs` print their
    /// stream as it stands.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: ColorMode,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    Init(Init),
    Doctor(Doctor),
    Setup(Setup),
    Rehearse(Rehearse),
    Plan(Plan),
    Deploy(Deploy),
    Open(Open),
    Cutover(Cutover),
    Rollback(Rollback),
    Status(Status),
    History(History),
    Logs(Logs),
    Env(Env),
    Run(Run),
    Stop(Stop),
    Prune(Prune),
    Lock(Lock),
    Unlock(Unlock),
    Completions(Completions),
    Man(ManPages),
    Help(Help),
}

/// Build a commit in next, start it, prove it; live is not touched
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> deploy [OPTIONS] [COMMIT]",
    after_help = "\
Running it again mends what an earlier run left half done.

Examples:
  deployer prod deploy v1.4.2
  deployer prod deploy --dry-run
  deployer prod deploy --cutover --watch 30s     the whole release in one go, as from CI"
)]
pub(crate) struct Deploy {
    /// Anything that `git rev-parse` takes.
    #[arg(default_value = "HEAD")]
    pub(crate) commit: String,
    /// Deploy the commit although the work tree has changes that it does not hold.
    #[arg(long)]
    pub(crate) allow_dirty: bool,
    /// Deploy although live or next holds commits that this one lacks.
    #[arg(long)]
    pub(crate) force: bool,
    /// Apply Django's migrations although the release that is live may not survive them.
    #[arg(long)]
    pub(crate) accept_migrations: bool,
    /// Cut over as soon as the release is healthy.
    #[arg(long)]
    pub(crate) cutover: bool,
    #[command(flatten)]
    pub(crate) after: After,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

/// Make next live, and prove through the front door that it is
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> cutover [OPTIONS]",
    after_help = "\
It refuses unless next holds a proven release that is healthy now. nginx's configuration is tested, the links are \
swapped, nginx is reloaded once, and the front door is asked until the new release answers. What fails is put back. The \
old release goes on running, ready for `rollback`. With the socket cutover only the first one tests and reloads nginx.

Example: deployer prod cutover --watch 30s"
)]
pub(crate) struct Cutover {
    #[command(flatten)]
    pub(crate) after: After,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

#[derive(Args, Debug)]
pub(crate) struct After {
    /// Go on proving the release for so long after the switch; if it fails, go back and exit with 5.
    #[arg(long, value_name = "TIME", value_parser = parse_duration)]
    pub(crate) watch: Option<Duration>,
    /// Stop the old release once its last requests are served.
    #[arg(long)]
    pub(crate) stop_old: bool,
}

#[derive(Args, Debug)]
pub(crate) struct Wait {
    /// Wait if somebody else holds the lock; without a TIME, 15 minutes.
    #[arg(long, value_name = "TIME", value_parser = parse_duration, num_args = 0..=1, require_equals = true,
          default_missing_value = "15m")]
    pub(crate) wait: Option<Duration>,
}

/// Make live again what was live before, or a commit of the history
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> rollback [OPTIONS] [COMMIT]",
    after_help = "\
A release that still runs in next is switched to at once; one that was stopped is started first; one that a later \
deploy has overwritten is built again from its commit.

Example: deployer prod rollback"
)]
pub(crate) struct Rollback {
    /// A commit that was live once, in full or by its first digits; without it, the release before this one.
    pub(crate) commit: Option<String>,
    /// Go back although that release is older than migrations that were accepted.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

/// Show what is linked, served and running; without ENV, everywhere
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer [ENV] status [OPTIONS]",
    after_help = "\
Without ENV it asks all environments at once. It changes nothing and takes no lock. A line with `!` is a problem, and \
below it is the command that mends it. Exit code 1: a host could not be reached.

Examples:
  deployer status
  deployer prod status --json"
)]
pub(crate) struct Status {}

/// List the cutovers and rollbacks that were proven, newest first
#[derive(Args, Debug)]
#[command(override_usage = "deployer <ENV> history [OPTIONS]", after_help = "Example: deployer prod history")]
pub(crate) struct History {}

/// Stop what runs in next, never live; a rollback starts it again
#[derive(Args, Debug)]
#[command(override_usage = "deployer <ENV> stop [OPTIONS]", after_help = "Example: deployer prod stop")]
pub(crate) struct Stop {
    #[command(flatten)]
    pub(crate) wait: Wait,
}

/// Ask everybody for a pause: no deploy, no cutover until `unlock`
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> lock [OPTIONS] --message <TEXT>",
    after_help = "\
`rollback` and `stop` still work.

Example: deployer prod lock -m \"freeze until Monday\""
)]
pub(crate) struct Lock {
    /// Why, for those who meet the lock.
    #[arg(short, long, value_name = "TEXT")]
    pub(crate) message: String,
}

/// Lift the pause that `lock` asked for
#[derive(Args, Debug)]
#[command(override_usage = "deployer <ENV> unlock [OPTIONS]", after_help = "Example: deployer prod unlock")]
pub(crate) struct Unlock {
    /// Also end a command that holds the lock and hangs.
    #[arg(long)]
    pub(crate) force: bool,
}

/// Remove from the host what no slot, rollback or release needs
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> prune [OPTIONS]",
    after_help = "\
These are virtualenvs, the leftovers of steps that were cut off, and git objects of old releases. What live, next and a \
rollback need stays, whatever N is. Of its own accord each deploy removes up to two virtualenvs that the last 5 releases \
do not use.

Example: deployer prod prune --dry-run"
)]
pub(crate) struct Prune {
    /// How many releases of the history stay at hand.
    #[arg(long, value_name = "N", default_value_t = deployer::plan::KEEP)]
    pub(crate) keep: usize,
    #[command(flatten)]
    pub(crate) wait: Wait,
}

/// Try it all on a throwaway host on this machine: no server needed
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer [ENV] rehearse [OPTIONS] [COMMIT]",
    after_help = "\
An unprivileged sshd and an nginx in a temporary folder on loopback take a deploy of the commit before, a cutover, a \
deploy of the commit, and a cutover under traffic. It ends by itself and leaves nothing behind. It needs sshd, nginx, \
git and python3-venv on this machine. Without ENV it takes the first environment.

Example: deployer rehearse"
)]
pub(crate) struct Rehearse {
    /// Anything that `git rev-parse` takes.
    #[arg(default_value = "HEAD")]
    pub(crate) commit: String,
    /// Rehearse the commit although the work tree has changes that it does not hold.
    #[arg(long)]
    pub(crate) allow_dirty: bool,
    /// Leave out [processes], which may reach a real queue.
    #[arg(long)]
    pub(crate) without_processes: bool,
}

/// Reads a command line; the first word is the program's own name.
///
/// # Errors
/// Clap's, which is also how it asks for help to be printed.
pub(crate) fn parse(words: impl IntoIterator<Item = OsString>) -> Result<Invocation, clap::Error> {
    let mut words: Vec<OsString> = words.into_iter().collect();
    let environment = take_environment(&mut words);
    let mut command = grouped::command();
    let matches = match command.try_get_matches_from_mut(words) {
        Ok(matches) => matches,
        Err(error) => return Err(suggest(error, environment.as_deref(), &mut command)),
    };
    let cli = Cli::from_arg_matches(&matches)?;
    Ok(Invocation { environment, options: cli.options, command: cli.command })
}

/// Takes out the first word that is neither an option, an option's value nor a command.
fn take_environment(words: &mut Vec<OsString>) -> Option<String> {
    const WITH_VALUE: [&str; 4] = ["--config", "--ssh-config", "-F", "--color"];
    let mut index = 1;
    while index < words.len() {
        let word = words[index].to_string_lossy().into_owned();
        if WITH_VALUE.contains(&word.as_str()) {
            index += 2;
        } else if word.starts_with('-') {
            index += 1;
        } else if COMMANDS.contains(&word.as_str()) {
            return None;
        } else {
            words.remove(index);
            return Some(word);
        }
    }
    None
}

/// A single word that is no command may be meant as one.
fn suggest(error: clap::Error, environment: Option<&str>, command: &mut clap::Command) -> clap::Error {
    let missing = matches!(
        error.kind(),
        ErrorKind::MissingSubcommand | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
    );
    let Some(word) = environment.filter(|_| missing) else {
        return error;
    };
    let message = match closest(word, COMMANDS.iter().copied()) {
        Some(near) => format!("no command `{word}`; did you mean `{near}`?"),
        None => format!("what is to be done with `{word}`? For example: deployer {word} deploy"),
    };
    command.error(ErrorKind::MissingSubcommand, message)
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    fn read(line: &str) -> Result<Invocation, clap::Error> {
        parse(line.split(' ').map(OsString::from))
    }

    #[test]
    fn the_commands_are_those_that_no_environment_may_be_named_like() {
        let mut names: Vec<_> =
            Cli::command().get_subcommands().map(|command| command.get_name().to_string()).collect();
        names.sort();
        let mut known: Vec<_> = COMMANDS.iter().map(ToString::to_string).collect();
        known.sort();
        assert_eq!(names, known);
    }

    #[test]
    fn clap_finds_its_definitions_sound() {
        grouped::command().debug_assert();
    }

    #[test]
    fn the_environment_comes_first() {
        let read = |line| read(line).unwrap();
        assert_eq!(read("deployer prod deploy HEAD~1").environment.as_deref(), Some("prod"));
        assert_eq!(read("deployer status").environment, None);
        assert_eq!(read("deployer --config x.toml prod status").environment.as_deref(), Some("prod"));
        assert_eq!(read("deployer -v --color never prod status").environment.as_deref(), Some("prod"));
    }

    #[test]
    fn a_wait_has_a_time_of_its_own_or_fifteen_minutes() {
        let wait = |line| match read(line).unwrap().command {
            Verb::Cutover(cutover) => cutover.wait.wait,
            other => panic!("{other:?}"),
        };
        assert_eq!(wait("deployer prod cutover"), None);
        assert_eq!(wait("deployer prod cutover --wait"), Some(Duration::from_secs(900)));
        assert_eq!(wait("deployer prod cutover --wait=30s"), Some(Duration::from_secs(30)));
    }
}
