"""Processes and sockets, as /proc tells of them."""
import os
import time

from agent.files import read

TICKS = os.sysconf("SC_CLK_TCK")


def named(path):
    """The living process that a file names by number and start: (pid, kind), or None."""
    words = (read(path, 100) or "").split()
    if len(words) < 2 or not words[0].isdigit():
        return None
    stat = stat_of(int(words[0]))
    return (int(words[0]), words[2:]) if stat and str(stat["start"]) == words[1] else None


def stat_of(pid):
    """Parent, session and start time of a process that is alive (a zombie is not), or None."""
    text = read("/proc/%d/stat" % pid)
    if not text:
        return None
    fields = text[text.rindex(")") + 2:].split()
    if fields[0] in "ZX":
        return None
    return {"parent": int(fields[1]), "session": int(fields[3]), "start": int(fields[19])}


def boot_time():
    for line in (read("/proc/stat", 1 << 20) or "").splitlines():
        if line.startswith("btime "):
            return int(line.split()[1])
    return 0


def command_of(pid):
    return (read("/proc/%d/cmdline" % pid, 4096) or "").replace("\0", " ").strip()


def origin(pid, slot):
    """The name under which the launcher started a process of a slot, or that which it descends from; None: it did not."""
    found = {}
    for pair in (read("/proc/%d/environ" % pid, 1 << 21) or "").split("\0"):
        name, _, value = pair.partition("=")
        found[name] = value
    if os.path.realpath(found.get("DEPLOYER_SLOT", "/")) == os.path.realpath(slot):
        return found.get("DEPLOYER_PROCESS")
    return None


def is_gunicorn(pid):
    """Whether a process is gunicorn itself, which ends its workers gracefully, and not a shell that leads to one."""
    words = command_of(pid).split(" ")
    return "gunicorn" in " ".join(words) and os.path.basename(words[0]) not in ("sh", "dash", "bash")


def family(leaders):
    """Processes, the members of their sessions and all their descendants, those that live: number -> start."""
    stats = {}
    for pid in pids():
        stats[pid] = stat_of(pid)
    found = set(pid for pid in stats if stats[pid] and (pid in leaders or stats[pid]["session"] in leaders))
    grown = found
    while grown:
        grown = set(pid for pid in stats if stats[pid] and stats[pid]["parent"] in grown) - found
        found |= grown
    return {pid: stats[pid]["start"] for pid in found}


def is_ours(pid, slot):
    """Whether a process provably is of the slot's web server: of this user, and started by the slot's launcher; or
    gunicorn (an older deployer's, gitric's), and at home or named in the slot."""
    try:
        if os.stat("/proc/%d" % pid).st_uid != os.getuid():
            return False
        name = origin(pid, slot)
        if name is not None:
            return name == "web"
        home = os.path.realpath(slot) + "/"
        leader = named(slot + "/etc/pids/web")
        if leader and stat_of(pid)["session"] == leader[0]:
            return True  # Even if it wrote its title over its variables.
        inside = (os.readlink("/proc/%d/cwd" % pid).replace(" (deleted)", "") + "/").startswith(home)
    except (OSError, TypeError):
        return False  # It is gone.
    command = command_of(pid)
    return "gunicorn" in command and (inside or home in command or slot + "/" in command)


def pids():
    return [int(name) for name in os.listdir("/proc") if name.isdigit()]


def listeners(port):
    """Inode -> user number of every socket that listens on a TCP port."""
    found = {}
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table) as file:
                next(file, None)
                for line in file:
                    fields = line.split(None, 10)
                    # The kernel lists those that listen first; of the others a busy host has more than one wants to read.
                    if fields[3] != "0A":
                        break
                    if int(fields[1].rsplit(":", 1)[1], 16) == port:
                        found[fields[9]] = int(fields[7])
        except OSError:
            pass  # A host without IPv6 has no table of it.
    return found


