//! What the look at the migrations makes of each operation, with a real Django.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use deployer::plan::{Migrations, Verdict};

use crate::django::passed;

const SCRIPT: &str = include_str!("../../../templates/agent/migrations.py");

const SETTINGS: &str = r#"
import os
INSTALLED_APPS = sorted(name for name in os.listdir(".") if os.path.isdir(name + "/migrations"))
DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "db.sqlite3"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
SECRET_KEY = "x"
USE_TZ = True
"#;

const MANAGE: &str = r#"
import os, sys
os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'settings')
from django.core.management import execute_from_command_line
execute_from_command_line(sys.argv)
"#;

const HEAD: &str = "from django.db import migrations, models\nfrom django.db.models import *\nfrom django.db.migrations import *\nfrom django.db.models.functions import Now\n";

/// What there is before, in an app `old`: applied, and in use by the release that runs.
const INITIAL: &str = r#"
class Migration(migrations.Migration):
    initial = True
    operations = [
        CreateModel("Tag", [("id", BigAutoField(primary_key=True)), ("name", CharField(max_length=20))]),
        CreateModel("Named", [("id", BigAutoField(primary_key=True))], options={"db_table": "kept"}),
        CreateModel("Foreign", [("id", BigAutoField(primary_key=True)), ("x", IntegerField())], options={"managed": False}),
        CreateModel("Gone", [("id", BigAutoField(primary_key=True))]),
        CreateModel("Item", [
            ("id", BigAutoField(primary_key=True)),
            ("name", CharField(max_length=20)),
            ("kept", CharField(max_length=20, db_column="column")),
            ("nullable", CharField(max_length=20, null=True)),
            ("number", IntegerField(default=0)),
            ("stamped", DateTimeField(db_default=Now())),
            ("price", DecimalField(max_digits=8, decimal_places=2)),
            ("tag", ForeignKey("old.Tag", on_delete=CASCADE)),
            ("tags", ManyToManyField("old.Tag", related_name="+")),
        ]),
    ]
"#;

/// One pending migration each: the name of an app of its own, and the operations.
const CASES: &[(&str, &str)] = &[
    ("add_nullable", "AddField('Item', 'a', IntegerField(null=True))"),
    ("add_with_db_default", "AddField('Item', 'a', IntegerField(db_default=7))"),
    ("add_with_default_alone", "AddField('Item', 'a', IntegerField(default=7))"),
    ("add_many_to_many", "AddField('Item', 'a', ManyToManyField('old.Tag', related_name='+'))"),
    (
        "add_generated",
        "AddField('Item', 'a', GeneratedField(expression=F('number') * 2, output_field=IntegerField(), db_persist=False))",
    ),
    ("remove", "RemoveField('Item', 'name')"),
    (
        "remove_from_the_state_alone",
        "SeparateDatabaseAndState(state_operations=[RemoveField('Item', 'nullable')])",
    ),
    (
        "remove_from_the_database_alone",
        "SeparateDatabaseAndState(database_operations=[RemoveField('Item', 'nullable')])",
    ),
    ("rename", "RenameField('Item', 'name', 'title')"),
    ("rename_with_a_column_of_its_own", "RenameField('Item', 'kept', 'title')"),
    ("widen", "AlterField('Item', 'name', CharField(max_length=40))"),
    ("widen_to_text", "AlterField('Item', 'name', TextField())"),
    ("widen_number", "AlterField('Item', 'number', BigIntegerField(default=0))"),
    ("shorten", "AlterField('Item', 'name', CharField(max_length=10))"),
    ("change_type", "AlterField('Item', 'name', IntegerField())"),
    ("change_digits", "AlterField('Item', 'price', DecimalField(max_digits=6, decimal_places=2))"),
    ("make_nullable", "AlterField('Item', 'name', CharField(max_length=20, null=True))"),
    ("make_not_null", "AlterField('Item', 'nullable', CharField(max_length=20, default=''))"),
    ("lose_db_default", "AlterField('Item', 'stamped', DateTimeField())"),
    ("make_unique", "AlterField('Item', 'name', CharField(max_length=20, unique=True))"),
    ("rename_column", "AlterField('Item', 'kept', CharField(max_length=20, db_column='other'))"),
    ("new_help_text", "AlterField('Item', 'tag', ForeignKey('old.Tag', on_delete=PROTECT, help_text='x'))"),
    ("delete_model", "DeleteModel('Gone')"),
    ("delete_unmanaged", "DeleteModel('Foreign')"),
    ("rename_model", "RenameModel('Gone', 'Left')"),
    ("rename_model_with_a_table_of_its_own", "RenameModel('Named', 'Left')"),
    ("move_table", "AlterModelTable('Gone', 'left')"),
    ("same_table", "AlterModelTable('Named', 'same_table_kept')"),
    ("order", "AlterOrderWithRespectTo('Item', 'tag')"),
    ("index", "AddIndex('Item', Index(fields=['name'], name='i'))"),
    ("constraint", "AddConstraint('Item', UniqueConstraint(fields=['name'], name='c'))"),
    ("unique_together", "AlterUniqueTogether('Item', {('name', 'number')})"),
    ("sql", "RunSQL('UPDATE old_item SET number = 1')"),
    ("sql_of_nothing", "RunSQL(RunSQL.noop)"),
    ("python", "RunPython(RunPython.noop)"),
    ("options", "AlterModelOptions('Item', {'ordering': ['name']})"),
    (
        "a_new_model_and_all_of_its_changes",
        "CreateModel('New', [('id', BigAutoField(primary_key=True)), ('a', IntegerField())]), \
      AddField('New', 'b', IntegerField(default=0)), RemoveField('New', 'a'), RenameModel('New', 'Newer'), DeleteModel('Newer')",
    ),
];

