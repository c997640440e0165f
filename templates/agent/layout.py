"""What the links and files of a root say."""
import os

from agent.files import document

COLORS = ("blue", "green")


def link(root, name):
    """A link's text, and the slot that it leads to, if it leads to one."""
    path = os.path.join(root, name)
    try:
        target = os.readlink(path)
    except OSError:
        return {"target": None, "color": None, "exists": os.path.lexists(path)}
    full = os.path.realpath(path)
    colors = [color for color in COLORS if full == os.path.realpath(os.path.join(root, color))]
    return {"target": target, "color": colors[0] if colors else None, "exists": True}


def described(path):
    """What a slot's release says of its processes: name -> singleton, stop, settle."""
    return document(path + "/etc/processes.json") or {}


def space(root):
    path = root
    while not os.path.exists(path) and path not in ("", "/"):
        path = os.path.dirname(path)
    found = {"ancestor": path, "writable": os.access(path, os.W_OK)}
    try:
        disk = os.statvfs(path)
        found.update(free=disk.f_bavail * disk.f_frsize, inodes=disk.f_favail if disk.f_files else None)
    except OSError:
        pass
    return found


def where(settings, word):
    """Which slot a word means, and whether a release can run in it."""
    color = word if word in COLORS else link(settings["root"], word)["color"]
    slot = "%s/%s/etc/" % (settings["root"], color)
    needed = [settings["root"] + "/.deployer/launch", slot + "env", slot + "run/web"]
    return {"color": color, "ready": all(map(os.path.exists, needed))}
