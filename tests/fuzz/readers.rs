//! The readers, and inputs as they should be.

use std::collections::BTreeMap;
use std::path::Path;

use super::Reader;
use crate::config::{Config, Environment, differences, parse_duration};
use crate::doctor::{self, diagnose};
use crate::init::{Answers, Sources, recognise, render};
use crate::model::{Color, HostState, Secret, Secrets};
use crate::{git, gunicorn, host, launch, lock, nginx, plan, python, secrets, shell, ssh, ui};

const STARTER: &str = include_str!("../../templates/deployer.toml");
const FLASK: &str = include_str!("../../examples/flask/deployer.toml");
const DJANGO: &str = include_str!("../../examples/django/deployer.toml");
const NODE: &str = include_str!("../../examples/node/deployer.toml");
const SMALL: &str = "[gunicorn]\napp = \"app:app\"\n[environments.prod]\nhost = \"web1\"\nuser = \"deploy\"\n\
                     root = \"/home/deploy/hello\"\nports = { blue = 8888, green = 8889 }\nurl = \"http://web1.example\"\n";
const PYPROJECT: &str = "[project]\nname = \"hello\"\nversion = \"1\"\ndependencies = [\"flask>=3\", \"gunicorn\"]\n\
                         [project.optional-dependencies]\ndev = [\"pytest\"]\n[tool.uv.sources]\nlib = { path = \"lib\" }\n\
                         [tool.poetry.dependencies]\npython = \"^3.11\"\ndjango = { version = \"^5\" }\n";
const UV_LOCK: &str = "version = 1\nrequires-python = \">=3.11\"\n[[package]]\nname = \"hello\"\nversion = \"1\"\n\
                       source = { virtual = \".\" }\ndependencies = [{ name = \"flask\" }, { name = \"gunicorn\" }]\n\
                       [[package]]\nname = \"flask\"\nversion = \"3.1.0\"\nsource = { registry = \"https://example.org/simple\" }\n\
                       sdist = { url = \"https://example.org/flask.tar.gz\", hash = \"sha256:00\", size = 1 }\n\
                       [package.metadata]\nrequires-dist = [{ name = \"flask\", specifier = \">=3\" }]\n";
const REQUIREMENTS: &str = "# made by hand\n-r base.txt\n-c constraints.txt\n--requirement=more.txt\n-e .\n-e git+https://h/x#egg=x\n\
                            flask==3.1.0 ; python_version >= '3.9' \\\n    --hash=sha256:00\nlib @ file:///srv/lib\n\
                            celery[redis]~=5.4 # workers\n./wheels/a-1-py3-none-any.whl\n--find-links wheels\n-i https://h/simple\n";
const KNOWN_HOSTS: &str = "# hosts\nweb1,10.0.0.1 ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f ann\n\
                           [web1]:2222 ssh-rsa AAAAB3NzaC1yc2EAAAADAQABAAAAAQE=\n@revoked * ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAA\n\
                           @cert-authority *.example ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n\
                           |1|MDEyMzQ1Njc4OTAxMjM0NTY3ODk=|MDEyMzQ1Njc4OTAxMjM0NTY3ODk= ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAAB\n\
                           !web2,web? ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f\n";
const SSH_CONFIG: &str = "Include conf.d/*\nHost web1 !web2 w?b*\n  HostName=%h.example\n  User \"deploy\"\n  Port 2222\n\
                          IdentityFile ~/.ssh/id_%r\n  IdentitiesOnly yes\n  ProxyJump ann@gate:22,[::1]:2200\n  ConnectTimeout 10\n\
                          UserKnownHostsFile ~/.ssh/known ~/.ssh/more\n  HostKeyAlias web\n  IdentityAgent $SSH_AUTH_SOCK\n\
                          Match originalhost web1 user deploy\n  HostName 10.0.0.1\nMatch exec \"true\"\n  Port 1\nHost *\n  ProxyCommand none\n";
const KEY: &str = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW\n\
                   QyNTUxOQAAACAAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==\n-----END OPENSSH PRIVATE KEY-----\n";
const DOTENV: &str = "\u{feff}# comment\nA=1\nexport B = two words \nC='as $it stands\nover lines'\nD=\"x\\n\\t\\\"\\$\\\\\" # no\nE=\n";
const GITMODULES: &str = "[submodule \"lib/words\"]\n\tpath = lib/words # here\n\turl = ../words.git\n\tbranch = main\n\
                          [submodule \"a.b\"]\n\tpath=\"c d\"\n\turl = https://example.org/x \\\n y\n[core]\n\tbare\n";
