"""The cutover. Once the links have moved it finishes, or puts everything back: no signal and no lost client ends it."""
import json
import os
import select
import time

from agent.drain import Left, leaving
from agent.files import append_line, attempt, remove, write_whole
from agent.layout import described, link
from agent.links import bridge, point_both, unbridge
from agent.probe import health, served
from agent.proc import listens, workers
from agent.processes import abandon, give_up, hand_over, start_all
from agent.slots import by_socket, write_roles
from agent.tools import run, sync_disk
from agent.units import prepare
from agent.wire import Failed, moment, speak, tell


def reload_nginx(settings):
    """Runs the configured reload; returns (whether it was accepted, what it said)."""
    code, out, err = run(*settings["reload"])
    return code == 0, ("" if code == 0 else "exit %d: " % code) + (out + err).strip()[-2000:]


def switch(settings, action):
    """Makes a slot live in place of the other, proves it, and otherwise restores the old one. `usual` is the status that the
    health check got from a healthy release through the front door, where that was not as expected."""
    old, new, commit, usual = action["from"], action["to"], action["commit"], action["usual"]
    root = settings["root"]
    home = root + "/.deployer"
    # Whatever becomes live must be on the disk: after power loss it is what starts again.
    sync_disk(root)
    began = time.time()
    entry = dict(action["entry"], color=new, at=began)
    before = workers()
    seen = None
    if settings["watch"]:
        from agent.traffic import Traffic
        seen = Traffic(settings)
        seen.took(health(settings, None))
    # Once nginx follows the link, to a socket that is there, the link is all.
    needed = not (by_socket(settings, new) and served(settings).get("by_socket"))
    what = described(os.path.join(root, new))
    prepare(settings, new)
    if not start_all(settings, new, [name for name in what if not what[name]["singleton"]]):
        give_up(settings, new)
        raise Failed("processes_died")
    try:
        os.close(os.open(home + "/history.jsonl", os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644))
        write_whole(home + "/switch", json.dumps({"from": old, "to": new, "at": began, "entry": entry}))
        past = write_roles(settings, new)
        bridge(root, new)
        point_both(root, new)
        moment("swap")
    except OSError as error:
        speak(error)
        if os.path.exists(home + "/switch") and link(root, "live")["color"] != new:
            attempt(remove, home + "/switch")
        abandon(settings, new)
        raise Failed("switch_not_written")
    accepted, said = reload_nginx(settings) if needed else (True, "")
    answer = None
    if accepted:
        if needed:
            moment("reload")
        if seen:
            seen.switched()
        proven, answer = prove_served(settings, new, commit, before, usual)
        if proven:
            moment("proven")
            attempt(unbridge, os.path.join(root, old))
            left = Left(leaving(before), os.path.join(root, old))

            def record():
                # What cannot be written must not take a good release down; the note of the switch stays until it is.
                return (attempt(write_whole, home + "/draining", json.dumps(left.workers))
                        and attempt(append_line, home + "/history.jsonl",
                                    dict(entry, seconds=round(time.time() - began, 3)))
                        and attempt(remove, home + "/switch"))

            is_alone = not action.get("decide_within")
            recorded = is_alone and record()
            try:
                watch(settings, old, new, commit, entry, needed, usual, seen, left)
                if not is_alone:
                    decided(settings, action, needed, past)
                    recorded = record()
            except Failed:
                abandon(settings, new)
                raise
            finally:
                if seen:
                    seen.show()
            well = hand_over(settings, old, new, outcome(settings, answer))
            if not recorded:
                raise Failed("not_recorded")
            if not well:
                raise Failed("not_handed_over")
            return
    speak(said)
    # Back: nginx must never be left with links that its next reload would read differently.
    restored, now = put_back(settings, old, accepted and needed, past, usual)
    abandon(settings, new)
    raise Failed("switch_failed", accepted=accepted, said=said, answer=answer, watched=None, restored=restored,
                 now=now)


def outcome(settings, answer):
    """What may be said of a release that the front door names."""
    if answer["verdict"] == "right":
        return "proven at the front door"
    seen = answer["health"]
    tell("warning", "the front door answers %d to %s%s: whether visitors reach the application is not proven" % (
        seen["status"], settings["door"]["health"][0],
        " by itself, without asking the application" if seen.get("passed") is False else ", as it did before"))
    return "named at the front door, not proven"


