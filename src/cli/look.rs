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
