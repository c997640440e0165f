//! A small Django application on a host: when its migrations are looked at, and what a rollback over them does.

use std::fs;
use std::time::Duration;

use crate::django::passed;
use crate::support::{Ran, Site, git, gunicorn, http, ran, until};

const SETTINGS: &str = r#"
import os
from pathlib import Path
BASE = Path(__file__).resolve().parent
SECRET_KEY = os.environ["KEY"]
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "urls"
INSTALLED_APPS = ["notes"]
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": BASE / "data/notes.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
"#;

const MANAGE: &str = r#"
import os, sys
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"#;

const APP: &str = r#"
import os
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "settings")
from django.core.wsgi import get_wsgi_application
app = get_wsgi_application()
"#;

const URLS: &str = r#"
import os
from django.http import HttpResponse
from django.urls import path
from notes.models import Note
def write(request):
    return HttpResponse("note %d\n" % Note.objects.create().pk)
def home(request):
    return HttpResponse("hello %s\n" % os.environ["DEPLOYER_COMMIT_SHORT"])
urlpatterns = [path("", home), path("write", write)]
"#;

const MODELS: &str = "from django.db import models\nclass Note(models.Model):\n    text = models.CharField(max_length=9, default=\"x\")\n    author = models.CharField(max_length=9, null=True)\n";

/// Its first release is live.
fn site(build: &str) -> Site {
    let mut site = Site::new();
    site.extra = format!(
        "[shared]\ndirectories = [\"data\"]\n\n{build}[hooks]\nrelease = \"python manage.py migrate --noinput\"\n\n\
         [secrets]\nKEY = {{ command = [\"echo\", \"not a real one\"] }}\n"
    );
    site.configure();
    site.write("requirements.txt", &format!("{}\nDjango\n", gunicorn()));
    for (path, text) in [("settings.py", SETTINGS), ("manage.py", MANAGE), ("app.py", APP), ("urls.py", URLS)]
    {
        site.write(path, text);
    }
    site
}

fn notes(write: &dyn Fn(&str, &str)) {
    write("__init__.py", "");
    write("models.py", MODELS);
    write("migrations/__init__.py", "");
    migration(
        write,
        "0001_initial",
        None,
        "migrations.CreateModel(\"Note\", [(\"id\", models.BigAutoField(primary_key=True)), \
        (\"text\", models.CharField(max_length=9, default=\"x\")), (\"author\", models.CharField(max_length=9, null=True))])",
    );
}

fn migration(write: &dyn Fn(&str, &str), name: &str, after: Option<&str>, operation: &str) {
    let after = after.map_or(String::new(), |after| format!("(\"notes\", {after:?})"));
    let text = format!(
        "from django.db import migrations, models\nclass Migration(migrations.Migration):\n    dependencies = [{after}]\n    operations = [{operation}]\n"
    );
    write(&format!("migrations/{name}.py"), &text);
}

/// Takes the field away that the release before it reads and writes.
fn remove_the_author(site: &Site) -> String {
    let write = |path: &str, text: &str| site.write(&format!("notes/{path}"), text);
    let last = MODELS.lines().last().expect("a field");
    write("models.py", &MODELS.replace(last, ""));
    let operation = "migrations.RemoveField(\"Note\", \"author\")";
    migration(&write, "0002_author", Some("0001_initial"), operation);
    site.commit("nobody asked for authors")
}

fn writes(site: &Site) -> u16 {
    http(site.door(), site.host.server_name(), "/write").0
}

