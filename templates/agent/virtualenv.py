"""A release's virtualenv: built beside the slots, and named by what it is made of."""
import os
import shutil
import subprocess
import tempfile

from agent.files import discard, which
from agent.tools import run, tool
from agent.wire import Failed, speak, tell

# Newer gunicorns share one control socket among all of a user's, which two slots must not.
CONTROL = ("import gunicorn.config as c\n"
           "print('--no-control-socket' if hasattr(c, 'ControlSocketDisable') else '')")


def virtualenv(settings, action):
    root = settings["root"]
    home, repo = root + "/.deployer", "%s/%s/repo" % (root, action["color"])
    target = "%s/virtualenvs/%s" % (home, action["key"])
    python = target + "/bin/python"
    if os.path.exists(target + "/.complete") and run(python, "-ISc", "")[0] == 0:
        tell("note", "unchanged")
        return
    if os.path.realpath(root + "/live/env") == os.path.realpath(target):
        speak("live runs from %s, though its Python does not start: it is left as it is" % target)
        raise Failed("virtualenv_live")
    # Half removed, it must not look complete.
    os.makedirs(home + "/virtualenvs", exist_ok=True)
    discard(target + "/.complete")
    shutil.rmtree(target, ignore_errors=True)
    uv = None if action["installer"] == "pip" else which("uv", "~/.local/bin", "~/.cargo/bin")
    if action["installer"] == "uv" and not uv:
        speak("no uv on the host's PATH")
        raise Failed("no_uv")
    scratch = tempfile.mkdtemp(prefix="requirements.", dir=home)
    work = scratch if action["files"] else repo
    try:
        if action["files"]:
            extract(repo, action["commit"]["id"], action["files"], work)
        wanted = action["requirements"]
        if action.get("lines") is not None:
            # What a lock comes to that neither pip nor uv reads.
            wanted = scratch + "/lines.txt"
            with open(wanted, "w") as file:
                file.write(action["lines"])
        install(action, uv, target, os.path.join(work, action["directory"]), wanted)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if action["gunicorn"] != "none":
        code, out, _ = run(python, "-c", CONTROL)
        if code:
            raise Failed("no_gunicorn")
        with open(target + "/.gunicorn", "w") as file:
            file.write(out)
    # On a full disk Python leaves torn bytecode behind, and says nothing.
    with open(target + "/.room", "wb", buffering=0) as file:
        for _ in range(16):
            if file.write(b"\0" * 4096) != 4096:
                raise OSError(28, os.strerror(28))
    os.unlink(target + "/.room")
    subprocess.call(["sync", "-f", target], stderr=subprocess.DEVNULL)
    open(target + "/.complete", "w").close()
    tell("note", "built with " + ("uv" if uv else "pip"))


def install(action, uv, target, place, wanted):
    """Makes the virtualenv and brings its packages, in the application's folder."""
    # Where the requirements lie above the application's folder, nothing of it may have come along.
    os.makedirs(place, exist_ok=True)
    python, gunicorn = target + "/bin/python", action["gunicorn"]
    words = list(action["install_args"])
    if uv:
        # By its path: a bare name is a version to uv, which it may have a Python of its own for.
        interpreter = which(action["interpreter"]) or action["interpreter"]
        tool(uv, "venv", "-q", "--no-project", "--python", interpreter, target, cwd=place)
        # uv knows a package of the repository by its path, and would bring an older build of it.
        if not action["files"]:
            words.append("--refresh")
        if wanted and os.path.basename(wanted) == "uv.lock":
            tool(uv, "sync", "--project", os.path.dirname(wanted) or ".", "--frozen", "--no-dev", "--compile-bytecode",
                 "--python", python, *words, cwd=place, env=dict(os.environ, UV_PROJECT_ENVIRONMENT=target))
            wanted = None
    else:
        tool(action["interpreter"], "-m", "venv", target, cwd=place)
    if wanted and wanted.endswith("pyproject.toml"):
        words.append("./" + (os.path.dirname(wanted) or "."))
    elif wanted:
        words += ["-r", wanted]
    brought = gunicorn if gunicorn not in ("-", "none") else None
    if brought:
        words.append(brought)
    if not (wanted or brought):
        return  # Nothing more is asked for.
    if uv:
        tool(uv, "pip", "install", "--compile-bytecode", "--python", python, *words, cwd=place)
    else:
        tool(python, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", *words, cwd=place)


def extract(repo, commit, files, work):
    """Lays files of a commit into a folder. `git archive` would leave out what .gitattributes keeps from an export, and
    what a link leads to."""
    for file in files:
        asked = subprocess.Popen(["git", "-C", repo, "cat-file", "--batch-check=%(objectname)", "--follow-symlinks"],
                                 stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        found = asked.communicate(("%s:%s\n" % (commit, file)).encode())[0].decode().strip()
        path = os.path.join(work, file)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as target:
            tool("git", "-C", repo, "cat-file", "blob", found, stdout=target)
