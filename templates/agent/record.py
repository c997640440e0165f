"""Which commands were run here, by whom, and how they ended: a line when one begins, and one when it ends."""
import os
import time

from agent.files import append_line, entries, tail, write_whole
from agent.proc import named

# What stays of a file that has grown to twice that: a thousand commands and more.
KEPT = 256 * 1024
# A line's texts are the client's.
LONGEST = 200


class Record:
    """One command's."""

    def __init__(self, home, what):
        self.home, self.began = home, time.monotonic()
        self.name = {"at": round(time.time(), 3), "pid": os.getpid()}
        self.outcome = None
        self.what = what = {key: value[:LONGEST] if isinstance(value, str) else value for key, value in what.items()}
        # Nobody waits for the disk: until the command changes something, it may as well not have been.
        note(home, dict(what, **self.name), sync=False)

    def end(self, otherwise):
        """How it ended; `otherwise` where nothing was carried out. Returns all that is known of it."""
        end = dict(self.name, seconds=round(time.monotonic() - self.began, 3), **(self.outcome or {"end": otherwise}))
        note(self.home, end)
        return dict(self.what, **end)


def note(home, line, sync=True):
    path = home + "/commands.jsonl"
    try:
        append_line(path, line, sync)
        if os.stat(path).st_size > 2 * KEPT:
            write_whole(path, tail(path, KEPT).partition("\n")[2])
    except OSError:
        pass  # A disk that is full must not keep a rollback back.


def ended(home, value):
    """A command that ran beside all others has ended: its name, and its exit code."""
    code, at = value["code"], value["record"]["at"]
    note(home, dict(value["record"], seconds=round(max(0, time.time() - at), 3), end="failed" if code else "done", exit=code))


def commands(home):
    """The last commands, oldest first, each with how it ended."""
    found = {}
    for line in entries(home + "/commands.jsonl", 10000):
        found.setdefault((line.get("at"), line.get("pid")), {}).update(line)
    holder = named(home + "/session")
    for entry in found.values():
        if "end" not in entry and entry.get("verb") != "run":
            entry["end"] = "running" if holder and holder[0] == entry.get("pid") else "cut_off"
    # The end of one whose beginning is gone tells nothing.
    return [entry for entry in sorted(found.values(), key=lambda entry: entry["at"]) if "verb" in entry]