#[track_caller]
fn refused(ran: Ran, words: &[&str]) {
    assert_eq!(ran.code, 1, "{ran:?}");
    for word in words {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
}

#[test]
fn no_rollback_goes_behind_an_accepted_migration_unless_it_is_forced() {
    let site = site("");
    notes(&|path, text| site.write(&format!("notes/{path}"), text));
    let first = site.commit("notes");
    site.go_live();
    site.write("more.txt", "more");
    let second = site.commit("more");
    site.done(&["prod", "deploy", "--cutover"]);
    assert_eq!(writes(&site), 200);

    // Applied, and then it does not start: the database is another all the same.
    let removed = remove_the_author(&site);
    site.write("app.py", "import nothing_of_that_name\n");
    let broken = site.commit("a mistake");
    refused(site.deployer(&["prod", "deploy"]), &["notes.0002_author"]);
    // The warm way back is still there, and the way forward.
    let back = site.done(&["prod", "rollback"]);
    assert!(!back.stderr.contains("start gunicorn"), "{back:?}");
    assert_eq!(site.status()["live"]["commit"]["id"], *first);
    site.done(&["prod", "cutover"]);
    refused(site.deployer(&["prod", "deploy", "--accept-migrations"]), &["nothing_of_that_name"]);
    assert_eq!(writes(&site), 500, "live inserts a column that is gone");
    refused(
        site.deployer(&["prod", "rollback"]),
        &[
            &format!("{} is older than the accepted migration(s) notes.0002_author", &first[..7]),
            "Remove field author from Note: what runs now still reads and writes it",
            &format!("accepted that with {}", &broken[..7]),
            "deployer prod rollback --force",
        ],
    );

    site.write("app.py", APP);
    let mended = site.commit("no mistake");
    let ran = site.done(&["prod", "deploy"]);
    assert!(ran.stderr.contains("none is pending"), "{ran:?}");
    let ran = site.done(&["prod", "cutover"]);
    let told = format!(
        "warning: {} is older than the accepted migration(s) notes.0002_author: should this fail",
        &second[..7]
    );
    assert!(ran.stderr.contains(&told), "{ran:?}");
    assert!(ran.stderr.contains("deployer prod rollback --force"), "{ran:?}");
    assert_eq!(writes(&site), 200);
    passed("a release command that migrated counts, whatever becomes of its release");

    // Warm, over one release; built again, over several.
    for target in [&["prod", "rollback"][..], &["prod", "rollback", &first[..9]]] {
        refused(site.deployer(target), &["is older than", &format!("deployer {} --force", target.join(" "))]);
        let live = site.status()["live"]["commit"]["id"].clone();
        assert_eq!(live, *mended);
    }
    site.write("more.txt", "still more");
    site.commit("still more");
    site.done(&["prod", "deploy", "--cutover"]);
    site.write("more.txt", "and more");
    let last = site.commit("and more");
    site.done(&["prod", "deploy", "--cutover"]);
    refused(site.deployer(&["prod", "rollback", &second[..9]]), &["is older than"]);
    let ran = site.done(&["prod", "rollback", &second[..9], "--force"]);
    assert!(ran.stderr.contains("is older than"), "{ran:?}");
    assert_eq!(writes(&site), 500);
    // Built anew today, it is no younger for that.
    site.done(&["prod", "cutover"]);
    assert_eq!(site.status()["live"]["commit"]["id"], *last);
    refused(site.deployer(&["prod", "rollback", &second[..9]]), &["is older than"]);
    let ran = site.done(&["prod", "rollback", &mended[..9]]);
    assert!(!ran.stderr.contains("is older than"), "{ran:?}");
    assert_eq!(writes(&site), 200);
    assert!(!removed.is_empty());
    passed("a rollback behind an accepted migration: refused, warm or rebuilt, and done by force");
}

#[test]
fn a_watch_that_goes_back_behind_an_accepted_migration_says_so() {
    let site = site("");
    notes(&|path, text| site.write(&format!("notes/{path}"), text));
    let first = site.commit("notes");
    site.go_live();
    let sick = site.host.folder().join("sick");
    let home = format!("def home(request):\n    if os.path.exists({sick:?}): raise Exception(\"sick\")\n");
    site.write("urls.py", &URLS.replace("def home(request):\n", &home));
    let second = remove_the_author(&site);
    site.done(&["prod", "deploy", "--accept-migrations"]);
    let watched = site.start(&["prod", "cutover", "--watch", "100s"]);
    // The switch is proven, and only then watched.
    until("the switch is proven", Duration::from_secs(60), || {
        fs::read_to_string(site.path(".deployer/history.jsonl")).is_ok_and(|text| text.contains(&second))
    });
    fs::write(sick, "").expect("a file");
    let ran = ran(watched.wait_with_output().expect("it ends"));
    assert_eq!(ran.code, 5, "{ran:?}");
    let again = format!(
        "{} serves again, and is older than the accepted migration(s) notes.0002_author",
        &first[..7]
    );
    assert!(ran.stderr.contains(&again), "{ran:?}");
    assert!(site.get("/").1.contains(&first[..7]));
    passed("a watch goes back behind an accepted migration, and says what that means");
}

#[test]
fn the_look_takes_submodules_along_and_waits_for_a_build_that_it_needs() {
    let site =
        site("[build]\ncommands = [\"test -e made.py || echo 'from settings import *' > made.py\"]\n\n");
    let module = tempfile::tempdir().expect("a folder");
    git(module.path(), &["init", "--quiet", "--initial-branch=main"]);
    fs::create_dir(module.path().join("migrations")).expect("a folder");
    let write = |path: &str, text: &str| fs::write(module.path().join(path), text).expect("a file");
    notes(&write);
    git(module.path(), &["add", "--all"]);
    git(module.path(), &["commit", "--quiet", "--message", "notes"]);
    site.git(&["submodule", "--quiet", "add", module.path().to_str().expect("text"), "notes"]);
    site.commit("notes in a repository of their own");
    let ran = site.done(&["prod", "deploy", "--cutover"]);
    assert!(ran.stderr.contains("notes.0001_initial"), "{ran:?}");
    assert!(!ran.stderr.contains("looked at again"), "{ran:?}");

    // The settings are now in what the build makes.
    site.write("manage.py", &MANAGE.replace("\"settings\"", "\"made\""));
    site.commit("made settings");
    let ran = site.done(&["prod", "deploy"]);
    assert!(ran.stderr.contains("looked at again after that"), "{ran:?}");
    assert!(ran.stderr.contains("none is pending"), "{ran:?}");
    let planned = site.done(&["prod", "plan"]);
    assert!(planned.stdout.contains("migrations are judged by the deploy"), "{planned:?}");

    migration(&write, "0002_author", Some("0001_initial"), "migrations.RemoveField(\"Note\", \"author\")");
    git(module.path(), &["add", "--all"]);
    git(module.path(), &["commit", "--quiet", "--message", "no authors"]);
    git(&site.repo.path().join("notes"), &["pull", "--quiet", "origin", "main"]);
    site.commit("no authors");
    refused(site.deployer(&["prod", "deploy"]), &["notes.0002_author"]);
    assert!(!site.path(".deployer/look").exists());
    site.write("manage.py", MANAGE);
    site.commit("no made settings");
    refused(site.deployer(&["prod", "deploy"]), &["notes.0002_author"]);
    passed("the look: with submodules, and after the build where it needs that");
}
