"""A slot's web server: started and proven, and ended."""
import json
import os
import subprocess
import threading
import time

from agent import text, units
from agent.drain import drain
from agent.files import discard, document, keep, sync_folder, write_whole
from agent.links import unbridge
from agent.probe import health
from agent.proc import (
    connected,
    family,
    holders,
    is_gunicorn,
    is_ours,
    listener,
    listeners,
    listens,
    pid_file,
    signal_all,
    stat_of,
    wait_gone,
)
from agent.processes import end_all, tell_to_end
from agent.reserve import reserve
from agent.slots import keep_launcher, put_files
from agent.tools import status_of, sync_disk
from agent.wire import Failed, speak, tell

# How long the rest of what a server started may take to end after KILL, in seconds.
KILLED = 5


def stop(settings, action):
    """Ends what runs in a slot. Where that makes way for another release, its record goes, and the new one may start as
    soon as the old one's port is free and its requests are served; that it ended is proven before the new one counts."""
    color = action["color"]
    end(settings, color, makes_way=action["makes_way"])
    if action["makes_way"]:
        etc = "%s/%s/etc" % (settings["root"], color)
        discard(etc + "/release.json")
        sync_folder(etc)


def stop_old(settings, action):
    end(settings, action["color"])


def end(settings, color, makes_way=False, just_started=None):
    """Ends what runs in a slot: TERM, a wait for requests in flight, KILL for the rest. Only what is ours.

    `just_started`: a server that did not prove itself, and is given little time."""
    path = os.path.join(settings["root"], color)
    port = settings["ports"][color]
    ended(settings, color)
    if not just_started and end_all(tell_to_end(settings, color)):
        raise Failed("still_running")
    word, pid = pid_file(path)
    found = listener(port, path)
    if found and not found["ours"] and not just_started:
        who = "process %s (%s)" % (found["pid"], found["command"]) if found["pid"] else "a process"
        speak("port %d is held by %s of user %s, which is not this slot's" % (port, who, found["user"]))
        raise Failed("port_taken")
    masters = {pid} if word == "ours" else set()
    if found and found["ours"]:
        masters.add(found["pid"])
    if just_started:
        masters.add(just_started)
    if word in ("stale", "garbage", "stranger"):
        os.unlink(path + "/etc/app.pid")
        tell("note", "removed a pid file that named %s" % {
            "stale": "a process that is gone", "garbage": "no process",
            "stranger": "process %s, which is not ours" % pid}[word])
    if not masters:
        unbridge(path)
        units.withdraw(settings, color)
        return
    # What they started too: it outlives a master that is killed, and goes on listening.
    group = family(masters)
    gentle = all(is_gunicorn(master) for master in masters)
    if gentle:
        group = {other: group[other] for other in group
                 if other in masters or stat_of(other) and stat_of(other)["parent"] in masters and is_ours(other, path)}
    if not just_started:
        waiting = drain(settings, settings["drain"], path)
        if waiting:
            tell("note", "%d connection(s) or nginx worker(s) still had requests of the old release after %g s"
                 % (waiting, settings["drain"]))
    grace = 3 if just_started else settings["grace"]
    deadline = time.monotonic() + grace
    # What systemd started it would start again, and it tells them to end.
    own = units.withdraw(settings, color, wait=False)
    # gunicorn's own workers are for it to end; of any other server all are told.
    signal_all([other for other in (masters if gentle else group) if not units.belongs(other, own)], 15)
    if makes_way and gentle:
        # gunicorn lets go of its port at once, and takes its time to end when nobody needs it any more.
        while wait_gone(group, 0) and (is_reached(settings, color) and time.monotonic() < deadline):
            time.sleep(0.005)
        if not is_reached(settings, color):
            write_whole(path + "/etc/ending", json.dumps({"group": group, "deadline": deadline, "grace": grace}))
            discard(path + "/etc/app.pid")
            unbridge(path)
            return
    left = see_end(group, deadline, grace)
    # The last thread of a process that was killed lets go of its files a moment after the first.
    deadline = time.monotonic() + KILLED
    while listeners(port) and not (left or just_started) and time.monotonic() < deadline:
        time.sleep(0.01)
    if left or (listeners(port) and not just_started):
        speak("process %s still holds port %d after KILL" % (" ".join(map(str, left)) or "?", port))
        raise Failed("still_running")
    unbridge(path)
    discard(path + "/etc/app.pid")


