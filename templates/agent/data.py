"""SQLite databases in a slot's work tree: data that no commit brings, and that the other slot does not see."""
import os
import subprocess
import time

from agent.files import names, readable
from agent.wire import tell


def sqlite_files(top, hurried):
    """The SQLite files below a folder, by their paths from there, whatever they are called; no link is followed. In a
    hurry it looks for what is likely, and not for long."""
    deadline = time.monotonic() + 0.2
    found, folders = [], [""]
    for folder in folders:
        try:
            entries = list(os.scandir(os.path.join(top, folder)))
        except OSError:
            continue
        if hurried and (time.monotonic() > deadline or any(entry.name == "pyvenv.cfg" for entry in entries)):
            continue
        for entry in entries:
            path = os.path.join(folder, entry.name)
            try:
                if entry.is_dir(follow_symlinks=False):
                    if path != ".git" and not (hurried and entry.name == "node_modules"):
                        folders.append(path)
                elif entry.is_file(follow_symlinks=False):
                    size = entry.stat(follow_symlinks=False).st_size
                    if size >= 16 and not (hurried and size % 512) and is_sqlite(entry.path):
                        found.append(path)
            except OSError:
                pass
    return found


def is_sqlite(path):
    with open(path, "rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def opened(slot, processes):
    """The SQLite files of a slot's own that processes have open, by their paths from its work tree: also those that lie
    beside it, or where nobody would look."""
    top, found = os.path.realpath(slot), set()
    for pid in processes:
        folder = "/proc/%d/fd/" % pid
        for name in names(folder):
            try:
                path = os.readlink(folder + name)
                if path.startswith(top + "/") and os.path.isfile(path) and is_sqlite(path):
                    found.add(os.path.relpath(path, top + "/repo"))
            except OSError:
                pass  # It was closed meanwhile.
    return found


def databases(repo, hurried, processes=()):
    """Those that git would not bring again: what it does not track, and what was changed since."""
    found = sorted(opened(os.path.dirname(repo), processes).union(sqlite_files(repo, hurried)))
    if not found:
        return []
    tracked = listed(repo, "--recurse-submodules") or listed(repo)
    changed = listed(repo, "-m") if any(path in tracked for path in found) else ()
    return sorted(path for path in found if path not in tracked or path in changed)


def listed(repo, *words):
    words = ("git", "-C", repo, "ls-files", "-z") + words
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return set(os.fsdecode(done.stdout).split("\0"))


def keep_databases(root, color, before):
    """Puts the databases of a work tree aside, which is about to become another commit's: they are no part of the release
    `before`, which is all that is cleaned away."""
    import shutil
    repo = os.path.join(root, color, "repo")
    kept = first = os.path.join(root, color, "removed", before)
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