const STATE: &str = include_str!("state.json");
const MIGRATIONS: &str = "{\"pending\": [{\"name\": \"shop.0002_name\", \"operations\": [{\"what\": \"Remove field name\", \
                          \"verdict\": \"stop\", \"why\": \"the release that runs reads it\"}]}]}";
const DOCTOR: &str = "N user deploy\nN home /home/deploy\nN clock 1000\nN locale C.UTF-8\nN init systemd\nN tool git /usr/bin/git\n\
                      N tool python3 /usr/bin/python3\nN git git version 2.39.5\nN python 3.11.2\nN venv 1 no ensurepip\nN writable yes\n\
                      N space /dev/vda1 20000000 4000000 16000000 20% /\nN inodes /dev/vda1 1000000 100000 900000 10% /\n\
                      N folder 755 deploy deploy /home/deploy\nN folder 750 root root /\nN listen 00000000:0050 0\n\
                      N listen 00000000000000000000000001000000:1F90 33\nN nginx /usr/sbin/nginx\nN running yes\n\
                      N account www-data www-data adm\nN conf /etc/nginx/nginx.conf\n\
                      N site /etc/nginx/sites-enabled/hello.conf:9:    location / { include /home/deploy/hello/live/etc/nginx.con[f]; }\n\
                      N test 1\nN tested nginx: [emerg] open() \"/x\" failed (13: Permission denied)\nN reload 1\n\
                      N sudoers     (root) NOPASSWD: /usr/sbin/nginx -t, /usr/sbin/nginx -s reload\nN end\n";
const OUTPUT: &str = "nginx: [warn] conflicting server name\nnginx: [emerg] open() \"/run/nginx.pid\" failed (13: Permission denied)\n\
                      sudo: a password is required\n[Errno 28] No space left on device\nModuleNotFoundError: No module named 'flask'\n\
                      Error: listen EADDRINUSE: address already in use 127.0.0.1:8888\nERROR: No matching distribution found for x==1\n\
                      OSError: [Errno 98] Address already in use\nFailed to find attribute 'app' in 'app'.\n\x1b[31mred\x1b[0m\r 10%\r 20%\n";
const PYTHON: &str = "import os\nfrom flask import Flask\nfrom celery import Celery\nBASE_DIR = Path(__file__).parent.parent\n\
                      app: Flask = Flask(__name__)\nKEY = os.environ['SECRET_KEY']\nDEBUG = os.getenv(\"DEBUG\", 'no') # here\n\
                      STATIC_URL = 'static/'\nSTATIC_ROOT = BASE_DIR / 'staticfiles'\nMEDIA_ROOT = os.path.join(BASE_DIR, \"media\")\n\
                      WSGI_APPLICATION = 'mysite.wsgi.application'\nDATABASES = {\"default\": {\"NAME\": BASE_DIR / 'db.sqlite3'}}\n\
                      os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"mysite.settings\")\ncelery = Celery('x', broker=url)\n\
                      @app.route('/health', methods=[\"GET\"])\ndef health():\n    return 'ok'\n\n\
                      def create_app(config=None, *args, **more):\n    return app\napplication = get_wsgi_application()\n\
                      urlpatterns = [path('', include(([re_path(r'^x/?$', v.x)], 'a'))), path('up/', wrap(Home.as_view()))] + more\n\
                      class Home(View):\n    def get(self):\n        return 1\nbp = Blueprint('b', __name__, url_prefix=f'/{A}')\n\
                      app.register_blueprint(bp, url_prefix=\"/b\")\nURI = 'sqlite:///' + os.path.join(BASE_DIR, 'x.db')\n\
                      from .a import (b as c,\n    d)\nimport a.b as e\n";
const PACKAGE: &str = "{\"name\": \"hello\", \"scripts\": {\"start\": \"node server.js\", \"build\": \"vite build\"}, \
                       \"dependencies\": {\"express\": \"^4\"}}";

