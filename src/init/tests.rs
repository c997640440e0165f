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
    let files = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
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
            (Some(app), _) => app.clone(),
            (None, Some(_)) => String::new(),
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
    format!(
        "{}\n{notes}{text}",
        found.describe().unwrap_or_else(|| "nothing".to_owned())
    )
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
            (
                "mysite/urls.py",
                "urlpatterns = [\n    path('healthz/', views.health),\n]\n"
            ),
            (
                "mysite/celery.py",
                "app = Celery('mysite')\napp.conf.beat_schedule = {}\n"
            ),
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
            (
                "src/manage.py",
                &MANAGE.replace("mysite.settings", "config.settings.local")
            ),
            ("src/config/__init__.py", ""),
            ("src/config/settings/__init__.py", ""),
            (
                "src/config/settings/base.py",
                "STATIC_ROOT = os.path.join(BASE_DIR, \"collected\")\nDB = env.db('DATABASE_URL')\n"
            ),
            ("src/config/settings/local.py", "from .base import *\n"),
            ("src/config/settings/production.py", "from .base import *\n"),
            (
                "src/config/asgi.py",
                &WSGI.replace("mysite.settings", "config.settings.local")
            ),
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
            (
                "backend/app/main.py",
                "from fastapi import FastAPI\n\napp: FastAPI = FastAPI(title=\"x\")\n"
            ),
            (
                "backend/requirements.txt",
                "fastapi\nuvicorn[standard]\ngunicorn\n"
            ),
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
    let files = [(
        "app.py",
        "from flask import Flask\ndef create_app(config):\n    return Flask(__name__)\n",
    )];
    assert!(shown(&files).starts_with("nothing\n"));
}

#[test]
fn what_deployer_toml_cannot_hold_is_left_out_and_said() {
    let settings = SETTINGS.replace("'static/'", "'our files/'");
    let told = shown(&[
        ("manage.py", MANAGE),
        ("mysite/settings.py", &settings),
        ("mysite/wsgi.py", WSGI),
    ]);
    assert!(
        told.contains("note: the static files: deployer.toml cannot hold"),
        "{told}"
    );
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

/// What is proposed for `[health]`: the path, or a `?` and why it is a guess.
fn health(files: &[(&str, &str)]) -> String {
    let files = files
        .iter()
        .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    let found = recognise(&Sources::new(files));
    let path = found.health.path.unwrap_or_else(|| "?".to_owned());
    match found.health.doubt {
        Some(doubt) => format!("{path} ({})", doubt.split([':', ';']).next().unwrap_or_default()),
        None => path,
    }
}

const CREATE: &str = "from flask import Flask\n\n\
    def create_app(config=None):\n    app = Flask(__name__)\n    from app.auth import bp as auth_bp\n    \
    app.register_blueprint(auth_bp, url_prefix='/auth')\n    from app.main import bp as main_bp\n    \
    app.register_blueprint(main_bp)\n    from app.api import bp as api_bp\n    \
    app.register_blueprint(api_bp, url_prefix=\"/api\")\n    return app\n";
const BLUEPRINT: &str =
    "from flask import Blueprint\nbp = Blueprint('x', __name__)\nfrom app.x import routes\n";
const INDEX: &str = "from app.main import bp\nfrom flask_login import login_required\n\n\
    @bp.route('/', methods=['GET', 'POST'])\n@bp.route('/index')\n@login_required\ndef index():\n    return 'hello'\n";
const LOGIN: &str = "from app.auth import bp\n\n@bp.route('/login', methods=['GET', 'POST'])\ndef login():\n    \
    if current_user.is_authenticated:\n        return redirect('/')\n    return 'log in'\n\n\
    @bp.route('/reset')\ndef reset():\n    return 'x'\n";

/// Flask with blueprints, Alembic and SQLite: all pages want a login, and the tests have a health check of their own.
#[test]
fn flask_with_blueprints_behind_a_login() {
    let ping = "from app.api import bp\n\n@bp.route('/users/<int:id>')\ndef user(id):\n    return 'x'\n\n\
                @bp.route('/ping', methods=['POST'])\ndef ping():\n    return 'x'\n";
    let files = |api: &'static str| {
        vec![
            ("wsgi.py", "from app import create_app, db\napp = create_app()\n"),
            ("app/__init__.py", CREATE),
            ("app/auth/__init__.py", BLUEPRINT),
            ("app/auth/routes.py", LOGIN),
            ("app/main/__init__.py", BLUEPRINT),
            ("app/main/routes.py", INDEX),
            ("app/api/__init__.py", BLUEPRINT),
            ("app/api/routes.py", api),
            (
                "tests.py",
                "app = Flask(__name__)\n@app.get('/health')\ndef health():\n    return 'ok'\n",
            ),
            (
                "test_more.py",
                "@app.get('/healthz')\ndef health():\n    return 'ok'\n",
            ),
            (
                "config.py",
                "import os\nbasedir = os.path.abspath(os.path.dirname(__file__))\nclass Config:\n    \
                 SQLALCHEMY_DATABASE_URI = os.environ.get('DATABASE_URL') or \\\n        \
                 'sqlite:///' + os.path.join(basedir, 'app.db')\n",
            ),
            ("alembic.ini", ""),
            ("requirements.txt", "flask\nflask-sqlalchemy\ngunicorn\n"),
        ]
    };
    assert_eq!(health(&files("")), "? (a guess)");
    let guarded = "from app.api import bp\n@bp.get('/health')\ndef health():\n    return 'ok'\n\
                   @bp.before_request\n@auth.login_required\ndef before():\n    pass\n";
    assert_eq!(health(&files(guarded)), "? (a guess)");
    let open =
        "from app.api import bp\n\n@bp.route('/ping')\n@limiter.exempt\ndef ping():\n    return 'pong'\n";
    assert_eq!(health(&files(open)), "/api/ping");
    insta::assert_snapshot!("flask_behind_a_login", shown(&files(ping)));
}

