//! All checks in the order in which a person mends things: first what everything else stands on.

use super::site::{configuration, includes, sudoers};
use super::{By, Check, Diagnosis, Reading, machine};
use crate::config::{Cutover, Environment, Supervisor};
use crate::model::{Color, Crontab, HostState, Role, short};
use crate::shell;

/// What was seen of a host, by whom.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub reading: &'a Reading,
    /// What every other command reads; it needs Python on the host.
    pub state: Option<&'a HostState>,
    /// How the connection came about: user, host's key, own key.
    pub connection: &'a str,
    /// The host as the user calls it.
    pub host: &'a str,
    /// The local clock at the reading, in seconds since 1970.
    pub now: i64,
}

/// Looks at everything.
pub fn diagnose(seen: Seen, environment: &Environment) -> Diagnosis {
    let Seen { reading, state, .. } = seen;
    let mut checks = vec![
        Check::good("ssh", seen.connection),
        machine::python(reading, environment),
    ];
    checks.extend(machine::virtualenv(reading, environment));
    checks.extend([
        machine::tools(reading),
        machine::git(reading),
        machine::space(reading),
        machine::root(reading, environment),
    ]);
    checks.extend(Color::ALL.map(|color| port(reading, state, environment, color)));
    checks.extend(nginx(reading, environment));
    checks.push(reach(reading, environment));
    checks.push(site(reading, state, environment));
    checks.push(door(reading, state, environment));
    checks.extend(state.map(|state| reboot(state, environment)));
    checks.push(machine::locale(reading));
    checks.push(machine::clock(reading, seen.now));
    once(&mut checks);
    Diagnosis {
        environment: environment.name.clone(),
        host: seen.host.to_owned(),
        user: reading.user.clone(),
        checks,
    }
}

/// A command that mends two things stands below the first of them.
fn once(checks: &mut [Check]) {
    let mut seen = Vec::new();
    for check in checks {
        let before = check.mends.len();
        check.mends.retain(|mend| !seen.contains(mend));
        if check.mends.len() < before {
            check.says.push_str("; the command above mends it too");
        }
        seen.extend(check.mends.iter().cloned());
    }
}

/// A slot's port: free or the slot's own, and not to be reached from outside.
fn port(reading: &Reading, state: Option<&HostState>, environment: &Environment, color: Color) -> Check {
    let port = environment.ports.of(color);
    let name = match color {
        Color::Blue => "blue's port",
        Color::Green => "green's port",
    };
    let sockets: Vec<_> = reading
        .listening
        .iter()
        .filter(|socket| socket.port == port)
        .collect();
    if sockets.is_empty() {
        return Check::good(name, format!("{port} is free"));
    }
    let listener = state.and_then(|state| state.slot(color).listener.as_ref());
    match listener {
        Some(listener) if !listener.ours => {
            let who = match (listener.pid, listener.command.is_empty()) {
                (Some(pid), false) => format!("process {pid} of {} ({})", listener.user, listener.command),
                _ => format!("a process of {}", listener.user),
            };
            return held(reading, name, port, &who);
        }
        None if state.is_none() && reading.root_exists => {
            return Check::note(name, format!("something listens on {port}"));
        }
        // Where there is no slot yet, nobody looked further than at whose it is.
        None => {
            return held(
                reading,
                name,
                port,
                &format!("a process of user {}", sockets[0].user),
            );
        }
        Some(_) => {}
    }
    if let Some(open) = sockets.iter().find(|socket| !socket.address.is_loopback()) {
        let what = format!(
            "{port} is open to the network: the application listens on {}",
            open.address
        );
        return Check::bad(name, what).mend(By::Here, "let it listen on 127.0.0.1 alone", false);
    }
    Check::good(name, format!("{port}, the slot's own"))
}

fn held(reading: &Reading, name: &'static str, port: u16, who: &str) -> Check {
    let (blue, green) = free_ports(reading);
    let advice =
        format!("choose others in deployer.toml, such as: ports = {{ blue = {blue}, green = {green} }}");
    Check::bad(name, format!("{port} is held by {who}")).mend(By::Here, advice, false)
}

/// Two neighbours on which nothing listens.
fn free_ports(reading: &Reading) -> (u16, u16) {
    let taken = |port: u16| reading.listening.iter().any(|socket| socket.port == port);
    let first = (20_000..30_000)
        .step_by(2)
        .find(|port| !taken(*port) && !taken(port + 1));
    let first = first.unwrap_or(20_000);
    (first, first + 1)
}

