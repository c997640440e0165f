mod pages;

use super::*;

const MANAGE: &str =
    "import os\n\n\ndef main():\n    os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'mysite.settings')\n";
const WSGI: &str = "import os\nfrom django.core.wsgi import get_wsgi_application\n\
                    os.environ.setdefault(\"DJANGO_SETTINGS_MODULE\", \"mysite.settings\")\napplication = get_wsgi_application()\n";
const SETTINGS: &str = "BASE_DIR = Path(__file__).parent.parent\nSECRET_KEY = os.environ['SECRET_KEY']\nALLOWED_HOSTS = []\n\
                        WSGI_APPLICATION = 'mysite.wsgi.application'\nSTATIC_URL = 'static/'\nSTATIC_ROOT = BASE_DIR / 'staticfiles'\n\
                        MEDIA_ROOT = BASE_DIR / 'media'\n";

/// What is recognised in some files, and the file that follows; it is one that deployer itself takes.
fn shown(files: &[(&str, &str)]) -> String {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let found = recognise(&Sources::new(files));
    let answers = Answers {
        environment: "prod".to_owned(),
        name: "hello".to_owned(),
        host: "my.server.here".to_owned(),
        user: "deploy".to_owned(),
        root: default_root("deploy", "hello"),
        ports: default_ports("hello", "prod"),
        url: default_url("my.server.here").unwrap(),
        app: match (&found.app, &found.command) {
            (_, Some(_)) => String::new(),
            (Some(app), _) => app.clone(),
            (None, None) => "app:app".to_owned(),
        },
        directory: found.directory.clone(),
    };
    let text = render(&found, &answers);
    let notes: String = found.notes.iter().map(|note| format!("note: {note}\n")).collect();
    if let Err(error) = crate::config::Config::parse(&text, std::path::Path::new("/code/hello/deployer.toml"))
    {
        panic!("{error}\n{text}");
    }
    format!("{}\n{notes}{text}", found.describe().unwrap_or_else(|| "nothing".to_owned()))
}

#[test]
fn django() {
    insta::assert_snapshot!(
        "django",
        shown(&[
            ("manage.py", MANAGE),
            ("mysite/__init__.py", ""),
            ("mysite/settings.py", SETTINGS),
            ("mysite/wsgi.py", WSGI),
            ("mysite/asgi.py", WSGI),
            ("mysite/urls.py", "urlpatterns = [\n    path('healthz/', views.health),\n]\n"),
            ("mysite/celery.py", "app = Celery('mysite')\napp.conf.beat_schedule = {}\n"),
            ("blog/migrations/0001_initial.py", ""),
            ("requirements.txt", "Django>=5\ncelery[redis]\n"),
        ])
    );
}

#[test]
fn django_below_a_folder_with_settings_for_production() {
    insta::assert_snapshot!(
        "django_src",
        shown(&[
            ("src/manage.py", &MANAGE.replace("mysite.settings", "config.settings.local")),
            ("src/config/__init__.py", ""),
            ("src/config/settings/__init__.py", ""),
            (
                "src/config/settings/base.py",
                "STATIC_ROOT = os.path.join(BASE_DIR, \"collected\")\nDB = env.db('DATABASE_URL')\n"
            ),
            ("src/config/settings/local.py", "from .base import *\n"),
            ("src/config/settings/production.py", "from .base import *\n"),
            ("src/config/asgi.py", &WSGI.replace("mysite.settings", "config.settings.local")),
            (
                "pyproject.toml",
                "[project]\nname = \"x\"\ndependencies = [\"django\", \"channels\", \"gunicorn\"]\n"
            ),
            ("uv.lock", ""),
        ])
    );
}

#[test]
fn flask() {
    insta::assert_snapshot!(
        "flask",
        shown(&[
            (
                "app.py",
                "from flask import Flask\n\napp = Flask(__name__)\n\n@app.get(\"/health\")\ndef health():\n    return 'ok'\n"
            ),
            ("tests/test_app.py", "app = Flask(__name__)\n"),
            ("requirements.txt", "flask==3.0\ngunicorn==23.0.0\n"),
        ])
    );
}