#[test]
fn a_login_page_is_better_than_none() {
    let files = [
        (
            "app.py",
            "from flask import Flask\napp = Flask(__name__)\n@app.route('/')\n@login_required\ndef home():\n    return 'x'\n\
             @app.route('/account/login')\ndef login():\n    return 'x'\n",
        ),
        ("requirements.txt", "flask\n"),
    ];
    assert_eq!(health(&files), "/account/login (it answers without a login)");
    let plain = "import flask\napp = flask.Flask(__name__)\n@app.route(\"/\")\ndef home():\n    return 'x'\n\
                 @app.route('/health/<name>')\ndef one(name):\n    return name\n";
    assert_eq!(health(&[("app.py", plain), ("requirements.txt", "flask\n")]), "/");
    // What registers the routes is given the application.
    let routes = "def init_app(app):\n    @app.route('/healthz')\n    def health():\n        return 'ok'\n\n    \
                  app.add_url_rule('/status', view_func=lambda: 'x')\n";
    let factory = "import flask\nfrom . import routes\ndef create_app():\n    app = flask.Flask(__name__)\n    \
                   routes.init_app(app)\n    return app\n";
    let files = [
        ("shop/__init__.py", factory),
        ("shop/routes.py", routes),
        ("requirements.txt", ""),
    ];
    assert_eq!(health(&files), "/healthz");
}

/// FastAPI in a workspace: routers on routers, and a prefix that is a setting.
#[test]
fn fastapi_with_routers_in_a_workspace() {
    let files = [
        ("pyproject.toml", "[tool.uv.workspace]\nmembers = [\"backend\"]\n"),
        ("uv.lock", ""),
        (
            "backend/pyproject.toml",
            "[project]\nname = \"backend\"\ndependencies = [\"fastapi[standard]\", \"alembic\", \"gunicorn\", \"uvicorn-worker\"]\n",
        ),
        (
            "backend/app/main.py",
            "from fastapi import FastAPI\nfrom app.api.main import api_router\nfrom app.core.config import settings\n\n\
             app = FastAPI(\n    title=settings.PROJECT_NAME,\n    openapi_url=f\"{settings.API_V1_STR}/openapi.json\",\n)\n\
             app.include_router(api_router, prefix=settings.API_V1_STR)\n",
        ),
        (
            "backend/app/api/main.py",
            "from fastapi import APIRouter\nfrom app.api.routes import items, private, utils\n\napi_router = APIRouter()\n\
             api_router.include_router(items.router)\napi_router.include_router(utils.router)\n\
             if settings.ENVIRONMENT == \"local\":\n    api_router.include_router(private.router)\n",
        ),
        (
            "backend/app/api/routes/items.py",
            "router = APIRouter(prefix=\"/items\", tags=[\"items\"])\n\n@router.get(\"/status\")\n\
             def status(session: SessionDep, current_user: CurrentUser) -> Any:\n    return 1\n\n\
             @router.get(\"/ping\")\ndef ping(q: str):\n    return q\n",
        ),
        (
            "backend/app/api/routes/utils.py",
            "router = APIRouter(prefix=\"/utils\", tags=[\"utils\"])\n\n\
             @router.post(\n    \"/test-email/\",\n    dependencies=[Depends(get_current_active_superuser)],\n)\n\
             def test_email():\n    return 1\n\n@router.get(\"/health-check/\")\nasync def health_check() -> bool:\n    return True\n",
        ),
        (
            "backend/app/core/config.py",
            "class Settings(BaseSettings):\n    API_V1_STR: str = \"/api/v1\"\n    PROJECT_NAME: str\n",
        ),
        (
            "backend/tests/test_main.py",
            "@app.get('/healthz')\ndef health():\n    return 'ok'\n",
        ),
        ("backend/alembic.ini", ""),
    ];
    insta::assert_snapshot!("fastapi_workspace", shown(&files));
    let main = "from fastapi import FastAPI, Depends\nfrom items import router\napp = FastAPI()\napp.include_router(router)\n";
    let items = "from fastapi import APIRouter\nrouter = APIRouter(dependencies=[Depends(get_current_user)])\n\
                 @router.get('/health')\ndef health():\n    return 1\n";
    let files = [
        ("main.py", main),
        ("items.py", items),
        ("requirements.txt", "fastapi\n"),
    ];
    assert_eq!(health(&files), "/docs (it answers without a login)");
}

