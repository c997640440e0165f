//! From files to what they are: Django first, then an application object, then Node.

use super::health::health;
use super::modules::Modules;
use super::packages::Packages;
use super::python::{module, settings_files};
use super::recognised::{Celery, Database, Framework, MigrationTool, Recognised, Static};
use super::scan::{assigned, callable_bare, called, helpers, quoted, variables};
use super::server::choose;
use super::sound::sound;
use super::sources::{Sources, below, folder, join};
use super::sqlite::database;
use super::statements::assignment;
use super::takeover::{former, is_given, take_over};
use super::views::Defaults;

/// What constructs an application, and whether it speaks ASGI.
const CONSTRUCTORS: [(&str, bool); 5] =
    [("Flask", false), ("FastAPI", true), ("Starlette", true), ("Litestar", true), ("Quart", true)];

/// Functions that make one.
const FACTORIES: [&str; 3] = ["create_app", "make_app", "get_app"];

/// Names of files that hold the application rather than something beside it.
const USUAL: [&str; 7] =
    ["wsgi.py", "asgi.py", "app.py", "main.py", "application.py", "server.py", "__init__.py"];

/// What the files tell. Nothing is sure: a person reads the `deployer.toml` that follows.
pub(crate) fn recognise(sources: &Sources) -> Recognised {
    let mut found = django(sources)
        .or_else(|| object(sources))
        .or_else(|| node(sources))
        .unwrap_or_else(|| Recognised { directory: ".".to_owned(), ..Recognised::default() });
    let packages = Packages::near(sources, &found.directory);
    take_over(&mut found, former(sources), &packages);
    if found.kind != Some(Framework::Node) {
        choose(&mut found, &packages);
        installed(&mut found, sources, &packages);
    }
    sound(&mut found);
    found
}

fn django(sources: &Sources) -> Option<Recognised> {
    let is_manage = |path: &&str| path.rsplit('/').next() == Some("manage.py");
    let is_django =
        |path: &&str| sources.text(path).is_some_and(|text| text.contains("DJANGO_SETTINGS_MODULE"));
    let manage = sources.paths().into_iter().find(|path| is_manage(path) && is_django(path))?;
    let top = folder(manage);
    let packages = Packages::near(sources, top);
    // The folder that the requirements are in is the application's; Python is told where the rest is.
    let directory = packages.folder.clone();
    let python_path = below(top, &directory).filter(|path| *path != ".").map(str::to_owned);
    let base = settings_named(sources.text(manage)?);
    let gateways = gateways(sources, top, base.as_deref());
    let served = gateways.iter().find_map(|path| settings_named(sources.text(path)?));
    let settings = production(sources, top, served.or(base));
    let files = settings.as_deref().map_or_else(Vec::new, |name| settings_files(sources, top, name));
    let setting = |name: &str| files.iter().find_map(|(_, text)| assigned(text, name));
    let asgi = packages.has("channels") || packages.has("daphne");
    let named = setting(if asgi { "ASGI_APPLICATION" } else { "WSGI_APPLICATION" })
        .and_then(quoted)
        .and_then(|path| path.rsplit_once('.'))
        .map(|(module, object)| format!("{module}:{object}"));
    let by_file = |name: &str| {
        let path = gateways.iter().find(|path| path.ends_with(name))?;
        Some(format!("{}:application", module(sources, path, top)?.0))
    };
    let app = named.or_else(|| by_file(if asgi { "asgi.py" } else { "wsgi.py" }));
    let (app, asgi) = match app {
        Some(app) => (Some(app), asgi),
        None => (by_file("asgi.py"), true),
    };
    let helpers = helpers(sources);
    let mut found = Recognised {
        kind: Some(Framework::Django),
        seen: Some(manage.to_owned()),
        manage: below(manage, &directory).map(str::to_owned),
        migrations: Some(MigrationTool::Django),
        directory,
        app,
        python_path,
        asgi,
        settings,
        static_files: setting("STATIC_ROOT")
            .map(|root| Static { url: static_url(setting("STATIC_URL")), root: static_root(root) }),
        media: setting("MEDIA_ROOT").and_then(static_root),
        variables: files.iter().flat_map(|(_, text)| variables(text, &helpers)).collect(),
        ..Recognised::default()
    };
    if setting("ALLOWED_HOSTS").is_some_and(|value| value.split('#').next().unwrap_or("").trim() == "[]") {
        found
            .notes
            .push("ALLOWED_HOSTS is empty: Django answers 400 until it holds the site's name".to_owned());
    }
    let root = setting("ROOT_URLCONF").and_then(quoted).map(str::to_owned);
    let beside = found.settings.as_deref().and_then(|name| name.split('.').next());
    let root = root.or_else(|| beside.map(|package| format!("{package}.urls")));
    let says = |mark: &str| files.iter().any(|(_, text)| text.contains(mark));
    let defaults = Defaults {
        login: says("LoginRequiredMiddleware"),
        rest: says("DEFAULT_PERMISSION_CLASSES")
            && says("IsAuthenticated")
            && !says("IsAuthenticatedOrReadOnly"),
    };
    look_at(&mut found, sources, root.as_deref(), defaults, &packages);
    Some(found)
}

