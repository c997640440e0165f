"""Reads the whole host into one object. Changes nothing."""
import os
import socket
import sys
import threading
import time

from agent.data import databases
from agent.files import document, entries, modified, names, read, readable, which
from agent.layout import described, link, space
from agent.lease import last_step, lock
from agent.probe import health, served
from agent.proc import TICKS, boot_time, family, listener, listens, pid_file, stat_of, user_name
from agent.processes import running
from agent.tools import run
from agent.units import crontab, systemd, unit_state


def refs(repo):
    """The commits that a slot's repository can be asked to build upon: name -> commit."""
    # A power loss leaves one half made, or its files empty: as good as none.
    if not all(read(repo + "/.git/" + name, 1) for name in ("HEAD", "config")):
        return None, None, None
    # One call, and one that tells an owner's mistake (safe.directory) from an empty repository.
    code, out, err = run("git", "-C", repo, "for-each-ref", "--format=%(objectname) %(objecttype) %(refname)",
                         "refs/deployer", "refs/heads", "refs/remotes")
    if code:
        return {}, None, err.strip()[:400]
    found = {}
    for line in out.splitlines():
        commit, kind, name = line.split(" ", 2)
        if kind == "commit":
            found[name] = commit
    head = (read(repo + "/.git/HEAD", 300) or "").strip()
    if head.startswith("ref: "):
        head = found.get(head[5:], "")
    return found, head if len(head) == 40 else None, None


def modules(repo, wanted):
    """What the submodules' repositories below a slot's own already hold: name -> commits."""
    held = {}
    for name in wanted:
        folder = repo + "/.git/" + name
        if os.path.isdir(folder):
            code, out, _ = run("git", "--git-dir=" + folder, "for-each-ref", "--format=%(objectname)", "refs/deployer")
            held[name] = out.split() if code == 0 else []
    return held


def slot(settings, color):
    path = os.path.join(settings["root"], color)
    if not os.path.isdir(path):
        return {"exists": False}
    found, head, trouble = refs(path + "/repo")
    word, pid = pid_file(path)
    processes, boot, runs = described(path), boot_time(), running(path)
    report = {
        "exists": True,
        "release": document(path + "/etc/release.json"),
        "refs": found or {},
        "repository": found is not None,
        "repository_error": trouble,
        "head": head,
        "modules": modules(path + "/repo", settings.get("modules", [])) if found is not None else {},
        "snippet": (read(path + "/etc/nginx.conf", 4000) or ""),
        "environment": os.path.basename(os.path.realpath(path + "/env")) if os.path.lexists(path + "/env") else None,
        "run": names(path + "/etc/run"),
        "unit": unit_state(settings, color),
        "processes": processes,
        "enabled": [name for name in processes if unit_state(settings, color, name) == "enabled"],
        "running": {name: [{"pid": run["pid"], "started": boot + min(run["members"].values()) / TICKS}
                           for run in found] for name, found in runs.items()},
        "pid_file": word,
        "pid": pid,
        "listener": listener(settings["ports"][color], path),
    }
    master = pid if word == "ours" else None
    if report["listener"] and report["listener"]["ours"]:
        master = report["listener"]["pid"]
    stat = stat_of(master) if master else None
    alive = set(family([master]) if stat else ())
    alive.update(pid for name in runs for run in runs[name] for pid in run["members"])
    report["databases"] = [readable(name) for name in databases(path + "/repo", True, alive)[:10]]
    # Whether nginx can reach it through the link; of what does not run, whether it could.
    report["socket"] = (listens(settings["root"], color) if stat else
                        "/%s/app.sock" % color in (read(path + "/etc/run/web") or ""))
    if stat:
        report["process"] = {"pid": master, "started": boot + stat["start"] / TICKS}
    return report


def interrupted(home, held):
    """The command that was cut off, its action, what that touches, and when: what the next holder puts aside, or would."""
    for path, journal in ((home + "/holder", home + "/journal"), (home + "/interrupted", home + "/interrupted.journal")):
        found = document(path)
        step, touches = last_step(journal)
        if found and step and not (held and path.endswith("/holder")):
            return found, step, touches, modified(journal)
    return None, None, None, None


def lost(root, live, slots):
    """How many of live's commits next lacks; None: one of them is not known."""
    if live not in slots:
        return None
    other = "green" if live == "blue" else "blue"
    held = [(slots[color].get("release") or {}).get("commit") or slots[color].get("head") for color in (live, other)]
    if not all(held):
        return None
    # Each repository has what was deployed there.
    objects = "%s/%s/repo/.git/objects" % (root, live)
    code, out, _ = run("env", "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + objects, "git", "-C", "%s/%s/repo" % (root, other),
                       "rev-list", "--count", "%s..%s" % (held[1], held[0]), "--")
    return int(out) if code == 0 else None


def begun(function, *words):
    """Begins a call in a thread of its own, since most of what is asked here only waits; returns what waits for its answer."""
    ended = []

    def call():
        try:
            ended.append((function(*words), None))
        except Exception as error:
            ended.append((None, error))

    thread = threading.Thread(target=call, daemon=True)
    thread.start()

    def answer():
        thread.join()
        value, error = ended[0]
        if error:
            raise error
        return value

    return answer


def observe(settings):
    root = settings["root"]
    home = root + "/.deployer"
    slots = {color: begun(slot, settings, color) for color in ("blue", "green")}
    door = begun(served, settings)
    state = {
        "now": time.time(),
        "user": user_name(os.getuid()),
        "name": socket.gethostname(),
        "root": space(root),
        "tools": dict({name: which(name) for name in ("git", "setsid")},
                      uv=which("uv", "~/.local/bin", "~/.cargo/bin")),
        "python": "%s %s %s" % (sys.version.split()[0], sys.implementation.name, os.path.realpath(sys.executable)),
        "live": link(root, "live"),
        "next": link(root, "next"),
        "key": (read(home + "/key", 64) or "").strip() or None,
        "switch": document(home + "/switch"),
        "freeze": document(home + "/freeze"),
        "history": entries(home + "/history.jsonl"),
        "accepted": entries(home + "/migrations.jsonl"),
        "lock": lock(home),
        "virtualenvs": [],
        "systemd": systemd(),
        "static_in_shared": os.path.isdir(root + "/shared/static") and not os.path.lexists(root + "/aside/static"),
    }
    if settings["crontab"] and settings["probe"] == "all" and not state["systemd"]:
        state["crontab"] = crontab(settings)
    for name, value in zip(("", "_step", "_touches", "_at"), interrupted(home, state["lock"])):
        state["interrupted" + name] = value
    try:
        state["virtualenvs"] = sorted(
            name for name in os.listdir(home + "/virtualenvs")
            if os.path.exists(home + "/virtualenvs/" + name + "/.complete"))
    except OSError:
        pass
    for color in slots:
        state[color] = slots[color]()
    if settings["probe"] == "all":
        healthy = {color: begun(health, settings, settings["ports"][color]) for color in slots
                   if state[color].get("listener")}
        usual = begun(health, settings, None) if state["key"] and healthy else None
        state["lost"] = lost(root, state["live"]["color"], {color: state[color] for color in slots})
        for color in healthy:
            state[color]["health"] = healthy[color]()
        if usual:
            state["door"] = usual()
    state["served"] = door()
    return state