/// Django with workers: the home page is for those who are logged in.
#[test]
fn django_whose_pages_want_a_login() {
    let files = |urls: &'static str, views: &'static str| {
        vec![
            ("manage.py", MANAGE),
            ("mysite/__init__.py", ""),
            (
                "mysite/settings.py",
                "ROOT_URLCONF = 'mysite.urls'\nDATABASES = {'default': {'ENGINE': 'django.db.backends.sqlite3', 'NAME': BASE_DIR / 'data' / 'db.sqlite3'}}\n",
            ),
            ("mysite/wsgi.py", WSGI),
            (
                "mysite/urls.py",
                "from django.urls import include, path\nfrom django.contrib import admin\nfrom . import views\n\n\
                 urlpatterns = [\n    path('', include('shop.urls')),\n    path('admin/', admin.site.urls),\n]\n\
                 if settings.DEBUG:\n    urlpatterns += [path('health/', views.debug)]\n",
            ),
            ("shop/urls.py", urls),
            ("shop/views.py", views),
            ("requirements.txt", "django\n"),
        ]
    };
    let urls = "from . import views\nfrom .views import Home\nurlpatterns = [\n    path('', Home.as_view()),\n    \
                path('ping/', login_required(views.ping)),\n    path('up/', views.up),\n    re_path(r'^status/(?P<id>[0-9]+)$', views.up),\n]\n";
    let views = "class Home(LoginRequiredMixin, TemplateView):\n    template_name = 'x'\n\ndef ping(request):\n    return 1\n\n\
                 @login_required\ndef up(request):\n    return 1\n";
    assert_eq!(
        health(&files(urls, views)),
        "/admin/login/ (it answers without a login)"
    );
    let api = "from . import views\nurlpatterns = [path('api/v1/', include(([path('healthz', views.ok)], 'v1')))]\n";
    assert_eq!(
        health(&files(api, "def ok(request):\n    return 1\n")),
        "/api/v1/healthz"
    );
    let api = "from . import views\nv1 = [path('healthz', csrf_exempt(views.ok))]\nurlpatterns = [path('api/v1/', include(v1))]\n";
    assert_eq!(
        health(&files(api, "def ok(request):\n    return 1\n")),
        "/api/v1/healthz"
    );
    let open = "urlpatterns = [path('', views.home)]\nfrom . import views\n";
    assert_eq!(health(&files(open, "def home(request):\n    return 1\n")), "/");
    let turned = "def home(request):\n    if not request.user.is_authenticated:\n        return redirect('login')\n    return 1\n";
    assert_eq!(
        health(&files(open, turned)),
        "/admin/login/ (it answers without a login)"
    );
    insta::assert_snapshot!("django_behind_a_login", shown(&files(urls, views)));
}

/// A CMS serves what is in its database, below a language.
#[test]
fn a_cms_whose_pages_are_in_its_database() {
    let urls = "urlpatterns = [\n    path('django-admin/', admin.site.urls),\n    path('documents/', include('wagtail.documents.urls')),\n\
                    re_path(r'^health/$', include('health_check.urls')),\n]\n\
                urlpatterns = urlpatterns + i18n_patterns(path('', include(wagtail_urls)), path('status/', views.ok))\n";
    let files = |urls: &'static str| {
        vec![
            ("manage.py", MANAGE),
            ("mysite/settings/__init__.py", ""),
            (
                "mysite/settings/base.py",
                "ROOT_URLCONF = 'mysite.urls'\nDATABASES = {'default': dj_database_url.config(default='sqlite:///db.sqlite3')}\n",
            ),
            ("mysite/urls.py", urls),
            ("mysite/wsgi.py", WSGI),
            ("requirements.txt", "wagtail\n"),
        ]
    };
    assert_eq!(health(&files(urls)), "/health/");
    let bare = "urlpatterns = i18n_patterns(path('', include(wagtail_urls)), path('status/', lambda r: 1))\n";
    assert_eq!(health(&files(bare)), "? (a guess)");
}

/// Where the database is, whatever the sources say it by.
#[test]
fn an_sqlite_database_is_seen() {
    let of = |text: &str, more: &[(&str, &str)]| {
        let mut files = vec![
            (
                "app.py",
                format!("import flask\n{text}\napp = flask.Flask(__name__)\n"),
            ),
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
        (
            "con = sqlite3.connect('data/shop.db')",
            Some("data/shop.db data -"),
        ),
        ("con = sqlite3.connect('shop.db')", Some("shop.db - -")),
        (
            "DB = os.path.join(app.instance_path, 'flaskr.sqlite')",
            Some("instance/flaskr.sqlite instance -"),
        ),
        (
            "con = sqlite3.connect(current_app.config['DATABASE'])",
            Some("- - -"),
        ),
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
        (
            "src/shop/web.py",
            "from flask import Flask\nserver = Flask(__name__)\n",
        ),
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