#[test]
fn flask_by_a_factory() {
    insta::assert_snapshot!(
        "flask_factory",
        shown(&[
            (
                "shop/__init__.py",
                "import flask\n\ndef create_app(config=None):\n    app = flask.Flask(__name__)\n    return app\n"
            ),
            ("shop/views.py", "x = 1\n"),
            ("migrations/alembic.ini", ""),
            ("requirements.txt", "-r requirements/base.txt\n"),
            ("requirements/base.txt", "flask\ngunicorn\n"),
        ])
    );
}

#[test]
fn fastapi_in_a_folder_of_its_own() {
    insta::assert_snapshot!(
        "fastapi",
        shown(&[
            ("backend/app/main.py", "from fastapi import FastAPI\n\napp: FastAPI = FastAPI(title=\"x\")\n"),
            ("backend/requirements.txt", "fastapi\nuvicorn[standard]\ngunicorn\n"),
            ("frontend/package.json", "{\"scripts\": {\"start\": \"vite\"}}"),
        ])
    );
}

#[test]
fn node() {
    insta::assert_snapshot!(
        "node",
        shown(&[
            ("package.json", "{\"scripts\": {\"start\": \"node server.js\"}}"),
            ("package-lock.json", "{}")
        ])
    );
}

#[test]
fn nothing_that_is_known() {
    insta::assert_snapshot!("nothing", shown(&[("README.md", "")]));
}

#[test]
fn a_factory_that_wants_arguments_is_none() {
    let files =
        [("app.py", "from flask import Flask\ndef create_app(config):\n    return Flask(__name__)\n")];
    assert!(shown(&files).starts_with("nothing\n"));
}

#[test]
fn what_deployer_toml_cannot_hold_is_left_out_and_said() {
    let settings = SETTINGS.replace("'static/'", "'our files/'");
    let told = shown(&[("manage.py", MANAGE), ("mysite/settings.py", &settings), ("mysite/wsgi.py", WSGI)]);
    assert!(told.contains("note: the static files: deployer.toml cannot hold"), "{told}");
    assert!(!told.contains("[static]") && told.contains("[shared]"), "{told}");
}

#[test]
fn names_and_places_have_sensible_defaults() {
    assert_eq!(default_name("My Shop_2"), "my-shop_2");
    assert_eq!(default_name("…"), "app");
    assert_eq!(default_root("root", "shop"), "/srv/shop");
    assert_eq!(default_url("192.0.2.7"), None);
    assert_eq!(default_url("web1"), None);
    assert_ne!(default_ports("shop", "prod"), default_ports("shop", "staging"));
    for name in ["", "a", "shop", "a-very-long-name"] {
        let (blue, green) = default_ports(name, "prod");
        assert!(blue >= 20_000 && green < 32_768, "{blue} {green}");
    }
}

/// Where the database is, whatever the sources say it by.
#[test]
fn an_sqlite_database_is_seen() {
    let of = |text: &str, more: &[(&str, &str)]| {
        let mut files = vec![
            ("app.py", format!("import flask\n{text}\napp = flask.Flask(__name__)\n")),
            ("requirements.txt", "flask\nflask-sqlalchemy\n".to_owned()),
        ];
        files.extend(more.iter().map(|(path, text)| (*path, (*text).to_owned())));
        let files = files.into_iter().map(|(path, text)| (path.to_owned(), text));
        let found = recognise(&Sources::new(files));
        found.database.map(|it| {
            let words = [it.file, it.folder, it.instead].map(|word| word.unwrap_or_else(|| "-".to_owned()));
            words.join(" ")
        })
    };
    for (text, expected) in [
        ("URI = 'sqlite:///shop.db'", Some("instance/shop.db instance -")),
        (
            "URI = os.getenv('DATABASE_URL', \"sqlite:///./shop.db?x=1\")",
            Some("instance/shop.db instance DATABASE_URL"),
        ),
        (
            "here = os.path.dirname(__file__)\nURI = f'sqlite:///{here}/var/shop.sqlite3'",
            Some("var/shop.sqlite3 var -"),
        ),
        ("con = sqlite3.connect('data/shop.db')", Some("data/shop.db data -")),
        ("con = sqlite3.connect('shop.db')", Some("shop.db - -")),
        ("DB = os.path.join(app.instance_path, 'flaskr.sqlite')", Some("instance/flaskr.sqlite instance -")),
        ("con = sqlite3.connect(current_app.config['DATABASE'])", Some("- - -")),
        ("URI = 'sqlite:////srv/shop/shop.db'", None),
        ("URI = 'sqlite:///:memory:'", None),
        ("URI = 'sqlite://'", None),
        ("URI = 'postgresql:///shop'", None),
    ] {
        assert_eq!(of(text, &[]).as_deref(), expected, "{text}");
    }
    // What git has there too cannot be shared.
    let beside = of("con = sqlite3.connect('data/shop.db')", &[("data/words.txt", "")]);
    assert_eq!(beside.as_deref(), Some("data/shop.db - -"));
}

