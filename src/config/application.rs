//! The application's tables, each with its defaults, as one environment sees them.

use std::collections::BTreeMap;
use std::time::Duration;

use toml::de::DeValue;

use super::environment::{App, Cutover, Gunicorn, Health, Installer, Nginx, Python, Statuses, Supervisor};
use super::problem::{Complaint, Problems};
use super::section::{Layer, Section, Value, wrong_type};
use super::{hooks, site, value};

/// What a slot's gunicorn is told by deployer itself, with the key that says it, if there is one.
const OWN_ARGUMENTS: &[(&str, Option<char>, &str)] = &[
    ("bind", Some('b'), "the environment's `ports` say where it listens"),
    ("workers", Some('w'), "use the key `workers`"),
    ("pid", Some('p'), "the pid file's place in the slot is fixed"),
    ("daemon", Some('D'), "gunicorn always survives the session, and is watched while it starts"),
    ("chdir", None, "use the key `app.directory`"),
    ("graceful-timeout", None, "use the key `graceful_timeout`"),
    ("control-socket", None, "two slots of one user would share it"),
    ("no-control-socket", None, "it is given where gunicorn knows it"),
    ("env", Some('e'), "variables have their own table, [env]"),
    ("check-config", None, ENDS),
    ("print-config", None, ENDS),
    ("version", Some('v'), ENDS),
    ("help", Some('h'), ENDS),
];

const ENDS: &str = "with it gunicorn ends instead of serving";

/// Names that `templates/launch.sh` has in use when it reads the variables.
const LAUNCHER_NAMES: [&str; 6] = ["root", "color", "process", "slot", "words", "directory"];
/// Variables that deployer sets, or that would change gunicorn behind its back.
const OWN_VARIABLES: [&str; 2] = ["BLUEGREEN", "GUNICORN_CMD_ARGS"];

pub(super) fn app(section: &Section<'_, '_>, folder: &str) -> App {
    let untracked = [("refuse", true), ("ignore", false)];
    App {
        name: section.value("name", value::text).unwrap_or_else(|| folder.to_owned()),
        directory: section.value("directory", value::inner_path).unwrap_or_else(|| ".".to_owned()),
        untracked_is_dirty: section.value("untracked", |v| value::choice(v, &untracked)).unwrap_or(true),
    }
}

pub(super) fn python(section: &Section<'_, '_>) -> Python {
    let installers = [("auto", Installer::Auto), ("pip", Installer::Pip), ("uv", Installer::Uv)];
    let mut python = Python {
        interpreter: section.value("interpreter", interpreter).unwrap_or_else(|| "python3".to_owned()),
        requirements: section
            .value("requirements", value::requirements)
            .unwrap_or_else(|| Some("requirements.txt".to_owned())),
        installer: section.value("installer", |v| value::choice(v, &installers)).unwrap_or(Installer::Auto),
        install_args: section.value("install_args", value::words).unwrap_or_default(),
        timeout: section.value("timeout", value::bound).unwrap_or(Duration::from_secs(15 * 60)),
    };
    if python.is_locked() {
        if python.installer == Installer::Pip {
            let complaint = Complaint::new("must not be \"pip\" where the requirements are uv's lock");
            section.object("installer", complaint.help("take it out: uv alone can read that"));
        }
        python.installer = Installer::Uv;
    }
    python
}

fn interpreter(value: &Value<'_>) -> Result<String, Complaint> {
    let command = value::text(value)?;
    match command.contains('/') && !command.starts_with('/') || command.starts_with('-') {
        true => Err(Complaint::new("must be a command on the host's PATH or an absolute path")),
        false => Ok(command),
    }
}

/// `instead`: whether something else serves, so that no application need be named.
pub(super) fn gunicorn(section: &Section<'_, '_>, instead: bool) -> Option<Gunicorn> {
    if instead && section.has("app") {
        let complaint = Complaint::new("must not be set beside `web.command`, which is run instead");
        section.object("app", complaint.help("take one of the two out"));
    }
    let app = match instead {
        true => section.value("app", callable),
        false => section.required("app", "app = \"app:app\", or the server's own: [web] command", callable),
    };
    let graceful_timeout = section.value("graceful_timeout", value::whole_seconds);
    Some(Gunicorn {
        workers: section.value("workers", |v| value::number(v, 1, 1000)).unwrap_or(2),
        args: section.value("args", gunicorn_args).unwrap_or_default(),
        install: section.value("install", requirement),
        graceful_timeout: graceful_timeout.unwrap_or(Duration::from_secs(30)),
        app: app?,
    })
}

