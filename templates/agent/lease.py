"""The lease: one deployer at a time for each environment. Who holds it, what they are at, whether their client lives."""
import fcntl
import json
import os
import sys
import threading
import time

from agent.files import attempt, discard, document, put, read, sync_folder
from agent.proc import command_of, named, openers, signal_all, stat_of, user_name, wait_gone
from agent.record import Record
from agent.reserve import give_up, is_short
from agent.wire import speak, tell

# A client gives a sign of life every 5 seconds; one that was silent for so long is gone.
SILENT = 30


def last_step(journal):
    """The step that a command began last, by its journal: (its name, what it touches)."""
    begun = [line.split(None, 3)[2:] for line in (read(journal) or "").splitlines() if line.startswith("begin ")]
    if not begun or not begun[-1]:
        return None, None
    if begun[-1][0] in ("nothing", "next", "live"):
        return begun[-1][-1].replace("_", " "), begun[-1][0]
    return begun[-1][0], None  # An older deployer's.


def holder(home):
    """The holder as it wrote itself down, for how long it has held, its step, and for how long it was silent."""
    try:
        since = os.stat(home + "/holder").st_mtime
    except OSError:
        return None
    signs = [home + "/beat"] + [home + "/" + name for name in os.listdir(home) if name.startswith("upload.")]
    ages = []
    for path in signs:
        try:
            ages.append(time.time() - os.stat(path).st_mtime)
        except OSError:
            pass
    found = document(home + "/holder")
    if not found:
        return None
    return {
        "holder": found,
        "age": max(0, time.time() - since),
        "step": last_step(home + "/journal")[0],
        "silent": max(0, min(ages)) if ages else 0,
    }


def lock(home):
    """Who holds the lock, without so much as touching it: None, a command of a deployer, or a process that is none."""
    deadline = time.monotonic() + 1
    while True:
        if named(home + "/session") or named(home + "/child"):
            found = holder(home)
            if found:
                return found
        found = stranger(home)
        # A session that has it and did not write itself down yet, or is about to let go.
        if not found or not found.pop("passing") or time.monotonic() > deadline:
            return found
        time.sleep(0.02)


def stranger(home):
    """The process that holds the lock, though it is not what is written down."""
    try:
        file = os.stat(home + "/lock")
    except OSError:
        return None
    rows = [line.split() for line in (read("/proc/locks", 1 << 20) or "").splitlines()
            if " FLOCK " in line and ":%d " % file.st_ino in line]
    takers = [row for row in rows if row[1] != "->"]
    # Some file systems show another device there than stat does, and two of them may have files of one number.
    device = "%02x:%02x:" % (os.major(file.st_dev), os.minor(file.st_dev))
    sure = [int(row[4]) for row in takers if device in " ".join(row)]
    takers = [int(row[4]) for row in takers]
    waiting = set(int(row[5]) for row in rows if row[1] == "->")
    waiting |= set((stat_of(pid) or {}).get("parent") for pid in waiting) | {os.getpid(), os.getppid()}

    def is_it(path):
        there = os.stat(path)
        return (there.st_dev, there.st_ino) == (file.st_dev, file.st_ino)

    if not takers:
        return None
    # The one that took it may have ended, and left it to a child; a deployer that has it open only waits for it.
    keep = [pid for pid in openers(is_it) if pid in takers or pid not in waiting and not passing(command_of(pid))]
    if not (keep or sure):
        return None
    others = [pid for pid in sure if user_of(pid) not in (None, os.getuid())]
    pid = ([pid for pid in takers if pid in keep] + keep + others + [None])[0]
    user, command = user_of(pid), command_of(pid or 0)
    return {"pid": pid, "user": None if user is None else user_name(user), "command": command[:100],
            "ours": user == os.getuid(), "passing": passing(command)}


def passing(command):
    """Whether it is a deployer's own, an older one's too, that has not written itself down yet, or is about to let go."""
    return " deployer " in command and ("-c import sys,zlib" in command or command.startswith("sh -c eval "))


def user_of(pid):
    try:
        return os.stat("/proc/%d" % (pid or 0)).st_uid
    except OSError:
        return None


def takeover(home, breaks):
    """Ends a holder whose client is gone. True: the lock will be free in a moment; False: the holder lives."""
    found = lock(home)
    if not found:
        return True  # Somebody has just let go of it.
    if "holder" not in found:
        # It may be anything that a person or a program does here: it is ended where that is asked for, and never by itself.
        if not breaks or not found["ours"]:
            return False
        end([found["pid"]])
        tell("note", "ended process %d (%s), which held the lock" % (found["pid"], found["command"]))
        return True
    if found["silent"] < SILENT and not breaks:
        return False
    child = named(home + "/child")
    if child and "critical" in child[1]:
        return True  # It finishes by itself, within its own bounds.
    session = named(home + "/session")
    if session:
        signal_all([session[0]], 9)
    if child:
        signal_all([-child[0]], 15)
        if wait_gone([child[0]], 5):
            signal_all([-child[0]], 9)
    tell("note", "took over from %s, whose client was silent for %d s" % (found["holder"]["by"], found["silent"]))
    return True


