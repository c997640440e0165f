//! Which page a probe is to ask for, in repositories of the kinds that there are.

use super::{MANAGE, WSGI, shown};
use crate::init::{Sources, recognise};

/// What is proposed for `[health]`: the path, or a `?` and why it is a guess.
fn health(files: &[(&str, &str)]) -> String {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
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
            ("tests.py", "app = Flask(__name__)\n@app.get('/health')\ndef health():\n    return 'ok'\n"),
            ("test_more.py", "@app.get('/healthz')\ndef health():\n    return 'ok'\n"),
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
    let files = [("shop/__init__.py", factory), ("shop/routes.py", routes), ("requirements.txt", "")];
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
        ("backend/tests/test_main.py", "@app.get('/healthz')\ndef health():\n    return 'ok'\n"),
        ("backend/alembic.ini", ""),
    ];
    insta::assert_snapshot!("fastapi_workspace", shown(&files));
    let main = "from fastapi import FastAPI, Depends\nfrom items import router\napp = FastAPI()\napp.include_router(router)\n";
    let items = "from fastapi import APIRouter\nrouter = APIRouter(dependencies=[Depends(get_current_user)])\n\
                 @router.get('/health')\ndef health():\n    return 1\n";
    let files = [("main.py", main), ("items.py", items), ("requirements.txt", "fastapi\n")];
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
    assert_eq!(health(&files(urls, views)), "/admin/login/ (it answers without a login)");
    let api = "from . import views\nurlpatterns = [path('api/v1/', include(([path('healthz', views.ok)], 'v1')))]\n";
    assert_eq!(health(&files(api, "def ok(request):\n    return 1\n")), "/api/v1/healthz");
    let api = "from . import views\nv1 = [path('healthz', csrf_exempt(views.ok))]\nurlpatterns = [path('api/v1/', include(v1))]\n";
    assert_eq!(health(&files(api, "def ok(request):\n    return 1\n")), "/api/v1/healthz");
    let open = "urlpatterns = [path('', views.home)]\nfrom . import views\n";
    assert_eq!(health(&files(open, "def home(request):\n    return 1\n")), "/");
    let turned = "def home(request):\n    if not request.user.is_authenticated:\n        return redirect('login')\n    return 1\n";
    assert_eq!(health(&files(open, turned)), "/admin/login/ (it answers without a login)");
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
