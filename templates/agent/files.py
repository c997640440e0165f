"""Files that survive a power loss whole or not at all, and what is read of others."""
import json
import os

from agent.wire import speak


def read(path, limit=65536):
    try:
        with open(path, "rb") as file:
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return None


def document(path):
    text = read(path)
    try:
        value = json.loads(text) if text else None
    except ValueError:
        value = None
    return value if isinstance(value, dict) else None


def tail(path, limit):
    """The last bytes of a file that only grows; the first of its lines may be torn."""
    try:
        with open(path, "rb") as file:
            file.seek(max(0, os.fstat(file.fileno()).st_size - limit))
            return file.read(limit).decode("utf-8", "replace")
    except OSError:
        return None


def entries(path, most=100):
    """The last lines of a file that only grows, oldest first. A line that power loss tore is left out."""
    found = []
    for line in (tail(path, 1 << 20) or "").splitlines()[-most:]:
        try:
            found.append(json.loads(line))
        except ValueError:
            pass
    return [entry for entry in found if isinstance(entry, dict)]


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


def which(name, *further):
    for folder in os.environ.get("PATH", "").split(":") + [os.path.expanduser(place) for place in further]:
        path = os.path.join(folder, name)
        if folder and os.access(path, os.X_OK) and os.path.isfile(path):
            return path
    return None


def write_all(number, data):
    """Writes all of it: where a disk is nearly full, a write takes a part, and only the next one fails."""
    while data:
        data = data[os.write(number, data):]


def put(path, content, mode=0o644, sync=False):
    """Replaces a file whole, and makes its folder."""
    folder = os.path.dirname(path)
    if not os.path.isdir(folder):
        os.makedirs(folder)
    temporary = path + ".new"
    number = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode & 0o700)
    try:
        write_all(number, content.encode("utf-8"))
        os.fchmod(number, mode)
        if sync:
            os.fsync(number)
    except OSError:
        os.unlink(temporary)
        raise
    finally:
        os.close(number)
    os.replace(temporary, path)


def write_whole(path, content, mode=0o644):
    """Replaces a file so that it survives power loss whole or not at all."""
    put(path, content, mode, sync=True)
    sync_folder(os.path.dirname(path))


def keep(path, content, mode=0o644):
    """The same, of a file that live starts by too, where it differs."""
    if read(path, 1 << 20) != content:
        write_whole(path, content, mode)


def remove(path):
    os.unlink(path)
    sync_folder(os.path.dirname(path))


def discard(path):
    """Removes a file that may not be there."""
    try:
        os.unlink(path)
    except FileNotFoundError:
        pass


def replace_link(path, target):
    """One rename, so that no reader ever finds the link missing."""
    temporary = os.path.join(os.path.dirname(path), "." + os.path.basename(path) + ".new")
    if os.path.lexists(temporary):
        os.unlink(temporary)
    os.symlink(target, temporary)
    os.rename(temporary, path)


def append_line(path, value, sync=True):
    """Adds one JSON line and waits until it is on the disk."""
    number = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o644)
    try:
        size = os.fstat(number).st_size
        torn = size and os.pread(number, 1, size - 1) != b"\n"
        write_all(number, (("\n" if torn else "") + json.dumps(value) + "\n").encode("ascii"))
        if sync:
            os.fsync(number)
    finally:
        os.close(number)


def sync_folder(path):
    try:
        number = os.open(path, os.O_RDONLY)
        try:
            os.fsync(number)
        finally:
            os.close(number)
    except OSError:
        pass  # Some file systems cannot; what was renamed has been renamed.


def sync_path(path):
    """A new folder is found again after power loss only if those above it were synced too."""
    while len(path) > 1 and os.access(path, os.W_OK):
        sync_folder(path)
        path = os.path.dirname(path)


def attempt(write, *words):
    """Whether something could be written; says why not."""
    try:
        write(*words)
    except OSError as error:
        speak(error)
        return False
    return True


def readable(path):
    """A path that a message can carry."""
    text = os.fsencode(path).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in text)
