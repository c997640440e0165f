"""Programs of the host."""
import os
import subprocess

from agent.wire import Failed


def run(*words, **options):
    """A program's status, output and complaint."""
    try:
        done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)
    except OSError as error:
        return 127, "", error.strerror or str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def status_of(code):
    """A status as a shell counts it."""
    return 128 - code if code < 0 else code


def tool(*words, **options):
    """Runs a program that prints for the person at the client; fails as it does."""
    try:
        code = subprocess.call(words, **options)
    except OSError as error:
        raise Failed("tool_failed", status=127, tool=os.path.basename(words[0]), why=error.strerror or str(error))
    if code:
        raise Failed("tool_failed", status=status_of(code), tool=os.path.basename(words[0]))


def sync_disk(path):
    """Waits until all of the path's file system is on the disk."""
    if subprocess.call(["sync", "-f", path], stderr=subprocess.DEVNULL):
        subprocess.call(["sync"])
