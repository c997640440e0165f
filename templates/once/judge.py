# Looks at what Django would migrate before anything of a slot is touched: lays the commit out in this file's folder, shaped
# like a slot, and has the launcher start migrations.py in it, with the release's own variables and virtualenv.
#
# arguments: the folder, and settings (JSON). Ends with 63 where an operation must not be applied unseen. Python 3.6 or
# later, standard library only.
import json, os, shutil, signal, subprocess, sys

LATER = "it needs what the build makes: looked at again after that"


def main(folder, settings):
    settings = json.loads(settings)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    home = settings["root"] + "/.deployer"
    stays = False
    try:
        if settings["notes"] and os.path.exists(home + "/accepted"):
            os.unlink(home + "/accepted")
        try:
            root = settings["root"] if settings["inside"] else shaped(folder, settings)
            found, status = look(folder, root, settings)
        except (OSError, ValueError, subprocess.SubprocessError) as error:
            print(error)
            found, status = None, 1
        if found:
            tell("migrations", found)
        elif settings["later"]:
            tell("note", LATER)
            stays = True
            return 0
        elif settings["accept"]:
            tell("warning", "the migrations could not be looked at")
        if settings["accept"] and found:
            accept(home, found, settings)
        return 0 if settings["accept"] else status
    finally:
        if not stays:
            shutil.rmtree(folder, ignore_errors=True)


def look(folder, root, settings):
    """What migrations.py finds, and its status."""
    words = ["sh", folder + "/launch", root, settings["color"], "-", "python", folder + "/migrations.py",
             "beside" if settings["beside"] else "alone"]
    done = subprocess.run(["sh", "-c", 'exec "$@" 5>&1 >&2', "sh"] + words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          timeout=settings["seconds"])
    text = done.stdout.decode("utf-8", "replace").strip()
    found = json.loads(text) if text else None
    # An end of another kind has judged nothing.
    return (found, done.returncode) if found and done.returncode in (0, 63) else (None, done.returncode or 1)


def accept(home, found, settings):
    """Keeps what the release that runs now may not survive, until it is applied: no rollback forgets it."""
    stops = [{"migration": migration["name"], "what": operation["what"], "why": operation["why"]}
             for migration in found["pending"] for operation in migration["operations"] if operation["verdict"] == "stop"]
    if stops and settings["notes"]:
        with open(home + "/accepted", "w") as file:
            json.dump({"commit": settings["commit"], "by": settings["by"], "operations": stops}, file)


def shaped(folder, settings):
    """The folder, after it was made to look like a root with one slot; its variables came before."""
    slot = os.path.join(folder, settings["color"])
    for stale in ("/repo", "/env"):
        if os.path.islink(slot + stale):
            os.unlink(slot + stale)
        shutil.rmtree(slot + stale, ignore_errors=True)
    if settings["virtualenv"]:
        os.symlink("%s/.deployer/virtualenvs/%s" % (settings["root"], settings["virtualenv"]), slot + "/env")
    unpack(folder, settings)
    lay_out(folder, settings, [], settings["commit"], slot + "/repo")
    for name in settings["shared"]:
        place = os.path.join(slot, "repo", settings["directory"], name)
        # What a deploy would make of it; until then live has it.
        there = [settings["root"] + "/shared/" + name, os.path.join(settings["root"], "live/repo", settings["directory"], name)]
        there = [os.path.realpath(path) for path in there if os.path.isdir(path)]
        shutil.rmtree(place, ignore_errors=True)
        os.makedirs(os.path.dirname(place), exist_ok=True)
        if there:
            os.symlink(there[0], place)
        else:
            os.mkdir(place)
    return folder


def git(*words, **options):
    return subprocess.run(("git", "-c", "core.hooksPath=/dev/null", "-c", "core.bare=false") + words, check=True,
                          stdin=options.pop("stdin", subprocess.DEVNULL), stdout=subprocess.PIPE, **options).stdout


def unpack(folder, settings):
    """Objects that were sent for this look alone, as a bundle; they go on from what the slots' repositories have."""
    if not os.path.exists(folder + "/upload"):
        return
    git("init", "-q", "--bare", folder + "/git")
    with open(folder + "/git/objects/info/alternates", "w") as file:
        file.write("".join("%s/%s/repo/.git/objects\n" % (settings["root"], color) for color in ("blue", "green")))
    with open(folder + "/upload", "rb", buffering=0) as bundle:
        # Its head ends with an empty line; byte by byte, for git reads on from there.
        head = b""
        while not head.endswith(b"\n\n"):
            byte = bundle.read(1)
            if not byte:
                raise ValueError("what was sent is no bundle")
            head += byte
        git("--git-dir=" + folder + "/git", "index-pack", "--stdin", "--fix-thin", stdin=bundle)


def repository(folder, settings, chain, commit):
    """A repository that has a commit: of the application, or of a submodule by the names that lead to it."""
    below = "".join("/modules/" + name for name in chain)
    other = "green" if settings["color"] == "blue" else "blue"
    places = ["%s/%s/repo/.git%s" % (settings["root"], color, below) for color in (settings["color"], other)]
    for place in ([] if chain else [folder + "/git"]) + places:
        quiet = dict(stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        if not subprocess.run(["git", "--git-dir=" + place, "cat-file", "-e", commit + "^{commit}"], **quiet).returncode:
            return place
    raise ValueError("%s is not on the host yet" % (" of ".join(["submodule " + name for name in reversed(chain)]) or "the commit"))


def lay_out(folder, settings, chain, commit, target):
    """Writes a commit's files and those of its submodules. No index but its own is touched."""
    here = ("--git-dir=" + repository(folder, settings, chain, commit), "--work-tree=" + target)
    os.makedirs(target, exist_ok=True)
    own = dict(os.environ, GIT_INDEX_FILE=folder + "/index")
    git(*here + ("read-tree", commit), env=own)
    git(*here + ("checkout-index", "--all", "--quiet"), env=own, cwd=target)
    entries = [entry.split("\t", 1) for entry in os.fsdecode(git(*here + ("ls-files", "-s", "-z"), env=own)).split("\0")]
    os.unlink(folder + "/index")
    modules = [(entry[0].split()[1], entry[1]) for entry in entries if entry[0].startswith("160000 ")]
    names = submodules(target) if modules else {}
    for module, path in modules:
        # One that .gitmodules does not name is not checked out by git either.
        if path in names:
            lay_out(folder, settings, chain + [names[path]], module, os.path.join(target, path))


def submodules(target):
    """The names of submodules by their paths, as far as they stay where they belong."""
    if not os.path.isfile(target + "/.gitmodules"):
        return {}
    words = ["git", "config", "-z", "-f", target + "/.gitmodules", "--get-regexp", r"^submodule\..*\.path$"]
    found = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE).stdout
    pairs = [entry.split("\n", 1) for entry in os.fsdecode(found).split("\0") if "\n" in entry]
    return {path: key[len("submodule."):-len(".path")] for key, path in pairs if ".." not in key.split("/")}


def tell(word, value):
    try:
        os.write(4, ("%s %s %s\n" % (os.environ["DEPLOYER_NONCE"], word, json.dumps(value))).encode("ascii"))
    except OSError:
        pass  # The client is gone.


sys.exit(main(*sys.argv[1:]))
