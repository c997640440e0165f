//! systemd units: the name and the text of what keeps a slot's process running, and brings it back after a reboot.

use crate::config::{Environment, Web};
use crate::model::{Color, Scope, Systemd, login};
use crate::template::{fill, mark};

const UNIT: &str = include_str!("../templates/slot.service");

/// What the names of all of an environment's units begin with: no two roots of a host share it.
pub(crate) fn prefix(root: &str) -> String {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '.' || letter == '_';
    let path = root.trim_start_matches('/');
    let name: String = path.chars().map(|letter| if plain(letter) { letter } else { '-' }).collect();
    if path.chars().all(|letter| plain(letter) || letter == '/') && path.len() < 120 {
        return format!("deployer-{name}");
    }
    // Another root could look the same, or the name be too long for a file.
    format!("deployer-{}-{}", &name[..name.len().min(120)], mark(root))
}

/// The text of the unit that runs one process of a slot by the launcher.
pub(crate) fn text(environment: &Environment, color: Color, process: &str, scope: Scope) -> String {
    let root = &environment.root;
    let (pid_file, log) = match process {
        "web" => ("app", environment.web.log().to_string()),
        other => (other, format!("{other}.log")),
    };
    // gunicorn's own workers are for it to end; of any other server all are told.
    let kill = match (&environment.web, process) {
        (Web::Command(_), "web") => "control-group",
        // Nor is a worker's pool.
        _ => "mixed",
    };
    let target = match scope {
        Scope::User => "default.target",
        Scope::System => "multi-user.target",
    };
    let (grace, rules) = match environment.processes.get(process) {
        // To systemd, nothing means endless.
        Some(of) => (format!("{}ms", of.stop_timeout.as_millis().max(1)), rules(environment, color, process)),
        None => (environment.grace().as_secs().to_string(), String::new()),
    };
    fill(UNIT, |name| match name {
        "description" => {
            escape(&format!("{} ({}), {color} {process}", environment.app.name, environment.name))
        }
        "pid_file" => word(&format!("{root}/{color}/etc/{pid_file}.pid")),
        "launcher" => word(&format!("{root}/.deployer/launch")),
        "root" => word(root),
        "color" => color.to_string(),
        "process" => process.to_string(),
        "kill" => kill.to_string(),
        "grace" => grace.clone(),
        "rules" => rules.clone(),
        "log" => escape(&format!("{root}/{color}/log/{log}")),
        _ => target.to_string(),
    })
}

/// What root must do on the host, so that systemd starts what a user has there; nothing where it does, or the host gives no
/// user's name.
pub(crate) fn mends(systemd: Systemd, user: &str) -> Vec<String> {
    let Some(user) = login(user) else {
        return Vec::new();
    };
    // The home is as root's shell finds it.
    let folder = format!("~{user}/.config/systemd/user");
    let lingers = (!systemd.lingers).then(|| format!("loginctl enable-linger {user}"));
    let writable =
        (!systemd.writable).then(|| format!("install -d -o {user} {folder} {folder}/default.target.wants"));
    lingers.into_iter().chain(writable).collect()
}

/// What the launcher is told beside a process's name; see there. It refuses with a status of its own.
fn rules(environment: &Environment, color: Color, process: &str) -> String {
    let root = &environment.root;
    let (launcher, slot) = (word(&format!("{root}/.deployer/launch")), word(root));
    format!(
        " live \"%t/{}.moving\"\nExecStop=/bin/sh {launcher} {slot} {color} {process} end\n\
         RestartPreventExitStatus=178\nSuccessExitStatus=178",
        prefix(root),
    )
}

/// A value for itself: `%` begins what systemd fills in.
fn escape(value: &str) -> String {
    value.replace('%', "%%")
}

/// A word of a command line: in quotes, without variables.
fn word(value: &str) -> String {
    let value = escape(value).replace('\\', r"\\").replace('"', "\\\"").replace('$', "$$");
    format!("\"{value}\"")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_roots_share_a_name() {
        assert_eq!(prefix("/home/deploy/hello"), "deployer-home-deploy-hello");
        let alike = ["/srv/a/b", "/srv/a-b", "/srv/a b", "/srv/a/b/", "/srv/ä-b"];
        let names: std::collections::BTreeSet<String> = alike.iter().map(|root| prefix(root)).collect();
        assert_eq!(names.len(), alike.len(), "{names:?}");
        assert!(prefix(&format!("/{}", "x".repeat(300))).len() < 150);
    }

    #[test]
    fn a_path_is_one_word_and_stands_for_itself() {
        assert_eq!(word(r#"/srv/100% "$a\b""#), r#""/srv/100%% \"$$a\\b\"""#);
    }
}