def is_reached(settings, color):
    """Whether a slot's server still listens, or has a request."""
    port, root = settings["ports"][color], settings["root"]
    return bool(listeners(port) or connected(port) or listens(root, color))


def see_end(group, deadline, grace):
    """Waits for processes that were told to end, and kills the rest; returns what lives on."""
    left = wait_gone(group, max(0, deadline - time.monotonic()))
    if left:
        tell("note", "did not end within %g s of TERM: killed" % grace)
        signal_all([pid for pid in left if (stat_of(pid) or {}).get("start") == group[pid]], 9)
        left = wait_gone(left, KILLED)
    return left


def ended(settings, color):
    """Proves that what made way has ended."""
    path = "%s/%s/etc/ending" % (settings["root"], color)
    ending = document(path)
    if ending:
        # Numbers whose start differs are other processes by now.
        group = {int(pid): start for pid, start in ending["group"].items()}
        group = {pid: start for pid, start in group.items() if (stat_of(pid) or {}).get("start") == start}
        # A clock that has run backwards is another boot's.
        deadline = min(ending["deadline"], time.monotonic() + ending["grace"])
        left = see_end(group, deadline, ending["grace"])
        if left:
            speak("process %s lives on after KILL" % " ".join(map(str, left)))
            raise Failed("still_running")
    discard(path)


def record(settings, action):
    """The release counts from here on: it is proven, and what ran before has ended."""
    ended(settings, action["color"])
    write_whole("%s/%s/etc/release.json" % (settings["root"], action["color"]), action["record"])


def start(settings, action):
    """Starts the slot's web server and proves it healthy."""
    root, color, supervisor = settings["root"], action["color"], action["supervisor"]
    slot = root + "/" + color
    keep_launcher(root)
    if action["boot"]:
        # For the crontab, should its owner want it there.
        keep(root + "/.deployer/boot", text("boot.sh"), 0o755)
    put_files(root, action["files"])
    log = slot + "/log/" + action["log"]
    if os.path.exists(log) and os.path.getsize(log) >= 10000000:
        os.rename(log, log + ".1")
    # What an application prints may hold what nobody else should read.
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    before = os.fstat(out).st_size
    child = None
    try:
        pid = units.start(settings, color, "web", action["unit"]) if supervisor != "none" else None
        if pid is None and supervisor == "systemd":
            raise Failed("no_systemd")
        if pid is None:
            child = subprocess.Popen(["sh", root + "/.deployer/launch", root, color, "web"], stdin=subprocess.DEVNULL,
                                     stdout=out, stderr=out, start_new_session=True)
            pid = child.pid
        # Whoever stops this stops what it has not proven.
        try:
            prove(settings, color, pid)
        except Failed as failed:
            raise not_proven(settings, color, pid, child, failed, (log, before))
        except BaseException:
            child.terminate() if child else units.withdraw(settings, color)
            raise
    finally:
        os.close(out)
    reserve(root)
    # What starts again after a power loss must be on the disk.
    sync_disk(root)
    if not child:
        units.enable(settings, color, "web")


