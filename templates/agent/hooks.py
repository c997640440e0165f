"""Lines of the configuration that run on the host, and what goes with them."""
import os
import time

from agent.files import append_line, document, entries
from agent.tools import tool
from agent.web import end
from agent.wire import Failed, speak


def in_slot(settings, color, *words):
    """Runs a command with the slot's variables, in the application's folder."""
    root = settings["root"]
    tool("sh", root + "/.deployer/launch", root, color, "-", *words)


def lines(settings, color, wanted, *before):
    """Lines for sh, one after the other, until one fails."""
    for line in wanted:
        speak("+ " + line)
        try:
            in_slot(settings, color, *before + ("sh", "-c", line))
        except Failed as failed:
            raise Failed("command_failed", status=failed.told["status"])


def build(settings, action):
    lines(settings, action["color"], [action["line"]])


def release(settings, action):
    """The release command. The migrations that were accepted for it count from here on, for nobody can tell how far it comes."""
    home = settings["root"] + "/.deployer"
    if os.path.exists(home + "/accepted"):
        accepted = document(home + "/accepted")
        if accepted:
            past = entries(home + "/migrations.jsonl")
            number = past[-1].get("number", 0) + 1 if past else 1
            append_line(home + "/migrations.jsonl", dict(accepted, number=number, at=time.time()))
        os.unlink(home + "/accepted")
    lines(settings, action["color"], action["lines"])


def collect(settings, action):
    """Fills the folder of static files."""
    lines(settings, action["color"], [action["line"]])
    if not os.path.isdir("%s/%s/repo/%s" % (settings["root"], action["color"], action["folder"])):
        speak("it left no folder %s" % action["folder"])
        raise Failed("no_folder")


def smoke(settings, action):
    """The host's own test of next; what fails it does not stay."""
    color, port = action["color"], settings["ports"][action["color"]]
    try:
        lines(settings, color, action["lines"], "env", "URL=http://127.0.0.1:%d" % port, "PORT=%d" % port)
    except BaseException:
        end(settings, color)
        raise


def test_nginx(settings, action):
    """nginx's own word on its whole configuration."""
    tool(*action["command"])
