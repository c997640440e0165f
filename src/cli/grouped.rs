//! `deployer --help`: the commands in the order in which a person meets them. Clap lists them without headings.

use clap::{Command, CommandFactory};

use super::Cli;

/// What deployer is, in the help and on its man page.
pub(super) const WHAT: &str = "\
Two slots, blue and green, stand side by side on the host. One is live, the
other is next: `deploy` rebuilds next and proves that it works, `cutover` makes
next live, `rollback` is the same step back.";

const GROUPS: &[(&str, &[&str])] = &[
    ("First steps", &["init", "doctor", "setup", "rehearse"]),
    ("Release", &["plan", "deploy", "open", "cutover", "rollback"]),
    ("Look", &["status", "history", "logs", "env"]),
    ("Work on the host", &["run", "stop", "prune", "lock", "unlock"]),
    ("This program", &["completions", "man", "help"]),
];

/// The command line, with its commands in groups; for people who ask for help.
pub(crate) fn command() -> Command {
    let command = Cli::command();
    let mut list = String::new();
    for (heading, names) in GROUPS {
        list += &format!("\n{heading}:\n");
        for name in *names {
            let about = command
                .find_subcommand(name)
                .and_then(Command::get_about)
                .map(ToString::to_string)
                .unwrap_or_default();
            list += &format!("  {name:<12} {about}\n");
        }
    }
    let topics = deployer::guide::topics();
    command.help_template(format!(
        "{{about-with-newline}}\n{WHAT}\n\n{{usage-heading}} {{usage}}\n{list}\nThe guide, by `deployer help TOPIC`:\n{topics}\nOptions of every command:\n{{options}}{{after-help}}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_a_group_and_on_one_line_of_a_terminal() {
        let mut grouped: Vec<_> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        grouped.sort_unstable();
        let mut known: Vec<_> = deployer::config::COMMANDS.to_vec();
        known.sort_unstable();
        assert_eq!(grouped, known);
        for verb in Cli::command().get_subcommands() {
            let about = verb.get_about().map(ToString::to_string).unwrap_or_default();
            assert!(about.len() <= 65, "{}: {about}", verb.get_name());
            assert!(!about.ends_with('.'), "{about}");
        }
    }
}