/// `package.module:callable`, or a factory's call.
fn callable(value: &Value<'_>) -> Result<String, Complaint> {
    let text = value::text(value)?;
    let is_name = |name: &str| {
        name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    let is_callable = |object: &str| match object.split_once('(') {
        Some((name, arguments)) => is_name(name) && arguments.ends_with(')'),
        None => is_name(object),
    };
    let complaint = || Complaint::new("must name a module and its callable, such as \"app:app\"");
    match text.split_once(':') {
        Some((module, object)) if module.split('.').all(is_name) && is_callable(object) => Ok(text),
        Some((file, object)) if file.ends_with(".py") || file.contains('/') => {
            let module = file.trim_end_matches(".py").trim_matches(['/', '.']).replace('/', ".");
            Err(complaint().help(format!("a module, not a file: \"{module}:{object}\"")))
        }
        _ => Err(complaint()),
    }
}

fn gunicorn_args(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    value::words_unless(value, |index, arg| objection_to_argument(arg, index == 0))
}

fn objection_to_argument(arg: &str, is_first: bool) -> Option<Complaint> {
    if let Some((long, _, way_out)) = OWN_ARGUMENTS.iter().find(|(long, short, _)| says(arg, long, *short)) {
        let what = match *way_out {
            ENDS => format!("must not hold --{long}"),
            _ => format!("must not hold --{long}, which is deployer's to say"),
        };
        return Some(Complaint::new(what).help(*way_out));
    }
    if let Some((option, rest)) = arg
        .split_once(' ')
        .filter(|(option, _)| option.starts_with('-') && !option.contains('=') && option.len() > 1)
    {
        let complaint = Complaint::new("must hold an option and its value as two strings");
        return Some(complaint.help(format!("write {option:?}, {:?}", rest.trim())));
    }
    // Only the first word is surely no option's value.
    (is_first && (arg == "-" || !arg.starts_with('-'))).then(|| {
        Complaint::new("must begin with an option").help("the application is named by the key `app` alone")
    })
}

// gunicorn takes any unambiguous beginning of a long option, and short ones in a cluster.
fn says(arg: &str, long: &str, short: Option<char>) -> bool {
    if let Some(name) = arg.strip_prefix("--") {
        let name = name.split('=').next().unwrap_or(name);
        return !name.is_empty() && long.starts_with(name);
    }
    let cluster = arg.strip_prefix('-').map(|cluster| cluster.trim_start_matches('R'));
    short.is_some_and(|short| cluster.is_some_and(|cluster| cluster.starts_with(short)))
}

fn requirement(value: &Value<'_>) -> Result<String, Complaint> {
    let text = value::text(value)?;
    let rest = text.strip_prefix("gunicorn");
    match rest.is_some_and(|rest| !rest.starts_with(|c: char| c.is_alphanumeric() || "-_./".contains(c))) {
        true => Ok(text),
        false => Err(Complaint::new("must be a requirement on gunicorn, such as \"gunicorn==23.0.0\"")),
    }
}

pub(super) fn health(section: &Section<'_, '_>) -> Health {
    Health {
        path: section.value("path", value::health_path).unwrap_or_else(|| "/".to_owned()),
        host: section.value("host", value::host_header),
        expect: section.value("expect", value::statuses).unwrap_or_else(|| Statuses(vec![(200, 299)])),
        timeout: section.value("timeout", value::bound).unwrap_or(Duration::from_secs(5)),
        start_timeout: section.value("start_timeout", value::bound).unwrap_or(Duration::from_secs(60)),
        settle: section.value("settle", value::duration).unwrap_or(Duration::ZERO),
    }
}

/// `as_root`: whether the deploy user is root, who needs no sudo.
pub(super) fn nginx(section: &Section<'_, '_>, as_root: bool) -> Nginx {
    let sudo: &[&str] = if as_root { &[] } else { &["sudo", "-n"] };
    let nginx = |last: &[&str]| {
        sudo.iter().chain(&["/usr/sbin/nginx"]).chain(last).map(|w| (*w).to_owned()).collect()
    };
    Nginx {
        test: section.value("test", value::argv).unwrap_or_else(|| nginx(&["-t"])),
        reload: section.value("reload", value::argv).unwrap_or_else(|| nginx(&["-s", "reload"])),
        address: section.value("address", value::address),
        drain: section.value("drain", value::duration).unwrap_or(Duration::from_secs(60)),
        access_log: section.value("access_log", site::log),
        site: section.value("site", site::file),
        next_name: section.value("next_name", site::server_name),
        next_allow: section.value("next_allow", site::networks).unwrap_or_default(),
        max_body: section.value("max_body", site::size).unwrap_or_else(|| "20m".to_owned()),
        extra: section
            .value("extra", |v| hooks::lines(v, "a line of nginx's, or a list of lines"))
            .unwrap_or_default(),
        error_log: section
            .value("error_log", site::log)
            .unwrap_or_else(|| "/var/log/nginx/error.log".to_owned()),
        timeout: section.value("timeout", value::bound).unwrap_or(Duration::from_secs(10)),
    }
}

pub(super) fn cutover(value: &Value<'_>) -> Result<Cutover, Complaint> {
    value::choice(value, &[("reload", Cutover::Reload), ("socket", Cutover::Socket)])
}

pub(super) fn supervisor(value: &Value<'_>) -> Result<Supervisor, Complaint> {
    let choices = [("auto", Supervisor::Auto), ("systemd", Supervisor::Systemd), ("none", Supervisor::None)];
    value::choice(value, &choices)
}

/// Merges the layers' variables name by name, the first layer above the others.
pub(super) fn variables(layers: &[Layer<'_>], problems: &Problems<'_>) -> BTreeMap<String, String> {
    let mut variables = BTreeMap::new();
    for layer in layers.iter().rev() {
        for (key, value) in layer.table {
            let name: &str = key.get_ref();
            if let Some(complaint) = objection_to_name(name) {
                problems.add(&layer.name_of(name), Some(key.span()), complaint);
                continue;
            }
            match variable(name, value) {
                Ok(text) => drop(variables.insert(name.to_owned(), text)),
                Err(complaint) => problems.add(&layer.name_of(name), Some(value.span()), complaint),
            }
        }
    }
    variables
}

pub(super) fn objection_to_name(name: &str) -> Option<Complaint> {
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if !begins_well || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Some(
            Complaint::new("cannot be a variable's name").help(
                "a name holds letters without accents, digits and `_`, and does not begin with a digit",
            ),
        );
    }
    if name == "GUNICORN_CMD_ARGS" {
        return Some(Complaint::new("must not be set").help("use the key `gunicorn.args`"));
    }
    if LAUNCHER_NAMES.contains(&name) {
        return Some(
            Complaint::new("must not be set").help("the script that starts a slot's processes uses it"),
        );
    }
    (OWN_VARIABLES.contains(&name) || name.starts_with("DEPLOYER_")).then(|| {
        Complaint::new("must not be set")
            .help("deployer sets BLUEGREEN and every name that begins with DEPLOYER_ itself")
    })
}

// A boolean is refused because nobody can know whether the application wants true, True or 1.
fn variable(name: &str, value: &Value<'_>) -> Result<String, Complaint> {
    match value.get_ref() {
        // A key in PEM has lines.
        DeValue::String(text) if text.contains(|c: char| c.is_control() && c != '\n' && c != '\t') => {
            Err(Complaint::new("must not hold control characters but tabs and line ends"))
        }
        DeValue::String(text) => Ok(text.clone().into_owned()),
        DeValue::Integer(digits) if digits.radix() == 10 => Ok(digits.as_str().to_owned()),
        DeValue::Boolean(word) => {
            let help = format!(
                "quote what the application wants to read: {name} = \"{word}\", or \"{}\"",
                u8::from(*word)
            );
            Err(wrong_type("a string", value).help(help))
        }
        DeValue::Table(_) => Err(wrong_type("a string", value)
            .help("variables of one environment stand in [environments.NAME.env]")),
        _ => Err(wrong_type("a string", value).help(format!("quote it: {name} = \"...\""))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn own_arguments_are_seen_in_every_spelling() {
        let own = |arg: &str| OWN_ARGUMENTS.iter().any(|(long, short, _)| says(arg, long, *short));
        for arg in ["--bind", "--bind=:80", "--bin", "-b", "-b:80", "-w4", "-RD", "--daemon", "--graceful=3"]
        {
            assert!(own(arg), "{arg}");
        }
        for arg in [
            "--worker-class",
            "-k",
            "--threads",
            "-",
            "--",
            "-c",
            "--config=x",
            "--preload",
            "-R",
            "bind",
            "--backlog",
        ] {
            assert!(!own(arg), "{arg}");
        }
    }
}