/// A folder with a virtualenv that has Django.
fn django() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let variable = |name: &str| {
        std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by tests/run.sh"))
    };
    let uv = |arguments: &[&str]| {
        let done = Command::new(variable("DEPLOYER_TEST_UV"))
            .args(arguments)
            .current_dir(folder.path())
            .env("UV_CACHE_DIR", variable("DEPLOYER_TEST_UV") + "-cache")
            .output()
            .expect("uv runs");
        assert!(done.status.success(), "{done:?}");
    };
    uv(&["venv", "--quiet", "--python", "/usr/bin/python3", "env"]);
    let wheels = variable("DEPLOYER_TEST_WHEELS");
    uv(&[
        "pip",
        "install",
        "--quiet",
        "--python",
        "env/bin/python",
        "--no-index",
        "--find-links",
        &wheels,
        "Django",
    ]);
    for (name, text) in [("settings.py", SETTINGS), ("manage.py", MANAGE), ("look.py", SCRIPT)] {
        fs::write(folder.path().join(name), text).expect("a file");
    }
    for (app, _) in CASES {
        let migrations = folder.path().join(app).join("migrations");
        fs::create_dir_all(&migrations).expect("a folder");
        for package in [&folder.path().join(app), &migrations] {
            fs::write(package.join("__init__.py"), "").expect("a file");
        }
        let text = format!("{HEAD}{INITIAL}")
            .replace("old.", &format!("{app}."))
            .replace("kept\"}", &format!("{app}_kept\"}}"));
        fs::write(migrations.join("m0001.py"), text).expect("a file");
    }
    let migrated = python(folder.path(), &["manage.py", "migrate"]);
    assert!(migrated.status.success(), "{migrated:?}");
    folder
}

fn python(folder: &Path, words: &[&str]) -> Output {
    Command::new("sh")
        .args(["-c", "exec env/bin/python \"$@\" 5>&1 >&2", "sh"])
        .args(words)
        .current_dir(folder)
        .env_remove("DJANGO_SETTINGS_MODULE")
        .output()
        .expect("python runs")
}

/// What the script finds, and its exit status.
fn look(folder: &Path, surroundings: &str) -> (Migrations, i32) {
    let done = python(folder, &["look.py", surroundings]);
    let found = serde_json::from_slice(&done.stdout).unwrap_or_else(|error| panic!("{error}: {done:?}"));
    (found, done.status.code().unwrap_or(-1))
}

#[test]
fn each_operation_gets_its_verdict() {
    let folder = django();
    let (none, status) = look(folder.path(), "beside");
    assert_eq!((none.pending.len(), status), (0, 0));
    for (app, operations) in CASES {
        let text = format!(
            "{HEAD}class Migration(migrations.Migration):\n    dependencies = [({app:?}, 'm0001')]\n    operations = [{}]\n",
            operations.replace("old.", &format!("{app}."))
        );
        fs::write(folder.path().join(app).join("migrations/m0002.py"), text).expect("a file");
    }
    let (found, status) = look(folder.path(), "beside");
    assert_eq!((found.pending.len(), status), (CASES.len(), 63));
    let mut text = String::new();
    for (app, _) in CASES {
        let name = format!("{app}.m0002");
        let migration = found.pending.iter().find(|migration| migration.name == name).expect("pending");
        let _ = writeln!(text, "{app}");
        for operation in &migration.operations {
            let why = operation.why.as_deref().unwrap_or_default();
            let _ = writeln!(text, "    {:?}: {} {why}", operation.verdict, operation.what);
        }
    }
    insta::assert_snapshot!(text);
    // Where nothing runs yet, nothing can break.
    let (all, status) = look(folder.path(), "alone");
    assert_eq!((all.told(Verdict::Stop).len(), status), (0, 0));
    // What is safe alone is no reason to stop.
    for (app, _) in CASES {
        if !matches!(*app, "add_nullable" | "python") {
            fs::remove_file(folder.path().join(app).join("migrations/m0002.py")).expect("a file");
        }
    }
    let (few, status) = look(folder.path(), "beside");
    assert_eq!((few.pending.len(), status), (2, 0));
    passed("each kind of migration gets its verdict");
}