/// `"DJANGO_SETTINGS_MODULE", "mysite.settings"`: the second of the two.
fn settings_named(text: &str) -> Option<String> {
    let at = text.find("DJANGO_SETTINGS_MODULE")?;
    let rest = text[at..].split_once([',', '='])?.1;
    quoted(rest).map(str::to_owned)
}

/// `wsgi.py` and `asgi.py` below the folder of `manage.py`, those beside the settings first.
fn gateways<'a>(sources: &'a Sources, top: &str, settings: Option<&str>) -> Vec<&'a str> {
    let package = settings.and_then(|name| name.split('.').next()).unwrap_or_default().to_owned();
    let mut found: Vec<&str> = sources
        .paths()
        .into_iter()
        .filter(|path| {
            below(path, top).is_some() && matches!(path.rsplit('/').next(), Some("wsgi.py" | "asgi.py"))
        })
        .collect();
    found.sort_by_key(|path| below(path, top).is_none_or(|path| !path.starts_with(&package)));
    found
}

/// Settings made for a server, where they stand beside those that are named.
fn production(sources: &Sources, top: &str, settings: Option<String>) -> Option<String> {
    let settings = settings?;
    let Some((package, last)) = settings.rsplit_once('.') else {
        return Some(settings);
    };
    let is_for_a_desk = matches!(last, "local" | "dev" | "development" | "base" | "settings");
    let package = if last == "settings" { settings.clone() } else { package.to_owned() };
    let folder = join(top, &package.replace('.', "/"));
    let better = ["production", "prod"]
        .iter()
        .find(|name| is_for_a_desk && sources.has(&join(&folder, &format!("{name}.py"))));
    Some(better.map_or(settings, |name| format!("{package}.{name}")))
}

fn static_url(value: Option<&str>) -> String {
    let url = value.and_then(quoted).unwrap_or("static/");
    format!("/{}/", url.trim_matches('/'))
}

/// The last folder that `BASE_DIR / "staticfiles"` or `os.path.join(BASE_DIR, "static")` names; none if it is absolute.
fn static_root(value: &str) -> Option<String> {
    let name = quoted(value)?.trim_end_matches('/');
    let is_plain = !name.is_empty() && !name.starts_with('/') && !name.contains("..");
    (is_plain && (value.contains('/') || value.contains("join"))).then(|| name.to_owned())
}