fn nginx(reading: &Reading, environment: &Environment) -> Vec<Check> {
    let (_, program) = configuration(environment);
    if reading.nginx.is_none() {
        let missing = Check::bad("nginx", format!("{program} is not there")).root("apt-get install -y nginx");
        return [Some(missing), rights_alone(reading, environment)]
            .into_iter()
            .flatten()
            .collect();
    }
    let running = match reading.running {
        true => Check::good("nginx", "runs"),
        false => Check::bad("nginx", "does not run").root(match reading.init.as_str() {
            "systemd" => "systemctl enable --now nginx".to_owned(),
            _ => program,
        }),
    };
    vec![running, test(reading, environment), reload(reading, environment)]
}

/// The command that gives both rights, as one file.
fn rights(reading: &Reading, environment: &Environment) -> String {
    sudoers(
        &reading.user,
        &[&environment.nginx.test, &environment.nginx.reload],
    )
}

/// Whether sudo allows both commands, where they cannot be tried.
fn rights_alone(reading: &Reading, environment: &Environment) -> Option<Check> {
    let may = |words: &[String]| {
        let plain = without_sudo(words);
        plain.len() == words.len() || reading.user == "root" || reading.may_sudo(Some(&plain.join(" ")))
    };
    if may(&environment.nginx.test) && may(&environment.nginx.reload) {
        return None;
    }
    let check = Check::bad(
        "nginx rights",
        format!("{} may not test and reload nginx", reading.user),
    );
    let check = if reading.has("sudo") {
        check
    } else {
        check.root("apt-get install -y sudo")
    };
    Some(check.root(rights(reading, environment)))
}

/// A command without the sudo before it.
fn without_sudo(words: &[String]) -> Vec<String> {
    let is_sudo = |word: &&String| word.ends_with("sudo") || word.starts_with('-');
    words.iter().skip_while(is_sudo).cloned().collect()
}

fn test(reading: &Reading, environment: &Environment) -> Check {
    let command = shell::display(&environment.nginx.test);
    if reading.test == Some(0) {
        return Check::good("nginx test", command);
    }
    let said = reading.tested.join("\n").to_lowercase();
    if let Some(line) = reading.tested.iter().find(|line| line.contains("[emerg]")) {
        let what = line.split("[emerg]").nth(1).unwrap_or(line).trim();
        return Check::bad("nginx test", format!("nginx refuses its configuration: {what}")).mend(
            By::Root,
            "nginx -t",
            false,
        );
    }
    let has_sudo = environment
        .nginx
        .test
        .first()
        .is_some_and(|word| word.ends_with("sudo"));
    if has_sudo && !reading.has("sudo") {
        return Check::bad("nginx test", "sudo is not there")
            .root("apt-get install -y sudo")
            .mend(By::Root, rights(reading, environment), true);
    }
    let last = reading.tested.last().map_or("it said nothing", String::as_str);
    let check = Check::bad(
        "nginx test",
        format!("{} may not run {command}: {last}", reading.user),
    );
    if has_sudo && (said.contains("password") || said.contains("not allowed") || said.contains("sudoers")) {
        return check.mend(By::Root, rights(reading, environment), true);
    }
    check.mend(
        By::Here,
        "give commands that work in deployer.toml: [nginx] test and reload",
        false,
    )
}

fn reload(reading: &Reading, environment: &Environment) -> Check {
    let words = &environment.nginx.reload;
    let command = shell::display(words);
    let plain = without_sudo(words);
    let has_sudo = plain.len() != words.len();
    match (has_sudo, reading.reload) {
        (false, None) => Check::good("nginx reload", format!("{command} (not tried)")),
        (false, Some(_)) => Check::bad("nginx reload", format!("there is no {}", words[0])).mend(
            By::Here,
            "give a command that works in deployer.toml: [nginx] reload",
            false,
        ),
        // As root, sudo allows everything and lists nothing.
        (true, Some(0)) if reading.may_sudo(Some(&plain.join(" "))) || reading.user == "root" => {
            Check::good("nginx reload", command)
        }
        (true, _) => Check::bad(
            "nginx reload",
            format!("{} may not run {command} without a password", reading.user),
        )
        .mend(By::Root, rights(reading, environment), true),
    }
}

/// Whether nginx's user can go down to what it must open itself: static files and sockets. Snippets are read by root.
fn reach(reading: &Reading, environment: &Environment) -> Check {
    let name = "nginx's reach";
    let account = &reading.account;
    let shut: Vec<_> = reading
        .folders
        .iter()
        .rev()
        .filter(|folder| !reading.lets_nginx_in(folder))
        .collect();
    let Some(first) = shut.first() else {
        return Check::good(name, format!("{account} can go down to {}", environment.root));
    };
    let what = format!("{account} cannot enter {} (mode {:o})", first.path, first.mode);
    let is_needed = environment.cutover == Cutover::Socket || environment.static_files.is_some();
    if !is_needed {
        return Check::note(
            name,
            format!("{what}; only static files and cutover = \"socket\" would need it"),
        );
    }
    let mut check = Check::bad(
        name,
        format!("{what}, and so reach neither static files nor sockets"),
    );
    for folder in shut {
        let open = shell::display(&["chmod", "o+x", &folder.path].map(str::to_owned));
        let by = if folder.user == reading.user {
            By::User
        } else {
            By::Root
        };
        // Others could then guess at names below a home: that is for a person to decide, by a flag of its own.
        check = check.mend(by, open, false);
    }
    check
}

