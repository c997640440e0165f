//! `deployer init` in real repositories: what it writes, asks and refuses.

use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::{Site, gunicorn, row};
use deployer::config;

struct Repository(tempfile::TempDir);

struct Ran {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Repository {
    fn new(files: &[(&str, &str)]) -> Repository {
        let folder = tempfile::tempdir().unwrap();
        let top = folder.path().join("shop");
        fs::create_dir(&top).unwrap();
        let init = Command::new("git").args(["init", "--quiet"]).current_dir(&top).status().unwrap();
        assert!(init.success());
        for (path, text) in files {
            let path = top.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        Repository(folder)
    }

    fn top(&self) -> std::path::PathBuf {
        self.0.path().join("shop")
    }

    fn deployer(&self, below: &str, arguments: &[&str]) -> Ran {
        let output = command(&self.top().join(below), arguments).output().unwrap();
        Ran {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap().replace(self.0.path().to_str().unwrap(), "…"),
        }
    }
}

fn command(folder: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
    command.args(arguments).current_dir(folder).env("LC_ALL", "C.UTF-8").stdin(Stdio::null());
    command
}

const FLASK: &str = "from flask import Flask\napp = Flask(__name__)\n";

#[test]
fn what_it_writes_is_a_configuration() {
    let repository = Repository::new(&[("app.py", FLASK), ("requirements.txt", "flask\ngunicorn\n")]);
    let ran = repository.deployer(".", &["init", "--host", "web1.example.org", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    insta::assert_snapshot!(ran.stderr, @"
    note: Flask, by app.py: app:app
    note: no page was seen that answers without a login: name one in [health] path
    wrote …/shop/deployer.toml: read it, and commit it — run: deployer prod doctor
    ");
    let loaded = config::load(&repository.top().join("deployer.toml"), &[]).unwrap();
    let prod = loaded.environment("prod").unwrap();
    assert_eq!(prod.app.name, "shop");
    assert_eq!(prod.root, "/home/deploy/shop");
    assert_eq!(prod.url.to_string(), "http://web1.example.org/");
    assert_ne!(prod.ports.blue, prod.ports.green);
}

/// What another tool was told may name a database of each slot's own.
#[test]
fn a_database_that_a_variable_names_is_told_of() {
    let deploy =
        "service: shop\nservers: [web1.example.org]\nenv:\n  clear:\n    DATABASE_URL: sqlite:///shop.db\n";
    let files = [("app.py", FLASK), ("requirements.txt", "flask\ngunicorn\n"), ("config/deploy.yml", deploy)];
    let ran = Repository::new(&files).deployer(".", &["init", "--yes"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("note: [env] DATABASE_URL names the SQLite file shop.db"), "{}", ran.stderr);
}

#[test]
fn an_existing_file_is_never_overwritten() {
    let repository = Repository::new(&[("app.py", FLASK), ("deployer.toml", "mine"), ("inner/x.py", "")]);
    for folder in [".", "inner"] {
        let ran = repository.deployer(folder, &["init", "--host", "web1.example.org", "--yes"]);
        assert_eq!(ran.code, 2);
        insta::allow_duplicates! {
            insta::assert_snapshot!(ran.stderr, @"
            error: there is a configuration already: …/shop/deployer.toml
            site:  The live site is not affected.
            try:   change it by hand; init never overwrites a file
            ");
        }
    }
    assert_eq!(fs::read_to_string(repository.top().join("deployer.toml")).unwrap(), "mine");
}

#[test]
fn without_a_terminal_it_says_what_is_missing() {
    let repository = Repository::new(&[("README", "")]);
    let ran = repository.deployer(".", &["init"]);
    assert_eq!(ran.code, 2);
    insta::assert_snapshot!(ran.stderr, @"
    note: no application was recognised here
    error: init needs --host, --user, --url, --app
    why:   there is no terminal to ask on
    site:  The live site is not affected.
    try:   deployer init --host web1.example.org --user deploy --url https://shop.example.org --app app:app
    try:   --yes takes the defaults for all but --host and --app
    ");
    let ran = repository.deployer(".", &["init", "--host", "web1", "--yes"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("init needs --app"), "{}", ran.stderr);
    let whole = "try:   deployer init --host web1 --app app:app --yes";
    assert!(ran.stderr.contains(whole), "{}", ran.stderr);
    assert!(!repository.top().join("deployer.toml").exists());
}

#[test]
fn an_answer_that_would_not_load_is_not_written() {
    let repository = Repository::new(&[("app.py", FLASK)]);
    let ran = repository.deployer(".", &["init", "--host", "ann@web1", "--yes"]);
    assert_eq!(ran.code, 2);
    assert!(ran.stderr.contains("must be a host alone"), "{}", ran.stderr);
    assert!(!repository.top().join("deployer.toml").exists());
}

#[test]
fn what_git_ignores_is_no_application_of_ours() {
    let repository = Repository::new(&[
        (".gitignore", "/old\n"),
        ("old/app.py", FLASK),
        ("venv/pyvenv.cfg", ""),
        ("venv/lib/flask/app.py", FLASK),
        ("service/web/main.py", "from fastapi import FastAPI\nit = FastAPI()\n"),
        ("service/requirements.txt", "fastapi\n"),
    ]);
    let ran =
        repository.deployer(".", &["staging", "init", "--host", "web1.example.org", "--yes", "--dry-run"]);
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(
        ran.stdout.contains("app = \"web.main:it\"") && ran.stdout.contains("directory = \"service\""),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("[environments.staging]"), "{}", ran.stdout);
    assert!(!repository.top().join("deployer.toml").exists());
}

/// The questions, on a terminal of script(1)'s making.
#[test]
fn on_a_terminal_it_asks_and_offers_defaults() {
    let repository = Repository::new(&[("app.py", FLASK)]);
    let mut child = Command::new("script")
        .args(["--quiet", "--return", "--command"])
        .arg(format!("{} init", env!("CARGO_BIN_EXE_deployer")))
        .arg("/dev/null")
        .current_dir(repository.top())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("script(1), of the package bsdutils");
    child.stdin.take().unwrap().write_all(b"\nweb1.example.org\n\nhttps://shop.example.org\n").unwrap();
    let output = child.wait_with_output().unwrap();
    let shown = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{shown}");
    let loaded = config::load(&repository.top().join("deployer.toml"), &[]).unwrap();
    let prod = loaded.environment("prod").unwrap();
    assert_eq!(prod.target.host, "web1.example.org", "{shown}");
    assert_eq!(prod.target.user.as_deref(), Some("deploy"), "{shown}");
    assert_eq!(prod.url.to_string(), "https://shop.example.org/", "{shown}");
}

const FACTORY: &str = "import os
import sqlite3
from flask import Flask

def create_app():
    app = Flask(__name__)
    app.config['DATABASE'] = os.path.join(app.instance_path, 'shop.sqlite')
    os.makedirs(app.instance_path, exist_ok=True)
    with sqlite3.connect(app.config['DATABASE']) as link:
        link.execute('CREATE TABLE IF NOT EXISTS person (name TEXT)')
    from . import shop
    app.register_blueprint(shop.pages)
    app.register_blueprint(shop.api, url_prefix='/api')
    return app
";

const SHOP: &str = "import functools
import sqlite3
from flask import Blueprint, current_app, redirect, request, session

pages = Blueprint('pages', __name__)
api = Blueprint('api', __name__, url_prefix='/never')

def login_required(view):
    @functools.wraps(view)
    def wrapped(**kwargs):
        return view(**kwargs) if 'user' in session else redirect('/login')
    return wrapped

@pages.route('/')
@login_required
def home():
    return 'home'

@pages.get('/health/<part>')
def part(part):
    return part

@api.route(
    '/status',
    methods=['GET'],
)
def status():
    return 'well'

@api.route('/ping', methods=['POST'])
def ping():
    return 'pong'

@api.get('/people')
def people():
    with sqlite3.connect(current_app.config['DATABASE']) as link:
        if request.args.get('new'):
            link.execute('INSERT INTO person VALUES (?)', [request.args['new']])
        return ' '.join(name for name, in link.execute('SELECT name FROM person'))
";

/// What it writes of health and of the database holds on a host: a page that answers, and people who outlive releases.
#[test]
fn what_it_writes_of_a_flask_application_is_true() {
    let mut site = Site::new();
    site.git(&["rm", "--quiet", "app.py"]);
    site.write("app/__init__.py", FACTORY);
    site.write("app/shop.py", SHOP);
    site.write(
        "tests/test_health.py",
        "from app import app\n@app.get('/healthz')\ndef health():\n    return 'x'\n",
    );
    site.write("requirements.txt", &format!("{}\nflask\n", gunicorn()));
    let ran = command(
        site.repo.path(),
        &["init", "--host", "web1.example.org", "--yes", "--dry-run", "--config", "other.toml"],
    )
    .output()
    .unwrap();
    let text = String::from_utf8(ran.stdout).unwrap();
    assert!(ran.status.success(), "{text}{}", String::from_utf8_lossy(&ran.stderr));
    let tables: toml::Table = text.parse().unwrap();
    assert_eq!(tables["health"]["path"].as_str(), Some("/api/status"), "{text}");
    assert_eq!(tables["gunicorn"]["app"].as_str(), Some("app:create_app()"), "{text}");
    site.extra = ["health", "shared"]
        .map(|name| format!("[{name}]\n{}", tables[name]))
        .join("\n")
        .replace("{ ", "")
        .replace(" }", "\n");
    site.configure();
    let configured = fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    site.write("deployer.toml", &configured.replace("app:app", "app:create_app()"));
    site.commit("a shop with people");
    site.go_live();
    assert_eq!(site.get("/api/people?new=Ann").1, "Ann");
    for number in ["second", "third"] {
        site.write("README", number);
        site.commit(number);
        site.go_live();
        assert_eq!(site.get("/api/people").1, "Ann", "{number}");
    }
    row("init", "Flask: blueprints, a login, SQLite", "a path that answers; people stay");
}
