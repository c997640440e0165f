"""Looks at what Django would migrate before anything of a slot is touched: lays the commit out in a folder of its own, shaped
like a slot, and has the launcher start migrations.py in it, with the release's own variables and virtualenv."""
import json
import os
import shutil
import subprocess

from agent import text
from agent.files import discard, put
from agent.wire import Failed, speak, tell

LATER = "it needs what the build makes: looked at again after that"


def migrations(settings, action):
    """Fails where an operation must not be applied unseen."""
    folder, home = action["folder"], settings["root"] + "/.deployer"
    if action["again"] and not os.path.isdir(folder):
        tell("note", "done before")
        return
    stays = False
    try:
        put_down(folder, action)
        if action["notes"]:
            discard(home + "/accepted")
        try:
            root = settings["root"] if action["inside"] else shaped(settings, folder, action)
            found, status = look(folder, root, action)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            speak(error)
            found, status = None, 1
        if found:
            tell("migrations", found)
        elif action["later"]:
            tell("note", LATER)
            stays = True
            return
        elif action["accepted"]:
            tell("warning", "the migrations could not be looked at")
        if action["accepted"] and found:
            accept(home, found, action)
        if status and not action["accepted"]:
            raise Failed("migrations_stop" if found else "migrations_unread")
    finally:
        if not stays:
            shutil.rmtree(folder, ignore_errors=True)


def put_down(folder, action):
    """What a look needs, as a slot has it."""
    etc = "%s/%s/etc/" % (folder, action["color"])
    put(folder + "/launch", text("launch.sh"), 0o700)
    put(folder + "/migrations.py", text("migrations.py"), 0o600)
    put(etc + "run/web", action["web"], 0o600)
    put(etc + "env", action["variables"], 0o600)


def look(folder, root, action):
    """What migrations.py finds, and its status."""
    words = ["sh", folder + "/launch", root, action["color"], "-", "python", folder + "/migrations.py",
             "beside" if action["beside"] else "alone"]
    done = subprocess.run(["sh", "-c", 'exec "$@" 5>&1 >&2', "sh"] + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=action["seconds"])
    text = done.stdout.decode("utf-8", "replace").strip()
    found = json.loads(text) if text else None
    # An end of another kind has judged nothing.
    return (found, done.returncode) if found and done.returncode in (0, 63) else (None, done.returncode or 1)


def accept(home, found, action):
    """Keeps what the release that runs now may not survive, until it is applied: no rollback forgets it."""
    stops = [{"migration": migration["name"], "what": operation["what"], "why": operation["why"]}
             for migration in found["pending"] for operation in migration["operations"] if operation["verdict"] == "stop"]
    if stops and action["notes"]:
        with open(home + "/accepted", "w") as file:
            json.dump({"commit": action["commit"]["id"], "by": action["by"], "operations": stops}, file)


def shaped(settings, folder, action):
    """The folder, after it was made to look like a root with one slot; its variables came before."""
    slot = os.path.join(folder, action["color"])
    for stale in ("/repo", "/env"):
        if os.path.islink(slot + stale):
            os.unlink(slot + stale)
        shutil.rmtree(slot + stale, ignore_errors=True)
    if action["virtualenv"]:
        os.symlink("%s/.deployer/virtualenvs/%s" % (settings["root"], action["virtualenv"]), slot + "/env")
    unpack(settings, folder, action)
    lay_out(settings, folder, action, [], action["commit"]["id"], slot + "/repo")
    for name in action["shared"]:
        place = os.path.join(slot, "repo", action["directory"], name)
        # What a deploy would make of it; until then live has it.
        there = [settings["root"] + "/shared/" + name, os.path.join(settings["root"], "live/repo", action["directory"], name)]
        there = [os.path.realpath(path) for path in there if os.path.isdir(path)]
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if there:
            os.symlink(there[0], place)
        else:
            os.mkdir(place)
    return folder


def git(*words, **options):
    return subprocess.run(("git", "-c", "core.hooksPath=/dev/null", "-c", "core.bare=false") + words, check=True,
                          stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, **options).stdout


def unpack(settings, folder, action):
    """Objects that were sent for this look alone, as a bundle; they go on from what the slots' repositories have."""
    if not action["upload"]:
        return
    git("init", "-q", "--bare", folder + "/git")
    with open(folder + "/git/objects/info/alternates", "w") as file:
        file.write("".join("%s/%s/repo/.git/objects\n" % (settings["root"], color) for color in ("blue", "green")))
    with open(action["upload"], "rb", buffering=0) as bundle:
        # Its head ends with an empty line; byte by byte, for git reads on from there.
        head = b""
        while not head.endswith(b"\n\n"):
            byte = bundle.read(1)
            if not byte:
                raise ValueError("what was sent is no bundle")
            head += byte
        git("--git-dir=" + folder + "/git", "index-pack", "--stdin", "--fix-thin", stdin=bundle)


def repository(settings, folder, action, chain, commit):
    """A repository that has a commit: of the application, or of a submodule by the names that lead to it."""
    below = "".join("/modules/" + name for name in chain)
    other = "green" if action["color"] == "blue" else "blue"
    places = ["%s/%s/repo/.git%s" % (settings["root"], color, below) for color in (action["color"], other)]
    for place in ([] if chain else [folder + "/git"]) + places:
        quiet = dict(stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not subprocess.run(["git", "--git-dir=" + place, "cat-file", "-e", commit + "^{commit}"], **quiet).returncode:
            return place
    what = " of ".join("submodule " + name for name in reversed(chain)) or "the commit"
    raise ValueError(what + " is not on the host yet")


def lay_out(settings, folder, action, chain, commit, target):
    """Writes a commit's files and those of its submodules. No index but its own is touched."""
    here = ("--git-dir=" + repository(settings, folder, action, chain, commit), "--work-tree=" + target)
    os.makedirs(target, exist_ok=True)
    own = dict(os.environ, GIT_INDEX_FILE=folder + "/index")
    git(*here + ("read-tree", commit), env=own)
    git(*here + ("checkout-index", "--all", "--quiet"), env=own, cwd=target)
    entries = [entry.split("\t", 1) for entry in os.fsdecode(git(*here + ("ls-files", "-s", "-z"), env=own)).split("\0")]
    os.unlink(folder + "/index")
    modules = [(entry[0].split()[1], entry[1]) for entry in entries if entry[0].startswith("160000 ")]
    names = submodules(target) if modules else {}
    for module, path in modules:
        # One that .gitmodules does not name is not checked out by git either.
        if path in names:
            lay_out(settings, folder, action, chain + [names[path]], module, os.path.join(target, path))


def submodules(target):
    """The names of submodules by their paths, as far as they stay where they belong."""
    if not os.path.isfile(target + "/.gitmodules"):
        return {}
    words = ["git", "config", "-z", "-f", target + "/.gitmodules", "--get-regexp", r"^submodule\..*\.path$"]
    found = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    pairs = [entry.split("\n", 1) for entry in os.fsdecode(found).split("\0") if "\n" in entry]
    return {path: key[len("submodule."):-len(".path")] for key, path in pairs if ".." not in key.split("/")}
