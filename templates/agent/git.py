"""A slot's repository: its objects, its work tree, and what a git that was killed leaves in it."""
import os
import shutil
import subprocess

from agent.data import keep_databases
from agent.files import read, sync_folder
from agent.proc import command_of, pids, wait_gone
from agent.tools import run, sync_disk, tool
from agent.wire import Failed, speak, tell

# Else it leaves empty files after a power loss, and would not read its repository again.
GIT = ("git", "-c", "core.fsync=all", "-c", "core.fsyncMethod=batch")
FETCH = ("-c", "gc.auto=0", "-c", "fetch.unpackLimit=100", "fetch", "-q", "--no-tags", "--no-recurse-submodules")
SEED, RELEASES, LENT = "refs/deployer/seed", "refs/deployer/releases/", "refs/deployer/lent/"


def git(*words, **options):
    tool(*GIT + words, **options)


def succeeds(*words):
    return run(*GIT + words)[0] == 0


def mend(folder):
    """Before a git is let at a git directory: under the lease a lock file that no git at work holds is stale, those of
    submodules too; empty files are what a power loss made of those that had not reached the disk."""
    left = [path for path in files_of(folder) if is_left(path)]
    if not left:
        return
    # One that was just told to end is given the time.
    busy = wait_gone([pid for pid in pids() if works_in(pid, folder)], 5)
    if busy:
        speak("git (process %d) is at work in %s" % (busy[0], folder))
        raise Failed("git_busy")
    for path in left:
        os.unlink(path)
    shown = [os.path.relpath(path, folder) for path in left]
    tell("note", "removed what a git that was cut off left behind: " + ", ".join(shown[:5]) + (", …" if shown[5:] else ""))


def files_of(folder):
    for place, below, files in os.walk(folder):
        if os.path.basename(place) == "objects":
            below[:] = [name for name in below if len(name) != 2]
        for name in files:
            yield os.path.join(place, name)


def is_left(path):
    if path.endswith(".lock"):
        return True
    named = "/refs/" in path or os.path.basename(path) in ("HEAD", "config", "index", "packed-refs")
    return named and "/logs/" not in path and not os.path.getsize(path)


def works_in(pid, folder):
    """Whether a process is a git, and at work in a git directory, or in its work tree."""
    place = "/proc/%d" % pid
    try:
        if os.path.basename(os.readlink(place + "/exe").replace(" (deleted)", "")) != "git":
            return False
        at = os.path.realpath(place + "/cwd") + "/"
    except OSError:
        return False  # Another user's, or gone.
    asked = [word for word in (read(place + "/environ", 1 << 21) or "").split("\0") if word.startswith("GIT_")]
    tree = os.path.realpath(folder.partition("/.git")[0])
    said = " ".join([command_of(pid)] + asked)
    return at.startswith(tree + "/") or folder in said or tree + "/.git" in said


def make(folder):
    """A slot's repository, where there is none, or a power loss left half of one."""
    mend(folder + "/.git")
    if not all(read(folder + "/.git/" + name, 1) for name in ("HEAD", "config")):
        git("-c", "init.defaultBranch=main", "init", "-q", folder)


def module(folder):
    """A submodule's repository, where there is none: made bare, or git would want a work tree; not bare, or its first
    checkout fails."""
    if "bare = false" not in (read(folder + "/config") or ""):
        os.makedirs(folder, exist_ok=True)
        git("init", "-q", "--bare", folder)
        git("--git-dir=" + folder, "config", "core.bare", "false")


def seed(settings, action):
    """Takes in the objects and names the commit, so that git keeps it. What the bundle builds upon, or the commit itself,
    may be in the other slot's repository only."""
    folder, commit, bundle = action["git"], action["commit"]["id"], action["upload"]
    here = "--git-dir=" + folder
    mend(folder)
    module(folder)
    if bundle:
        fetch = (here,) + FETCH + (bundle, "+%s:%s" % (SEED, SEED))
        try:
            if not succeeds(*fetch):
                lend(action["other"], folder)
                git(*fetch)
        finally:
            os.unlink(bundle)
    elif not succeeds(here, "cat-file", "-e", commit + "^{commit}"):
        lend(action["other"], folder)
        git(here, "cat-file", "-e", commit + "^{commit}")
    changes = ["update %s %s" % (name, commit) for name in (SEED, RELEASES + commit)]
    change(folder, changes + ["delete " + name for name in lent(folder)])
    # A submodule's work tree that outlived its repository is of some commit, or git would not check it out.
    if "/modules/" in folder and not succeeds(here, "rev-parse", "-q", "--verify", "HEAD"):
        git(here, "update-ref", "--no-deref", "HEAD", commit)
    # git syncs its files, but not the names that it gives them.
    for place in ("", "/refs/deployer", "/refs/deployer/releases", "/objects/pack"):
        sync_folder(folder + place)