const POETRY_LOCK: &str = "[[package]]\nname = \"Django\"\nversion = \"5.2\"\noptional = false\ngroups = [\"main\"]\nmarkers = \"python_version > '3.8'\"\n\
                           files = [{ file = \"a.whl\", hash = \"sha256:aa\" }]\n[package.dependencies]\ncolorama = { version = \"*\", markers = \"os_name == 'nt'\" }\n\
                           [[package]]\nname = \"own\"\nversion = \"1\"\npath = \"./own\"\ngit = \"https://h/x.git\"\nrevision = \"c0\"\nextras = [\"a\"]\n\
                           [package.source]\ntype = \"git\"\nurl = \"https://h/x.git\"\nresolved_reference = \"c0\"\n";
const PIPFILE_LOCK: &str = "{\"_meta\": {\"sources\": [{\"name\": \"x\", \"url\": \"https://h/simple\"}]}, \"default\": {\"flask\": {\"version\": \"==3\", \
                            \"hashes\": [\"sha256:aa\"], \"markers\": \"os_name == 'posix'\", \"index\": \"x\"}, \"own\": {\"path\": \".\", \"editable\": true}}}";
const PROCFILE: &str = "web: A=b poetry run gunicorn --chdir src -w 3 -k uvicorn.workers.UvicornWorker 'shop:create()' --bind=0.0.0.0:$PORT\n\
                        release: python manage.py migrate && flask db upgrade\nworker: .venv/bin/celery -A shop worker -B\nclock: uv run --no-dev x\n";
const FUJIN: &str = "app = \"shop\"\npython_version = \"3.13\"\nrelease_command = \"shop migrate && sudo x\"\n[processes]\nweb = { command = \".venv/bin/uvicorn a:a\" }\n\
                     worker = \"w\"\n[[hosts]]\naddress = \"192.0.2.7\"\nuser = \"u\"\nport = 2222\nenvfile = \".env\"\n[[sites]]\ndomains = [\"a.b\"]\n";
const KAMAL: &str = "service: shop\nservers:\n  web:\n    hosts: &h [192.0.2.7, web2]\n    cmd: gunicorn a:a\n  job:\n    hosts: *h\n    cmd: work\nproxy:\n  ssl: true\n  host: a.b\n  \
                     healthcheck:\n    path: /up\nenv:\n  clear:\n    A: 1\n  secret: [B, \"C:D\"]\nssh:\n  user: u\n  port: 22\naccessories:\n  db: {}\n";
const CAPISTRANO: &str = "set :application, 'shop'\nset :deploy_to, \"/srv/shop\"\nset :linked_dirs, %w{log media}\nappend :linked_dirs, 'a', \"b\"\n\
                          server 'web1', user: 'u', port: 2222, roles: %w{web}\nrole :web, %w{u@web1}\nset :domain, 'a.b'\n";
const GITRIC: &str = "from gitric.api import x\n@task\ndef prod():\n    env.user = 'u'\n    env.hosts = ['u@web1:22']\n    env.bluegreen_root = '/srv/x/'\n    \
                      env.bluegreen_ports = {'blue': '8888',\n        'green': '8889'}\n    run('cd x && %(v)s/bin/gunicorn -D '\n        'app:app' % env)\n";

/// Keys whose value is text with a form of its own: what comes before it and after it.
const KEYS: &[(&str, &str)] = &[
    ("environments.prod.host = ", ""),
    ("environments.prod.user = ", ""),
    ("environments.prod.root = ", ""),
    ("environments.prod.url = ", ""),
    ("environments.prod.ports = { blue = 1, green = 2 }\nhealth.path = ", ""),
    ("health.host = ", ""),
    ("health.timeout = ", ""),
    ("health.expect = [", "]"),
    ("app.directory = ", ""),
    ("app.name = ", ""),
    ("python.requirements = ", ""),
    ("gunicorn.app = ", ""),
    ("nginx.address = ", ""),
    ("nginx.max_body = ", ""),
    ("nginx.site = ", ""),
    ("nginx.access_log = ", ""),
    ("nginx.next_name = ", ""),
    ("nginx.next_allow = [", "]"),
    ("shared.directories = [", "]"),
    ("hooks.warm = [", "]"),
    ("secrets.A = { file = ", " }"),
    ("environments.", " = 1"),
];

