//! The commands that look before anything is done.

use clap::Args;

/// Show what a deploy and its cutover would bring: commits, packages, migrations, variables, steps, space.
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> plan [OPTIONS] [COMMIT]",
    after_help = "\
It compares the commit, and the deployer.toml that lies here, with what is live; it changes nothing and takes no
lock. It exits with 1 where the deploy would be refused. Of variables and secrets it shows the names only.

Example: deployer prod plan"
)]
pub(crate) struct Plan {
    /// Anything that `git rev-parse` takes.
    #[arg(default_value = "HEAD")]
    pub(crate) commit: String,
}

/// See a slot through a tunnel: next, before the public does.
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> open [OPTIONS] [SLOT]",
    after_help = "\
It prints the address, on a terminal also opens a browser there, and lives until Ctrl-C. The tunnel leads to the
application itself, past nginx: what nginx serves (static files) is not there, and the application is called
`localhost`, which Django must have in ALLOWED_HOSTS. Websockets and any number of connections go through.

Example: deployer prod open next"
)]
pub(crate) struct Open {
    /// `next`, `live`, `blue` or `green`.
    #[arg(default_value = "next", value_parser = ["next", "live", "blue", "green"])]
    pub(crate) slot: String,
    /// Print the address only, and open no browser.
    #[arg(long)]
    pub(crate) print: bool,
    /// The port on this machine; without it, the slot's own number, or any where that is taken.
    #[arg(long, value_name = "N")]
    pub(crate) port: Option<u16>,
}
