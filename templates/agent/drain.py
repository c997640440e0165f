"""The requests that a release which is no longer live still serves."""
import json
import os
import time

from agent.files import read
from agent.proc import connections, stat_of, workers
from agent.wire import moment, tell


def leaving(before):
    """Of nginx's workers from before a reload, those that still finish what they have: [number, start]."""
    now = workers()
    masters = set(now[pid][0]["parent"] for pid in now if pid not in before)
    return [[pid, before[pid][0]["start"]] for pid in before if pid in now and now[pid][1]
            and now[pid][0]["start"] == before[pid][0]["start"] and now[pid][0]["parent"] in masters]


class Left:
    """What the old release still serves after a switch."""

    def __init__(self, workers, slot):
        self.workers, self.slot, self.over = workers, slot, False
        self.told()

    def told(self):
        """Tells once that its last request is served."""
        if not self.over and not alive(self.workers) and not connections(self.slot + "/app.sock"):
            self.over = True
            moment("drained")


def alive(workers):
    return [pid for pid, start in workers if (stat_of(pid) or {}).get("start") == start]


def drain(settings, seconds, slot):
    """Waits for the requests that a slot still serves: for the nginx workers from before the last reload, and for the
    connections of the slot's socket. Returns how many there still are."""
    path = settings["root"] + "/.deployer/draining"
    deadline = time.monotonic() + seconds
    shown = 0
    while True:
        try:
            left = alive(json.loads(read(path) or "[]"))
        except ValueError:
            left = []
        open_sockets = connections(slot + "/app.sock")
        if not (left or open_sockets) or time.monotonic() > deadline:
            if os.path.exists(path) and not left:
                os.unlink(path)
            return len(left) + open_sockets
        if time.monotonic() - shown > 1:
            shown = time.monotonic()
            tell("draining", {"workers": len(left) + open_sockets, "left": round(deadline - shown, 1)})
        time.sleep(0.02)