const VALUES: &[&str] = &[
    "web1",
    "deploy@web1:22",
    "[::1]:22",
    "/home/deploy/hello",
    "https://www.example:8443/shop/",
    "http://10.0.0.1",
    "1m 30s",
    "500ms",
    "200-299",
    "404",
    "static/files",
    "mysite.wsgi:application",
    "create_app()",
    "127.0.0.1:8080",
    "20m",
    "10.0.0.0/8",
    "/var/log/nginx/access.log",
    "next.example",
    "../up",
];

const FACTS: nginx::SiteFacts = nginx::SiteFacts { tls: true, ipv6: true };

fn environment() -> Environment {
    let config = Config::parse(SMALL, Path::new("/code/hello/deployer.toml")).expect("it is right");
    config.environment("prod").expect("it is there")
}

/// Reads a configuration as the program does, and says what is wrong with it as the program would.
fn configured(text: &str) {
    match Config::parse(text, Path::new("/code/hello/deployer.toml")) {
        Ok(config) => {
            for environment in config.environments() {
                let _ = nginx::included(environment);
                let _ = nginx::site(environment, FACTS);
                let _ = launch::web(environment, Color::Blue, true);
            }
            let _ = config.environment("prod");
        }
        Err(error) => drop(error.to_string()),
    }
}

/// One file in the place of each that `init` reads.
fn recognised(text: &str) {
    for name in [
        "app.py",
        "mysite/settings.py",
        "mysite/urls.py",
        "requirements.txt",
        "pyproject.toml",
        "package.json",
        "Pipfile",
        "Procfile",
        "fujin.toml",
        "config/deploy.yml",
        "config/deploy.rb",
        "fabfile.py",
        "poetry.lock",
    ] {
        let files =
            [("manage.py", PYTHON), ("mysite/settings.py", PYTHON), ("mysite/wsgi.py", PYTHON), (name, text)];
        // manage.py makes it Django's, and hides the others.
        let from = usize::from(!name.starts_with("mysite/")) * 3;
        let files = files[from..]
            .iter()
            .chain(&[("Capfile", "")])
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
        let found = recognise(&Sources::new(files));
        let _ = found.describe();
        let app = found.app.clone().unwrap_or_else(|| "app:app".to_owned());
        let answers = Answers {
            environment: "prod".to_owned(),
            name: "hello".to_owned(),
            host: "web1".to_owned(),
            user: "deploy".to_owned(),
            root: "/home/deploy/hello".to_owned(),
            ports: (8888, 8889),
            url: "http://web1.example".to_owned(),
            app: if found.command.is_some() { String::new() } else { app },
            directory: found.directory.clone(),
        };
        let file = render(&found, &answers);
        let parsed = Config::parse(&file, Path::new("/code/hello/deployer.toml"));
        assert!(
            parsed.is_ok(),
            "{}\n{file}",
            parsed.err().map(|error| error.to_string()).unwrap_or_default()
        );
    }
}

fn state(text: &str, environment: &Environment) {
    if let Ok(state) = serde_json::from_str::<HostState>(text) {
        let _ = plan::slots(&state, environment);
        let _ = plan::assess(&state, environment);
        let _ = plan::world(&state, environment, None);
        let _ = plan::interrupted(&state);
        let _ = state.lock.as_ref().map(lock::describe);
    }
}

fn locked(text: &str) {
    let names = ["requirements.txt", "uv.lock", "pyproject.toml", "poetry.lock", "pdm.lock", "Pipfile.lock"];
    let files = names.map(|path| (path, "."));
    for (path, folder) in files.into_iter().chain([("../uv.lock", "backend")]) {
        let mut read = |name: &str| match name {
            name if name == path.trim_start_matches("../") => Some(text.as_bytes().to_vec()),
            "pyproject.toml" | "backend/pyproject.toml" => Some(PYPROJECT.as_bytes().to_vec()),
            "base.txt" => Some(REQUIREMENTS.as_bytes().to_vec()),
            _ => None,
        };
        if let Ok(found) = python::requirements(folder, path, &mut read) {
            let _ = python::packages(&found);
        }
    }
    let poetry = python::Requirements {
        files: vec![("poetry.lock".to_owned(), text.as_bytes().to_vec())],
        ..python::Requirements::default()
    };
    let _ = python::packages(&poetry);
}

/// A value in the first line, and the output that it is in.
fn redacted(text: &str) {
    let (value, output) = text.split_once('\n').unwrap_or((text, text));
    let secrets: Secrets = BTreeMap::from([("KEY".to_owned(), Secret::new(value))]);
    let mut shown = output.to_owned();
    secrets::Redactor::new(&secrets).apply(&mut shown);
}

