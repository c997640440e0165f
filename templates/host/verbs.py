# What the steps ask for. Each verb prints a JSON object on descriptor 4 where it has something to tell.


def stop(facts, color, grace=None, also=None):
    """Stops what runs in a slot: TERM, a wait for requests in flight, KILL for the rest. Only what is ours."""
    path = os.path.join(facts["root"], color)
    port = facts["ports"][color]
    if not also and end_all(tell_to_end(facts, color)):
        return 22
    word, pid = pid_file(path)
    found = listener(port, path)
    grace = facts["grace"] if grace is None else float(grace)
    if found and not found["ours"] and not also:
        who = "process %s (%s)" % (found["pid"], found["command"]) if found["pid"] else "a process"
        print("port %d is held by %s of user %s, which is not this slot's" % (port, who, found["user"]))
        return 21
    masters = set([pid] if word == "ours" else [])
    if found and found["ours"]:
        masters.add(found["pid"])
    if also and int(also) > 1:
        masters.add(int(also))
    if word in ("stale", "garbage", "stranger"):
        os.unlink(path + "/etc/app.pid")
        tell("note", "removed a pid file that named %s" % {
            "stale": "a process that is gone", "garbage": "no process",
            "stranger": "process %s, which is not ours" % pid}[word])
    if not masters:
        unbridge(path)
        withdraw(facts, color)
        return 0
    # What they started too: it outlives a master that is killed, and goes on listening.
    group = family(masters)
    gentle = all(is_gunicorn(master) for master in masters)
    if gentle:
        group = {other: group[other] for other in group
                 if other in masters or stat_of(other) and stat_of(other)["parent"] in masters and is_ours(other, path)}
    if not also:
        waiting = drain(facts, facts["drain"], path)
        if waiting:
            tell("note", "%d connection(s) or nginx worker(s) still had requests of the old release after %g s" % (waiting, facts["drain"]))
    # What systemd started it would start again, and it tells them to end.
    own = withdraw(facts, color, wait=False)
    # gunicorn's own workers are for it to end; of any other server all are told.
    signal_all([other for other in (masters if gentle else group) if not belongs(other, own)], 15)
    left = wait_gone(group, grace)
    if left:
        tell("note", "did not end within %g s of TERM: killed" % grace)
        signal_all([other for other in left if (stat_of(other) or {}).get("start") == group[other]], 9)
        left = wait_gone(left, 5)
    if left or (listeners(port) and not also):
        print("process %s still holds port %d after KILL" % (" ".join(map(str, left)) or "?", port))
        return 22
    unbridge(path)
    try:
        os.unlink(path + "/etc/app.pid")
    except OSError:
        pass
    return 0


def accept(facts):
    """Notes down the migrations that are about to be applied although what runs now may not survive them: a rollback asks."""
    home = facts["root"] + "/.deployer"
    entry = document(home + "/accepted")
    if entry:
        past = entries(home + "/migrations.jsonl")
        number = past[-1].get("number", 0) + 1 if past else 1
        append_line(home + "/migrations.jsonl", dict(entry, number=number, at=time.time()))
    os.unlink(home + "/accepted")
    return 0


def keep_databases(facts, color, before):
    """Puts the databases of a work tree aside, which is about to become another commit's: they are no part of the release
    `before`, which is all that is cleaned away."""
    import shutil
    repo = os.path.join(facts["root"], color, "repo")
    kept = first = os.path.join(facts["root"], color, "removed", before)
    number = 1
    while os.path.lexists(kept):
        number += 1
        kept = "%s.%d" % (first, number)
    found = databases(repo, False)
    for path in found:
        # The database last: until then it can be told again.
        for part in (path + "-wal", path + "-shm", path + "-journal", path):
            if os.path.isfile(os.path.join(repo, part)):
                os.makedirs(os.path.dirname(os.path.join(kept, part)), exist_ok=True)
                shutil.move(os.path.join(repo, part), os.path.join(kept, part))
    if found:
        tell("warning", "moved %s to %s: what outlives a release belongs into a folder of [shared]"
             % (", ".join(map(readable, found)), kept))
    return 0


def prove(facts, color, pid):
    """Waits until the process just started, or one that it started, listens and answers as expected, and stays so."""
    path = os.path.join(facts["root"], color)
    port = facts["ports"][color]
    start = time.monotonic()
    deadline = start + facts["start_timeout"]
    answer = {"error": "nothing listens on port %d" % port}
    healthy_since = steady = told = None
    while True:
        if not stat_of(pid):
            return 31
        group = holders(listeners(port))
        listens = pid in group or group and any(other in group for other in family([pid]))
        if not listens and healthy_since and not wait_gone([pid], 5):
            return 31  # It let go of its socket first; a worker may still have it.
        if listens:
            answer = health(facts, port)
        elif group or listeners(port):
            found = listener(port, path) or {}
            if found.get("pid") != pid:  # It may have begun to listen in this very moment.
                answer = {"error": "port %d is held by process %s of user %s (%s), not by what was just started"
                          % (port, found.get("pid"), found.get("user"), found.get("command"))}
        now = time.monotonic()
        if answer.get("ok"):
            healthy_since = healthy_since or now
            if now - healthy_since >= facts["settle"]:
                tell("health", answer)
                return 0
        elif healthy_since:
            # What breaks off may be about to end, and that says more.
            if "status" not in answer and not wait_gone([pid], 2):
                return 31
            tell("health", dict(answer, settled=round(now - healthy_since, 1)))
            return 33
        if now > deadline and not healthy_since:
            tell("health", answer)
            return 32
        # Another address at each redirect differs in its query: the page that was asked for, a token.
        said = answer.get("status"), (answer.get("location") or "").split("?")[0]
        if said != steady:
            steady, since, told = said, now, False
        if "status" in answer and not answer.get("ok"):
            if now - since >= 1 and not told:
                told = True
                tell("probed", answer)
            if is_final(answer["status"]) and now - since >= 5:
                tell("health", dict(answer, steady=round(now - since)))
                return 32
        # A wrong status at once is the application's answer, but some say 503 until they are warm.
        time.sleep(0.02 if "status" not in answer or answer.get("ok") else 0.1)


