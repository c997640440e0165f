//! The line that starts a web server, and what deployer says instead of it.

use super::packages::Packages;
use super::recognised::Recognised;

/// Servers that speak ASGI by themselves, with the words by which one listens where it is told.
const ASGI: [(&str, &str); 4] = [
    ("uvicorn", "--host 127.0.0.1 --port {port}"),
    ("hypercorn", "--bind 127.0.0.1:{port}"),
    ("daphne", "-b 127.0.0.1 -p {port}"),
    ("granian", "--interface asgi --host 127.0.0.1 --port {port}"),
];

/// What a line says of these is deployer's to say.
const OWN: [&str; 20] = [
    "-b",
    "--bind",
    "-w",
    "--workers",
    "-p",
    "--pid",
    "--port",
    "--host",
    "-D",
    "--daemon",
    "--chdir",
    "-e",
    "--env",
    "--graceful-timeout",
    "--reload",
    "--uds",
    "-u",
    "--fd",
    "--pythonpath",
    "--interface",
];

/// Options without a value.
const FLAGS: [&str; 11] = [
    "-D",
    "--daemon",
    "--preload",
    "--reload",
    "-R",
    "--capture-output",
    "--enable-stdio-inheritance",
    "--no-sendfile",
    "--proxy-headers",
    "--no-access-log",
    "--factory",
];

/// Tools that run what stands behind them in the project's virtualenv, which a release's commands are in anyway.
const WRAPPERS: [&str; 6] = ["exec ", "poetry run ", "pipenv run ", "pdm run ", "uv run ", "hatch run "];

/// A line without what leads into a virtualenv.
pub(super) fn bare(line: &str) -> String {
    let mut line = line.trim();
    while let Some(rest) = WRAPPERS.iter().find_map(|wrapper| line.strip_prefix(wrapper)) {
        line = rest.trim_start();
        while let Some((_, rest)) = line.split_once(' ').filter(|_| line.starts_with("--")) {
            line = rest;
        }
    }
    let words = line.split(' ').map(|word| match word.rsplit_once("/bin/") {
        Some((place, name)) if place.ends_with("venv") || place.ends_with("env") => name,
        _ => word,
    });
    let line = words.collect::<Vec<_>>().join(" ");
    // `celery` alone finds what lies in this folder while it starts, and no longer.
    if line.starts_with("celery ") { format!("python -m {line}") } else { line }
}

/// The variables that a line sets for itself, and the rest of it.
pub(super) fn settings(line: &str) -> (Vec<(String, String)>, String) {
    let mut rest = bare(line);
    let mut found = Vec::new();
    while let Some((word, after)) = rest.split_once(' ') {
        let Some((name, value)) = word.split_once('=').filter(|(name, _)| !name.starts_with('-')) else {
            break;
        };
        // What a shell fills in, and the folder where it is run anyway.
        if !value.contains(['$', '%', '"', '\'', '`']) && value != "." {
            found.push((name.to_owned(), value.to_owned()));
        }
        rest = bare(after);
    }
    (found, rest)
}

/// Takes over what a line of a file says of the web server.
pub(super) fn take(found: &mut Recognised, line: &str, file: &str, packages: &Packages) {
    let all = shlex::split(line).unwrap_or_default();
    let words: Vec<&str> = all.iter().map(String::as_str).collect();
    let words = match &words[..] {
        ["python" | "python3", "-m", rest @ ..] => rest,
        all => all,
    };
    let Some((program, arguments)) = words.split_first() else { return };
    let program = program.rsplit('/').next().unwrap_or(program);
    let server = ASGI.iter().find(|(name, _)| *name == program);
    if program != "gunicorn" && server.is_none() {
        if line.contains("runserver") || line.contains("flask run") {
            let note = format!("{line:?} is for a desk: gunicorn serves the application here");
            return found.notes.push(note);
        }
        let line =
            line.replace("${PORT}", "$PORT").replace("$PORT", "{port}").replace("0.0.0.0", "127.0.0.1");
        found.command = Some(line);
        return;
    }
    let told = Arguments::of(arguments);
    let of_a_module =
        |app: &str| if app.contains(':') { app.to_owned() } else { format!("{app}:application") };
    let app = told.app.as_deref().map(of_a_module);
    if app.is_some() && app != found.app {
        (found.app, found.seen) = (app, Some(file.to_owned()));
    }
    found.python_path = told.path.or(found.python_path.take());
    match server {
        Some((name, listen)) => {
            found.asgi = true;
            found.args = told.others;
            if let Some(workers) = told.workers.filter(|_| *name != "daphne") {
                found.args.push(format!("--workers {workers}"));
            }
            found.command = found.app.as_deref().map(|app| asgi_line(name, listen, app, found));
        }
        None => {
            found.asgi |= told.others.iter().any(|word| word.contains("uvicorn"));
            found.workers = told.workers;
            found.args = told.others;
        }
    }
    // The package of uvicorn's worker has taken its place.
    for word in found.args.iter_mut().filter(|_| packages.has("uvicorn-worker")) {
        *word = word.replace("uvicorn.workers.", "uvicorn_worker.");
    }
}

/// Where no line says what serves an ASGI application and gunicorn lacks the worker: the server that the packages bring.
pub(super) fn choose(found: &mut Recognised, packages: &Packages) {
    let serves = found.command.is_some() || !found.args.is_empty() || packages.has("uvicorn-worker");
    let server = ASGI.iter().find(|(name, _)| packages.has(name));
    if let (true, false, Some((name, listen)), Some(app)) = (found.asgi, serves, server, &found.app) {
        found.command = Some(asgi_line(name, listen, app, found));
    }
}

fn asgi_line(name: &str, listen: &str, app: &str, found: &Recognised) -> String {
    let path = found.python_path.as_ref().map_or(String::new(), |path| format!("env PYTHONPATH={path} "));
    // A factory is named, not called.
    let (app, factory) = match app.strip_suffix("()") {
        Some(app) => (app, " --factory"),
        None => (app, ""),
    };
    let more: String = found.args.iter().map(|word| format!(" {word}")).collect();
    let factory = if more.contains("--factory") { "" } else { factory };
    format!("{path}{name} {app} {listen}{factory}{more}")
}

/// What is said behind a server's name.
#[derive(Default)]
struct Arguments {
    app: Option<String>,
    workers: Option<u16>,
    /// A folder that modules are imported from.
    path: Option<String>,
    others: Vec<String>,
}

impl Arguments {
    fn of(words: &[&str]) -> Arguments {
        let mut found = Arguments::default();
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            if !word.starts_with('-') {
                found.app = found.app.or(Some((*word).to_owned()));
                continue;
            }
            let (name, mut value) = match word.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (*word, None),
            };
            let own_value = value.is_some() || FLAGS.contains(&name);
            if !own_value {
                value = words.next().map(|word| (*word).to_owned());
            }
            match (name, &value) {
                ("-w" | "--workers", Some(number)) => found.workers = number.parse().ok(),
                ("--chdir" | "--pythonpath", Some(path)) if !path.contains(['/', '$', '.']) => {
                    found.path = Some(path.clone());
                }
                _ if OWN.contains(&name) => {}
                _ => {
                    found.others.push((*word).to_owned());
                    found.others.extend(value.filter(|_| !own_value));
                }
            }
        }
        found
    }
}
