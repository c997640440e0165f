//! What is asked of a slot that stands: its variables, a command in it.

use clap::Args;

/// Compare the variables of live, next and the local side; the values of secrets are never shown.
///
/// Digests are compared, made under a key of this one session: no value travels. `same` and `differs` are told from the
/// local value, which the next deploy would bring. With --json it prints a single object.
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> env [OPTIONS]",
    after_help = "Example: deployer prod env --values"
)]
pub(crate) struct Env {
    /// Show the values of plain variables.
    #[arg(long)]
    pub(crate) values: bool,
}

/// Run a command in a slot's environment: `manage.py shell`, migrations, a dump.
///
/// It stands in the application's folder, with the slot's variables and its virtualenv first on the PATH.
///
/// On a terminal the command gets one too (`python manage.py shell`); otherwise its three streams are this command's own,
/// byte for byte. It takes no lock, and runs beside what the slot serves.
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> run [OPTIONS] -- <COMMAND>...",
    after_help = "\
The exit code is the command's, or 128 and a signal's number where a signal ended it; what keeps it
from being started has deployer's own codes.

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