def change(folder, changes):
    """References that change together, or not at all."""
    text = "".join(line + "\n" for line in changes).encode()
    done = subprocess.Popen(GIT + ("--git-dir=" + folder, "update-ref", "--stdin"), stdin=subprocess.PIPE)
    done.communicate(text)
    if done.returncode:
        raise Failed("tool_failed", tool="git", status=done.returncode)


def lend(other, folder):
    """The second repository gets a copy of all that the first has, under names that hold it until the commit has one. A
    copy, for either slot may be rebuilt or removed without the other."""
    if os.path.isdir(other):
        try:
            git("--git-dir=" + folder, *FETCH + (other, "+refs/*:" + LENT + "*"))
        except Failed:
            raise Failed("not_lent")


def lent(folder):
    if not os.path.isdir(folder + "/" + LENT) and LENT not in (read(folder + "/packed-refs", 1 << 24) or ""):
        return []
    return run(*GIT + ("--git-dir=" + folder, "for-each-ref", "--format=%(refname)", LENT))[1].split()


def check_out(settings, action):
    """The work tree becomes the commit's, and nothing else; the folders that outlive a release are links in it."""
    root, color, below, shared = settings["root"], action["color"], action["directory"], action["shared"]
    repo = "%s/%s/repo" % (root, color)
    mend(repo + "/.git")
    for name in shared:
        adopt("%s/shared/%s" % (root, name), "%s/live/repo/%s/%s" % (root, below, name), "%s/%s/%s" % (repo, below, name))
    # Before git writes anything: the commit may have a file of the same name.
    before = run("git", "-C", repo, "rev-parse", "-q", "--verify", "--short", "HEAD")[1].strip()
    keep_databases(root, color, before or "nothing")
    git("-c", "advice.detachedHead=false", "-c", "core.hooksPath=/dev/null", "checkout", "-q", "--force", "--detach",
        action["commit"]["id"], cwd=repo)
    if os.path.exists(repo + "/.gitmodules"):
        check_out_submodules(root, color, repo)
    git("clean", "-ffdxq", cwd=repo)
    for name in shared:
        attach(repo, os.path.normpath(os.path.join(repo, below, name)), "%s/shared/%s" % (root, name))
    sync_disk(repo)


def check_out_submodules(root, color, repo):
    """They were seeded, so that nothing is to be brought from anywhere."""
    words = GIT + ("-c", "core.hooksPath=/dev/null", "-c", "protocol.allow=never", "submodule", "-q", "update", "--init",
                   "--recursive", "--force", "--no-fetch")
    if run(*words, cwd=repo)[0] == 0:
        return
    borrow(root, color, repo)
    code, out, err = run(*words, cwd=repo)
    if code:
        speak((out + err).rstrip("\n"))
        raise Failed("no_submodule")


def borrow(root, color, repo):
    """Takes from the other slot what only its submodules have, for a release that was built there."""
    other = "%s/%s/repo/.git/modules" % (root, "blue" if color == "green" else "green")
    for place, _, files in os.walk(other):
        if "config" in files:
            mine = repo + "/.git/modules" + place[len(other):]
            module(mine)
            git("--git-dir=" + mine, *FETCH + (place, "+%s*:%s*" % (RELEASES, RELEASES)))


def adopt(shared, live, own):
    """Makes a shared folder, and takes over what was in the slots before it was shared, for git would clean that away. The
    first that has a file gives it: live, which the public writes to."""
    os.makedirs(shared, exist_ok=True)
    for place in (live, own):
        if os.path.islink(place):
            if place == own:
                os.unlink(place)
            continue
        for folder, below, files in os.walk(place):
            there = os.path.normpath(os.path.join(shared, os.path.relpath(folder, place)))
            os.makedirs(there, exist_ok=True)
            for name in files + [name for name in below if os.path.islink(os.path.join(folder, name))]:
                target = os.path.join(there, name)
                # Copies: what still runs there may go on writing to its own.
                if not os.path.lexists(target):
                    shutil.copy2(os.path.join(folder, name), target + ".new", follow_symlinks=False)
                    os.rename(target + ".new", target)


def attach(repo, path, shared):
    """The link, in place of nothing, or of a folder that the commit only holds open."""
    held = os.path.lexists(path) and not os.path.isdir(path) or os.path.islink(path)
    for _, _, files in os.walk(path):
        held = held or any(not name.startswith(".git") and name != ".keep" for name in files)
    if held:
        speak("the commit has files in %s, which is to be a link to %s" % (os.path.relpath(path, repo), shared))
        raise Failed("shared_tracked")
    shutil.rmtree(path, ignore_errors=True)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    os.symlink(shared, path)
