# The cutover. Once the links have moved it finishes, or puts everything back: no signal and no lost client ends it.


def write_all(number, data):
    """Writes all of it: where a disk is nearly full, a write takes a part, and only the next one fails."""
    while data:
        data = data[os.write(number, data):]


def write_whole(path, text, mode=0o644):
    """Replaces a file so that it survives power loss whole or not at all."""
    temporary = path + ".new"
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        write_all(number, text.encode("utf-8"))
        os.fsync(number)
    finally:
        os.close(number)
    os.replace(temporary, path)
    sync_folder(os.path.dirname(path))


def remove(path):
    os.unlink(path)
    sync_folder(os.path.dirname(path))


def append_line(path, value):
    """Adds one JSON line and waits until it is on the disk."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(number).st_size
        torn = size and os.pread(number, 1, size - 1) != b"\n"
        write_all(number, (("\n" if torn else "") + json.dumps(value) + "\n").encode("ascii"))
        os.fsync(number)
    finally:
        os.close(number)


def sync_folder(path):
    try:
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
    except OSError:
        pass  # Some file systems cannot; what was renamed has been renamed.


def point_both(root, live):
    """Makes the links lead to their slots by a rename each, so that no reader ever finds one missing."""
    roles = (("next", "green" if live == "blue" else "blue"), ("live", live))
    # All that can be refused comes before the rename that counts.
    for name, color in roles:
        temporary = "%s/.%s.new" % (root, name)
        if os.path.lexists(temporary):
            os.unlink(temporary)
        os.symlink("%s/%s" % (root, color), temporary)
    for name, _ in roles:
        os.rename("%s/.%s.new" % (root, name), "%s/%s" % (root, name))
    sync_folder(root)


def bridge(root, color):
    """Before a slot that has no socket takes the place of one that has: workers of nginx that still follow the link, until
    they have read otherwise or because they finish a request that came before, go on reaching the one that has."""
    other = "green" if color == "blue" else "blue"
    if listens(root, color) or not listens(root, other):
        return
    path = "%s/%s/app.sock" % (root, color)
    if os.path.lexists(path + ".new"):
        os.unlink(path + ".new")
    os.symlink("../%s/app.sock" % other, path + ".new")
    os.rename(path + ".new", path)


def unbridge(slot):
    """Takes that away again: the slot's next server may want the place, and next must not show what is live."""
    if os.path.islink(slot + "/app.sock"):
        os.unlink(slot + "/app.sock")


def by_socket(facts, color):
    """Whether nginx is to reach a slot through the link, when it is live."""
    return facts["socket"] and listens(facts["root"], color)


def write_roles(facts, live=None):
    """Writes the files that a site may include for live and next; returns what they held where that differs.

    Whatever the configuration wants, nginx is led to the socket of a slot that has one only."""
    home = facts["root"] + "/.deployer"
    key = key_of(facts)
    past = {}
    for role in ("live", "next"):
        path = "%s/nginx-%s.conf" % (home, role)
        way = "by_port" if role == "live" and live and not by_socket(facts, live) else role
        text = facts["roles"][way].replace("\x1a", key)
        if read(path) != text:
            past[path] = read(path)
            write_whole(path, text)
    return past


def reload_nginx(facts):
    """Runs the configured reload; returns (whether it was accepted, what it said)."""
    code, out, err = run(*facts["reload"])
    return code == 0, ("" if code == 0 else "exit %d: " % code) + (out + err).strip()[-2000:]


