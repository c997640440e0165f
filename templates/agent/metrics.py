"""What monitoring is told when a command ends: a file for node_exporter, an event by OTLP/HTTP. None of it fails a command."""
import json
import os
import subprocess
import threading
import time
import urllib.error
import urllib.parse
import urllib.request

from agent.files import document, entries, put
from agent.layout import COLORS, link
from agent.probe import health
from agent.proc import listener
from agent.wire import tell

# Bound on the event, in seconds: its name may not be found, or nobody answer.
PATIENCE = 3
# The variable by which OpenTelemetry's own programs learn their headers: name=value,name=value, in percent signs.
HEADERS = "OTEL_EXPORTER_OTLP_HEADERS"


def publish(settings, entry):
    """Tells what a command has done; what cannot be told is a warning."""
    wanted = settings["metrics"]
    if wanted["textfile"]:
        try:
            os.stat(os.path.dirname(wanted["textfile"]))  # A folder that is not there is not the collector's.
            put(wanted["textfile"], text(settings, entry))
        except OSError as error:
            tell("warning", "the metrics cannot be written: %s" % error)
    if wanted["otlp"]:
        why = []
        # A daemon: where a name is looked for without end, nobody waits for it.
        sender = threading.Thread(target=lambda: why.append(send(settings, entry)), daemon=True)
        sender.start()
        sender.join(PATIENCE)
        if not why or why[0]:
            told = why[0] if why else "no answer within %d s" % PATIENCE
            tell("warning", "%s was not told of the %s: %s" % (wanted["otlp"], entry["verb"], told))


def text(settings, entry):
    """The file, in Prometheus' own format."""
    root, wanted = settings["root"], settings["metrics"]
    live = link(root, "live")["color"]
    own = {"app": wanted["app"], "environment": wanted["environment"]}
    lines = []

    def family(name, what, samples):
        lines.append("# HELP deployer_%s %s" % (name, what))
        lines.append("# TYPE deployer_%s gauge" % name)
        for labels, value in samples:
            shown = ",".join('%s="%s"' % (key, escaped(labels[key])) for key in labels)
            lines.append("deployer_%s{%s} %s" % (name, shown, value))

    slots = [dict(own, slot=color, role="live" if color == live else "next") for color in COLORS]
    releases = [document("%s/%s/etc/release.json" % (root, labels["slot"])) or {} for labels in slots]
    built = [(labels, release) for labels, release in zip(slots, releases) if release.get("commit")]
    family("release", "The release that a slot holds.", [
        (dict(labels, commit=release["commit"], by=release.get("by", "")), 1) for labels, release in built])
    family("release_built_timestamp_seconds", "When a slot's release was built.", [
        (labels, release.get("at", 0)) for labels, release in built])
    switches = entries(root + "/.deployer/history.jsonl")
    family("live_since_timestamp_seconds", "When what is live became so.", [
        (own, "%.3f" % entry["at"]) for entry in switches[-1:] if "at" in entry])
    family("slot_healthy", "Whether a slot answered the health check when this was written.", [
        (labels, int(healthy(settings, labels["slot"]))) for labels in slots])
    family("last_command_timestamp_seconds", "When the last command began.", [
        (dict(own, verb=entry["verb"], end=entry["end"]), "%.3f" % entry["at"])])
    family("written_timestamp_seconds", "When this was written.", [(own, "%.3f" % time.time())])
    return "\n".join(lines) + "\n"


def escaped(value):
    return str(value).replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")


def healthy(settings, color):
    port = settings["ports"][color]
    return bool(listener(port, os.path.join(settings["root"], color))) and health(settings, port)["ok"]


def send(settings, entry):
    """Sends the event; returns why it did not arrive, or None."""
    request = urllib.request.Request(
        settings["metrics"]["otlp"] + "/v1/logs", json.dumps(event(settings, entry)).encode("ascii"),
        dict(headers(settings), **{"Content-Type": "application/json"}))
    try:
        with urllib.request.build_opener(Stay).open(request, timeout=PATIENCE) as answer:
            answer.read(1000)
    except urllib.error.HTTPError as error:
        return "it answered with status %d" % error.code
    except OSError as error:
        return str(getattr(error, "reason", error))
    except Exception as error:
        return type(error).__name__  # Its words may hold a header, which may be a secret.
    return None


class Stay(urllib.request.HTTPRedirectHandler):
    """Follows no redirect: the headers are for nobody else."""

    def redirect_request(self, *words):
        return None


def headers(settings):
    """Those that [secrets] or [env] name, by what lies in live, or in next before anything was live."""
    root = settings["root"]
    path = root + ("/live" if os.path.exists(root + "/live/etc/env") else "/next") + "/etc/env"
    done = subprocess.run(["sh", "-c", '. "$1" >/dev/null 2>&1; printf %%s "${%s-}"' % HEADERS, "sh", path],
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    pairs = [pair.partition("=") for pair in done.stdout.decode("utf-8", "replace").split(",") if "=" in pair]
    return {name.strip(): urllib.parse.unquote(value.strip()) for name, _, value in pairs}


def event(settings, entry):
    """A log record of OTLP, in JSON."""
    def attributes(values):
        kinds = {str: "stringValue", float: "doubleValue", bool: "boolValue", int: "intValue"}
        return [{"key": key, "value": {kinds[type(value)]: str(value) if type(value) is int else value}}
                for key, value in sorted(values.items()) if value is not None]

    wanted = settings["metrics"]
    failed = entry["end"] != "done"
    told = {"deployer." + key: entry.get(key) for key in ("verb", "by", "end", "seconds", "step", "reason", "switched")}
    record = {
        "timeUnixNano": str(int((entry["at"] + entry["seconds"]) * 1e9)),
        "severityNumber": 17 if failed else 9, "severityText": "ERROR" if failed else "INFO",
        "eventName": "deployer." + entry["verb"],
        "body": {"stringValue": "%s of %s: %s" % (entry["verb"], (entry.get("commit") or wanted["app"])[:7], entry["end"])},
        "attributes": attributes(dict(told, **{"vcs.ref.head.revision": entry.get("commit")})),
    }
    resource = {"service.name": wanted["app"], "deployment.environment.name": wanted["environment"], "host.name": os.uname()[1]}
    return {"resourceLogs": [{"resource": {"attributes": attributes(resource)},
                              "scopeLogs": [{"scope": {"name": "deployer"}, "logRecords": [record]}]}]}