/// An object or a factory of one of the frameworks.
fn object(sources: &Sources) -> Option<Recognised> {
    let mut best: Option<(usize, Recognised)> = None;
    for (path, text) in sources.python() {
        let Some((object, name, asgi)) = application(text, sources) else {
            continue;
        };
        let file = path.rsplit('/').next().unwrap_or(path);
        let rank = USUAL.iter().position(|usual| *usual == file).unwrap_or(USUAL.len())
            + 2 * path.matches('/').count();
        if best.as_ref().is_some_and(|(other, _)| *other <= rank) {
            continue;
        }
        let directory = home(sources, path);
        let Some((module, python_path)) = module(sources, path, &directory) else {
            continue;
        };
        let found = Recognised {
            kind: Some(Framework::Object(name)),
            seen: Some(path.to_owned()),
            app: Some(format!("{module}:{object}")),
            directory,
            python_path,
            asgi,
            ..Recognised::default()
        };
        best = Some((rank, found));
    }
    let (_, mut found) = best?;
    let paths = sources.paths();
    let flask = |path: &&str| path.ends_with("migrations/alembic.ini");
    let alembic = |path: &&str| path.rsplit('/').next() == Some("alembic.ini");
    found.migrations = if paths.iter().any(flask) {
        Some(MigrationTool::Flask)
    } else {
        paths
            .into_iter()
            .filter(alembic)
            .find_map(|path| below(path, &found.directory))
            .map(|path| MigrationTool::Alembic(path.to_owned()))
    };
    let helpers = helpers(sources);
    found.variables = sources.python().iter().flat_map(|(_, text)| variables(text, &helpers)).collect();
    let packages = Packages::near(sources, &found.directory);
    look_at(&mut found, sources, None, Defaults::default(), &packages);
    Some(found)
}

/// What the application serves, and where it keeps its data.
fn look_at(
    found: &mut Recognised,
    sources: &Sources,
    root: Option<&str>,
    defaults: Defaults,
    packages: &Packages,
) {
    let modules = Modules::new(sources);
    found.health = health(&modules, found, root, defaults);
    if let (None, Some(_)) = (&found.health.path, found.kind) {
        let note = "no page was seen that answers without a login: name one in [health] path";
        found.notes.push(note.to_owned());
    }
    found.database = database(sources, &modules, found, packages.has("flask-sqlalchemy"));
    found.notes.extend(found.database.as_ref().map(Database::note));
}

/// The folder that the packages are named in, which the application is run in.
fn home(sources: &Sources, path: &str) -> String {
    let packages = Packages::near(sources, folder(path));
    match packages.file.is_some() || packages.export.is_some() {
        true => packages.folder,
        // Nothing says where the top of the modules is.
        false if sources.has(&join(folder(path), "__init__.py")) => ".".to_owned(),
        false => folder(path).to_owned(),
    }
}

/// What a file makes an application by: the words after the module's colon, the framework, and whether it is ASGI.
fn application(text: &str, sources: &Sources) -> Option<(String, &'static str, bool)> {
    let framework = |text: &str| {
        let imports = |line: &&str| line.starts_with("from ") || line.starts_with("import ");
        CONSTRUCTORS.iter().find(|(name, _)| {
            let module = name.to_ascii_lowercase();
            text.lines().filter(imports).any(|line| line.contains(&module))
        })
    };
    for (name, value) in text.lines().filter_map(assignment) {
        let Some(function) = called(value) else { continue };
        if let Some((framework, asgi)) = CONSTRUCTORS.iter().find(|(made, _)| *made == function) {
            return Some((name.to_owned(), framework, *asgi));
        }
        if FACTORIES.contains(&function) {
            // The file only calls the factory; which framework it is, the factory's own file says.
            let (made, asgi) =
                framework(text).or_else(|| sources.python().iter().find_map(|(_, text)| framework(text)))?;
            return Some((name.to_owned(), made, *asgi));
        }
    }
    if let Some((made, asgi)) = framework(text) {
        let factory = FACTORIES.iter().find(|name| callable_bare(text, name) == Some(true))?;
        return Some((format!("{factory}()"), made, *asgi));
    }
    // Without a framework: a function with the parameters of one of the protocols.
    let own = |start: &str, parameters: &str| {
        let is_it = |name: &&str| {
            let head = format!("{start}{name}(");
            let mut rest = text.lines().filter_map(|line| line.strip_prefix(&head));
            rest.any(|rest| rest.replace(' ', "").starts_with(parameters))
        };
        ["app", "application"].into_iter().find(is_it)
    };
    let asgi = own("async def ", "scope,receive,send").map(|name| (name.to_owned(), "ASGI", true));
    asgi.or_else(|| own("def ", "environ,start_response").map(|name| (name.to_owned(), "WSGI", false)))
}

