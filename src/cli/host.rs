//! The first ten minutes: `init`, `doctor`, `setup`.

use clap::Args;

/// Write a deployer.toml for the application in this folder
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer [ENV] init [OPTIONS]",
    after_help = "\
Django, Flask, FastAPI and their like are recognised by their files, requirements and settings. It asks for what these \
do not tell, and never overwrites a file. ENV names the environment; without it, `prod`. Without a terminal nothing is \
asked: --host is needed, and --user and --url too, unless --yes takes their defaults.

Example: deployer init --host web1.example.org --user deploy --url https://shop.example.org"
)]
pub(crate) struct Init {
    /// The server: a name that ssh knows, or an address.
    #[arg(long)]
    pub(crate) host: Option<String>,
    /// The user to log in as there; by default `deploy`.
    #[arg(long)]
    pub(crate) user: Option<String>,
    /// The front door, as users reach it; by default http:// and the host's name.
    #[arg(long)]
    pub(crate) url: Option<String>,
    /// The folder on the server that holds both slots; by default /home/USER/NAME, for root /srv/NAME.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) root: Option<String>,
    /// What gunicorn serves, instead of what the files tell.
    #[arg(long, value_name = "MODULE:CALLABLE")]
    pub(crate) app: Option<String>,
    /// Where the slots listen on 127.0.0.1; by default two that depend on the name.
    #[arg(long, value_name = "BLUE,GREEN", value_parser = ports)]
    pub(crate) ports: Option<(u16, u16)>,
    /// The application's name; by default its folder's.
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// The environment's name, instead of ENV.
    #[arg(long, value_name = "ENV")]
    pub(crate) environment: Option<String>,
    /// Ask nothing, take the defaults.
    #[arg(short, long)]
    pub(crate) yes: bool,
}

/// Say what on the host stands in the way, and what mends it
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> doctor [OPTIONS]",
    after_help = "\
It changes nothing without --fix. Below each thing that stands in the way is the command that mends it: some are for \
root, on the host. Exit code 0: nothing stands in the way; 1: something does.

Examples:
  deployer prod doctor
  deployer prod doctor --fix --dry-run"
)]
pub(crate) struct Doctor {
    /// Mend what your user there has the right to, then read again; with sudo where it asks for no password.
    #[arg(long)]
    pub(crate) fix: bool,
    /// With --fix: let others, nginx among them, go through your home there (chmod o+x).
    #[arg(long, requires = "fix")]
    pub(crate) open_home: bool,
}

/// Make the slots, and the nginx site that serves them
#[derive(Args, Debug)]
#[command(
    override_usage = "deployer <ENV> setup [OPTIONS]",
    after_help = "\
It shows the site, or what would change in it, and asks. nginx's whole configuration is tested with it, and everything \
is as before where nginx refuses. A site that includes live already is left alone. Where your user may not write the \
file, it is shown with the commands for root, and the exit code is 1. Next is shown to the host itself alone, unless \
[nginx] next_allow says more.

Examples:
  deployer prod setup --print
  deployer prod setup"
)]
pub(crate) struct Setup {
    /// Only print the site; without a connection, and without TLS unless --tls asks for it.
    #[arg(long)]
    pub(crate) print: bool,
    /// Do not ask.
    #[arg(short, long)]
    pub(crate) yes: bool,
    /// There is a certificate in /etc/letsencrypt/live; by default, if your user can see it.
    #[arg(long, overrides_with = "no_tls")]
    pub(crate) tls: bool,
    /// A site without TLS, though there is a certificate.
    #[arg(long)]
    pub(crate) no_tls: bool,
}

fn ports(text: &str) -> Result<(u16, u16), String> {
    let port = |word: &str| word.trim().parse().ok();
    text.split_once(',')
        .and_then(|(blue, green)| Some((port(blue)?, port(green)?)))
        .ok_or_else(|| "write two ports, such as 8001,8002".to_string())
}
