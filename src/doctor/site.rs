//! What the configured nginx commands and the lines of its files tell.

use super::{By, Check, Reading};
use crate::config::{Cutover, Environment};
use crate::model::{HostState, Role, Served, ServedSlot, short};

const CONFIGURATION: &str = "/etc/nginx/nginx.conf";
const PROGRAM: &str = "/usr/sbin/nginx";
const ELSEWHERE: &str = "listens elsewhere, say so in deployer.toml: [nginx] address";

/// nginx's configuration file and its program, as the command that tests it names them.
pub fn configuration(environment: &Environment) -> (String, String) {
    let words = &environment.nginx.test;
    let after = |flag: &str| words.iter().skip_while(|word| *word != flag).nth(1).cloned();
    let program = words.iter().find(|word| word.rsplit('/').next() == Some("nginx"));
    (
        after("-c").unwrap_or_else(|| CONFIGURATION.to_owned()),
        program.filter(|word| word.starts_with('/')).cloned().unwrap_or_else(|| PROGRAM.to_owned()),
    )
}

/// The file of nginx's configuration that includes a role's snippet, in a form that the way of cutting over needs.
fn includes(reading: &Reading, environment: &Environment, role: Role) -> Option<String> {
    let root = &environment.root;
    let by_role = format!("{root}/.deployer/nginx-{role}.con");
    let by_slot = format!("{root}/{role}/etc/nginx.con");
    let is_live_text = |text: &str| {
        text.starts_with("include")
            || text.split_once('#').map_or(text, |(code, _)| code).contains("include ")
    };
    let found = reading.site.iter().find(|(file, text)| {
        let plain = !text.starts_with('#') && is_live_text(text);
        let fits =
            text.contains(&by_role) || (environment.cutover == Cutover::Reload && text.contains(&by_slot));
        plain && fits && !file.contains("/sites-available/")
    });
    found.map(|(file, _)| file.clone())
}

/// Another file than these that includes live already: a site made by hand, or gitric's.
pub fn site_elsewhere(
    reading: &Reading,
    environment: &Environment,
    own: &[Option<String>],
) -> Option<String> {
    let is_own = |file: &String| own.iter().flatten().any(|own| own == file);
    let others = Reading {
        site: reading.site.iter().filter(|(file, _)| !is_own(file)).cloned().collect(),
        ..Reading::default()
    };
    includes(&others, environment, Role::Live)
}

/// Whether the site includes what deployer writes.
pub(super) fn site(reading: &Reading, state: Option<&HostState>, environment: &Environment) -> Check {
    let proven = state.and_then(HostState::served_color).is_some();
    let setup = format!("deployer {} setup", environment.name);
    match includes(reading, environment, Role::Live) {
        Some(file) => Check::good("site", format!("{file} includes live")),
        None if proven => Check::good("site", "the front door answers from a slot"),
        None if reading.conf.is_none() => Check::note(
            "site",
            "nginx's configuration may not be read, so it is not known whether it includes live",
        )
        .mend(By::Here, setup, false),
        None => Check::bad("site", "no site includes live, so nginx does not know this application").mend(
            By::Here,
            setup,
            false,
        ),
    }
}

/// What the front door answers, or whether anybody listens there at all.
pub(super) fn door(reading: &Reading, state: Option<&HostState>, environment: &Environment) -> Check {
    let name = "front door";
    let Some(state) = state else {
        return listens(reading, environment, false);
    };
    let Some(served) = &state.served else {
        return Check::note(name, "not asked");
    };
    if let Served::Silent { error } = served {
        if !listening(reading, environment) {
            return listens(reading, environment, state.live.color.is_some());
        }
        let check = Check::bad(name, error.clone());
        // What listens there may speak no TLS.
        let check = if environment.url.https { check.mend(By::Here, tls(environment), false) } else { check };
        return check.mend(By::Here, format!("if nginx {ELSEWHERE}"), false);
    }
    match served {
        Served::Slot(ServedSlot { color, commit, .. }) => {
            Check::good(name, format!("answers from {color} {}", short(commit)))
        }
        // Without a key there was nothing to ask; whether anybody listens is seen all the same.
        _ if state.key.is_none() => listens(reading, environment, false),
        Served::Unknown { unknown: why } | Served::Silent { error: why } => Check::note(name, why.clone()),
    }
}

/// The command that writes the site with its certificate.
fn tls(environment: &Environment) -> String {
    format!("deployer {} setup --tls", environment.name)
}

/// The port at which the front door should be on the host.
fn door_port(environment: &Environment) -> u16 {
    let address = environment.nginx.address.as_deref();
    let port = address.and_then(|address| address.rsplit_once(':')?.1.parse().ok());
    port.unwrap_or(environment.url.port)
}

fn listening(reading: &Reading, environment: &Environment) -> bool {
    let port = door_port(environment);
    reading.listening.iter().any(|socket| socket.port == port)
}

/// `live`: whether there is a release that this keeps from its users.
fn listens(reading: &Reading, environment: &Environment, live: bool) -> Check {
    let (name, port) = ("front door", door_port(environment));
    let setup = format!("deployer {} setup", environment.name);
    if listening(reading, environment) {
        return Check::good(name, format!("something listens on port {port}; nothing of ours is live yet"));
    }
    if !reading.running {
        return Check::bad(name, format!("nothing listens on port {port}")).mend(
            By::Here,
            format!("start nginx; if it {ELSEWHERE}"),
            false,
        );
    }
    let what = format!("nginx does not listen on port {port}");
    if !environment.url.https {
        return Check::bad(name, what).mend(By::Here, setup, false).mend(
            By::Here,
            format!("if it {ELSEWHERE}"),
            false,
        );
    }
    match (reading.certificate, live) {
        (Some(true), _) => Check::bad(name, format!("{what}, though there is a certificate")).mend(
            By::Here,
            tls(environment),
            false,
        ),
        // A server for https has no certificate yet, and so no site for it: `setup` says how to come by one.
        (_, live) => {
            let check = if live { Check::bad(name, what) } else { Check::note(name, format!("{what} yet")) };
            let more = match reading.certificate {
                None => format!("with a certificate, which only root can see: {}", tls(environment)),
                _ => format!("once there is a certificate: {}", tls(environment)),
            };
            check.mend(By::Here, setup, false).mend(By::Here, more, false)
        }
    }
}
