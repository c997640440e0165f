"""The end of a log, and what is added to it for as long as the client listens: as it stands, on standard error."""
import datetime
import grp
import json
import os

from agent.wire import tell

COLORS = ("blue", "green")


class Ended(Exception):
    """It cannot be read; the client was told why."""


def logs(settings, asked, source):
    """`asked`: the slot (live, next, blue, green), the kind of log (slot, history, file), the name of the slot's log or the
    path of a file, how many lines, and whether to follow."""
    try:
        follow(Log(settings["root"], asked), asked, source)
        tell("done", True)
    except Ended:
        tell("done", False)


def fail(**what):
    tell("unread", what)
    raise Ended()


def write(data):
    while data:
        data = data[os.write(2, data):]


def size(path):
    try:
        return os.stat(path).st_size
    except OSError:
        return 0


def group_for(path):
    """The group that may read what this user may not."""
    parts = path.split("/")
    for end in range(2, len(parts) + 1):
        part = "/".join(parts[:end])
        need = os.R_OK if end == len(parts) else os.X_OK
        try:
            if os.access(part, need):
                continue
            state = os.stat(part)
        except OSError:
            return None
        bit = 0o040 if end == len(parts) else 0o010
        try:
            return grp.getgrgid(state.st_gid).gr_name if state.st_mode & bit and state.st_gid else None
        except KeyError:
            return None
    return None


def entry(line):
    try:
        said = json.loads(line.decode("utf-8", "replace"))
        at = datetime.datetime.fromtimestamp(said["at"], datetime.timezone.utc)
        words = [at.strftime("%Y-%m-%dT%H:%M:%SZ"), said["verb"], said["color"], said["commit"][:7], said.get("subject") or ""]
        words.append("because " + said["why"] if said.get("why") else "by " + said["by"] if said.get("by") else "")
        return "  ".join(word for word in words if word).replace("\n", " ").encode() + b"\n"
    except (ValueError, KeyError, TypeError):
        return line


def ended(data):
    """Lines with their ends. A carriage return, as of a progress bar, ends none."""
    return [line + b"\n" for line in data.split(b"\n")[:-1]] + [rest for rest in data.split(b"\n")[-1:] if rest]


# So much does launch.sh take from the beginning of a log.
CUT = 33554432


class Log:
    """Which file it is, now and where a slot's role has moved."""

    def __init__(self, root, asked):
        self.root, self.slot, self.kind, self.name = root, asked["slot"], asked["kind"], asked["name"]

    def linked(self):
        if self.slot in COLORS:
            return self.slot
        try:
            return os.path.basename(os.readlink("%s/%s" % (self.root, self.slot)))
        except OSError:
            return None

    def path(self, color):
        if self.kind == "history":
            return self.root + "/.deployer/history.jsonl"
        return self.name if self.kind == "file" else "%s/%s/log/%s" % (self.root, color, self.name)


class Tail:
    def __init__(self, path, kind):
        self.path, self.kind, self.file, self.rest = path, kind, None, b""

    def open(self, start):
        """Opens the file at a place, or says why not."""
        try:
            self.file = open(self.path, "rb")
        except FileNotFoundError:
            return "missing"
        except PermissionError:
            fail(error="denied", path=self.path, group=group_for(self.path))
        except OSError as error:
            fail(error="unread", path=self.path, why=error.strerror)
        self.file.seek(min(start, os.fstat(self.file.fileno()).st_size) if start >= 0 else 0)
        return None

    def last(self, count):
        """Goes to the last lines."""
        end = at = self.file.seek(0, 2)
        found, tail = 0, b""
        while at > 0 and found <= count:
            step = min(at, 65536)
            at -= step
            self.file.seek(at)
            tail = self.file.read(step) + tail
            found = tail[:-1].count(b"\n")
        keep = ended(tail)[-count:] if count else []
        self.file.seek(end)
        self.say(b"".join(keep))

    def say(self, data):
        if self.kind != "history":
            return write(data)
        whole = ended(self.rest + data)
        self.rest = whole.pop() if whole and not whole[-1].endswith(b"\n") else b""
        write(b"".join(map(entry, whole)))

    def more(self):
        while True:
            data = self.file.read(65536)
            if not data:
                return
            self.say(data)

    def poll(self):
        """What was added; a file that was moved away is read to its end first."""
        if self.file is None:
            if self.open(0):
                return
        self.more()
        try:
            now = os.stat(self.path)
        except OSError:
            return
        mine = os.fstat(self.file.fileno())
        if (now.st_ino, now.st_dev) != (mine.st_ino, mine.st_dev):
            self.more()
            self.file.close()
            self.open(0)
            self.more()
        elif now.st_size < self.file.tell():
            # What the launcher cut off was read long ago.
            at = self.file.tell() - CUT
            self.file.seek(at if 0 <= at <= now.st_size else 0)
            self.more()


def follow(log, asked, source):
    color = log.linked()
    if log.kind == "slot" and color is None:
        fail(error="none")
    tail = Tail(log.path(color), log.kind)
    missing = tail.open(0)
    if missing and not asked["follow"]:
        fail(error="missing", path=tail.path)
    if not missing:
        tail.last(asked["lines"])
    sizes = {one: size(log.path(one)) for one in COLORS}
    # The client's end closes its input; it is also the clock.
    while asked["follow"] and not source.ended:
        if source.is_ready(0.1):
            source.fill()
            list(source.lines())
        now = log.linked() if log.kind == "slot" else color
        tail.poll()
        if now != color and now in COLORS:
            color = now
            tail = Tail(log.path(color), log.kind)
            tell("moved", color)
            # From where it stood before the move: its first lines as live are there.
            if not tail.open(sizes[color]):
                tail.more()
        sizes = {one: size(log.path(one)) for one in COLORS}