/// Whether the site includes what deployer writes.
fn site(reading: &Reading, state: Option<&HostState>, environment: &Environment) -> Check {
    let proven = state
        .and_then(|state| state.served.as_ref())
        .is_some_and(|served| served.color.is_some());
    let setup = format!("deployer {} setup", environment.name);
    match includes(reading, environment, Role::Live) {
        Some(file) => Check::good("site", format!("{file} includes live")),
        None if proven => Check::good("site", "the front door answers from a slot"),
        None if reading.conf.is_none() => Check::note(
            "site",
            "nginx's configuration may not be read, so it is not known whether it includes live",
        )
        .mend(By::Here, setup, false),
        None => Check::bad(
            "site",
            "no site includes live, so nginx does not know this application",
        )
        .mend(By::Here, setup, false),
    }
}

/// Whether what is live would come back; it stands in the way of no release, so it is a note.
fn reboot(state: &HostState, environment: &Environment) -> Check {
    let name = "reboot";
    if environment.supervisor == Supervisor::None {
        return Check::note(name, "nothing starts it: supervisor = \"none\"");
    }
    match (state.systemd, state.crontab) {
        (Some(systemd), _) if systemd.lingers => Check::good(name, "systemd starts it"),
        (Some(_), _) => {
            let words = ["loginctl", "enable-linger", &state.user].map(str::to_owned);
            Check::note(
                name,
                format!("systemd starts nothing of {} without a login", state.user),
            )
            .mend(By::User, "loginctl enable-linger", true)
            .root(shell::display(&words))
        }
        (None, Some(Crontab::Starts)) => Check::good(name, "cron starts it"),
        (None, Some(Crontab::Missing)) => {
            Check::note(name, "nothing starts it: there is neither systemd nor cron")
        }
        (None, _) => Check::note(
            name,
            format!(
                "no systemd; after the first deploy, deployer {} status says the line for cron",
                environment.name
            ),
        ),
    }
}

fn door(reading: &Reading, state: Option<&HostState>, environment: &Environment) -> Check {
    let name = "front door";
    let Some(state) = state else {
        return listens(reading, environment);
    };
    let Some(served) = &state.served else {
        return Check::note(name, "not asked");
    };
    if let Some(error) = &served.error {
        return Check::bad(name, error.clone()).mend(
            By::Here,
            "if nginx listens elsewhere, say so in deployer.toml: [nginx] address",
            false,
        );
    }
    match (served.color, &served.commit) {
        (Some(color), Some(commit)) => Check::good(name, format!("answers from {color} {}", short(commit))),
        (Some(color), None) => Check::good(name, format!("answers from {color}")),
        // Without a key there was nothing to ask; whether anybody listens is seen all the same.
        (None, _) if state.key.is_none() => listens(reading, environment),
        (None, _) => Check::note(
            name,
            served
                .unknown
                .clone()
                .unwrap_or_else(|| "it is not known what it serves".to_owned()),
        ),
    }
}

fn listens(reading: &Reading, environment: &Environment) -> Check {
    let address = environment.nginx.address.as_deref().unwrap_or("127.0.0.1");
    let port = address
        .rsplit_once(':')
        .and_then(|(_, port)| port.parse().ok())
        .unwrap_or(environment.url.port);
    match reading.listening.iter().any(|socket| socket.port == port) {
        true => Check::good(
            "front door",
            format!("something listens on port {port}; nothing of ours is live yet"),
        ),
        // A server for https has no certificate yet, and so no site for it.
        false if environment.url.https => {
            Check::note("front door", format!("nothing listens on port {port} yet"))
        }
        false if reading.running => Check::bad("front door", format!("nginx does not listen on port {port}"))
            .mend(By::Here, format!("deployer {} setup", environment.name), false)
            .mend(
                By::Here,
                "if it listens elsewhere, say so in deployer.toml: [nginx] address",
                false,
            ),
        false => Check::bad("front door", format!("nothing listens on port {port}")).mend(
            By::Here,
            "start nginx; if it listens elsewhere, say so in deployer.toml: [nginx] address",
            false,
        ),
    }
}