def not_proven(settings, color, pid, child, failed, log):
    """Ends what did not prove itself, and shows what it printed. Returns the reason, with the status of what died."""
    if failed.told["reason"] == "died":
        if child:
            failed.told["status"] = status_of(child.wait())
        else:
            failed.told["status"] = units.exit_status(settings, color, "web")
            units.withdraw(settings, color)
        # It may not have come to it, and nothing else can have written one since.
        discard("%s/%s/etc/app.pid" % (settings["root"], color))
    else:
        end(settings, color, just_started=pid)
    with open(log[0], "rb") as file:
        file.seek(log[1])
        for line in file:
            speak(line.decode("utf-8", "replace").rstrip("\n"))
    return failed


def prove(settings, color, pid):
    """Waits until the process just started, or one that it started, listens and answers as expected, and stays so."""
    path = os.path.join(settings["root"], color)
    port = settings["ports"][color]
    start = time.monotonic()
    deadline = start + settings["start_timeout"]
    answer = {"error": "nothing listens on port %d" % port}
    healthy_since = steady = told = None
    while True:
        if not stat_of(pid):
            raise Failed("died")
        group = holders(listeners(port))
        listens = pid in group or group and any(other in group for other in family([pid]))
        if not listens and healthy_since and not wait_gone([pid], 5):
            raise Failed("died")  # It let go of its socket first; a worker may still have it.
        if listens:
            answer = health(settings, port)
        elif group or listeners(port):
            found = listener(port, path) or {}
            if found.get("pid") != pid:  # It may have begun to listen in this very moment.
                answer = {"error": "port %d is held by process %s of user %s (%s), not by what was just started"
                          % (port, found.get("pid"), found.get("user"), found.get("command"))}
        now = time.monotonic()
        if answer.get("ok"):
            healthy_since = healthy_since or now
            if now - healthy_since >= settings["settle"]:
                return
        elif healthy_since:
            # What breaks off may be about to end, and that says more.
            if "status" not in answer and not wait_gone([pid], 2):
                raise Failed("died")
            raise Failed("unhealthy", health=dict(answer, settled=round(now - healthy_since, 1)))
        if now > deadline and not healthy_since:
            raise Failed("unhealthy", health=answer)
        # Another address at each redirect differs in its query: the page that was asked for, a token.
        said = answer.get("status"), (answer.get("location") or "").split("?")[0]
        if said != steady:
            steady, since, told = said, now, False
        if "status" in answer and not answer.get("ok"):
            if now - since >= 1 and not told:
                told = True
                tell("probed", answer)
            if now - since >= final_after(answer["status"]):
                raise Failed("unhealthy", health=dict(answer, steady=int(now - since)))
        # A wrong status at once is the application's answer, but some say 503 until they are warm.
        time.sleep(0.02 if "status" not in answer or answer.get("ok") else 0.1)


def final_after(status):
    """After how many seconds waiting changes nothing: who is not warm yet refuses connections, says 5xx, or asks to come
    again; a page that sends its visitors elsewhere is up."""
    if 300 <= status < 400:
        return 1
    return 5 if 400 <= status < 500 and status not in (408, 425, 429) else float("inf")


def warm(settings, action):
    """Asks a slot for pages, each as often at once as it has workers. What comes of it is told, and stops nothing."""
    color, times, paths = action["color"], action["times"], action["paths"]
    slow = dict(settings, health=dict(settings["health"], timeout=settings["start_timeout"]))
    longest, failed = 0, []
    for path in paths:
        slow["health"]["path"] = path
        answers = at_once(times, lambda: health(slow, settings["ports"][color]))
        longest = max([longest] + [answer["seconds"] for answer in answers])
        wrong = [answer for answer in answers if not 200 <= answer.get("status", 0) < 400]
        if wrong:
            failed.append("%s: %s" % (path, wrong[0].get("error") or "status %d" % wrong[0]["status"]))
    for what in failed:
        tell("warning", "could not warm " + what)
    tell("note", "%d page(s), the slowest in %.2f s" % (len(paths), longest))


def at_once(times, ask):
    answers = []
    threads = [threading.Thread(target=lambda: answers.append(ask()), daemon=True) for _ in range(times)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
