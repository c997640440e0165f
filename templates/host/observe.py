# Reads the whole host into one JSON object. Changes nothing.


def run(*words):
    import subprocess
    try:
        done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    except OSError as error:
        return 127, "", error.strerror or str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace"), done.stderr.decode("utf-8", "replace")


def which(name, *further):
    for folder in os.environ.get("PATH", "").split(":") + [os.path.expanduser(place) for place in further]:
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def document(path):
    text = read(path)
    try:
        value = json.loads(text) if text else None
    except ValueError:
        value = None
    return value if isinstance(value, dict) else None


def link(root, name):
    """A link's text, and the slot that it leads to, if it leads to one."""
    path = os.path.join(root, name)
    try:
        target = os.readlink(path)
    except OSError:
        return {"target": None, "color": None, "exists": os.path.lexists(path)}
    full = os.path.realpath(path)
    colors = [color for color in ("blue", "green") if full == os.path.realpath(os.path.join(root, color))]
    return {"target": target, "color": colors[0] if colors else None, "exists": True}


def tail(path, limit):
    """The last bytes of a file that only grows; the first of its lines may be torn."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return None


def modified(path):
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def names(folder):
    try:
        return sorted(name for name in os.listdir(folder) if not name.endswith(".new"))
    except OSError:
        return []


def refs(repo):
    """The commits that a slot's repository can be asked to build upon: name -> commit."""
    # A power loss leaves one half made, or its files empty: as good as none.
    if not all(read(repo + "/.git/" + name, 1) for name in ("HEAD", "config")):
        return None, None, None
    # One call, and one that tells an owner's mistake (safe.directory) from an empty repository.
    code, out, err = run("git", "-C", repo, "for-each-ref", "--format=%(objectname) %(objecttype) %(refname)",
                         "refs/deployer", "refs/heads", "refs/remotes")
    if code:
        return {}, None, err.strip()[:400]
    found = {}
    for line in out.splitlines():
        commit, kind, name = line.split(" ", 2)
        if kind == "commit":
            found[name] = commit
    head = (read(repo + "/.git/HEAD", 300) or "").strip()
    if head.startswith("ref: "):
        head = found.get(head[5:], "")
    return found, head if len(head) == 40 else None, None


def modules(repo, wanted):
    """What the submodules' repositories below a slot's own already hold: name -> commits."""
    held = {}
    for name in wanted:
        folder = repo + "/.git/" + name
        if os.path.isdir(folder):
            code, out, _ = run("git", "--git-dir=" + folder, "for-each-ref", "--format=%(objectname)", "refs/deployer")
            held[name] = out.split() if code == 0 else []
    return held


def slot(facts, color):
    path = os.path.join(facts["root"], color)
    if not os.path.isdir(path):
        return {"exists": False}
    found, head, trouble = refs(path + "/repo")
    word, pid = pid_file(path)
    report = {
        "exists": True,
        "release": document(path + "/etc/release.json"),
        "refs": found or {},
        "repository": found is not None,
        "repository_error": trouble,
        "head": head,
        "modules": modules(path + "/repo", facts.get("modules", [])) if found is not None else {},
        "databases": [readable(name) for name in databases(path + "/repo", True)[:10]],
        "snippet": (read(path + "/etc/nginx.conf", 4000) or ""),
        "environment": os.path.basename(os.path.realpath(path + "/env")) if os.path.lexists(path + "/env") else None,
        "run": names(path + "/etc/run"),
        "unit": unit_state(facts, color),
        "processes": described(path),
        "enabled": [name for name in described(path) if unit_state(facts, color, name) == "enabled"],
        "running": {name: [{"pid": run["pid"], "started": boot_time() + min(run["members"].values()) / TICKS}
                           for run in runs] for name, runs in running(path).items()},
        "pid_file": word,
        "pid": pid,
        "listener": listener(facts["ports"][color], path),
    }
    master = pid if word == "ours" else None
    if report["listener"] and report["listener"]["ours"]:
        master = report["listener"]["pid"]
    stat = stat_of(master) if master else None
    # Whether nginx can reach it through the link; of what does not run, whether it could.
    report["socket"] = (listens(facts["root"], color) if stat else
                        "/%s/app.sock" % color in (read(path + "/etc/run/web") or ""))
    if stat:
        report["process"] = {"pid": master, "started": boot_time() + stat["start"] / TICKS}
    return report


