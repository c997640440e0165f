"""The life of one command: takes the lease, reads the state, and carries out what the client asks for.

What only some commands need is imported where they need it: the others answer sooner."""
import os
import select
import signal
import sys
import time

from agent.files import discard, write_whole
from agent.layout import where
from agent.lease import Lease
from agent.observe import observe
from agent.wire import Failed, Gone, close_line, flush, open_wire, speak, tell

# What an action that was told to end has for it, in seconds.
GRACE = 5


class Stopped(BaseException):
    """The client asks an action to end, or is gone."""


def main(hello):
    source = open_wire(hello["nonce"])
    session = Session(hello, source)
    try:
        if hello["lease"]:
            session.lease.take(hello["lease"], source)
        request = hello["first"]
        # Nothing comes after a release; a client that fell silent would be waited for in vain.
        while request is not None and not session.answer(request):
            if hello["lease"]:
                # The client thinks now, and will ask for actions.
                from agent import actions  # noqa: F401
            request = source.line()
    except Gone:
        pass
    except Exception as error:
        speak(trace())
        tell("broken", repr(error))
        sys.exit(70)
    finally:
        session.lease.conclude("cut_off")
        session.publish()


def trace():
    import traceback
    return traceback.format_exc()


def named(value):
    """The name and the fields of what the client sends."""
    return (value, None) if isinstance(value, str) else next(iter(value.items()))


