# The lock's holder: who it is, and whether its client still lives.

# A client gives a sign of life every 5 seconds; one that was silent for so long is gone.
SILENT = 30


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
        "step": (read(home + "/step", 100) or "").strip() or None,
        "silent": max(0, min(ages)) if ages else 0,
    }


def named(path):
    """The living process that a file names by number and start: (pid, kind), or None."""
    words = (read(path, 100) or "").split()
    if len(words) < 2 or not words[0].isdigit():
        return None
    stat = stat_of(int(words[0]))
    return (int(words[0]), words[2:]) if stat and str(stat["start"]) == words[1] else None


def takeover(facts, how):
    """Ends a holder whose client is gone. 0: the lock will be free in a moment; 1: the holder lives."""
    home = facts["root"] + "/.deployer"
    found = holder(home)
    if not found or (found["silent"] < SILENT and how != "break"):
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
