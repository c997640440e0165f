//! All checks in the order in which a person mends things: first what everything else stands on.

use super::comeback::reboot;
use super::site::{configuration, door, site};
use super::{By, Check, Diagnosis, Reading, machine};
use crate::config::{Cutover, Environment};
use crate::model::{Color, HostState};
use crate::nginx::{rights, without_sudo};
use crate::shell;

/// What was seen of a host, by whom.
#[derive(Clone, Copy, Debug)]
pub struct DoctorInput<'a> {
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
pub fn diagnose(seen: DoctorInput, environment: &Environment) -> Diagnosis {
    let DoctorInput { reading, state, .. } = seen;
    let mut checks = vec![Check::good("ssh", seen.connection), machine::python(reading, environment)];
    checks.extend(machine::login(reading));
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
    let sockets: Vec<_> = reading.listening.iter().filter(|socket| socket.port == port).collect();
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
            return held(reading, name, port, &format!("a process of user {}", sockets[0].user));
        }
        Some(_) => {}
    }
    if let Some(open) = sockets.iter().find(|socket| !socket.address.is_loopback()) {
        let what = format!("{port} is open to the network: the application listens on {}", open.address);
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
    let first = (20_000..30_000).step_by(2).find(|port| !taken(*port) && !taken(port + 1));
    let first = first.unwrap_or(20_000);
    (first, first + 1)
}

fn nginx(reading: &Reading, environment: &Environment) -> Vec<Check> {
    let (_, program) = configuration(environment);
    if reading.nginx.is_none() {
        let missing = Check::bad("nginx", format!("{program} is not there")).root("apt-get install -y nginx");
        return [Some(missing), rights_alone(reading, environment)].into_iter().flatten().collect();
    }
    let running = if reading.running {
        Check::good("nginx", "runs")
    } else {
        Check::bad("nginx", "does not run").root(match reading.init.as_str() {
            "systemd" => "systemctl enable --now nginx".to_owned(),
            _ => shell::display(&[program]),
        })
    };
    vec![running, test(reading, environment), reload(reading, environment)]
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
    let check = Check::bad("nginx rights", format!("{} may not test and reload nginx", reading.user));
    let check = if reading.has("sudo") { check } else { check.root("apt-get install -y sudo") };
    Some(check.roots(rights(&environment.nginx, &reading.user)))
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
    let has_sudo = without_sudo(&environment.nginx.test).len() < environment.nginx.test.len();
    if has_sudo && !reading.has("sudo") {
        return Check::bad("nginx test", "sudo is not there")
            .root("apt-get install -y sudo")
            .roots(rights(&environment.nginx, &reading.user));
    }
    let last = reading.tested.last().map_or("it said nothing", String::as_str);
    let check = Check::bad("nginx test", format!("{} may not run {command}: {last}", reading.user));
    if has_sudo && (said.contains("password") || said.contains("not allowed") || said.contains("sudoers")) {
        return check.roots(rights(&environment.nginx, &reading.user));
    }
    check.mend(By::Here, "give commands that work in deployer.toml: [nginx] test and reload", false)
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
        (true, _) => {
            Check::bad("nginx reload", format!("{} may not run {command} without a password", reading.user))
                .roots(rights(&environment.nginx, &reading.user))
        }
    }
}

/// Whether nginx's user can go down to what it must open itself: static files and sockets. Snippets are read by root.
fn reach(reading: &Reading, environment: &Environment) -> Check {
    let name = "nginx's reach";
    let account = &reading.account;
    let shut: Vec<_> = reading.folders.iter().rev().filter(|folder| !reading.lets_nginx_in(folder)).collect();
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
    let mut check = Check::bad(name, format!("{what}, and so reach neither static files nor sockets"));
    // Only what leads to the root: the host's word for more of it is no reason to open that.
    let leads = |path: &str| path == "/" || format!("{}/", environment.root).starts_with(&format!("{path}/"));
    for folder in shut.into_iter().filter(|folder| leads(&folder.path)) {
        let open = shell::display(&["chmod", "o+x", &folder.path].map(str::to_owned));
        let by = if folder.user == reading.user { By::User } else { By::Root };
        // Others could then guess at names below a home: that is for a person to decide, by a flag of its own.
        check = check.mend(by, open, false);
    }
    check
}
