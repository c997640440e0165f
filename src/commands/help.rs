//! `help`: a command's own help, a chapter of the guide, or the meaning of a failure's code.

use std::io::{self, ErrorKind, IsTerminal, Write};
use std::path::Path;
use std::process::{Command as Process, Stdio};

use clap::{Args, Command};
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};

use super::invocation::Invocation;
use super::line::command;
use super::verb::{AnyVerb, Environments, Verb, printed};
use crate::config::closest;
use crate::guide::{self, render};
use crate::plan::{self, Failure};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<HelpArgs>();

/// Where nobody says how wide the page is.
const COLUMNS: usize = 80;

/// Show the help of a command, or a chapter of the guide
#[derive(Args, Debug)]
#[command(
    override_usage = "help [COMMAND | TOPIC | CODE]",
    after_help = "\
Without a word it lists the commands and the topics. On a terminal a chapter is shown by $PAGER, or by `less`.

Examples:
  deployer help start
  deployer help deploy
  deployer help host.unreachable"
)]
pub(super) struct HelpArgs {
    /// A command, a topic of the guide, or the code of a failure.
    #[arg(value_name = "WORD", add = ArgValueCandidates::new(topics))]
    word: Option<String>,
}

impl Verb for HelpArgs {
    const ENVIRONMENT: Environments = Environments::None;

    fn run(self, invocation: &Invocation, _: &mut Ui) -> Result<u8, Failure> {
        let mut command = command();
        command.build();
        let Some(word) = self.word.as_deref() else {
            return printed(command.print_help());
        };
        if let Some(verb) = command.find_subcommand_mut(word) {
            return printed(verb.print_help());
        }
        if let Some(text) = guide::chapter(word).map(|chapter| chapter.text.to_owned()).or_else(|| code(word))
        {
            let columns = terminal_size::terminal_size_of(io::stdout());
            let columns = columns.map_or(COLUMNS, |(width, _)| usize::from(width.0).max(20));
            let color = invocation.ui_options().out.color;
            return printed(page(&render(&text, columns, color)));
        }
        let topics = guide::chapters().map(|chapter| chapter.name);
        let codes = plan::CODES.iter().map(|code| code.name);
        let names = command.get_subcommands().map(Command::get_name).chain(topics).chain(codes);
        let failure = Failure::usage("usage", format!("there is no command, topic or code `{word}`"));
        Err(match closest(word, names) {
            Some(near) => failure.advise(format!("deployer help {near}")),
            None => failure.advise("deployer help"),
        })
    }
}

/// What a shell completes: the chapters.
fn topics() -> Vec<CompletionCandidate> {
    guide::chapters().map(|chapter| CompletionCandidate::new(chapter.name)).collect()
}

fn code(word: &str) -> Option<String> {
    plan::code(word).map(|code| code.markdown().trim_start_matches("- ").to_owned())
}

/// Shows a text on the terminal a page at a time, where there is a program for that; elsewhere as it is.
fn page(text: &str) -> io::Result<()> {
    let plain = || io::stdout().write_all(text.as_bytes());
    let wanted = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let words = shlex::split(&wanted).unwrap_or_default();
    let Some((program, arguments)) = words.split_first().filter(|_| io::stdout().is_terminal()) else {
        return plain();
    };
    let mut pager = Process::new(program);
    pager.args(arguments).stdin(Stdio::piped());
    if Path::new(program).ends_with("less") {
        // Colours as they are; and where all fits on the screen, it is just printed.
        pager.args(["-R", "-F", "-X"]);
    }
    let mut pager = match pager.spawn() {
        Err(error) if error.kind() == ErrorKind::NotFound => return plain(),
        other => other?,
    };
    // Ctrl-C is the pager's, which outlives it.
    let _ = signal_hook::flag::register(signal_hook::consts::SIGINT, std::sync::Arc::default());
    if let Some(mut input) = pager.stdin.take() {
        // It may be left before the end.
        let _ = input.write_all(text.as_bytes());
    }
    pager.wait().map(|_| ())
}

#[cfg(test)]
mod tests {
    use std::ffi::OsString;

    use super::*;

    /// The command lines of a text: in code by themselves, or on lines of their own, without what a shell adds.
    fn lines(text: &str) -> impl Iterator<Item = &str> {
        let alone = text.lines().map(|line| line.trim().trim_start_matches("$ "));
        let ends = ["   ", " #", "; echo", " | ", " >"];
        let cut =
            move |line| ends.iter().fold(line, |line: &str, end| line.split(end).next().unwrap_or(line));
        text.split('`')
            .chain(alone)
            .filter(|line| line.starts_with("deployer ") && !line.contains(['\n', '…', '`']))
            .map(cut)
    }

    #[test]
    fn every_command_line_of_the_guide_is_understood() {
        let readme = include_str!("../../README.md");
        let mut count = 0;
        for (name, text) in
            guide::chapters().map(|chapter| (chapter.name, chapter.text)).chain([("README", readme)])
        {
            for line in lines(text).filter(|line| !line.contains("TOPIC")) {
                count += 1;
                let words = shlex::split(line).unwrap_or_else(|| panic!("{name}: {line}"));
                if let Err(error) = super::super::parse(words.iter().map(OsString::from)) {
                    assert!(!error.use_stderr(), "{name}: {line}: {error}");
                }
                if let [_, help, word] = &words[..]
                    && help == "help"
                {
                    let is_verb = command().find_subcommand(word).is_some();
                    assert!(
                        is_verb || guide::chapter(word).is_some() || code(word).is_some(),
                        "{name}: {line}"
                    );
                }
            }
        }
        assert!(count > 100, "{count}");
    }
}
