//! The commands that look before anything is done.

use clap::Args;

/// Show what a deploy and its cutover would bring
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> plan [OPTIONS] [COMMIT]",
    after_help = "\
Commits going out, packages, migrations, variables (of these and of secrets the names only), steps and space: the \
commit, and the deployer.toml that lies here, compared with what is live. It changes nothing, takes no lock, \
does not look at changes in the work tree, and asks for no secrets. Exit code 1: the deploy would be refused; 2: \
deployer.toml is wrong, or the commit lacks what it names.

Examples:
  deployer prod plan
  deployer prod plan main --json"
)]
pub(crate) struct Plan {
    /// Anything that `git rev-parse` takes.
    #[arg(default_value = "HEAD")]
    pub(crate) commit: String,
}

/// See next before the public does, through a tunnel
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> open [OPTIONS] [SLOT]",
    after_help = "\
It prints the address, on a terminal also opens a browser there, and lives until Ctrl-C. The tunnel leads to the \
application itself, past nginx: what nginx serves (static files) is not there, and the application is called \
`localhost`, which Django must have in ALLOWED_HOSTS. Websockets and any number of connections go through.

Example: deployer prod open next"
)]
pub(crate) struct Open {
    /// Which one.
    #[arg(default_value = "next", value_parser = ["next", "live", "blue", "green"])]
    pub(crate) slot: String,
    /// Print the address only, and open no browser.
    #[arg(long)]
    pub(crate) print: bool,
    /// The port on this machine; without it, the slot's own number, or any where that is taken.
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
}
