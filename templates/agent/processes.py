"""What a slot runs beside its web server, and only while it is live: workers, and singletons such as a scheduler."""
import os
import signal
import subprocess
import time

from agent.files import names, read
from agent.layout import described, link
from agent.proc import named, origin, pids, signal_all, stat_of, wait_gone
from agent.units import Started, belongs, forget, moving, process_units, systemctl, unit_state
from agent.wire import speak, tell


def running(path):
    """The processes of a slot that live: name -> a list of those started: the first number, and all numbers with their starts."""
    sessions = {}
    for name in names(path + "/etc/pids"):
        leader = named(path + "/etc/pids/" + name)
        if leader:
            sessions[leader[0]] = name
    found = {}
    for pid in pids() if os.path.isdir(path + "/etc/pids") else ():
        stat = stat_of(pid)
        try:
            if not stat or os.stat("/proc/%d" % pid).st_uid != os.getuid():
                continue
        except OSError:
            continue
        # By its variables, or, where it wrote its title over them, by its session.
        name = origin(pid, path) or sessions.get(stat["session"])
        if name and name not in ("web", "-"):
            found.setdefault(name, {}).setdefault(stat["session"], {})[pid] = stat["start"]
    return {name: [{"pid": session if session in members else min(members, key=members.get), "members": members}
                   for session, members in sorted(found[name].items())] for name in found}


def begin(settings, color, name):
    """Starts a process of a slot, and returns it with the place in its log where it begins."""
    log = "%s/%s/log/%s.log" % (settings["root"], color, name)
    if os.path.exists(log) and os.path.getsize(log) > 10000000:
        os.rename(log, log + ".1")
    out = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        before = os.fstat(out).st_size
        if unit_state(settings, color, name) == "enabled":
            return Started(settings, color, name), log, before, time.monotonic()
        child = subprocess.Popen(
            ["sh", settings["root"] + "/.deployer/launch", settings["root"], color, name], stdin=subprocess.DEVNULL,
            stdout=out, stderr=out, start_new_session=True,
            # The switch ignores signals; what it starts must not.
            preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (1, 2, 3, 13, 15)])
        return child, log, before, time.monotonic()
    finally:
        os.close(out)


def start_all(settings, color, wanted):
    """Starts those of a slot's processes that do not run yet, and proves that they live. False: one did not; why is told,
    and what was started here is ended again."""
    path = os.path.join(settings["root"], color)
    what = described(path)
    there = running(path)
    doubled = [name for name in wanted if len(there.get(name, ())) > 1]
    if doubled and end_all(tell_to_end(settings, color, doubled)):
        return False
    begun = []
    for name in wanted:
        try:
            if len(there.get(name, ())) != 1:
                begun.append((name,) + begin(settings, color, name))
        except OSError as error:  # Its log cannot be written, say.
            speak("%s could not be started: %s" % (name, error))
            end_begun(settings, color, begun)
            return False
    for name, child, log, before, since in begun:
        while child.poll() is None and time.monotonic() < since + what[name]["settle"]:
            time.sleep(0.02)
        if child.poll() is not None:
            speak((read_from(log, before) + "\n").lstrip("\n") + "%s ended with status %d within %.1f s of its start" % (
                name, child.returncode, time.monotonic() - since))
            end_begun(settings, color, begun)
            return False
    return True


def end_begun(settings, color, begun):
    """Ends what was just started, and what is too young to be known by its name."""
    ending = tell_to_end(settings, color, [entry[0] for entry in begun])
    known = set(pid for entry in ending for pid in entry[3])
    young = [entry[1].pid for entry in begun
             if not isinstance(entry[1], Started) and entry[1].poll() is None and entry[1].pid not in known]
    signal_all(young, 15)
    end_all(ending)
    signal_all(wait_gone(young, 5), 9)


def read_from(path, start):
    with open(path, "rb") as file:
        file.seek(start)
        return file.read(65536).decode("utf-8", "replace").strip()