fn explained(text: &str, environment: &Environment) {
    let lines: Vec<String> = text.lines().map(str::to_owned).collect();
    let nginx = &environment.nginx;
    let _ = nginx::explain(nginx, &nginx.test, text, text);
    let _ = (gunicorn::explain(&lines), launch::explain(1, &lines), plan::disk(&lines));
}

fn quoted(text: &str) {
    if let Ok(word) = shell::quote(text) {
        assert_eq!(shlex::split(&word), Some(vec![text.to_owned()]));
    }
    let _ = shell::display(&[text.to_owned()]);
}

pub(super) fn readers() -> Vec<Reader> {
    let reader = |name, seeds: &[&str], read: Box<dyn Fn(&str) + Sync>| Reader {
        name,
        seeds: seeds.iter().map(|seed| (*seed).to_owned()).collect(),
        read,
    };
    let (host, checked, told) = (environment(), environment(), environment());
    let files = tempfile::tempdir().expect("a temporary folder");
    let seen = move |text: &str| {
        let reading = doctor::Reading::parse(text, "N");
        let seen = doctor::DoctorInput {
            reading: &reading,
            state: None,
            connection: "deploy",
            host: "web1",
            now: 1000,
        };
        let _ = diagnose(seen, &checked);
    };
    let value = |text: &str| {
        let (before, after) = KEYS[text.len() % KEYS.len()];
        let value = toml::Value::String(text.to_owned());
        configured(&format!("{before}{value}{after}\n{SMALL}"));
    };
    vec![
        reader("deployer.toml", &[STARTER, FLASK, DJANGO, NODE, SMALL], Box::new(configured)),
        reader("a value in deployer.toml", VALUES, Box::new(value)),
        reader(
            "differences",
            &[STARTER, FLASK, DJANGO, SMALL],
            Box::new(|text| {
                let _ = (differences(text, DJANGO, "prod"), differences(DJANGO, text, "prod"));
            }),
        ),
        reader(
            "a duration",
            &["1m 30s", "500ms", "2h", "15", "1.5h"],
            Box::new(|text| drop(parse_duration(text))),
        ),
        reader("dotenv", &[DOTENV], Box::new(secrets::fuzzed::dotenv)),
        reader(
            "redaction",
            &["hunter2!\nthe key is hunter2! and aHVudGVyMiE", "p@ss word\nKEY='p@ss word'\np%40ss+word"],
            Box::new(redacted),
        ),
        reader("known_hosts", &[KNOWN_HOSTS], Box::new(ssh::fuzzed::known_hosts(&files))),
        reader("ssh_config", &[SSH_CONFIG], Box::new(ssh::fuzzed::ssh_config(&files))),
        reader("what ssh writes down", ssh::fuzzed::LOGS, Box::new(ssh::fuzzed::log())),
        reader("a key file", &[KEY], Box::new(ssh::fuzzed::key_file(files))),
        reader(".gitmodules", &[GITMODULES], Box::new(git::fuzzed::gitmodules)),
        reader("what the host says", host::fuzzed::MESSAGES, Box::new(host::fuzzed::message)),
        reader("the host's state", &[STATE], Box::new(move |text| state(text, &host))),
        reader(
            "migrations",
            &[MIGRATIONS],
            Box::new(|text| {
                if let Ok(found) = serde_json::from_str::<plan::Migrations>(text) {
                    let _ = (found.lines(), found.told(plan::Verdict::Stop), found.note());
                }
            }),
        ),
        reader(
            "requirements and locks",
            &[REQUIREMENTS, UV_LOCK, PYPROJECT, POETRY_LOCK, PIPFILE_LOCK],
            Box::new(locked),
        ),
        reader("doctor", &[DOCTOR], Box::new(seen)),
        reader(
            "init",
            &[PYTHON, REQUIREMENTS, PYPROJECT, PACKAGE, PROCFILE, FUJIN, KAMAL, CAPISTRANO, GITRIC],
            Box::new(recognised),
        ),
        reader("what tools print", &[OUTPUT], Box::new(move |text| explained(text, &told))),
        reader("text on its way to a terminal", &[OUTPUT, VALUES[4]], Box::new(ui::fuzzed::text)),
        reader("words for a shell", VALUES, Box::new(quoted)),
    ]
}
