//! What was recognised and what a person said become a `deployer.toml`.

use std::path::Path;

use super::recognised::{Framework, MigrationTool, Recognised};

/// What no repository tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Answers {
    pub environment: String,
    pub name: String,
    pub host: String,
    pub user: String,
    pub root: String,
    pub ports: (u16, u16),
    pub url: String,
    /// What gunicorn serves; empty where the application has a server of its own.
    pub app: String,
    /// The application's folder, as seen from the repository's top.
    pub directory: String,
}

/// The pinned gunicorn for applications that do not bring one.
const GUNICORN: &str = "gunicorn==23.0.0";

/// Below the ephemeral ports of Linux, and above what is usually taken.
const PORTS: (u32, u32) = (20_000, 12_000);

/// A name for the application made of its folder's: lower case, no spaces.
pub(crate) fn default_name(folder: &str) -> String {
    let name: String = folder
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() || "-_.".contains(c) { c.to_ascii_lowercase() } else { '-' })
        .collect();
    let name = name.trim_matches(['-', '.', '_']);
    if name.is_empty() { "app".to_owned() } else { name.to_owned() }
}

/// A folder in the user's home, as Debian has it.
pub(crate) fn default_root(user: &str, name: &str) -> String {
    match user {
        "root" => format!("/srv/{name}"),
        user => format!("/home/{user}/{name}"),
    }
}

/// The front door of a host that is called by a public name.
pub(crate) fn default_url(host: &str) -> Option<String> {
    let is_address = host.contains(':') || host.chars().all(|c| c.is_ascii_digit() || c == '.');
    (host.contains('.') && !is_address).then(|| format!("http://{host}"))
}

/// Two ports that depend on the name alone, so that two applications of one host seldom choose the same.
pub(crate) fn default_ports(name: &str, environment: &str) -> (u16, u16) {
    let hash = name
        .bytes()
        .chain([b'/'])
        .chain(environment.bytes())
        .fold(2_166_136_261_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619));
    let blue = u16::try_from(PORTS.0 + hash % (PORTS.1 / 2) * 2).unwrap_or(20_000);
    (blue, blue + 1)
}

/// The file's text.
pub(crate) fn render(found: &Recognised, answers: &Answers) -> String {
    let mut text = format!(
        "# How {} gets onto its servers. Commit this file. Keys that are not here have defaults that suit most.\n",
        answers.name
    );
    let mut section = |header: &str, lines: &[String]| {
        let lines: Vec<&str> = lines.iter().map(String::as_str).filter(|line| !line.is_empty()).collect();
        if !lines.is_empty() {
            text.push_str(&format!("\n[{header}]\n{}\n", lines.join("\n")));
        }
    };
    let mut app = vec![key("name", &answers.name, "")];
    if answers.directory != "." {
        app.push(key("directory", &answers.directory, "the application's folder in the repository"));
    }
    section("app", &app);
    match &found.command {
        Some(command) if answers.app.is_empty() => {
            match found.kind {
                Some(Framework::Node) | None => section(
                    "python",
                    &["requirements = false                 # no Python, so no virtualenv".to_owned()],
                ),
                Some(_) => section("python", &python(found)),
            }
            let build: Vec<String> = found.build.iter().map(|line| quote(line)).collect();
            let build = build.first().map(|_| format!("commands = [{}]", build.join(", ")));
            section("build", build.as_slice());
            section("web", &[key("command", command, "it listens on 127.0.0.1 at $PORT")]);
        }
        _ => {
            section("python", &python(found));
            section("gunicorn", &gunicorn(found, answers));
        }
    }
    let asked = "what a probe asks for: it must answer 2xx without a login";
    section(
        "health",
        &[key("path", found.health.path.as_deref().unwrap_or("/"), found.health.doubt.unwrap_or(asked))],
    );
    section("processes", &processes(found));
    section("hooks", &hooks(found));
    section("shared", &shared(found));
    section("static", &static_files(found));
    section("env", &variables(found));
    section("secrets", &secrets(found));
    let at = format!("environments.{}", word(&answers.environment));
    section(
        &at,
        &[
            key("host", &answers.host, "a name that ssh knows, or an address"),
            key("user", &answers.user, ""),
            found.former.port.map_or(String::new(), |port| format!("port = {port}")),
            key("root", &answers.root, "holds both slots; uploads and databases belong elsewhere"),
            format!(
                "{:<36} # on 127.0.0.1; free on the host",
                format!("ports = {{ blue = {}, green = {} }}", answers.ports.0, answers.ports.1)
            ),
            key("url", &answers.url, "the front door"),
        ],
    );
    text
}

