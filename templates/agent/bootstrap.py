# Sent with every command, so it is short: finds the agent's package on this host, or takes it from the client, and hands
# over to it.
#
# On the host it is one file for each version of Python, in <root>/.deployer/agent/<hash of its sources>: the compiled
# modules behind their checksum. Where that folder cannot be written, the agent runs from memory.
import json
import marshal
import os
import sys
import zlib

KEPT = 3  # Versions of the agent that stay: people with older clients deploy to the same host.


class Package:
    """Imports the agent's modules from their code; `texts` are its files that are no modules."""

    def __init__(self, codes, texts):
        self.codes, self.texts = codes, texts

    def find_spec(self, name, path=None, target=None):
        if name in self.codes:
            # The class itself lies in a module that takes its time to be imported.
            return sys.__spec__.__class__(name, self, is_package=name == "agent")
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        exec(self.codes[module.__name__], module.__dict__)


def compiled(sources):
    codes, texts = {}, {}
    for file, text in sources.items():
        texts[file] = text
        if file.endswith(".py"):
            name = "agent." + file[:-3]
            name = "agent" if file == "__init__.py" else name
            codes[name] = compile(text, file, "exec", dont_inherit=True)
    return codes, texts


def kept(path):
    """What an earlier command left, if it is whole and nobody else may have written it."""
    try:
        folder, number = os.lstat(os.path.dirname(path)), os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
        with os.fdopen(number, "rb") as file:
            data = file.read()
            owners = {folder.st_uid, os.fstat(file.fileno()).st_uid}
    except OSError:
        return None
    if owners != {os.getuid()} or folder.st_mode & 0o77 or zlib.crc32(data[4:]) != int.from_bytes(data[:4], "big"):
        return None
    return marshal.loads(data[4:])


def keep(home, path, package):
    """Writes it whole, or not at all; removes the oldest of other versions. Nothing depends on it."""
    import shutil
    top, folder = home + "/agent", os.path.dirname(path)
    try:
        for place in (top, folder):
            if not os.path.isdir(place):
                os.mkdir(place, 0o700)
        data = marshal.dumps(package)
        temporary = "%s.%d" % (path, os.getpid())
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(zlib.crc32(data).to_bytes(4, "big") + data)
            file.flush()
            os.fsync(file.fileno())
        os.rename(temporary, path)
        others = sorted((os.stat(place).st_mtime, place) for place in (top + "/" + name for name in os.listdir(top)))
        for _, place in others[:-KEPT]:
            shutil.rmtree(place, ignore_errors=True)
    except OSError:
        pass


def asked(nonce):
    """The package from the client: the number of its bytes in a line, and the bytes."""
    # What the user's start-up files have printed need not have ended its line.
    os.write(1, ("\n" + nonce + ' "wanted"\n').encode())
    line = data = b""
    while not line.endswith(b"\n"):
        line += os.read(0, 1) or sys.exit(0)
    while len(data) < int(line):
        data += os.read(0, int(line) - len(data)) or sys.exit(0)
    return compiled(json.loads(zlib.decompress(data).decode("utf-8")))


def boot(hello):
    hello = json.loads(hello)
    # What nobody else may write or hold is not left to the user's own mask; nginx's user reads static files.
    os.umask(0o022)
    home = hello["root"] + "/.deployer"
    path = "%s/agent/%s/%s" % (home, hello["agent"], sys.implementation.cache_tag)
    package = kept(path)
    if package is None:
        package = asked(hello["nonce"])
        # A command that only reads makes no folder on a host where there is none.
        if hello["lease"] and not os.path.isdir(home):
            try:
                os.makedirs(home)
            except OSError:
                pass
        if os.path.isdir(home):
            keep(home, path, package)
    sys.meta_path.insert(0, Package(*package))
    from agent import session
    session.main(hello)