def space(root):
    path = root
    while not os.path.exists(path) and path not in ("", "/"):
        path = os.path.dirname(path)
    found = {"exists": os.path.isdir(root), "ancestor": path, "writable": os.access(path, os.W_OK)}
    try:
        disk = os.statvfs(path)
        found.update(free=disk.f_bavail * disk.f_frsize, inodes=disk.f_favail if disk.f_files else None)
    except OSError:
        pass
    return found


def interrupted(home, held):
    """The command that was cut off, its step, what that touches, and when: what the next holder of the lock puts aside, or would."""
    for path, journal in ((home + "/holder", home + "/journal"), (home + "/interrupted", home + "/interrupted.journal")):
        found = document(path)
        step, touches = last_step(journal)
        if found and step and not (held and path.endswith("/holder")):
            return found, step, touches, modified(journal)
    return None, None, None, None


def entries(path):
    """The last lines of a file that only grows, oldest first. A line that power loss tore is left out."""
    found = []
    for line in (tail(path, 1 << 20) or "").splitlines()[-100:]:
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return [entry for entry in found if isinstance(entry, dict)]


def lost(root, live, slots):
    """How many of live's commits next lacks; None: one of them is not known."""
    if live not in slots:
        return None
    other = "green" if live == "blue" else "blue"
    held = [(slots[color].get("release") or {}).get("commit") or slots[color].get("head") for color in (live, other)]
    if not all(held):
        return None
    # Each repository has what was deployed there.
    objects = "%s/%s/repo/.git/objects" % (root, live)
    code, out, _ = run("env", "GIT_ALTERNATE_OBJECT_DIRECTORIES=" + objects, "git", "-C", "%s/%s/repo" % (root, other),
                       "rev-list", "--count", "%s..%s" % (held[1], held[0]), "--")
    return int(out) if code == 0 else None


def probe(facts, report, name, port):
    report[name] = health(facts, port)


def observe(facts):
    root = facts["root"]
    home = root + "/.deployer"
    state = {
        "now": time.time(),
        "user": user_name(os.getuid()),
        "name": socket.gethostname(),
        "root": space(root),
        "tools": dict({name: which(name) for name in ("git", "setsid", "tar")},
                      uv=which("uv", "~/.local/bin", "~/.cargo/bin")),
        "python": "%s %s %s" % (sys.version.split()[0], sys.implementation.name, os.path.realpath(sys.executable)),
        "live": link(root, "live"),
        "next": link(root, "next"),
        "key": (read(home + "/key", 64) or "").strip() or None,
        "switch": document(home + "/switch"),
        "freeze": document(home + "/freeze"),
        "history": entries(home + "/history.jsonl"),
        "accepted": entries(home + "/migrations.jsonl"),
        "lock": lock(home),
        "virtualenvs": [],
        "systemd": systemd(),
        "static_in_shared": os.path.isdir(root + "/shared/static") and not os.path.lexists(root + "/aside/static"),
    }
    if facts["crontab"] and facts["probe"] == "all" and not state["systemd"]:
        state["crontab"] = crontab(facts)
    for name, value in zip(("", "_step", "_touches", "_at"), interrupted(home, state["lock"])):
        state["interrupted" + name] = value
    try:
        state["virtualenvs"] = sorted(
            name for name in os.listdir(home + "/virtualenvs")
            if os.path.exists(home + "/virtualenvs/" + name + "/.complete"))
    except OSError:
        pass
    state["blue"] = slot(facts, "blue")
    state["green"] = slot(facts, "green")
    threads = []
    if facts["probe"] == "all":
        import threading
        wanted = [(state[color], "health", facts["ports"][color]) for color in ("blue", "green")
                  if state[color].get("listener")]
        if state["key"] and wanted:
            wanted.append((state, "door", None))
        for words in wanted:
            threads.append(threading.Thread(target=probe, args=(facts,) + words, daemon=True))
            threads[-1].start()
        state["lost"] = lost(root, state["live"]["color"], {color: state[color] for color in ("blue", "green")})
    state["served"] = served(facts)
    for thread in threads:
        thread.join()
    return state