#[test]
fn commands_find_the_modules_of_a_folder() {
    let files = [
        ("src/shop/__init__.py", ""),
        ("src/shop/web.py", "from flask import Flask\nserver = Flask(__name__)\n"),
        ("src/shop/jobs.py", "app = Celery('shop')\n"),
        ("migrations/alembic.ini", ""),
        ("requirements.txt", "flask\ncelery\ngunicorn\n"),
    ];
    let text = shown(&files);
    for line in [
        "release = \"flask --app src/shop/web:server db upgrade\"",
        "worker = \"env PYTHONPATH=src python -m celery -A shop.jobs worker\"",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

/// What another tool was told is taken over: of each kind what its own test in `tests/it/repositories` has not.
#[test]
fn what_another_tool_was_told_is_taken_over() {
    const ASGI: &str = "from fastapi import FastAPI\napp = FastAPI()\n";
    insta::assert_snapshot!(
        "procfile",
        shown(&[
            ("app/main.py", ASGI),
            ("requirements.txt", "fastapi\nuvicorn\n"),
            (
                "Procfile",
                "# how it runs\nweb: PYTHONUNBUFFERED=1 exec uvicorn app.main:app --host=0.0.0.0 --port $PORT --proxy-headers --workers 4\n\
                 release: uv run --no-dev alembic upgrade head && python manage.py collectstatic\n\
                 Worker: celery -A app.jobs worker\nclock: pipenv run python clock.py\nbeat: celery -A app.jobs beat\n1st: odd\n",
            ),
            ("runtime.txt", "python-3.12.1\n"),
        ])
    );
    let lines = |files: &[(&str, &str)]| {
        let text = shown(files);
        text.lines()
            .filter(|line| !line.is_empty() && !line.starts_with(['#', '[']))
            .collect::<Vec<_>>()
            .join("\n")
    };
    insta::assert_snapshot!(
        "fujin",
        lines(&[
            (
                "fujin.toml",
                "app = \"shop\"\n[processes]\nweb = \"waitress-serve --host 0.0.0.0 --port $PORT shop:app\"\n\
                            [[hosts]]\naddress = \"192.0.2.7\"\nuser = \"u\"\nenvfile = \".env.prod\"\n[[hosts]]\naddress = \"192.0.2.8\"\n\
                            [[sites]]\ndomains = [\"shop.example.org\"]\n"
            ),
            ("shop.py", "import flask\napp = flask.Flask(__name__)\n"),
            ("requirements.txt", "flask\nwaitress\n"),
        ])
    );
    insta::assert_snapshot!(
        "kamal",
        lines(&[
            (
                "config/deploy.yml",
                "service: shop\nservers:\n  - 192.0.2.7: [a]\n  - <%= ENV['OTHER'] %>\nenv:\n  PORT: 80\n  A: b\n"
            ),
            ("shop.py", "import flask\napp = flask.Flask(__name__)\n"),
            ("requirements.txt", "flask\ngunicorn\n"),
        ])
    );
    insta::assert_snapshot!(
        "capistrano",
        lines(&[
            ("Capfile", ""),
            (
                "config/deploy.rb",
                "set :application, \"shop\"\nset :deploy_to, '/srv/shop'\nset :linked_dirs, %w{log uploads static}\n\
                                  role :web, %w{ann@web1 ann@web2}\n"
            ),
            ("static/x.css", ""),
            ("shop.py", "import flask\napp = flask.Flask(__name__)\n"),
            ("requirements.txt", "flask\ngunicorn\n"),
        ])
    );
}