def tell_to_end(settings, color, wanted=None):
    """Sends TERM to processes of a slot, all of them or those of some names; returns what is to be waited for."""
    ending = []
    path = os.path.join(settings["root"], color)
    what = described(path)
    # Of one that has just crashed only the unit is there, which would start it again.
    own = {name: unit for name, unit in process_units(settings, color).items() if wanted is None or name in wanted}
    found = running(path)
    if own and systemctl("stop", "--no-block", *own.values())[0]:
        own = {}
    for name in set(found) | set(own):
        bound = what.get(name, {}).get("stop", 60)
        runs = found.get(name, []) if wanted is None or name in wanted else []
        for run in runs:
            # A worker is told alone, and ends its own children as it must; a shell before it does not pass it on.
            leader = run["pid"]
            group = [leader]
            if (read("/proc/%d/cmdline" % leader, 200) or "").startswith("sh\0-c\0"):
                group += [pid for pid in run["members"] if (stat_of(pid) or {}).get("parent") == leader]
            if not belongs(leader, [own.get(name)]):  # Else systemd has told it.
                signal_all(group, 15)
            speak("%s (process %d) finishes what it has; it is given %g s" % (name, leader, bound))
            ending.append((name, bound, time.monotonic() + bound, run["members"], own.get(name), path))
        if name in own and not runs:
            ending.append((name, bound, time.monotonic() + bound, {}, own[name], path))
    return ending


def end_all(ending):
    """Waits for processes that were told to end, and kills those that take too long; returns the names of what lives on."""
    left = []
    for name, bound, deadline, members, unit, path in ending:
        session = set((stat_of(pid) or {}).get("session") for pid in members) - set([None])
        while True:
            alive = [pid for pid in members if (stat_of(pid) or {}).get("start") == members[pid]]
            if not alive:
                # What it started meanwhile is of its session.
                more = [run["members"] for run in running(path).get(name, ())]
                members = {pid: start for run in more for pid, start in run.items()
                           if (stat_of(pid) or {}).get("session") in session}
                if not members:
                    break
            if time.monotonic() > deadline:
                tell("note", "%s did not end within %g s of TERM: killed" % (name, bound))
                signal_all(alive, 9)
                if wait_gone(alive, 5):
                    speak("%s (process %s) lives on after KILL" % (name, " ".join(map(str, alive))))
                    left.append(name)
                    break
            time.sleep(0.02)
        # Waits: a unit that was about to start again is gone only then.
        if unit and name not in left and systemctl("stop", unit)[0]:
            speak("%s (unit %s) lives on after KILL" % (name, unit))
            left.append(name)
    return left


def abandon(settings, color):
    """What a switch started in a slot that does not become live ends."""
    moving(settings, False)
    end_all(tell_to_end(settings, color))
    give_up(settings, color)


def give_up(settings, color):
    """After a switch that was not made: no file of it stays, and what it would have brought starts at no boot."""
    moving(settings, False)
    if link(settings["root"], "live")["color"] != color:
        forget(process_units(settings, color).values())


def hand_over(settings, old, new, outcome):
    """After the switch: what the old slot runs finishes what it has, and singletons move, never two of one at once.
    `outcome` is what came of the switch."""
    before, after = (os.path.join(settings["root"], color) for color in (old, new))
    what = described(after)
    single = set(name for path in (before, after) for name, of in described(path).items() if of["singleton"])
    moving(settings, False)
    ending = tell_to_end(settings, old)
    if not (what or ending):
        tell("note", outcome)
        return True
    stuck = end_all([entry for entry in ending if entry[0] in single])
    moved = [name for name in what if name in single and name not in stuck]
    # Workers too: one may have died while the switch was watched.
    well = start_all(settings, new, moved) and not stuck
    well = start_all(settings, new, [name for name in what if name not in single]) and well
    well = not end_all([entry for entry in ending if entry[0] not in single]) and well
    forget(process_units(settings, old).values())
    if well:
        tell("note", "%s; %s handed over" % (outcome, ", ".join(sorted(what) or ["nothing"])))
    return well