fn python(found: &Recognised) -> Vec<String> {
    let requirements = match &found.requirements {
        Some(file) => key("requirements", file, ""),
        None => key("requirements", "requirements.txt", "in the application's folder"),
    };
    let version = found.former.python.as_ref();
    let version = version.map(|version| key("version", version, "uv brings it where the host's is older"));
    version.into_iter().chain([requirements]).collect()
}

fn gunicorn(found: &Recognised, answers: &Answers) -> Vec<String> {
    let seen = found.seen.as_deref().filter(|_| found.app.as_deref() == Some(&*answers.app));
    let mut lines = vec![
        key(
            "app",
            &answers.app,
            &seen.map_or_else(|| "module:callable".to_owned(), |seen| format!("found by {seen}")),
        ),
        format!("workers = {}", found.workers.unwrap_or(2)),
    ];
    let mut args: Vec<&str> = found.args.iter().map(String::as_str).collect();
    if found.asgi && args.is_empty() {
        args.extend(["--worker-class", "uvicorn_worker.UvicornWorker"]);
    }
    if let Some(path) = &found.python_path {
        args.extend(["--pythonpath", path]);
    }
    if !args.is_empty() {
        let words: Vec<String> = args.iter().map(|word| quote(word)).collect();
        lines.push(format!("args = [{}]", words.join(", ")));
    }
    if !found.has_gunicorn {
        lines.push(key("install", GUNICORN, "the requirements do not bring it"));
    }
    lines
}

fn processes(found: &Recognised) -> Vec<String> {
    let of_another_tool = |(name, command): (&String, &String)| {
        let is_clock = ["beat", "clock", "scheduler", "cron", "timer"].iter().any(|word| name.contains(word));
        let beats = command.contains("celery") && (command.contains(" beat") || command.contains(" -B"));
        if is_clock || beats {
            format!("{name} = {{ command = {}, singleton = true }}   # never two at once", quote(command))
        } else {
            format!("{name} = {}", quote(command))
        }
    };
    if !found.former.processes.is_empty() {
        return found.former.processes.iter().map(of_another_tool).collect();
    }
    let Some(celery) = &found.celery else {
        return Vec::new();
    };
    // `celery` alone finds what lies in this folder while it starts, and no longer; so `python -m`.
    let before = python_path(found);
    let command = |what: &str| quote(&format!("{before}python -m celery -A {} {what}", celery.app));
    let mut lines = vec![format!("worker = {}", command("worker"))];
    if celery.beat {
        lines.push(format!(
            "beat = {{ command = {}, singleton = true }}   # never two at once",
            command("beat")
        ));
    }
    lines
}

fn hooks(found: &Recognised) -> Vec<String> {
    let line = match (&found.migrations, &found.manage) {
        _ if found.former.release.is_some() => found.former.release.clone().unwrap_or_default(),
        (Some(MigrationTool::Django), Some(manage)) => format!("python {manage} migrate --noinput"),
        (Some(MigrationTool::Flask), _) => format!("flask --app {} db upgrade", flask_app(found)),
        // `alembic` alone does not look for modules in this folder.
        (Some(MigrationTool::Alembic(file)), _) => {
            let before = python_path(found);
            match file.as_str() {
                "alembic.ini" => format!("{before}python -m alembic upgrade head"),
                file => format!("{before}python -m alembic -c {file} upgrade head"),
            }
        }
        _ => return Vec::new(),
    };
    vec![key("release", &line, "in the new slot, before it starts")]
}

/// Where modules lie in a folder of their own: the words that tell Python.
fn python_path(found: &Recognised) -> String {
    let path = found.python_path.as_ref();
    path.map_or(String::new(), |path| format!("env PYTHONPATH={path} "))
}

