//! What must hold before a slot is touched, and the refusals where it does not.

use super::action::Action;
use super::slots::{Slots, astray};
use super::{Failure, Site};
use crate::config::{Environment, Installer, Supervisor};
use crate::model::{Color, ExitCode, Freeze, HostState, Secret, age, login};
use crate::{python, shell, unit};

/// The commit that a slot holds, by its release or by its work tree.
pub fn held(state: &HostState, color: Color) -> Option<&str> {
    let slot = state.slot(color);
    slot.release.as_ref().map(|release| release.commit.as_str()).or(slot.head.as_deref())
}

/// Somebody asked for a pause.
pub fn frozen(freeze: &Freeze, state: &HostState, environment: &str) -> Failure {
    let ago = age(u64::try_from(state.seconds() - freeze.at).unwrap_or_default());
    Failure::new(
        "frozen",
        format!("{environment} was locked by {} {ago} ago: {:?}", freeze.by, freeze.message),
    )
    .exit(ExitCode::Locked)
    .advise(format!("when its time is over: deployer {environment} unlock"))
}

/// The folders and links that are missing.
pub(super) fn layout(state: &HostState, slots: &Slots, new_key: &str) -> Vec<Action> {
    let complete = Color::ALL.iter().all(|color| {
        let slot = state.slot(*color);
        slot.exists && slot.repository && !slot.snippet.is_empty()
    });
    let lay_out = Action::LayOut { key: Secret::new(new_key), aside: None };
    let links = slots.mend.iter().map(|(name, color)| Action::Link { name, color: *color });
    (!complete || state.key.is_none()).then_some(lay_out).into_iter().chain(links).collect()
}

/// Where nginx still serves the slot that the links call next, to rebuild it would take the site down.
pub(super) fn check_served(
    state: &HostState,
    slots: &Slots,
    environment: &Environment,
) -> Result<(), Failure> {
    let served = state.served_color();
    if served == Some(slots.next) {
        let what = format!("nginx still serves {}, though live is linked to {}", slots.next, slots.live);
        return Err(Failure::new("served.differs", what)
            .why("a cutover was cut off before nginx was reloaded, or somebody moved the link by hand")
            .advise(format!("finish it first: deployer {} cutover", environment.name)));
    }
    if astray(state, slots.live) {
        let what = format!("nginx looks for a socket of live ({}), which has none", slots.live);
        return Err(Failure::new("served.astray", what)
            .why("it may still lead to what runs in next")
            .advise(format!("mend that first: deployer {} cutover", environment.name)));
    }
    Ok(())
}

/// How a host without uv gets it, or does without.
pub(super) fn needs_uv(failure: Failure, environment: &Environment) -> Failure {
    let failure = failure.advise(format!("on the host: {}", python::INSTALL_UV));
    if environment.python.is_locked() {
        failure
            .why("uv.lock is read by uv alone")
            .advise(format!("or commit a requirements.txt, and name it: {}", python::EXPORT_LOCK))
    } else {
        failure.advise("or set [python] installer = \"auto\"")
    }
}

pub(super) fn check_host(state: &HostState, environment: &Environment) -> Result<(), Failure> {
    for (tool, package) in [("git", "git"), ("setsid", "util-linux")] {
        if state.tools.get(tool).is_none_or(Option::is_none) {
            return Err(Failure::new("host.tool", format!("{} has no {tool} on its PATH", state.name))
                .advise(format!("on the host, as root: apt-get install {package}")));
        }
    }
    let brought = environment.python.brought(&state.python);
    let wants_uv = brought.is_some() || environment.python.installer == Installer::Uv;
    if wants_uv && state.tools.get("uv").is_none_or(Option::is_none) {
        let failure = Failure::new("host.tool", format!("{} has no uv", state.name));
        return Err(match brought {
            Some(version) => failure
                .why(format!(
                    "its Python is older than {version}, which [python] version asks for, and uv brings it"
                ))
                .advise(format!("on the host: {}", python::INSTALL_UV))
                .advise("or name a newer Python of the host's: [python] interpreter"),
            None => needs_uv(failure, environment),
        });
    }
    if environment.supervisor == Supervisor::Systemd && state.systemd.is_none() {
        return Err(Failure::new(
            "host.systemd",
            format!("{} has no systemd for user {}", state.name, state.user),
        )
        .why("supervisor = \"systemd\" asks for it")
        .advise("set supervisor = \"auto\": a plain process where there is none"));
    }
    if let (Supervisor::Systemd, Some(systemd)) = (environment.supervisor, state.systemd)
        && !systemd.writable
    {
        let what = format!("user {} may not write units for systemd on {}", state.user, state.name);
        let failure = Failure::new("host.systemd", what).why("supervisor = \"systemd\" asks for it");
        let mends = unit::mends(systemd, &state.user);
        return Err(if mends.is_empty() {
            failure
        } else {
            failure.advise(format!("on the host, as root: {}", mends.join(" && ")))
        });
    }
    if !state.root.writable {
        return Err(Failure::new(
            "host.root",
            format!("user {} may not write to {}", state.user, state.root.ancestor),
        )
        .advise(format!(
            "on the host, as root: install -d -o {} {}",
            login(&state.user).unwrap_or("USER"),
            shell::display(std::slice::from_ref(&environment.root))
        )));
    }
    for color in Color::ALL {
        if let Some(error) = &state.slot(color).repository_error {
            return Err(Failure::new(
                "host.repository",
                format!("git cannot read {}/{color}/repo: {error}", environment.root),
            )
            .advise(format!("on the host: the folder must belong to user {}", state.user)));
        }
    }
    Ok(())
}

pub(super) fn check_port(state: &HostState, color: Color, environment: &Environment) -> Result<(), Failure> {
    let port = environment.ports.of(color);
    match &state.slot(color).listener {
        Some(listener) if !listener.ours => {
            let who = match listener.pid {
                Some(pid) => format!("process {pid} of user {} ({})", listener.user, listener.command),
                None => format!("a process of user {}", listener.user),
            };
            Err(Failure::new("port.taken", format!("port {port} of {color} is held by {who}"))
                .why(format!(
                    "it is not this slot's {}, so it was left alone",
                    environment.web.name().trim_start_matches("the ")
                ))
                .advise("stop it, or give the slot another port in deployer.toml"))
        }
        _ => Ok(()),
    }
}

/// The refusal of a deploy from a dirty work tree.
pub fn dirty(paths: &[String]) -> Failure {
    let shown = paths.len().min(10);
    let mut output = paths[..shown].to_vec();
    if paths.len() > shown {
        output.push(format!("… and {} more", paths.len() - shown));
    }
    Failure::new("worktree.dirty", "the work tree has changes that no commit holds")
        .output(output)
        .why("a deploy sends a commit, so these would not be deployed")
        .site(Site::Untouched)
        .exit(ExitCode::Failed)
        .advise("commit them, or deploy without them: --allow-dirty")
        .advise("untracked files only? ignore them by .gitignore, or [app] untracked = \"ignore\"")
}
