# What a git that was killed, or a power loss, leaves in a slot's repository.


def mend(facts, git, *left):
    """Removes lock files, and files that are empty and must not be, unless a git is at work there. 61: one is."""
    # One that was just told to end is given the time.
    busy = wait_gone([pid for pid in pids() if works_in(pid, git)], 5)
    if busy:
        print("git (process %d) is at work in %s" % (busy[0], git))
        return 61
    names = []
    for path in left:
        if os.path.exists(path) and (path.endswith(".lock") or not os.path.getsize(path)):
            os.unlink(path)
            names.append(os.path.relpath(path, git))
    if names:
        tell("note", "removed what a git that was cut off left behind: " + ", ".join(names[:5]) + (", …" if names[5:] else ""))
    return 0


def works_in(pid, git):
    """Whether a process is a git, and at work in a git directory, or in its work tree."""
    folder = "/proc/%d" % pid
    try:
        if os.path.basename(os.readlink(folder + "/exe").replace(" (deleted)", "")) != "git":
            return False
        at = os.path.realpath(folder + "/cwd") + "/"
    except OSError:
        return False  # Another user's, or gone.
    asked = [word for word in (read(folder + "/environ", 1 << 21) or "").split("\0") if word.startswith("GIT_")]
    tree = os.path.realpath(git.partition("/.git")[0])
    said = " ".join([command_of(pid)] + asked)
    return at.startswith(tree + "/") or git in said or tree + "/.git" in said
