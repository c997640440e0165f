//! `open`: a slot, seen from this machine through a tunnel. Takes no lock.

use std::io::IsTerminal;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Command, Stdio};

use clap::Args;

use super::Context;
use super::invocation::Invocation;
use super::run::find;
use super::verb::{AnyVerb, Environments, Verb};
use crate::host::lost;
use crate::model::ExitCode;
use crate::plan::{Event, Failure};
use crate::ui::Ui;

pub(super) const VERB: AnyVerb = AnyVerb::of::<OpenArgs>();

/// See next before the public does, through a tunnel
#[derive(Args, Debug)]
#[command(after_help = "\
It prints the address, on a terminal also opens a browser there, and lives until Ctrl-C. The tunnel leads to the \
application itself, past nginx: what nginx serves (static files) is not there, and the application is called \
`localhost`, which Django must have in ALLOWED_HOSTS. Websockets and any number of connections go through.

Example: deployer prod open next")]
pub(super) struct OpenArgs {
    /// Which one.
    #[arg(default_value = "next", value_parser = ["next", "live", "blue", "green"])]
    slot: String,
    /// Print the address only, and open no browser.
    #[arg(long)]
    print: bool,
    /// The port on this machine; without it, the slot's own number, or any where that is taken.
    #[arg(long, value_name = "N")]
    port: Option<u16>,
}

impl Verb for OpenArgs {
    const ENVIRONMENT: Environments = Environments::One;

    fn run(self, invocation: &Invocation, ui: &mut Ui) -> Result<u8, Failure> {
        let mut job = invocation.job(ui)?;
        let mut context = job.context(ui);
        open(&mut context, &self)?;
        Ok(ExitCode::Done as u8)
    }
}

/// Opens a tunnel to a slot's port, tells its address, and carries connections until Ctrl-C.
///
/// # Errors
/// Where the host cannot be reached, nothing listens there, or the local port is taken.
fn open(context: &mut Context, options: &OpenArgs) -> Result<(), Failure> {
    let environment = context.environment;
    let mut session = context.connect()?;
    let host = session.host().to_string();
    let (color, _) = find(&mut session, environment, &options.slot, None)?;
    let port = environment.ports.of(color);
    if !session.knock(port).map_err(|error| lost(error.into(), &host))? {
        return Err(Failure::new("open.refused", format!("cannot reach port {port} of {color} on {host}"))
            .why("nothing listens there, or its sshd forbids tunnels (AllowTcpForwarding)")
            .advise(format!("see what runs: deployer {} status", environment.name))
            .advise(format!("start a release there: deployer {} deploy", environment.name)));
    }
    let listener = listen(options.port, port)?;
    let own = listener.local_addr().map(|address| address.port()).unwrap_or_default();
    let url = format!("http://localhost:{own}{}", environment.url.path);
    context.emit(Event::Note {
        message: format!("{} is {color} on {host}; until Ctrl-C it is at", options.slot),
    });
    context.emit(Event::Opened { url: url.clone() });
    if !options.print && std::io::stdout().is_terminal() {
        show(&url);
    }
    session.tunnel(&listener, port).map_err(|error| lost(error.into(), &host))
}

/// On loopback only: next is not for the neighbours.
fn listen(wanted: Option<u16>, number: u16) -> Result<TcpListener, Failure> {
    let bind = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let bound = match wanted {
        Some(port) => bind(port),
        None => bind(number).or_else(|_| bind(0)),
    };
    bound.map_err(|error| {
        let port = wanted.unwrap_or_default();
        Failure::usage("open.port", format!("cannot listen on port {port} of this machine: {error}"))
            .advise("name another one: --port, or leave it out")
    })
}

/// The address is told too: that there is no browser is no failure.
fn show(url: &str) {
    let program = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let started = Command::new(program)
        .arg(url)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Ok(mut browser) = started {
        std::thread::spawn(move || browser.wait());
    }
}