def put_back(settings, old, reload, past, usual):
    """Makes `old` live again and proves it: (whether it is served, what is served)."""
    home = settings["root"] + "/.deployer"
    before = workers()
    for path, text in past.items():
        if text is not None:
            attempt(write_whole, path, text)
    attempt(bridge, settings["root"], old)
    point_both(settings["root"], old)
    accepted = not reload or reload_nginx(settings)[0]
    restored, now = prove_served(settings, old, None, before if reload else {}, usual)
    if restored:
        moment("back")
    if reload:
        # What was live for a moment has requests too, which must end before it is stopped.
        attempt(write_whole, home + "/draining", json.dumps(leaving(before)))
    if not restored and accepted and "unknown" in now:
        restored = True  # What `old` holds is not of this tool's making; it cannot say its name.
    # Where nginx took no reload, or does what the links say, there is nothing that only half happened.
    if (restored or not reload or "health" in now) and os.path.exists(home + "/switch"):
        attempt(remove, home + "/switch")
    return restored, now


def watch(settings, old, new, commit, entry, reload, usual, seen, left):
    """Goes on proving a release that is live; three bad looks in a row bring the old one back."""
    deadline = time.monotonic() + settings["watch"]
    readable = seen and seen.proven()
    bad = 0
    while time.monotonic() < deadline:
        left.told()
        time.sleep(0.25)
        now = served(settings)
        answer = health(settings, None)
        seen.took(answer)
        readable = seen.look()
        why = None
        if not is_of(now, settings, new, None):
            why = "the front door no longer answers from %s" % new
        elif verdict(answer, usual) == "wrong":
            why = answer.get("error") or "the front door answered %s" % answer["status"]
        elif readable and seen.requests >= 20 and seen.errors > 0.05 * seen.requests:
            why = "nginx answered %d of %d requests with a 5xx status" % (seen.errors, seen.requests)
        bad = bad + 1 if why else 0
        tell("watched", {"left": max(0, round(deadline - time.monotonic(), 1)), "why": why,
                         "requests": seen.requests if readable else None, "errors": seen.errors if readable else None})
        if bad >= 3:
            home = settings["root"] + "/.deployer"
            attempt(write_whole, home + "/switch", json.dumps({"from": new, "to": old, "at": time.time(), "entry": None}))
            restored, now_served = put_back(settings, old, reload, {}, usual)
            attempt(append_line, home + "/history.jsonl", {
                "verb": "rolled back", "color": old, "from": new, "at": time.time(), "by": entry.get("by"),
                "commit": entry.get("previous"), "subject": "", "previous": commit, "why": why, "seconds": 0})
            raise Failed("switch_failed", accepted=True, said="", answer=now, watched=why, restored=restored, now=now_served)


def decided(settings, action, reload, past):
    """Waits for what is decided of the fleet; takes the switch back where that is not, in time, to go on."""
    tell("proven")
    heard = action["decision"]
    if select.select([heard], [], [], action["decide_within"])[0] and os.read(heard, 1) == b"+":
        return
    restored, now = put_back(settings, action["from"], reload, past, action["usual"])
    raise Failed("recalled", accepted=True, said="", answer=None, watched=None, restored=restored, now=now)


def prove_served(settings, color, commit, before, usual):
    """Waits until the front door names a slot, no worker from before the reload takes requests, and the health check by
    the way that visitors take is answered as it should be.

    Returns whether all that is so, and the answer that convinced, or the last one that did not; with it, as `health`, what
    the health check got, and as `verdict` what that says. `usual` is the status that it got before."""
    deadline = time.monotonic() + settings["door"]["applied"]
    in_row = wrong = 0
    while True:
        answer = served(settings)
        if is_of(answer, settings, color, commit):
            in_row += 1
            now = workers()
            ours = set(now[pid][0]["parent"] for pid in now if pid not in before)
            taking = [pid for pid in before if pid in now and before[pid][0] == now[pid][0]
                      and not now[pid][1] and now[pid][0]["parent"] in ours]
            # Another nginx of this machine that starts a worker looks like one that reloads and keeps its old ones:
            # so many answers in a row outweigh it. Our own tells its old workers within a tenth of a second.
            if in_row >= 3 and (not taking or in_row >= 100):
                seen = health(settings, None)
                # What names nobody went to the slot that is named before it and after it.
                if is_of(seen if "color" in seen else served(settings), settings, color, commit):
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


def is_of(answer, settings, color, commit):
    """Whether an answer is of this slot. By the socket cutover's file that is so only where the slot has a socket, too."""
    return (answer.get("color") == color and (not commit or answer.get("commit") == commit)
            and not (answer.get("by_socket") and not listens(settings["root"], color)))


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