/// The application as `flask --app` finds it: a path, where it lies in a folder of its own; an object that has another name
/// than flask looks for.
fn flask_app(found: &Recognised) -> String {
    let app = found.app.as_deref().unwrap_or("app");
    let (module, object) = app.split_once(':').unwrap_or((app, "app"));
    let place = match &found.python_path {
        Some(path) => format!("{path}/{}", module.replace('.', "/")),
        None => module.to_owned(),
    };
    match object {
        "app" | "application" | "create_app()" | "make_app()" => place,
        other => format!("{place}:{}", other.trim_end_matches("()")),
    }
}

fn shared(found: &Recognised) -> Vec<String> {
    let media = found.media.iter().map(|folder| (below_manage(found, folder), "uploads"));
    let database = found.database.iter();
    let data =
        database.filter_map(|database| database.folder.clone()).map(|folder| (folder, "the SQLite database"));
    let told = found.former.shared.iter().map(|folder| (folder.clone(), "as before"));
    let mut both: Vec<(String, &str)> = media.chain(data).collect();
    for (folder, what) in told {
        let meets = |(other, _): &(String, &str)| {
            Path::new(other).starts_with(&folder) || Path::new(&folder).starts_with(other)
        };
        if !both.iter().any(meets) {
            both.push((folder, what));
        }
    }
    let (folders, what): (Vec<String>, Vec<&str>) = both.into_iter().unzip();
    if folders.is_empty() {
        return match &found.database {
            Some(_) => vec![
                "# directories = [\"data\"]   # for the SQLite database, which must outlive the releases"
                    .to_owned(),
            ],
            None => Vec::new(),
        };
    }
    let folders: Vec<String> = folders.iter().map(|folder| quote(folder)).collect();
    let line = format!("directories = [{}]", folders.join(", "));
    vec![format!("{line:<36} # outlives the releases: {}", what.join(", "))]
}

fn static_files(found: &Recognised) -> Vec<String> {
    let (Some(files), Some(manage)) = (&found.static_files, &found.manage) else {
        return Vec::new();
    };
    let Some(root) = &files.root else {
        return Vec::new();
    };
    let collect = format!("python {manage} collectstatic --noinput");
    vec![
        key("url", &files.url, ""),
        key("directory", &below_manage(found, root), "STATIC_ROOT"),
        key("collect", &collect, ""),
    ]
}

/// A folder that Django's settings name, as seen from the application's directory.
fn below_manage(found: &Recognised, folder: &str) -> String {
    match &found.python_path {
        Some(path) => format!("{path}/{folder}"),
        None => folder.to_owned(),
    }
}

fn variables(found: &Recognised) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(settings) = &found.settings {
        lines.push(key("DJANGO_SETTINGS_MODULE", settings, ""));
    }
    lines.extend(found.former.env.iter().map(|(name, value)| key(name, value, "")));
    if !found.variables.is_empty() {
        lines.push(format!(
            "# The application also reads: {}. What is secret belongs into [secrets].",
            found.variables.join(", ")
        ));
    }
    lines
}

fn secrets(found: &Recognised) -> Vec<String> {
    let line = |name: &String| format!("{name} = {{ env = {} }}", quote(name));
    found.former.secrets.iter().map(line).collect()
}

/// A line with its comment in a column of their own.
fn key(name: &str, value: &str, comment: &str) -> String {
    let line = format!("{name} = {}", quote(value));
    if comment.is_empty() { line } else { format!("{line:<36} # {comment}") }
}

fn quote(value: &str) -> String {
    toml::Value::from(value).to_string()
}

/// A part of a table's name.
fn word(name: &str) -> String {
    let is_bare = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    if is_bare { name.to_owned() } else { quote(name) }
}

impl Recognised {
    /// One line for a person: what it was taken for, and by what.
    pub(crate) fn describe(&self) -> Option<String> {
        let kind = self.kind?;
        let seen = self.seen.as_deref().unwrap_or("its files");
        let app = self.app.as_deref().or(self.command.as_deref());
        Some(match (kind, app) {
            (Framework::Django, None) => format!("Django, by {seen}; but no wsgi.py and no asgi.py"),
            (kind, Some(app)) => format!("{kind}, by {seen}: {app}"),
            (kind, None) => format!("{kind}, by {seen}"),
        })
    }
}