fn node(sources: &Sources) -> Option<Recognised> {
    let is_package = |path: &&str| path.rsplit('/').next() == Some("package.json");
    let (path, package) = sources.paths().into_iter().filter(is_package).find_map(|path| {
        let package: serde_json::Value = serde_json::from_str(sources.text(path)?).ok()?;
        (package["scripts"]["start"].is_string() || package["main"].is_string()).then_some((path, package))
    })?;
    let command = match (&package["scripts"]["start"], &package["main"]) {
        (serde_json::Value::String(_), _) => "npm start".to_owned(),
        (_, main) => format!("node {}", main.as_str().unwrap_or("server.js")),
    };
    Some(Recognised {
        kind: Some(Framework::Node),
        seen: Some(path.to_owned()),
        directory: folder(path).to_owned(),
        build: if sources.has(&join(folder(path), "package-lock.json")) { "npm ci" } else { "npm install" }
            .to_owned()
            .into(),
        notes: vec!["the server must listen on 127.0.0.1 at the port that $PORT says".to_owned()],
        command: Some(command),
        ..Recognised::default()
    })
}

/// What the packages tell, and what is missing among them.
fn installed(found: &mut Recognised, sources: &Sources, packages: &Packages) {
    // A workspace's lock lies above the folder that its member is in.
    let inside = |file: &str| below(&join(&packages.folder, file), &found.directory).map(str::to_owned);
    let above = |file: &&str| file.starts_with("../") && packages.folder == found.directory;
    let file = packages.file.as_deref();
    found.requirements = file.filter(above).map(str::to_owned).or_else(|| file.and_then(inside));
    found.has_gunicorn = packages.has("gunicorn");
    if let Some(export) = packages.export {
        found.notes.push(export.to_owned());
    } else if packages.file.is_none() && found.kind.is_some() {
        found.notes.push("no requirements.txt was found: write one, and commit it".to_owned());
    }
    let add = |package: &str| match packages.add {
        Some(add) => format!("{add} {package}"),
        None => format!("add {package} to {}", found.requirements.as_deref().unwrap_or("requirements.txt")),
    };
    if found.asgi && !packages.has("uvicorn-worker") && found.command.is_none() {
        found.notes.push(format!("gunicorn serves ASGI with uvicorn's worker: {}", add("uvicorn-worker")));
    }
    let wants_celery = packages.has("celery") && found.former.processes.is_empty();
    found.celery = wants_celery.then(|| celery(found, sources, packages)).flatten();
    found.variables.sort();
    found.variables.dedup();
    found.variables.retain(|name| !is_given(name));
}

fn celery(found: &Recognised, sources: &Sources, packages: &Packages) -> Option<Celery> {
    let top = found
        .python_path
        .as_deref()
        .map_or_else(|| found.directory.clone(), |path| join(&found.directory, path));
    let makes =
        |text: &str| text.lines().filter_map(assignment).any(|(_, value)| called(value) == Some("Celery"));
    let (path, _) = sources.python().into_iter().find(|(_, text)| makes(text))?;
    let (module, _) = module(sources, path, &top).or_else(|| module(sources, path, &found.directory))?;
    // Django's way: the package imports the application that its celery.py makes.
    let app = module.strip_suffix(".celery").unwrap_or(&module).to_owned();
    let scheduled = |text: &str| text.contains("beat_schedule") || text.contains("CELERY_BEAT_SCHEDULE");
    let beat = packages.has("django-celery-beat") || sources.python().iter().any(|(_, text)| scheduled(text));
    Some(Celery { app, beat })
}
