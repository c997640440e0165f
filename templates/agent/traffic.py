"""What the host sees of a switch that is watched: the requests in nginx's access log, by the second, and how long its own looks
took."""
import os
import re
import time
from calendar import timegm

from agent.wire import tell

# How far back the log is read when it begins, in bytes and in seconds.
BACK, BEFORE = 256 * 1024, 30
# How many columns a picture has at most.
COLUMNS = 600
STAMP = re.compile(rb"\[(\d\d)/(\w{3})/(\d{4}):(\d\d):(\d\d):(\d\d) ([+-]\d\d)(\d\d)\]")
MONTHS = (b"", b"Jan", b"Feb", b"Mar", b"Apr", b"May", b"Jun", b"Jul", b"Aug", b"Sep", b"Oct", b"Nov", b"Dec")


def second_of(line):
    """When nginx wrote a line, or None where its format does not say so in the usual way."""
    found = STAMP.search(line)
    if not found or found.group(2) not in MONTHS:
        return None
    day, _, year, hour, minute, second, hours, minutes = found.groups()
    ahead = int(hours) * 3600 + int(hours[:1] + minutes) * 60
    return timegm((int(year), MONTHS.index(found.group(2)), int(day), int(hour), int(minute), int(second))) - ahead


class Traffic:
    """Requests and failures since the release is proven (`requests`, `errors`), and all that a picture needs."""

    def __init__(self, settings):
        self.path, self.at, self.role = settings["access_log"], None, "old"
        self.requests = self.errors = 0
        self.seconds = {}
        self.look()

    def look(self):
        """Takes in what the log got since the last look. False: it cannot be read."""
        try:
            size = os.stat(self.path).st_size
            first = self.at is None
            if first:
                self.at = max(0, size - BACK) if self.role == "old" else size
            elif size < self.at:
                self.at = 0  # Another file by now.
            with open(self.path, "rb") as file:
                file.seek(self.at)
                text = file.read(1 << 22)
        except (OSError, TypeError):
            return False
        whole = text[:text.rfind(b"\n") + 1]
        self.at += len(whole)
        now = time.time()
        for line in whole.split(b"\n"):
            if b'" ' in line:
                second = second_of(line)
                if not first or second and second >= now - BEFORE:
                    self.count(second or int(now), line.split(b'" ', 1)[1][:1] == b"5")
        return True

    def count(self, second, failed):
        self.requests += 1
        self.errors += failed
        column = self.column(second)
        # What fails before the switch is not lost by it.
        column["lost" if failed and self.role == "new" else self.role] += 1

    def column(self, second):
        return self.seconds.setdefault(int(second), {"old": 0, "new": 0, "lost": 0, "looks": []})

    def switched(self):
        """What nginx logs from now on is the new release's."""
        self.look()
        self.role = "new"

    def proven(self):
        """From now on failures count against it. False: the log cannot be read."""
        readable = self.look()
        self.requests = self.errors = 0
        return readable

    def took(self, answer):
        """One look of the watch's own, through the front door."""
        if "status" in answer:
            self.column(time.time())["looks"].append(answer["seconds"] * 1000)

    def show(self):
        """Tells what was seen."""
        self.look()
        if not self.seconds:
            return
        first, last = min(self.seconds), max(self.seconds)
        width = (last - first) // COLUMNS + 1
        columns = [{"old": 0, "new": 0, "lost": 0, "looks": []} for _ in range((last - first) // width + 1)]
        for second, seen in self.seconds.items():
            column = columns[(second - first) // width]
            for key in column:
                column[key] += seen[key]
        for column in columns:
            looks = sorted(column.pop("looks"))
            column["usual"], column["slowest"] = (looks[len(looks) // 2], looks[-1]) if looks else (None, None)
        tell("traffic", {"by": "log" if self.at is not None else "nobody", "begin": first, "width": width, "columns": columns})
