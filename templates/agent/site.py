"""The site of an environment in nginx's configuration, for `setup` alone. Where the user may not write it, this file runs
once more as root, by itself: it imports nothing of the agent above `site`."""
import json
import os
import shutil
import signal
import subprocess
import sys


def site(asked):
    """`look`, or `put` and what that comes to: by sudo where that is asked for."""
    if not asked["by_sudo"]:
        return act(asked)
    from agent import text
    words = ["sudo", "-n", sys.executable, "-ISBc", text("site.py"), json.dumps(asked)]
    done = subprocess.run(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        return json.loads(done.stdout.decode("utf-8"))
    except ValueError:
        return {"failed": "write", "said": done.stderr.decode("utf-8", "replace")}


def act(asked):
    return put(**asked["put"]) if asked["put"] else look(**asked["look"])


def look(file, link, certificate):
    found = {"exists": os.path.lexists(file), "text": None, "ipv6": False}
    try:
        with open(file, encoding="utf-8", errors="replace") as there:
            found["text"] = there.read()
    except OSError:
        pass
    if os.path.exists("/proc/net/if_inet6"):
        with open("/proc/net/if_inet6") as addresses:
            found["ipv6"] = bool(addresses.read(1))
    found["linked"] = not link or os.path.exists(link) and os.path.realpath(link) == os.path.realpath(file)
    found["dangling"] = bool(link) and os.path.islink(link) and not os.path.exists(link)
    folders = [os.path.dirname(path) for path in (file, link) if path]
    found["writable"] = all(os.path.isdir(folder) and os.access(folder, os.W_OK) for folder in folders)
    found["certificate"] = os.path.exists(certificate + "/fullchain.pem")
    # The folder above is root's alone, so that others may not even know.
    above = os.path.dirname(certificate)
    found["secret"] = not found["certificate"] and os.path.isdir(above) and not os.access(above, os.X_OK)
    return found


def put(file, link, content, test, reload):
    """Writes the file, links it, and has nginx test its whole configuration; where it refuses, or the reload fails, all is
    as it was before: a file that nginx refuses would keep every other site from being reloaded."""
    # The client may go; what was begun is ended all the same.
    for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    # A name that begins with a dot: nginx reads whole folders, but not those.
    new, old = (os.path.join(os.path.dirname(file), "." + os.path.basename(file) + end) for end in (".new", ".old"))
    made = []

    def undo(step, said):
        if os.path.exists(old):
            os.rename(old, file)
        elif step != "write":
            os.unlink(file)
        for path in made:
            os.unlink(path)
        return {"failed": step, "said": said}

    try:
        for path in (new, old):
            if os.path.lexists(path):
                os.unlink(path)
        with open(new, "w", encoding="utf-8") as there:
            there.write(content)
        os.chmod(new, 0o644)
        if os.path.exists(file):
            shutil.copy2(file, old)
        os.rename(new, file)
    except OSError as error:
        if os.path.lexists(new):
            os.unlink(new)
        return {"failed": "write", "said": str(error)}
    try:
        if link and not os.path.lexists(link):
            os.symlink(file, link)
            made.append(link)
    except OSError as error:
        return undo("link", str(error))
    well, said = ran(test)
    if not well:
        return undo("test", said)
    well, said = ran(reload)
    if not well:
        failed = undo("reload", said)
        # What was begun with the new file ends with the old one.
        ran(reload)
        return failed
    if os.path.exists(old):
        os.unlink(old)
    return {"failed": None, "said": ""}


def ran(words):
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    except OSError as error:
        return False, "%s: %s" % (words[0], error.strerror)
    return done.returncode == 0, done.stdout.decode("utf-8", "replace")


if __name__ == "__main__":
    print(json.dumps(act(json.loads(sys.argv[1]))))
