# Which migrations Django would apply, and which of their operations the release that runs now would not survive: it goes
# on with the same database until the cutover, and after a rollback. Runs in the application's folder, by the slot's Python.
#
# argument: beside (a release runs now) or alone. Writes one line of JSON to descriptor 5; ends with 63 where an operation
# must not be applied unseen. Verdicts: safe; look (told, but no obstacle); stop.
import json
import os
import re
import sys

sys.path[0] = os.getcwd()
with open("manage.py", encoding="utf-8") as file:
    found = re.search(r"""DJANGO_SETTINGS_MODULE["'][^"'\n]*["']([\w.]+)["']""", file.read())
if found:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", found.group(1))

import django

django.setup()
from django.db import connection
from django.db.migrations import operations as ops
from django.db.migrations.executor import MigrationExecutor
from django.db.migrations.state import ProjectState
from django.db.models import NOT_PROVIDED, ForeignKey, ManyToManyField

SAFE = ("safe", None)
SQL = ("stop", "it is SQL, which cannot be judged")
# What holds every value of another, so that what runs now goes on writing to it.
WIDER = {
    "AutoField": ("BigAutoField", "IntegerField", "BigIntegerField"), "SmallAutoField": ("AutoField", "BigAutoField"),
    "SmallIntegerField": ("IntegerField", "BigIntegerField"), "IntegerField": ("BigIntegerField",),
    "PositiveSmallIntegerField": ("PositiveIntegerField", "PositiveBigIntegerField", "IntegerField", "BigIntegerField"),
    "PositiveIntegerField": ("PositiveBigIntegerField", "BigIntegerField"), "CharField": ("TextField",),
    "SlugField": ("CharField", "TextField"), "FileField": ("CharField", "TextField"),
}
HARMLESS = ("AddIndex", "RemoveIndex", "RenameIndex", "AlterIndexTogether", "RemoveConstraint", "AlterModelOptions",
            "AlterModelManagers", "AlterModelTableComment", "CreateExtension", "CreateCollation", "ValidateConstraint")


def column(name, field):
    return field.db_column or (name + "_id" if isinstance(field, ForeignKey) else name)


def has_default(field):
    return getattr(field, "db_default", NOT_PROVIDED) is not NOT_PROVIDED


def added(field):
    if isinstance(field, ManyToManyField) or field.null or has_default(field) or getattr(field, "generated", False):
        return SAFE
    return "stop", "what runs now inserts rows without it, and it is NOT NULL without a db_default"


def altered(name, old, new):
    many = [isinstance(field, ManyToManyField) for field in (old, new)]
    if any(many):
        return SAFE if all(many) else ("stop", "its column becomes a table, or the reverse")
    if column(name, old) != column(name, new):
        return "stop", "its column is renamed, and what runs now asks for the old name"
    if old.null and not new.null:
        return "stop", "it becomes NOT NULL, and what runs now may write NULL"
    if has_default(old) and not has_default(new):
        return "stop", "it loses its db_default, which what runs now relies on"
    was, will_be = old.get_internal_type(), new.get_internal_type()
    if was != will_be and will_be not in WIDER.get(was, ()):
        return "stop", "its type changes from %s to %s" % (was, will_be)
    if new.max_length is not None and (old.max_length is None or new.max_length < old.max_length):
        return "stop", "it becomes shorter, and what runs now may write more"
    for bound in ("max_digits", "decimal_places"):
        if getattr(old, bound, None) != getattr(new, bound, None):
            return "stop", "its %s change" % bound
    moved = isinstance(new, ForeignKey) and str(old.remote_field.model) != str(new.remote_field.model)
    if (new.unique and not old.unique) or moved:
        return "look", "what runs now may write rows that it forbids"
    return SAFE


def judged(operation, state, app, new):
    """An operation's verdict and its reason; `new` holds the models that the pending migrations make."""
    kind = [cls.__name__ for cls in type(operation).__mro__]
    names = [getattr(operation, name, None) for name in ("model_name", "old_name", "name")]
    name = next(filter(None, names), "").lower()
    if isinstance(operation, ops.RunPython):
        return "look", "it runs Python, which was not judged"
    if isinstance(operation, ops.RunSQL):
        return SQL if operation.sql else SAFE
    if isinstance(operation, ops.CreateModel):
        new.add((app, name))
        return SAFE
    if any(harmless in kind for harmless in HARMLESS):
        return SAFE
    if (app, name) in new:
        if isinstance(operation, ops.RenameModel):
            new.add((app, operation.new_name.lower()))
        return SAFE
    model = state.models.get((app, name))
    options = model.options if model else {}
    if options.get("proxy") or options.get("managed") is False:
        return SAFE
    if isinstance(operation, ops.AddField):
        return added(operation.field)
    of_field = model and "FieldOperation" in kind or "RenameField" in kind
    old = model.fields.get(getattr(operation, "old_name", operation.name)) if of_field else None
    if isinstance(operation, ops.AlterField) and old is not None:
        return altered(operation.name, old, operation.field)
    if isinstance(operation, ops.RenameField) and (old is not None and old.db_column):
        return SAFE
    if isinstance(operation, ops.RenameModel) and options.get("db_table"):
        return SAFE
    if isinstance(operation, ops.AlterModelTable) and options.get("db_table") == operation.table:
        return SAFE
    if "AddConstraint" in kind or "AlterUniqueTogether" in kind:
        return "look", "what runs now may write rows that it forbids"
    gone = {"RemoveField": "what runs now still reads and writes it", "DeleteModel": "what runs now still reads and writes it",
            "RenameField": "what runs now asks for the old name", "RenameModel": "what runs now asks for the old name",
            "AlterModelTable": "what runs now asks for the old name",
            "AlterOrderWithRespectTo": "its table gains or loses the column for that, which what runs now knows otherwise"}
    for cls in kind:
        if cls in gone:
            return "stop", gone[cls]
    return "stop", "it is not one of Django's own, and cannot be judged"


def looked(operation, state, app, new):
    """What an operation does to the database, one entry each; the state goes on to after it."""
    entries = []
    if isinstance(operation, ops.SeparateDatabaseAndState):
        apart = state.clone()
        for inner in operation.database_operations:
            entries += looked(inner, apart, app, new)
    else:
        verdict, why = judged(operation, state, app, new)
        entries.append({"what": operation.describe(), "verdict": verdict, "why": why})
    operation.state_forwards(app, state)
    return entries


def main(surroundings):
    executor = MigrationExecutor(connection)
    loader = executor.loader
    state = ProjectState(real_apps=loader.unmigrated_apps)
    pending, new = [], set()
    for migration, _ in executor.migration_plan(loader.graph.leaf_nodes(), clean_start=True):
        app = migration.app_label
        if (app, migration.name) in loader.applied_migrations:
            migration.mutate_state(state, preserve=False)
            continue
        entries = []
        for operation in migration.operations:
            entries += looked(operation, state, app, new)
        if surroundings == "alone":
            entries = [dict(entry, verdict="safe", why=None) for entry in entries]
        pending.append({"name": "%s.%s" % (app, migration.name), "operations": entries})
    with os.fdopen(5, "w") as out:
        out.write(json.dumps({"pending": pending}))
    return 63 if any(entry["verdict"] == "stop" for each in pending for entry in each["operations"]) else 0


sys.exit(main(sys.argv[1]))
