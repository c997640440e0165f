//! Man pages, from the same definitions as `--help`.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use clap::{Args, Command};
use clap_mangen::Man;

use super::invocation::Invocation;
use super::line::{WHAT, plain_command};
use super::verb::{AnyVerb, Environments, Verb, printed};
use crate::plan::Failure;
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<ManArgs>();

/// Print a man page, or write all of them
#[derive(Args, Debug)]
#[command(
    override_usage = "man [COMMAND]\n       deployer man --out <DIR>",
    after_help = "\
Read one now: deployer man deploy | man -l -
Install all:  deployer man --out ~/.local/share/man/man1, then: man deployer-deploy"
)]
pub(super) struct ManArgs {
    /// Which command's; without it, the page of deployer itself.
    #[arg(conflicts_with = "out")]
    command: Option<String>,
    /// Write every page into this folder, and print the files' names.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

impl Verb for ManArgs {
    const ENVIRONMENT: Environments = Environments::None;

    fn run(self, _: &Invocation, _: &mut Ui) -> Result<u8, Failure> {
        let done = match &self.out {
            Some(folder) => write_all(folder),
            None => write_one(self.command.as_deref()),
        };
        printed(done)
    }
}

/// Names and global options of commands are known once clap has built them.
fn built() -> Command {
    let mut command = plain_command().long_about(WHAT);
    command.build();
    command
}

fn write_all(folder: &Path) -> io::Result<()> {
    let at = |path: &Path| {
        let path = path.display().to_string();
        move |error: io::Error| io::Error::new(error.kind(), format!("{path}: {error}"))
    };
    std::fs::create_dir_all(folder).map_err(at(folder))?;
    let command = built();
    let mut names = Vec::new();
    for page in pages(&command) {
        let path = folder.join(page.get_filename());
        let mut text = Vec::new();
        page.render(&mut text)?;
        std::fs::write(&path, text).map_err(at(&path))?;
        names.push(format!("{}\n", path.display()));
    }
    io::stdout().write_all(names.concat().as_bytes())
}

fn write_one(name: Option<&str>) -> io::Result<()> {
    let command = built();
    let wanted = match name {
        None => "deployer.1".to_string(),
        Some(name) => format!("deployer-{name}.1"),
    };
    let page = pages(&command).into_iter().find(|page| page.get_filename() == wanted);
    let Some(page) = page else {
        let name = name.unwrap_or_default();
        return Err(io::Error::new(io::ErrorKind::NotFound, format!("there is no command {name:?}")));
    };
    let mut text = Vec::new();
    page.render(&mut text)?;
    io::stdout().write_all(&text)
}

/// The page of the program, then those of its commands.
fn pages(command: &Command) -> Vec<Man> {
    let shown = command.get_subcommands().filter(|verb| !verb.is_hide_set());
    std::iter::once(command)
        .chain(shown)
        .map(|command| Man::new(command.clone()).manual("deployer"))
        .collect()
}
