//! Repositories of the kinds that teams have: `init --yes`, a commit, and they rehearse, with no edit but secrets.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::schema;
use crate::support::{Ran, git, gunicorn, place, ran, row};

struct Kind {
    name: &'static str,
    files: Vec<(&'static str, String)>,
    /// Beside `--yes`.
    init: &'static [&'static str],
    /// Lines of the file that follows.
    lines: &'static [&'static str],
    secrets: &'static [(&'static str, &'static str)],
}

const HOST: &[&str] = &["--host", "web1.example.org"];

fn rehearses(kind: Kind) {
    let _place = place();
    let began = Instant::now();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (repo, home) = (folder.path().join("shop"), folder.path().join("home"));
    [&repo, &home].iter().for_each(|folder| fs::create_dir(folder).expect("a folder"));
    let wheels = std::env::var("DEPLOYER_TEST_WHEELS").expect("the tests are run by tests/run.sh");
    fs::write(folder.path().join("uv.toml"), format!("no-index = true\nfind-links = [{wheels:?}]\n"))
        .expect("a file");
    git(&repo, &["init", "--quiet", "--initial-branch=main"]);
    for (path, text) in &kind.files {
        let path = repo.join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, text).expect("a file");
    }
    if repo.join("uv.lock").exists() {
        lock(&repo);
    }
    let deployer = |arguments: &[&str]| -> Ran {
        let variable = |name: &str| std::env::var(name).expect("the tests are run by tests/run.sh");
        let uv = variable("DEPLOYER_TEST_UV");
        let tools = Path::new(&uv).parent().expect("a folder").display().to_string();
        let mut command = Command::new(env!("CARGO_BIN_EXE_deployer"));
        command
            .current_dir(&repo)
            .args(arguments)
            .env_clear()
            .env("PATH", format!("{}:{tools}", std::env::var("PATH").unwrap_or_default()))
            .env("HOME", &home)
            .env("USER", "ann")
            .env("PIP_NO_INDEX", "1")
            .env("PIP_FIND_LINKS", &wheels)
            .env("UV_CONFIG_FILE", folder.path().join("uv.toml"))
            .env("UV_CACHE_DIR", format!("{uv}-cache"))
            .envs(kind.secrets.iter().copied())
            .stdin(Stdio::null());
        ran(command.output().expect("the binary runs"))
    };
    let init = [&["init", "--yes"], kind.init].concat();
    let told = deployer(&init).done(&init);
    let text = fs::read_to_string(repo.join("deployer.toml")).expect("deployer.toml");
    for line in kind.lines {
        let is_there = |own: &str| own == *line || own.starts_with(&format!("{line} "));
        assert!(text.lines().any(is_there), "{line}\n{}\n{text}", told.stderr);
    }
    assert_eq!(schema::objections(std::slice::from_ref(&text)), [""], "{text}");
    git(&repo, &["add", "--all"]);
    git(&repo, &["commit", "--quiet", "--message", "deploy it"]);
    let rehearsed = deployer(&["rehearse"]);
    assert_eq!(rehearsed.code, 0, "{}\n{}{}\n{text}", kind.name, told.stderr, rehearsed.stderr);
    assert!(rehearsed.stderr.contains(" 0 lost"), "{rehearsed:?}");
    let seconds = began.elapsed().as_secs_f64();
    row("repositories", kind.name, format!("ok: init --yes, and it rehearses ({seconds:.0} s)"));
}

macro_rules! repositories {
    ($($name:ident => $kind:expr;)+) => {
        $(#[test]
        fn $name() {
            rehearses($kind);
        })+
    };
}

/// The wheels at hand: name, version and the checksum that a lock has.
fn wheels() -> Vec<(String, String, String)> {
    let folder = std::env::var("DEPLOYER_TEST_WHEELS").expect("the tests are run by tests/run.sh");
    let wanted = [
        "flask",
        "blinker",
        "click",
        "itsdangerous",
        "jinja2",
        "markupsafe",
        "werkzeug",
        "gunicorn",
        "packaging",
    ];
    let wheel = |entry: fs::DirEntry| {
        let name = entry.file_name().into_string().ok()?;
        let mut parts = name.split('-');
        let (package, version) = (parts.next()?.to_owned(), parts.next()?.to_owned());
        let hash = || {
            let hash = hmac_sha256::Hash::hash(&fs::read(entry.path()).expect("a wheel"));
            hash.iter().fold("sha256:".to_owned(), |mut text, byte| {
                let _ = write!(text, "{byte:02x}");
                text
            })
        };
        wanted.contains(&&*package).then(|| (package, version, hash()))
    };
    let mut found: Vec<_> = fs::read_dir(folder).expect("wheels").flatten().filter_map(wheel).collect();
    found.sort();
    found
}

