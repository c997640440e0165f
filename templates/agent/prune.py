"""What a host no longer needs."""
import os
import re
import shutil

from agent.files import names, sync_folder
from agent.git import git, mend
from agent.reserve import reserve
from agent.tools import run
from agent.wire import Failed, speak, tell

# Below .deployer: virtualenvs, and folders that a killed step left behind.
MAY_GO = re.compile(r"(virtualenvs/[^/]+|requirements\.[^/]+|look[^/]*)\Z")


def measure(settings):
    """Each thing that a prune may concern, with its size in kB."""
    home, found = settings["root"] + "/.deployer", []
    virtualenvs = ["virtualenvs/" + name for name in names(home + "/virtualenvs")]
    for path in virtualenvs + [name for name in names(home) if MAY_GO.match(name)]:
        full = home + "/" + path
        if os.path.islink(full) or not os.path.isdir(full):
            continue
        kind = "leftover"
        if path.startswith("virtualenvs/"):
            kind = "virtualenv" if os.path.exists(full + "/.complete") else "unfinished"
        size = run("du", "-skx", full)[1].split()
        found.append({"kind": kind, "kilobytes": int(size[0]) if size else 0, "name": os.path.basename(path)})
    return found


def remove(settings, action):
    """A virtualenv first stops counting as complete, so that a half removed one is never used."""
    try:
        for path in action["paths"]:
            remove_one(settings["root"], path)
    except (OSError, Failed):
        if not action["lenient"]:
            raise
        tell("note", "could not remove all of it")


def remove_one(root, path):
    if not MAY_GO.match(path) or ".." in path.split("/"):
        raise Failed("not_ours")
    full = "%s/.deployer/%s" % (root, path)
    for color in ("blue", "green"):
        if os.path.islink("%s/%s/env" % (root, color)) and os.readlink("%s/%s/env" % (root, color)) == full:
            speak("%s uses %s" % (color, path))
            raise Failed("in_use")
    if os.path.exists(full + "/.complete"):
        os.unlink(full + "/.complete")
        sync_folder(full)
    if os.path.lexists(full):
        shutil.rmtree(full)


def pack(settings, action):
    """Forgets old releases, and the objects that only they need."""
    repo = "%s/%s/repo" % (settings["root"], action["color"])
    mend(repo + "/.git")
    for reference in action["references"]:
        git("-C", repo, "update-ref", "-d", reference)
    git("-C", repo, "reflog", "expire", "--expire=now", "--all")
    disk = os.statvfs(repo)
    objects = int(run("du", "-sk", repo + "/.git/objects")[1].split()[0])
    # The new pack is written beside what it replaces.
    if disk.f_bavail * disk.f_frsize // 1024 > objects + 1024:
        # One thread: a small server has other work to do.
        git("-C", repo, "-c", "pack.threads=1", "gc", "--quiet", "--prune=now")
    else:
        git("-C", repo, "prune", "--expire=now")
        tell("note", "too little room to pack it anew")
    reserve(settings["root"])