class Session:
    def __init__(self, hello, source):
        self.settings, self.source = hello["settings"], source
        self.lease = Lease(self.settings["root"])
        self.decision = None

    def answer(self, request):
        """Does what the client asks for, and answers. True: that was the last."""
        word, value = named(request)
        if word == "observe":
            tell("state", observe(self.settings))
        elif word == "beat":
            self.lease.beat()
        elif word == "carry_out":
            done = self.carry_out(value["steps"])
            if done and value["finish"]:
                self.lease.release(True)
                self.publish()
            tell("done", done)
            return done and value["finish"]
        elif word == "pause":
            tell("done", self.pause(value))
        elif word == "release":
            self.lease.release(False)
            self.publish()
            tell("done", True)
            return True
        elif word == "measure":
            from agent.prune import measure
            tell("found", measure(self.settings))
        elif word == "variables":
            from agent.variables import variables
            tell("variables", variables(self.settings, value))
        elif word == "where":
            place = where(self.settings, value["slot"])
            if value["record"] and place["ready"]:
                from agent.record import Record
                place["record"] = Record(self.lease.home, value["record"]).name
            tell("where", place)
        elif word == "ran":
            from agent.record import ended
            ended(self.lease.home, value)
            tell("done", True)
        elif word == "commands":
            from agent.record import commands
            tell("commands", {"now": time.time(), "commands": commands(self.lease.home)})
        elif word == "site":
            from agent.site import site
            if not value["put"]:
                tell("site", site(value))
                return False
            from agent.record import Record
            record = Record(self.lease.home, value.pop("record"))
            answer = site(value)
            record.outcome = {"end": "failed" if answer.get("failed") else "done", "step": "site"}
            record.end(None)
            tell("site", answer)
        elif word == "logs":
            from agent.logs import logs
            logs(self.settings, value, self.source)
            return True
        return False

    def publish(self):
        """Tells monitoring, once nobody waits for the lease any more."""
        entry, self.lease.ended = self.lease.ended, None
        if entry and entry["end"] != "unchanged" and self.settings["metrics"]:
            from agent.metrics import publish
            publish(self.settings, entry)

    def pause(self, wanted):
        path = self.settings["root"] + "/.deployer/freeze"
        try:
            write_whole(path, wanted) if wanted else discard(path)
        except OSError as error:
            speak(error)
            flush()
            return False
        self.lease.outcome(end="done")
        self.lease.release(False)
        return True

    def carry_out(self, steps):
        """Runs actions one after the other, as long as each succeeds and the client is there."""
        from agent import actions
        for step in steps:
            if step["upload"] is not None:
                name, action = named(step["action"])
                self.lease.begin(0, step["touches"], name)
                try:
                    self.source.take(action["upload"], step["upload"])
                except OSError as error:
                    speak(error)
                    flush()
                    return False
        for number, step in enumerate(steps, 1):
            name, action = named(step["action"])
            if self.source.ended or not tell("begin", number):
                return False
            self.lease.begin(number, step["touches"], name)
            if step["upload"] is None:
                action["upload"] = None
            why = self.act(getattr(actions, name), action, step["critical"])
            ok = why is None
            self.lease.end(number, ok)
            if name == "switch":
                self.lease.outcome(commit=action["commit"], switched=ok)
            self.lease.outcome(end="done" if ok else "failed", **({} if ok else {"step": name, "reason": why}))
            tell("end", [number, ok])
            if not ok:
                flush()
                return False
        return True

    def act(self, function, action, is_critical):
        """Runs one action in a process and a session of its own. A guarded one ends with its client; a critical one
        finishes whatever becomes of the client. Returns why it failed, by name, or None."""
        end, alive = os.pipe()
        # By it a switch hears what is decided of its fleet; it is closed where the client is gone.
        heard = None
        if action.get("decide_within"):
            heard, self.decision = os.pipe()
            action["decision"] = heard
        pid = os.fork()
        if pid == 0:
            os.setsid()
            os.close(end)
            self.forget()
            os.close(self.source.source)
            # What an action starts, and leaves behind, must not hold the lock.
            self.lease.close()
            why = run(function, self.settings, action, is_critical)
            try:
                os.write(alive, (why or "").encode("ascii"))
            except OSError:
                pass  # A critical action outlives whoever asked for it.
            os._exit(1 if why else 0)
        os.close(alive)
        if heard is not None:
            os.close(heard)
        self.lease.runs(pid, is_critical)
        try:
            self.attend(pid, end, is_critical)
            why = os.read(end, 200).decode("ascii")
        finally:
            os.close(end)
            self.forget()
        status = os.waitpid(pid, 0)[1]
        if os.WIFSIGNALED(status):
            why = "killed"
            close_line()
            tell("failed", {"reason": why, "signal": os.WTERMSIG(status)})
        # One that said nothing did not come to its end unless its status says so.
        return why or ("stopped" if status else None)

    def forget(self):
        """Nothing more is decided."""
        if self.decision is not None:
            os.close(self.decision)
            self.decision = None

    def attend(self, pid, end, is_critical):
        """Waits until an action has ended: `end` says how, or is at its end then."""
        told, kill_at = is_critical, None
        while True:
            wanted = [end] if self.source.ended else [end, self.source.source]
            ready = select.select(wanted, [], [], kill_at and max(0, kill_at - time.monotonic()))[0]
            if end in ready:
                return
            if ready:
                self.source.fill()
                self.lease.beat()
                lines = list(self.source.lines())
                for line in lines:
                    if named(line)[0] == "decide" and self.decision is not None:
                        os.write(self.decision, b"+" if named(line)[1] else b"-")
                if self.source.ended:
                    self.forget()
                asked = "stop" in lines
                if (asked or self.source.ended) and not told:
                    told, kill_at = True, time.monotonic() + GRACE
                    signal_session(pid, signal.SIGTERM)
            else:
                kill_at = None
                signal_session(pid, signal.SIGKILL)


def signal_session(pid, number):
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        os.kill(pid, number)  # It has no session of its own yet.


def run(function, settings, action, is_critical):
    """What the process of an action does; returns why it failed, by name, or None."""
    def stop(number, frame):
        raise Stopped()

    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN if is_critical else stop)
    try:
        function(settings, action)
    except Failed as failed:
        told = failed.told
    except Stopped:
        told = {"reason": "stopped"}
    except OSError as error:
        speak(error)
        told = {"reason": "not_written"}
    except Exception:
        speak(trace())
        told = {"reason": "broken"}
    else:
        return None
    tell("failed", told)
    return told["reason"]