def is_final(status):
    """Whether waiting changes nothing: who is not warm yet refuses connections, says 5xx, or asks to come again."""
    return 300 <= status < 500 and status not in (408, 425, 429)


def warm(facts, color, times, paths):
    """Asks a slot for pages, each as often at once as it has workers. What comes of it is told, and stops nothing."""
    import threading
    slow = dict(facts, health=dict(facts["health"], timeout=facts["start_timeout"]))
    longest, failed = 0, []
    for path in paths:
        slow["health"]["path"] = path
        answers = []
        threads = [threading.Thread(target=lambda: answers.append(health(slow, facts["ports"][color])), daemon=True)
                   for _ in range(times)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        longest = max([longest] + [answer["seconds"] for answer in answers])
        wrong = [answer for answer in answers if not 200 <= answer.get("status", 0) < 400]
        if wrong:
            failed.append("%s: %s" % (path, wrong[0].get("error") or "status %d" % wrong[0]["status"]))
    for what in failed:
        tell("warning", "could not warm " + what)
    tell("note", "%d page(s), the slowest in %.2f s" % (len(paths), longest))
    return 0


def workers():
    """nginx's worker processes: pid -> (start time, whether it is shutting down)."""
    found = {}
    for pid in pids():
        command = read("/proc/%d/cmdline" % pid, 200) or ""
        if command.startswith("nginx: worker process"):
            stat = stat_of(pid)
            if stat:
                found[pid] = (stat, "shutting down" in command)
    return found


def prove_served(facts, color, commit, before, usual):
    """Waits until the front door names a slot, no worker from before the reload takes requests, and the health check by
    the way that visitors take is answered as it should be.

    Returns whether all that is so, and the answer that convinced, or the last one that did not; with it, as `health`, what
    the health check got, and as `verdict` what that says. `usual` is the status that it got before."""
    deadline = time.monotonic() + facts["door"]["applied"]
    in_row = wrong = 0
    while True:
        answer = served(facts)
        if is_of(answer, facts, color, commit):
            in_row += 1
            now = workers()
            ours = set(now[pid][0]["parent"] for pid in now if pid not in before)
            taking = [pid for pid in before if pid in now and before[pid][0] == now[pid][0]
                      and not now[pid][1] and now[pid][0]["parent"] in ours]
            # Another nginx of this machine that starts a worker looks like one that reloads and keeps its old ones:
            # so many answers in a row outweigh it. Our own tells its old workers within a tenth of a second.
            if in_row >= 3 and (not taking or in_row >= 100):
                seen = health(facts, None)
                # What names nobody went to the slot that is named before it and after it.
                if is_of(seen if "color" in seen else served(facts), facts, color, commit):
                    answer.update(health=seen, verdict=verdict(seen, usual))
                    wrong += 1
                    if answer["verdict"] != "wrong" or wrong == 3:
                        return answer["verdict"] != "wrong", answer
                    time.sleep(0.1)  # One bad answer may be a worker of the application that just ends.
                else:
                    in_row = 0
        else:
            in_row = 0
        if time.monotonic() > deadline:
            return False, answer
        time.sleep(0.01)


def is_of(answer, facts, color, commit):
    """Whether an answer is of this slot. By the socket cutover's file that is so only where the slot has a socket, too."""
    return (answer.get("color") == color and (not commit or answer.get("commit") == commit)
            and not (answer.get("by_socket") and not listens(facts["root"], color)))


def verdict(answer, usual):
    """What the front door's answer to the health check says of the release behind it.

    "right"; "spared" where it says nothing: nginx answered by itself, or visitors got the same (`usual`, no failure of a
    server's) from a release that was well; else "wrong"."""
    if answer["ok"]:
        return "right"
    status = answer.get("status")
    if answer.get("passed") is False or status is not None and status < 500 and str(status) == usual:
        return "spared"
    return "wrong"


def aside(facts, app):
    """Makes the folder for static files of releases that are gone. Older deployers had it below `shared`, and the sites that
    they wrote look for it there: so on such a host it is a link, and either path leads to the same files."""
    root = facts["root"]
    place, old = root + "/aside/static", root + "/shared/static"
    if os.path.lexists(place):
        return 0
    os.makedirs(root + "/aside", exist_ok=True)
    slots = [os.path.join(root, color, "repo", app, "static") for color in ("blue", "green")]
    if any(os.path.realpath(path) == os.path.realpath(old) for path in slots):
        tell("warning", "shared/static holds the application's own files and is left as it is: run setup again, since "
                        "static files of older releases are put aside in aside/static from now on")
    elif os.path.isdir(old):
        os.symlink("../shared/static", place)
        sync_folder(root + "/aside")
        return 0
    os.mkdir(place)
    return 0
