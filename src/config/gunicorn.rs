//! `[gunicorn]`: what serves a Python application.

use std::time::Duration;

use serde_json::json;
use toml::Spanned;

use super::problem::{Complaint, ensure};
use super::section::Section;
use super::value::{self, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gunicorn {
    /// `module:callable`.
    pub app: String,
    pub workers: u16,
    /// Further arguments.
    pub args: Vec<String>,
    /// A requirement such as `gunicorn==23.0.0`, installed beside the application's own; `None`: theirs brings it.
    pub install: Option<String>,
    /// How long requests in flight may take after TERM, before KILL.
    pub graceful_timeout: Duration,
}

impl Gunicorn {
    /// `instead`: whether something else serves, so that no application need be named.
    pub(super) fn read(table: &Section, instead: bool) -> Option<Gunicorn> {
        if instead && table.has("app") {
            let complaint = Complaint::new("must not be set beside `web.command`, which is run instead");
            table.object("app", complaint.help("take one of the two out"));
        }
        let app = if instead {
            table.optional("app", callable)
        } else {
            table.required("app", "app = \"app:app\", or the server's own: [web] command", callable)
        };
        Some(Gunicorn {
            workers: table.get("workers", |v| value::number(v, 1, 1000)),
            args: table.get("args", args),
            install: table.optional("install", requirement),
            graceful_timeout: table.get("graceful_timeout", whole_seconds),
            app: app?,
        })
    }
}

/// `package.module:callable`, or a factory's call.
fn callable(value: &Value) -> Result<String, Complaint> {
    let text = value::like(value, r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\(.*\))?$")?;
    let is_name = |name: &str| {
        name.chars().all(|c| c.is_alphanumeric() || c == '_')
            && name.starts_with(|c: char| c.is_alphabetic() || c == '_')
    };
    let is_callable = |object: &str| match object.split_once('(') {
        Some((name, arguments)) => is_name(name) && arguments.ends_with(')'),
        None => is_name(object),
    };
    let complaint = Complaint::new("must name a module and its callable, such as \"app:app\"");
    match text.split_once(':') {
        Some((module, object)) if module.split('.').all(is_name) && is_callable(object) => Ok(text),
        Some((file, object)) if file.ends_with(".py") || file.contains('/') => {
            let module = file.trim_end_matches(".py").trim_matches(['/', '.']).replace('/', ".");
            Err(complaint.help(format!("a module, not a file: \"{module}:{object}\"")))
        }
        _ => Err(complaint),
    }
}

fn requirement(value: &Value) -> Result<String, Complaint> {
    let text = value::like(value, r"^gunicorn($|[^\w./-])")?;
    let goes_on = |c: char| c.is_alphanumeric() || "-_./".contains(c);
    let is_right = text.strip_prefix("gunicorn").is_some_and(|rest| !rest.starts_with(goes_on));
    ensure(is_right, Complaint::new("must be a requirement on gunicorn, such as \"gunicorn==23.0.0\""))?;
    Ok(text)
}

/// A length of time in the unit that gunicorn takes.
fn whole_seconds(value: &Value) -> Result<Duration, Complaint> {
    let time = value::bound(value)?;
    let complaint = Complaint::new("must be whole seconds, which is what gunicorn counts in");
    ensure(time.subsec_nanos() == 0, complaint)?;
    Ok(time)
}

fn args(value: &Value) -> Result<Vec<String>, Complaint> {
    let args = value::words(value).map_err(|complaint| {
        let long: Vec<&str> = OWN_ARGUMENTS.iter().map(|(long, ..)| *long).collect();
        let short: String = OWN_ARGUMENTS.iter().filter_map(|(_, short, _)| *short).collect();
        let own = format!("^(--({})(=|$)|-R*[{short}]|-[^= ]+ )", long.join("|"));
        let one = json!({ "type": "string", "not": { "pattern": own } });
        let first = json!({ "allOf": [one, { "pattern": "^-." }] });
        complaint.takes(json!({ "type": "array", "items": [first], "additionalItems": one }))
    })?;
    let spans = value.get_ref().as_array().into_iter().flatten().map(Spanned::span);
    for (index, (arg, span)) in args.iter().zip(spans).enumerate() {
        objection_to_argument(arg, index == 0).map_err(|complaint| complaint.at(span))?;
    }
    Ok(args)
}

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

fn objection_to_argument(arg: &str, is_first: bool) -> Result<(), Complaint> {
    if let Some((long, _, way_out)) = OWN_ARGUMENTS.iter().find(|(long, short, _)| says(arg, long, *short)) {
        let what = match *way_out {
            ENDS => format!("must not hold --{long}"),
            _ => format!("must not hold --{long}, which is deployer's to say"),
        };
        return Err(Complaint::new(what).help(*way_out));
    }
    let is_option = |option: &str| option.starts_with('-') && !option.contains('=') && option.len() > 1;
    if let Some((option, rest)) = arg.split_once(' ').filter(|(option, _)| is_option(option)) {
        let complaint = Complaint::new("must hold an option and its value as two strings");
        return Err(complaint.help(format!("write {option:?}, {:?}", rest.trim())));
    }
    // Only the first word is surely no option's value.
    let complaint = Complaint::new("must begin with an option");
    ensure(
        !is_first || (arg.starts_with('-') && arg != "-"),
        complaint.help("the application is named by the key `app` alone"),
    )
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
        let others = "--worker-class -k --threads - -- -c --config=x --preload -R bind --backlog";
        for arg in others.split(' ') {
            assert!(!own(arg), "{arg}");
        }
    }
}
