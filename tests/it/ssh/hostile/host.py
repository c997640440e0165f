"""A host that means no good, in the place of the shell that a key is let in to: host.py <kind> <file to make>."""
import json
import os
import re
import select
import sys
import time

kind, reached = sys.argv[1:]
command = os.environ.get("SSH_ORIGINAL_COMMAND", "")
found = re.search("[0-9a-f]{32}", command)
nonce = found.group() if found else "0" * 32


def write(stream, text):
    data = text.encode()
    while data:
        data = data[os.write(stream, data):]


def endlessly(stream, text, pause=0):
    piece = text if pause else text * (65536 // len(text))
    while True:
        write(stream, piece)
        time.sleep(pause)


def say(value):
    write(1, "%s %s\n" % (nonce, json.dumps(value)))


def tell_state():
    """As a host would on which all is well; the file lies beside this one."""
    with open(os.path.join(os.path.dirname(os.path.abspath(__file__)), "state.json")) as file:
        say({"state": json.load(file)})


def up_to_the_switch():
    """Each step went well, it says, up to the one that must not be cut off."""
    tell_state()
    request = {}
    while not isinstance(request, dict) or "carry_out" not in request:
        request = json.loads(sys.stdin.readline() or sys.exit())
    for number, step in enumerate(request["carry_out"]["steps"], 1):
        say({"begin": number})
        if step["critical"]:
            say({"warning": "the switch is at work"})
            break
        say({"end": [number, True]})


open(reached, "w").close()
other = nonce[::-1]
note = nonce + ' {"note": "so it goes"}\n'
try:
    if kind == "deaf after its state":
        tell_state()
    if kind == "mute in its switch":
        up_to_the_switch()
    if kind == "one step for ever":
        up_to_the_switch()
        endlessly(1, nonce + ' {"begin": 1}\n' + nonce + ' {"end": [1, true]}\n', 0.1)
    if kind == "endless line":
        endlessly(1, "x")
    if kind == "endless word":
        write(1, nonce + ' {"note": "')
        endlessly(1, "x")
    if kind == "endless wanted":
        endlessly(1, nonce + ' "wanted"\n')
    if kind == "mute after wanted":
        write(1, nonce + ' "wanted"\n')
    if kind == "endless notes":
        endlessly(1, note)
    if kind == "endless greeting":
        endlessly(1, "welcome\n")
    if kind == "foreign nonces":
        endlessly(1, other + ' {"state": {"now": 1}}\n')
    if kind == "broken JSON":
        endlessly(1, nonce + ' {"state": [}\n')
    if kind == "unknown word":
        endlessly(1, nonce + ' {"sing": "\\u001b]0;gotcha\\u0007"}\n')
    if kind == "escapes":
        endlessly(2, "\x1b]0;gotcha\x07\x1b[2J\x1b[31mred\r\n")
    if kind == "endless errors":
        endlessly(2, "it is as it is\n")
    if kind == "endless error":
        endlessly(2, "x")
    if kind == "huge state":
        write(1, nonce + ' {"state": {"now": 1, "virtualenvs": [' + '"",' * 340000 + '""]}}\n')
        endlessly(1, nonce + ' {"state": {"virtualenvs": [' + '"",' * 10000 + '""]}}\n')
    if kind == "dripping":
        endlessly(1, ".", 0.05)
    if kind == "dripping word":
        write(1, nonce + ' {"note": "')
        endlessly(1, ".", 0.05)
    if kind == "dripping notes":
        endlessly(1, note, 0.2)
    if kind == "foreign nonces, dripping":
        endlessly(1, other + ' {"state": {"now": 1}}\n', 0.2)
    if kind == "dripping errors":
        endlessly(2, "it is as it is\n", 0.05)
    # Until nobody reads any more.
    poll = select.poll()
    poll.register(1, 0)
    poll.poll()
except OSError:
    pass
