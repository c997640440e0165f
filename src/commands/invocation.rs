//! How a verb was called.

use std::path::PathBuf;

use clap::Args;

use crate::ui::{ColorMode, Surroundings, UiOptions, Verbosity};

#[derive(Args, Debug)]
#[command(next_help_heading = "Options of every command")]
pub(super) struct Options {
    /// Read this file instead of the deployer.toml of the repository.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Read this file instead of ~/.ssh/config and /etc/ssh/ssh_config.
    #[arg(short = 'F', long, global = true, value_name = "FILE")]
    pub(super) ssh_config: Option<PathBuf>,
    /// Show what would be done, and what each step touches; do nothing.
    #[arg(long, global = true)]
    pub(super) dry_run: bool,
    /// Show each command and all that it prints.
    #[arg(short, long, global = true, conflicts_with = "quiet")]
    verbose: bool,
    /// Say nothing but failures and the last line.
    #[arg(short, long, global = true)]
    quiet: bool,
    /// Print JSON on stdout: an event a line, or a single object where a command only reads; `run` and `logs` print their
    /// stream as it stands.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to use colour.
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    color: ColorMode,
}

/// What stands on the command line beside the verb's own arguments.
pub(super) struct Invocation {
    /// The environment that stands in front of the verb.
    pub(super) environment: Option<String>,
    pub(super) options: Options,
    /// As it was typed.
    pub(super) verb: &'static str,
    /// Whether the verb prints one object, or a stream that is not ours.
    pub(super) one_object: bool,
    /// Whether the verb works on all hosts of a fleet.
    pub(super) fleets: bool,
    /// The one host of it that is meant.
    pub(super) host: Option<String>,
}

impl Invocation {
    /// How its words are to look.
    pub(super) fn ui_options(&self) -> UiOptions {
        let options = &self.options;
        let verbosity = match (options.quiet, options.verbose) {
            (true, _) => Verbosity::Quiet,
            (false, true) => Verbosity::Verbose,
            (false, false) => Verbosity::Normal,
        };
        UiOptions::suited_to(&Surroundings::of_process(), options.json, verbosity, options.color)
    }
}