fn lock(repo: &Path) {
    let variable = |name: &str| std::env::var(name).expect("the tests are run by tests/run.sh");
    fs::remove_file(repo.join("uv.lock")).expect("a mark");
    let status = Command::new(variable("DEPLOYER_TEST_UV"))
        .current_dir(repo)
        .args(["lock", "--quiet", "--python", "/usr/bin/python3", "--no-index", "--find-links"])
        .arg(variable("DEPLOYER_TEST_WHEELS"))
        .env("UV_CACHE_DIR", variable("DEPLOYER_TEST_UV") + "-cache")
        .status();
    assert!(status.expect("uv runs").success());
}

/// A lock of poetry's or pdm's: each package with its group, and one that only developers need.
fn toml_lock(group: &str) -> String {
    let mut text = String::new();
    for (name, version, hash) in wheels() {
        let _ = write!(
            text,
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\noptional = false\ngroups = [\"{group}\"]\n\
             files = [{{ file = \"{name}.whl\", hash = \"{hash}\" }}]\n\n"
        );
    }
    text + "[[package]]\nname = \"pytest\"\nversion = \"8.0\"\noptional = false\ngroups = [\"dev\"]\nfiles = []\n"
}

fn pipfile_lock() -> String {
    let package = |(name, version, hash): (String, String, String)| {
        (name, serde_json::json!({ "version": format!("=={version}"), "hashes": [hash] }))
    };
    let default: serde_json::Map<String, serde_json::Value> = wheels().into_iter().map(package).collect();
    serde_json::json!({ "_meta": {}, "default": default, "develop": { "pytest": { "version": "==8.0" } } })
        .to_string()
}

fn flask(more: &str) -> String {
    format!(
        "import os\nfrom flask import Flask\n\napp = Flask(__name__)\n{more}\n\n\
         @app.get(\"/healthz\")\ndef healthz():\n    return \"ok\"\n"
    )
}

const WORKER: &str = "import time\nwhile True:\n    time.sleep(1)\n";

const WSGI: &str = "def app(environ, start_response):\n    start_response('200 OK', [('Content-Length', '2')])\n    return [b'hi']\n";

fn requirements(more: &str) -> String {
    format!("{}\n{more}\n", gunicorn())
}

/// Django with settings of its own folder; `{top}` is before every path of its modules.
fn django(top: &'static str) -> Vec<(&'static str, String)> {
    let environ = "import os\nos.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"bookstore.settings\")\n";
    let settings = "import os\nSECRET_KEY = os.environ.get(\"SECRET_KEY\", \"x\")\nROOT_URLCONF = \"bookstore.urls\"\n\
                    ALLOWED_HOSTS = [\"*\"]\nINSTALLED_APPS = []\nMIDDLEWARE = []\nWSGI_APPLICATION = \"bookstore.wsgi.application\"\n";
    let urls = "from django.http import HttpResponse\nfrom django.urls import path\n\n\ndef up(request):\n    return HttpResponse(\"up\")\n\n\n\
                urlpatterns = [path(\"up\", up)]\n";
    let files = [
        (
            "manage.py",
            format!(
                "{environ}from django.core.management import execute_from_command_line\nimport sys\nexecute_from_command_line(sys.argv)\n"
            ),
        ),
        ("bookstore/__init__.py", String::new()),
        ("bookstore/settings.py", settings.to_owned()),
        ("bookstore/urls.py", urls.to_owned()),
        (
            "bookstore/wsgi.py",
            format!(
                "{environ}from django.core.wsgi import get_wsgi_application\napplication = get_wsgi_application()\n"
            ),
        ),
    ];
    files.map(|(path, text)| (&*format!("{top}{path}").leak(), text)).into()
}

repositories! {
    procfile_and_poetry => Kind {
        name: "Procfile and poetry",
        files: vec![
            ("Procfile", "web: poetry run gunicorn shop.web:app --bind 0.0.0.0:$PORT --workers 3 --log-file -\n\
                          worker: poetry run python -m shop.worker\nrelease: poetry run flask --app shop.web routes\n".into()),
            ("pyproject.toml", "[tool.poetry]\nname = \"shop\"\nversion = \"0.1.0\"\ndescription = \"\"\nauthors = []\n\n\
                                [tool.poetry.dependencies]\npython = \"^3.11\"\nflask = \"^3\"\ngunicorn = \"*\"\n\n\
                                [tool.poetry.group.dev.dependencies]\npytest = \"^8\"\n".into()),
            ("poetry.lock", toml_lock("main")),
            ("shop/__init__.py", String::new()),
            ("shop/web.py", flask("")),
            ("shop/worker.py", WORKER.into()),
        ],
        init: HOST,
        lines: &[
            "requirements = \"poetry.lock\"", "app = \"shop.web:app\"", "workers = 3", "args = [\"--log-file\", \"-\"]",
            "worker = \"python -m shop.worker\"", "release = \"flask --app shop.web routes\"", "path = \"/healthz\"",
        ],
        secrets: &[],
    };
    fujin => Kind {
        name: "fujin",
        files: [django(""), vec![
            ("requirements.txt", requirements("django==5.2.19")),
            ("worker.py", WORKER.into()),
            ("fujin.toml", "app = \"bookstore\"\nrequirements = \"requirements.txt\"\npython_version = \"3.11\"\n\
                            build_command = \"uv build\"\ninstallation_mode = \"python-package\"\n\
                            release_command = \"bookstore migrate && bookstore collectstatic --no-input && sudo rsync -a x/ /var/www/\"\n\n\
                            [webserver]\nupstream = \"unix//run/bookstore.sock\"\n\n[processes]\n\
                            web = { command = \".venv/bin/gunicorn bookstore.wsgi:application --bind unix:/run/bookstore.sock\" }\n\
                            worker = \".venv/bin/python worker.py\"\n\n[host]\ndomain_name = \"books.example.org\"\nuser = \"ubuntu\"\nssh_port = 2222\n".into()),
        ]].concat(),
        init: &[],
        lines: &[
            "name = \"bookstore\"", "version = \"3.11\"", "app = \"bookstore.wsgi:application\"", "worker = \"python worker.py\"",
            "release = \"bookstore migrate\"", "host = \"books.example.org\"", "port = 2222", "user = \"ubuntu\"",
            "url = \"https://books.example.org\"", "path = \"/up\"",
        ],
        secrets: &[],
    };
    kamal => Kind {
        name: "Kamal",
        files: vec![
            ("Dockerfile", "FROM python:3.13\n".into()),
            (".python-version", "3.11\n".into()),
            ("config/deploy.yml", "service: shop\nimage: ann/shop\nservers:\n  web:\n    hosts: &hosts\n      - 192.0.2.7\n    \
                                   cmd: gunicorn app:app -b 0.0.0.0:80\n  job:\n    hosts: *hosts\n    cmd: python worker.py\n\
                                   proxy:\n  ssl: true\n  host: shop.example.org\n  healthcheck:\n    path: /healthz\n\
                                   registry:\n  username: ann\n  password:\n    - KAMAL_REGISTRY_PASSWORD\n\
                                   env:\n  clear:\n    GREETING: \"hi\"\n  secret:\n    - SECRET_KEY\nssh:\n  user: app\n\
                                   accessories:\n  db:\n    image: postgres:17\n".into()),
            ("app.py", flask("app.secret_key = os.environ[\"SECRET_KEY\"]\ngreeting = os.environ[\"GREETING\"]\n")),
            ("worker.py", WORKER.into()),
            ("requirements.txt", requirements("flask")),
        ],
        init: &[],
        lines: &[
            "host = \"192.0.2.7\"", "user = \"app\"", "url = \"https://shop.example.org\"", "job = \"python worker.py\"",
            "GREETING = \"hi\"", "SECRET_KEY = { env = \"SECRET_KEY\" }", "path = \"/healthz\"",
        ],
        secrets: &[("SECRET_KEY", "hunter2hunter2")],
    };
    capistrano => Kind {
        name: "Capistrano",
        files: vec![
            (".python-version", "3.11\n".into()),
            ("Capfile", "require 'capistrano/setup'\n".into()),
            ("config/deploy.rb", "lock '~> 3.19'\nset :application, 'shop'\nset :repo_url, 'git@example.org:shop.git'\n\
                                  set :deploy_to, \"/srv/#{fetch(:application)}\"\nappend :linked_dirs, 'log', 'media'\n".into()),
            ("config/deploy/production.rb", "server 'web1.example.org', user: 'www', roles: %w{app web}, port: 2200\n".into()),
            ("config/deploy/staging.rb", "server 'web9.example.org', user: 'www'\n".into()),
            ("app.py", flask("")),
            ("requirements.txt", requirements("flask")),
        ],
        init: &[],
        lines: &[
            "name = \"shop\"", "host = \"web1.example.org\"", "user = \"www\"", "port = 2200", "directories = [\"media\"]",
            "app = \"app:app\"",
        ],
        secrets: &[],
    };
    gitric => Kind {
        name: "gitric",
        files: vec![
            ("fabfile.py", "from fabric.api import task, run\nfrom fabric.state import env\nfrom gitric.api import init_bluegreen\n\n\
                            @task\ndef staging():\n    env.bluegreen_root = '/home/www/staging/'\n\n\
                            @task\ndef prod():\n    env.user = 'www'\n    env.hosts = ['web1.example.org']\n    \
                            env.bluegreen_root = '/home/www/machine/'\n    env.bluegreen_ports = {'blue': '8888',\n                           \
                            'green': '8889'}\n    init_bluegreen()\n\n\n@task\ndef deploy():\n    \
                            run('cd %(repo_path)s/web && PYTHONPATH=. '\n        '%(virtualenv_path)s/bin/gunicorn -D '\n        \
                            '-b 0.0.0.0:%(bluegreen_port)s -p %(pidfile)s app:app'\n        % env)\n".into()),
            (".python-version", "3.11\n".into()),
            ("web/app.py", WSGI.into()),
            ("web/requirements.txt", requirements("")),
        ],
        init: &[],
        lines: &[
            "directory = \"web\"", "app = \"app:app\"", "host = \"web1.example.org\"", "user = \"www\"", "root = \"/home/www/machine\"",
            "ports = { blue = 8888, green = 8889 }",
        ],
        secrets: &[],
    };
    pdm => Kind {
        name: "pdm",
        files: vec![
            ("pyproject.toml", "[project]\nname = \"shop\"\nversion = \"0.1.0\"\nrequires-python = \">=3.9\"\n\
                                dependencies = [\"flask>=3\", \"gunicorn\"]\n\n[dependency-groups]\ndev = [\"pytest>=8\"]\n\n[tool.pdm]\ndistribution = false\n".into()),
            ("pdm.lock", toml_lock("default")),
            ("src/shop/__init__.py", flask("")),
        ],
        init: HOST,
        lines: &["requirements = \"pdm.lock\"", "app = \"shop:app\"", "args = [\"--pythonpath\", \"src\"]"],
        secrets: &[],
    };
    pipfile => Kind {
        name: "Pipfile",
        files: vec![
            ("Pipfile", "[[source]]\nurl = \"https://pypi.org/simple\"\nname = \"pypi\"\n\n[packages]\nflask = \"*\"\ngunicorn = \"*\"\n\n\
                         [dev-packages]\npytest = \"*\"\n\n[requires]\npython_version = \"3.11\"\n".into()),
            ("Pipfile.lock", pipfile_lock()),
            ("main.py", flask("")),
        ],
        init: HOST,
        lines: &["requirements = \"Pipfile.lock\"", "version = \"3.11\"", "app = \"main:app\""],
        secrets: &[],
    };
    uv_workspace => Kind {
        name: "uv workspace",
        files: vec![
            ("pyproject.toml", "[project]\nname = \"all\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\n[tool.uv]\npackage = false\n\n\
                                [tool.uv.workspace]\nmembers = [\"apps/*\"]\n".into()),
            ("apps/shop/pyproject.toml", format!("[project]\nname = \"shop\"\nversion = \"0.1.0\"\nrequires-python = \">=3.11\"\n\
                                dependencies = [\"flask\", {:?}]\n\n[tool.uv]\npackage = false\n", gunicorn())),
            ("apps/shop/app.py", flask("")),
            ("uv.lock", String::new()),
        ],
        init: HOST,
        lines: &["directory = \"apps/shop\"", "requirements = \"../../uv.lock\"", "app = \"app:app\""],
        secrets: &[],
    };
    asgi_alone => Kind {
        name: "ASGI alone",
        files: vec![
            ("app.py", "async def app(scope, receive, send):\n    if scope[\"type\"] == \"lifespan\":\n        \
                        while True:\n            message = await receive()\n            \
                        await send({\"type\": message[\"type\"] + \".complete\"})\n            \
                        if message[\"type\"] == \"lifespan.shutdown\":\n                return\n    \
                        await send({\"type\": \"http.response.start\", \"status\": 200, \"headers\": [(b\"content-length\", b\"2\")]})\n    \
                        await send({\"type\": \"http.response.body\", \"body\": b\"hi\"})\n".into()),
            ("requirements.txt", "uvicorn==0.54.0\n".into()),
            (".python-version", "3.11\n".into()),
        ],
        init: HOST,
        lines: &["command = \"uvicorn app:app --host 127.0.0.1 --port {port}\""],
        secrets: &[],
    };
    django_in_src => Kind {
        name: "Django in src/",
        files: [django("src/"), vec![
            (".python-version", "3.11.2\n".into()),
            ("requirements.txt", requirements("django==5.2.19")),
        ]].concat(),
        init: HOST,
        lines: &[
            "app = \"bookstore.wsgi:application\"", "args = [\"--pythonpath\", \"src\"]", "path = \"/up\"",
            "release = \"python src/manage.py migrate --noinput\"",
        ],
        secrets: &[],
    };
}
