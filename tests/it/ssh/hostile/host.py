"""A host that means no good, in the place of the shell that a key is let in to: host.py <kind> <file to make>."""
import base64
import gzip
import os
import re
import select
import subprocess
import sys
import time

kind, reached = sys.argv[1:]
command = os.environ.get("SSH_ORIGINAL_COMMAND", "")
found = re.search("[0-9a-f]{32}", command)
if not found:
    try:
        found = re.search("[0-9a-f]{32}", gzip.decompress(base64.b64decode(command.split()[-1])).decode())
    except Exception:
        pass
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


open(reached, "w").close()
try:
    if kind == "deaf after its state":
        shell = subprocess.Popen(["sh", "-c", command], stdin=subprocess.PIPE)
    if kind == "endless line":
        endlessly(1, "x")
    if kind == "endless word":
        write(1, nonce + ' note "')
        endlessly(1, "x")
    if kind == "endless hello":
        endlessly(1, nonce + " hello 1\n")
    if kind == "endless notes":
        endlessly(1, nonce + ' note "so it goes"\n')
    if kind == "endless greeting":
        endlessly(1, "welcome\n")
    if kind == "endless errors":
        endlessly(2, "it is as it is\n")
    if kind == "endless error":
        endlessly(2, "x")
    if kind == "huge state":
        write(1, nonce + ' state {"now": 1, "virtualenvs": [' + '"",' * 340000 + '""]}\n')
        endlessly(1, nonce + ' state {"virtualenvs": [' + '"",' * 10000 + '""]}\n')
    if kind == "dripping":
        endlessly(1, ".", 0.05)
    if kind == "dripping hello":
        endlessly(1, nonce + " hello 1\n", 0.2)
    if kind == "dripping errors":
        endlessly(2, "it is as it is\n", 0.05)
    # Until nobody reads any more.
    poll = select.poll()
    poll.register(1, 0)
    poll.poll()
except OSError:
    pass