def end(group):
    signal_all(group, 15)
    if wait_gone(group, 5):
        signal_all(group, 9)


class Lease:
    """The lease as this command holds it: the lock, and what is written down for those that are locked out or come after."""

    def __init__(self, root):
        self.home = root + "/.deployer"
        self.lock = self.record = self.ended = None

    def take(self, wanted, source):
        """Takes it, or ends this process where somebody else keeps it."""
        home = self.home
        try:
            os.makedirs(home, exist_ok=True)
            # Whoever could read it could hold it.
            self.lock = os.open(home + "/lock", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        except OSError as error:
            unwritable(error)
        attempt(os.chmod, home + "/lock", 0o600)
        if not self.locked(0, source):
            tell("locked", lock(home))
            deadline = time.monotonic() + wanted["patience"]
            # A holder whose client has fallen silent is ended, unless it is in a step that must finish and will.
            while not (takeover(home, wanted["break"]) and self.locked(20, source)):
                left = deadline - time.monotonic()
                if left <= 0:
                    tell("denied")
                    sys.exit(13)
                if self.locked(min(10, left), source):
                    break
        # Whoever held the lock before and left this behind was cut off; the journal says how far it came.
        if read(home + "/holder", 1) and read(home + "/journal", 1):
            os.rename(home + "/holder", home + "/interrupted")
            os.rename(home + "/journal", home + "/interrupted.journal")
        for name in os.listdir(home):
            if name in ("child", "journal", "step", "beat") or name.startswith("upload."):
                os.unlink(home + "/" + name)
        # What makes room, or takes a bad release away, must be able to where the disk is full.
        if wanted["even_if_full"] and os.path.isdir(home + "/reserve") and is_short(home):
            give_up(home)
            tell("note", "the disk is full: gave up the room that was kept in reserve")
        try:
            put(home + "/holder", json.dumps(wanted["holder"]))
            put(home + "/session", name_of(os.getpid()))
            self.beat()
        except OSError as error:
            if not wanted["even_if_full"]:
                unwritable(error)
        self.record = Record(home, wanted["holder"])

    def outcome(self, **how):
        """What is to be recorded of this command."""
        if self.record:
            self.record.outcome = dict(self.record.outcome or {}, **how)

    def conclude(self, otherwise):
        """Records how this command ended, once."""
        if self.record:
            record, self.record = self.record, None
            self.ended = record.end(otherwise)

    def locked(self, seconds, source):
        """Takes the lock, which somebody else may hold for so long; ends with a client that goes meanwhile."""
        deadline = time.monotonic() + seconds
        while True:
            try:
                fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return True
            except OSError:
                if time.monotonic() >= deadline:
                    return False
            if source.is_ready(0.02):
                source.fill()
                if source.ended:
                    sys.exit(0)

    def close(self):
        """Lets go of the lock; in a process that was forked, only this process's hold on it, and what is to be recorded."""
        self.record = None
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None

    def beat(self):
        """The client lives. Who wants the lock looks at this file's age."""
        if self.lock is not None:
            open(self.home + "/beat", "w").close()

    def begin(self, number, touches, name):
        """Writes a line of the journal: what is begun. A power loss tears no line off that is on the disk."""
        if self.lock is not None:
            self.write_down("begin %d %s %s" % (number, touches, name))
            # Nobody waits for it: a disk may take its time.
            threading.Thread(target=self.sync, daemon=True).start()

    def end(self, number, ok):
        if self.lock is not None:
            attempt(discard, self.home + "/child")
            self.write_down("end %d %d" % (number, 0 if ok else 1))

    def runs(self, pid, is_critical):
        """Writes down the process that carries an action out."""
        if self.lock is not None:
            attempt(put, self.home + "/child", "%s %s" % (name_of(pid), "critical" if is_critical else "guarded"))

    def write_down(self, line):
        try:
            with open(self.home + "/journal", "a") as file:
                file.write(line + "\n")
        except OSError:
            pass  # A disk that is full must not keep a rollback back.

    def sync(self):
        for name in ("/holder", "/journal", "/commands.jsonl", ""):
            sync_folder(self.home + name)

    def release(self, finished):
        """Nothing is left to be told to the next one; if the command is complete, not what it found cut off either.

        The lock goes too: a client that falls silent now would hold it, by a holder that nobody could name and end."""
        if self.lock is None:
            return
        self.conclude("unchanged")
        for name in ["holder", "journal", "session"] + (["interrupted", "interrupted.journal"] if finished else []):
            attempt(discard, self.home + "/" + name)
        # Nor after a power loss.
        sync_folder(self.home)
        self.close()


def name_of(pid):
    """A process by its number and when it began, in ticks since boot: for good."""
    return "%d %d" % (pid, (stat_of(pid) or {"start": 0})["start"])


def unwritable(error):
    tell("unwritable")
    speak(error)
    sys.exit(12)
