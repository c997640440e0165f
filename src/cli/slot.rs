//! What is asked of a slot that stands: its variables, a command in it, its logs.

use clap::Args;

use deployer::commands::LogsOptions;

/// Compare the variables of live, next and the local side
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> env [OPTIONS]",
    after_help = "\
Digests are compared, made under a key of this one session: no value travels but, with --values, those of plain \
variables. `same` and `differs` are told from the local value, which the next deploy would bring.

Examples:
  deployer prod env
  deployer prod env --values"
)]
pub(crate) struct Env {
    /// Show the values of plain variables instead of words; never a secret's.
    #[arg(long)]
    pub(crate) values: bool,
}

/// Run a command in a slot's environment: `manage.py shell`, a dump
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> run [OPTIONS] -- <COMMAND>...",
    after_help = "\
It stands in the application's folder, with the slot's variables and its virtualenv first on the PATH. On a terminal the \
command gets one too; otherwise its three streams are this command's own, byte for byte. It takes no lock, and runs \
beside what the slot serves.

The exit code is the command's, or 128 and a signal's number where a signal ended it; what keeps it from being started \
has deployer's own codes.

Examples:
  deployer prod run -- python manage.py shell
  deployer prod run --slot next -- python manage.py showmigrations
  deployer prod run -- sh -c 'pg_dump \"$DATABASE_URL\"' >dump.sql"
)]
pub(crate) struct Run {
    /// Where: live, next, blue or green.
    #[arg(long, value_name = "SLOT", default_value = "live", hide_default_value = false,
          value_parser = ["live", "next", "blue", "green"], hide_possible_values = true)]
    pub(crate) slot: String,
    /// The command and its arguments; a shell's line needs `sh -c`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
    pub(crate) command: Vec<String>,
}

/// Show the end of a log of the host, and with -f what is added
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> logs [OPTIONS] [LOG]",
    after_help = "\
The log goes to standard output as it stands, everything else to standard error. With -f it goes on across rotations, \
and, where live or next moves to the other slot, with that slot's log.

Examples:
  deployer prod logs -f
  deployer prod logs --slot next --lines 500
  deployer prod logs nginx"
)]
pub(crate) struct Logs {
    /// Which: `app` is the web server's, `deploy` the proven cutovers and rollbacks, `nginx` its error log, and any other
    /// word the process of that name in [processes].
    #[arg(value_name = "LOG", default_value = "app", value_parser = log_name)]
    pub(crate) log: String,
    /// Go on with what is added, until Ctrl-C.
    #[arg(short, long)]
    pub(crate) follow: bool,
    /// Whose: live, next, blue or green.
    #[arg(long, value_name = "SLOT", default_value = "live",
          value_parser = ["live", "next", "blue", "green"], hide_possible_values = true)]
    pub(crate) slot: String,
    /// How many lines of the end to begin with.
    #[arg(short = 'n', long, value_name = "N", default_value = "50")]
    pub(crate) lines: u32,
}

impl Logs {
    pub(crate) fn options(&self) -> LogsOptions<'_> {
        LogsOptions { what: &self.log, slot: &self.slot, lines: self.lines, follow: self.follow }
    }
}

/// It becomes part of a file's name on the host.
fn log_name(word: &str) -> Result<String, String> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    match !word.is_empty() && word.chars().all(plain) {
        true => Ok(word.to_owned()),
        false => Err("a log is `app`, `deploy`, `nginx`, or the name of a process".to_owned()),
    }
}
