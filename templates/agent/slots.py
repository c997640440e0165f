"""The slots' folders, links and files: what makes them say what the layout says."""
import os
import shutil

from agent import text
from agent.files import discard, keep, put, read, replace_link, write_whole
from agent.git import make
from agent.layout import COLORS
from agent.probe import key_of
from agent.proc import listens
from agent.static_files import aside
from agent.tools import sync_disk


def lay_out(settings, action):
    """The folders, the key for probes, and snippets that say of a slot that it holds nothing, wherever one is missing."""
    root, home = settings["root"], settings["root"] + "/.deployer"
    os.makedirs(home + "/virtualenvs", exist_ok=True)
    if not key_of(settings):
        put(home + "/key", action["key"], 0o600)
    for color in COLORS:
        slot = root + "/" + color
        for name in ("etc", "log", "repo"):
            os.makedirs(slot + "/" + name, exist_ok=True)
        if not read(slot + "/etc/nginx.conf", 1):
            # nginx refuses its whole configuration, other sites included, where an included file is missing. The port stays
            # the slot's own: whoever looks at next sees its first release without a reload.
            put(slot + "/etc/nginx.conf", 'if ($http_x_deployer_probe = "%s") { return 200 "deployer %s none"; }\n'
                'proxy_pass http://127.0.0.1:%d;\n' % (key_of(settings), color, settings["ports"][color]))
        if not read(slot + "/etc/served", 1):
            put(slot + "/etc/served", "deployer %s none\n" % color)
        make(slot + "/repo")
    # For a site that includes them; later only a cutover changes them.
    if not read(home + "/nginx-live.conf", 1):
        write_roles(settings)
    if action["aside"] is not None:
        aside(root, action["aside"])
    sync_disk(root)


def link_role(settings, action):
    replace_link("%s/%s" % (settings["root"], action["name"]), "%s/%s" % (settings["root"], action["color"]))


def by_socket(settings, color):
    """Whether nginx is to reach a slot through the link, when it is live."""
    return settings["socket"] and listens(settings["root"], color)


def write_roles(settings, live=None):
    """Writes the files that a site may include for live and next; returns what they held where that differs.

    Whatever the configuration wants, nginx is led to the socket of a slot that has one only."""
    home = settings["root"] + "/.deployer"
    past = {}
    for role in ("live", "next"):
        path = "%s/nginx-%s.conf" % (home, role)
        way = "by_port" if role == "live" and live and not by_socket(settings, live) else role
        wanted = settings["roles"][way].replace("\x1a", key_of(settings))
        if read(path) != wanted:
            past[path] = read(path)
            write_whole(path, wanted)
    return past


def put_files(root, files):
    """Files of a slot, or below .deployer, by their paths from the root."""
    for file in files:
        put(root + "/" + file["path"], file["content"], int(file["mode"], 8))


def keep_launcher(root):
    keep(root + "/.deployer/launch", text("launch.sh"), 0o755)


def configure(settings, action):
    """Writes what a release runs by, and makes the slot's env the release's virtualenv. One made otherwise makes way."""
    root = settings["root"]
    keep_launcher(root)
    put_files(root, action["files"])
    path = "%s/%s/env" % (root, action["color"])
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    if action["virtualenv"]:
        replace_link(path, "%s/.deployer/virtualenvs/%s" % (root, action["virtualenv"]))
    else:
        discard(path)


def introduce(settings, action):
    """Gives what another tool built a snippet that names it; nginx may read it at any moment."""
    keep("%s/%s/etc/nginx.conf" % (settings["root"], action["color"]), action["snippet"])
