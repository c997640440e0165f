# The lock: who holds it, what they are at, and whether their client still lives.

# A client gives a sign of life every 5 seconds; one that was silent for so long is gone.
SILENT = 30


def last_step(journal):
    """The step that a command began last, by its journal: (its name, what it touches)."""
    begun = [line.split(None, 3)[2:] for line in (read(journal) or "").splitlines() if line.startswith("begin ")]
    if not begun or not begun[-1]:
        return None, None
    if begun[-1][0] in ("nothing", "next", "live"):
        return begun[-1][-1], begun[-1][0]
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


def named(path):
    """The living process that a file names by number and start: (pid, kind), or None."""
    words = (read(path, 100) or "").split()
    if len(words) < 2 or not words[0].isdigit():
        return None
    stat = stat_of(int(words[0]))
    return (int(words[0]), words[2:]) if stat and str(stat["start"]) == words[1] else None


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

    # The one that took it may have ended, and left it to a child.
    keep = [pid for pid in openers(is_it) if pid not in waiting] if takers else []
    if not (keep or sure):
        return None
    others = [pid for pid in sure if user_of(pid) not in (None, os.getuid())]
    pid = ([pid for pid in takers if pid in keep] + keep + others + [None])[0]
    user, command = user_of(pid), command_of(pid or 0)
    return {"pid": pid, "user": None if user is None else user_name(user), "command": command[:100],
            "ours": user == os.getuid(), "passing": command.startswith("sh -c eval ") and " deployer " in command}


def user_of(pid):
    try:
        return os.stat("/proc/%d" % (pid or 0)).st_uid
    except OSError:
        return None


def takeover(facts, how):
    """Ends a holder whose client is gone. 0: the lock will be free in a moment; 1: the holder lives."""
    home = facts["root"] + "/.deployer"
    found = lock(home)
    if not found:
        return 0  # Somebody has just let go of it.
    if "holder" not in found:
        # It may be anything that a person or a program does here: it is ended where that is asked for, and never by itself.
        if how != "break" or not found["ours"]:
            return 1
        signal_all([found["pid"]], 15)
        if wait_gone([found["pid"]], 5):
            signal_all([found["pid"]], 9)
        tell("note", "ended process %d (%s), which held the lock" % (found["pid"], found["command"]))
        return 0
    if found["silent"] < SILENT and how != "break":
        return 1
    child = named(home + "/child")
    if child and "critical" in child[1]:
        return 0  # It finishes by itself, within its own bounds.
    session = named(home + "/session")
    if session:
        signal_all([session[0]], 9)
    if child:
        signal_all([-child[0]], 15)
        if wait_gone([child[0]], 5):
            signal_all([-child[0]], 9)
    tell("note", "took over from %s, whose client was silent for %d s" % (found["holder"]["by"], found["silent"]))
    return 0