def switch(facts, old, new, commit, entry, usual):
    """Makes `new` live in place of `old`, proves it, and otherwise restores `old`. `usual` is the status that the health
    check got from a healthy release through the front door, where that was not as expected."""
    import signal
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM, signal.SIGPIPE):
        signal.signal(number, signal.SIG_IGN)
    root = facts["root"]
    home = root + "/.deployer"
    # Whatever becomes live must be on the disk: after power loss it is what starts again.
    if run("sync", "-f", root)[0]:
        run("sync")
    began = time.time()
    entry = dict(json.loads(entry), color=new, at=began)
    before = workers()
    # Once nginx follows the link, to a socket that is there, the link is all.
    needed = not (by_socket(facts, new) and served(facts).get("by_socket"))
    what = described(os.path.join(root, new))
    prepare(facts, new)
    if not start_all(facts, new, [name for name in what if not what[name]["singleton"]]):
        give_up(facts, new)
        return 46
    try:
        os.close(os.open(home + "/history.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644))
        write_whole(home + "/switch", json.dumps({"from": old, "to": new, "at": began, "entry": entry}))
        past = write_roles(facts, new)
        bridge(root, new)
        point_both(root, new)
    except OSError as error:
        print(error)
        if os.path.exists(home + "/switch") and link(root, "live")["color"] != new:
            attempt(remove, home + "/switch")
        abandon(facts, new)
        return 44
    accepted, said = reload_nginx(facts) if needed else (True, "")
    answer = None
    if accepted:
        proven, answer = prove_served(facts, new, commit, before, usual)
        if proven:
            attempt(unbridge, os.path.join(root, old))
            # What cannot be written must not take a good release down; the note of the switch stays until it is.
            recorded = (attempt(write_whole, home + "/draining", json.dumps(leaving(before)))
                        and attempt(append_line, home + "/history.jsonl",
                                    dict(entry, seconds=round(time.time() - began, 3)))
                        and attempt(remove, home + "/switch"))
            tell("switched", {"seconds": round(time.time() - began, 3)})
            result = watch(facts, old, new, commit, entry, needed, usual)
            if result:
                abandon(facts, new)
                return result
            well = hand_over(facts, old, new, outcome(facts, answer))
            return (0 if well else 47) if recorded else 45
    print(said)
    # Back: nginx must never be left with links that its next reload would read differently.
    restored, said_back, now = put_back(facts, old, accepted and needed, past, usual)
    tell("switch_failed", {"accepted": accepted, "said": said, "answer": answer, "watched": None,
                           "restored": restored, "said_back": said_back, "now": now})
    abandon(facts, new)
    return 41 if restored else 42


def outcome(facts, answer):
    """What may be said of a release that the front door names."""
    if answer["verdict"] == "right":
        return "proven at the front door"
    seen = answer["health"]
    tell("warning", "the front door answers %d to %s%s: whether visitors reach the application is not proven" % (
        seen["status"], facts["door"]["health"][0],
        " by itself, without asking the application" if seen.get("passed") is False else ", as it did before"))
    return "named at the front door, not proven"


def attempt(write, *words):
    """Whether something could be written; says why not."""
    try:
        write(*words)
    except OSError as error:
        print(error)
        return False
    return True


def put_back(facts, old, reload, past, usual):
    """Makes `old` live again and proves it: (whether it is served, what the reload said, what is served)."""
    home = facts["root"] + "/.deployer"
    before = workers()
    for path, text in past.items():
        if text is not None:
            attempt(write_whole, path, text)
    attempt(bridge, facts["root"], old)
    point_both(facts["root"], old)
    accepted, said = reload_nginx(facts) if reload else (True, "")
    restored, now = prove_served(facts, old, None, before if reload else {}, usual)
    if reload:
        # What was live for a moment has requests too, which must end before it is stopped.
        attempt(write_whole, home + "/draining", json.dumps(leaving(before)))
    if not restored and accepted and "unknown" in now:
        restored = True  # What `old` holds is not of this tool's making; it cannot say its name.
    # Where nginx took no reload, or does what the links say, there is nothing that only half happened.
    if (restored or not reload or "health" in now) and os.path.exists(home + "/switch"):
        attempt(remove, home + "/switch")
    return restored, said, now


def watch(facts, old, new, commit, entry, reload, usual):
    """Goes on proving a release that is live; three bad looks in a row bring the old one back."""
    seconds = facts["watch"]
    deadline = time.monotonic() + seconds
    log = errors_seen(facts, None)
    bad = 0
    while time.monotonic() < deadline:
        time.sleep(0.25)
        now = served(facts)
        answer = health(facts, None)
        log = errors_seen(facts, log)
        why = None
        if not is_of(now, facts, new, None):
            why = "the front door no longer answers from %s" % new
        elif verdict(answer, usual) == "wrong":
            why = answer.get("error") or "the front door answered %s" % answer["status"]
        elif log and log["requests"] >= 20 and log["errors"] > 0.05 * log["requests"]:
            why = "nginx answered %d of %d requests with a 5xx status" % (log["errors"], log["requests"])
        bad = bad + 1 if why else 0
        tell("watched", {"left": max(0, round(deadline - time.monotonic(), 1)), "why": why,
                         "requests": log["requests"] if log else None, "errors": log["errors"] if log else None})
        if bad >= 3:
            home = facts["root"] + "/.deployer"
            attempt(write_whole, home + "/switch", json.dumps({"from": new, "to": old, "at": time.time(), "entry": None}))
            restored, said, seen = put_back(facts, old, reload, {}, usual)
            attempt(append_line, home + "/history.jsonl", {
                "verb": "rolled back", "color": old, "from": new, "at": time.time(), "by": entry.get("by"),
                "commit": entry.get("previous"), "subject": "", "previous": commit, "why": why, "seconds": 0})
            tell("switch_failed", {"accepted": True, "said": "", "answer": now, "watched": why,
                                   "restored": restored, "said_back": said, "now": seen})
            return 43 if restored else 42
    return 0


def errors_seen(facts, past):
    """Requests and 5xx answers in nginx's access log since the first look; None where it cannot be read."""
    path = facts["access_log"]
    try:
        size = os.stat(path).st_size
        if past is None or size < past["at"]:
            return {"at": size, "requests": 0, "errors": 0}
        with open(path, "rb") as file:
            file.seek(past["at"])
            text = file.read(1 << 22)
    except (OSError, TypeError):
        return None
    whole = text.rpartition(b"\n")[0].splitlines()
    statuses = [line.split(b'" ', 1)[1][:1] for line in whole if b'" ' in line]
    return {"at": past["at"] + sum(len(line) + 1 for line in whole), "requests": past["requests"] + len(statuses),
            "errors": past["errors"] + statuses.count(b"5")}


def leaving(before):
    """Of nginx's workers from before a reload, those that still finish what they have: [number, start]."""
    now = workers()
    masters = set(now[pid][0]["parent"] for pid in now if pid not in before)
    return [[pid, before[pid][0]["start"]] for pid in before if pid in now and now[pid][1]
            and now[pid][0]["start"] == before[pid][0]["start"] and now[pid][0]["parent"] in masters]


def connections(path):
    """How many connections a Unix socket has, those that nobody has accepted yet among them."""
    return sum(1 for flags in unix_sockets(path) if flags != LISTENING)


def drain(facts, seconds, slot):
    """Waits for the requests that a slot still serves: for the nginx workers from before the last reload, and for the
    connections of the slot's socket. Returns how many there still are."""
    path = facts["root"] + "/.deployer/draining"
    deadline = time.monotonic() + seconds
    shown = 0
    while True:
        try:
            left = [pid for pid, start in json.loads(read(path) or "[]") if (stat_of(pid) or {}).get("start") == start]
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