def connected(port):
    """How many connections a TCP port of this machine has."""
    count = 0
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        lines = (read(table, 1 << 26) or "").splitlines()[1:]
        fields = [line.split(None, 4) for line in lines]
        count += sum(1 for row in fields if row[3] == "01" and int(row[1].rsplit(":", 1)[1], 16) == port)
    return count


def openers(is_wanted):
    """The processes that have a file open of which `is_wanted` says so, by its place in /proc, as far as this user may see."""
    found = []
    for pid in pids():
        folder = "/proc/%d/fd" % pid
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        for name in names:
            try:
                if is_wanted(folder + "/" + name):
                    found.append(pid)
                    break
            except OSError:
                pass  # It was closed meanwhile.
    return found


def holders(inodes):
    """The processes that hold one of these sockets open, as far as this user may see."""
    wanted = set("socket:[%s]" % inode for inode in inodes)
    return openers(lambda path: os.readlink(path) in wanted) if wanted else []


def eldest(group):
    """Of processes that share a socket, the one whose parent is not among them: gunicorn's master."""
    for pid in group:
        stat = stat_of(pid)
        if stat and stat["parent"] not in group:
            return pid
    return group[0] if group else None


def listener(port, slot):
    """Who listens on a port: None, or its master process, its user, and whether it is the slot's own."""
    sockets = listeners(port)
    if not sockets:
        return None
    group = holders(sockets)
    if not group:
        # It belongs to another user, or it has just ended.
        sockets = listeners(port)
        if not sockets:
            return None
        group = holders(sockets)
    pid = eldest(group)
    user = list(sockets.values())[0]
    return {
        "pid": pid,
        "user": user_name(user),
        "ours": pid is not None and is_ours(pid, slot),
        "command": command_of(pid)[:200] if pid else "",
    }


def user_name(number):
    for line in (read("/etc/passwd", 1 << 20) or "").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2] == str(number):
            return fields[0]
    try:
        import pwd  # Users of a directory service are in no file.
        return pwd.getpwuid(number).pw_name
    except (ImportError, KeyError):
        return str(number)


def pid_file(slot):
    """What a slot's pid file says: (word, pid); the word is none, garbage, stale, stranger or ours."""
    text = read(slot + "/etc/app.pid", 64)
    if text is None:
        return "none", None
    try:
        pid = int(text.strip())
    except ValueError:
        return "garbage", None
    if pid <= 1 or not stat_of(pid):
        return ("garbage" if pid <= 0 else "stranger" if pid == 1 else "stale"), pid
    return ("ours" if is_ours(pid, slot) else "stranger"), pid


def wait_gone(group, seconds):
    """Waits until every process of a group has ended; returns those that have not."""
    deadline = time.monotonic() + seconds
    left = [pid for pid in group if stat_of(pid)]
    while left and time.monotonic() < deadline:
        time.sleep(0.01)
        left = [pid for pid in left if stat_of(pid)]
    return left


def signal_all(group, number):
    for pid in group:
        try:
            os.kill(pid, number)
        except OSError:
            pass


def unix_sockets(path):
    """The flags of each end of a Unix socket that this path was bound to."""
    rows = [line.split(None, 7) for line in (read("/proc/net/unix", 1 << 24) or "").splitlines()[1:]]
    return [row[3] for row in rows if len(row) == 8 and row[7] == path]


LISTENING = "00010000"


def listens(root, color):
    """Whether something listens on a slot's own socket: a file of that name may be left over, or a bridge."""
    return LISTENING in unix_sockets("%s/%s/app.sock" % (root, color))


def connections(path):
    """How many connections a Unix socket has, those that nobody has accepted yet among them."""
    return sum(1 for flags in unix_sockets(path) if flags != LISTENING)


def workers():
    """nginx's worker processes: pid -> (start time, whether it is shutting down)."""
    found = {}
    for pid in pids():
        command = read("/proc/%d/cmdline" % pid, 200) or ""
        if command.startswith("nginx: worker process"):
            stat = stat_of(pid)
            if stat:
                found[pid] = (stat, "shutting down" in command)
    return found
