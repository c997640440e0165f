"""Static files of releases that are gone, which pages in visitors' browsers still ask for."""
import os
import shutil
import time

from agent.files import modified, sync_folder
from agent.wire import tell


def keep_static(settings, action):
    """Puts a slot's static files aside before the slot is built anew, so that pages of its release still find them, and
    drops those that were put aside long ago. Each file is there whole or not at all; none replaces a newer one."""
    root = settings["root"]
    aside(root, action["app"])
    source, target = "%s/%s/repo/%s" % (root, action["color"], action["folder"]), root + "/aside/static"
    count = 0
    os.makedirs(target, exist_ok=True)
    for folder, _, names in os.walk(source):
        place = os.path.normpath(os.path.join(target, os.path.relpath(folder, source)))
        clear(place, lambda path: not os.path.isdir(path))
        os.makedirs(place, exist_ok=True)
        for name in names:
            new, old = modified(os.path.join(folder, name)), modified(os.path.join(place, name))
            if new is not None and (old is None or old <= new):
                put_aside(os.path.join(folder, name), os.path.join(place, name))
                count += 1
    # A file's change time is when it was put aside, whatever its content's age.
    bound = time.time() - action["keep"]
    for folder, _, names in os.walk(target, topdown=False):
        for name in names:
            path = os.path.join(folder, name)
            if os.lstat(path).st_ctime < bound:
                os.unlink(path)
        if folder != target and not os.listdir(folder):
            os.rmdir(folder)
    tell("note", "%d file(s)" % count)


def put_aside(source, target):
    # A rename of one name of a file over another of the same file does nothing.
    if os.path.exists(target) and os.path.samefile(source, target):
        return
    clear(target, os.path.isdir)
    temporary = target + ".deployer-new"
    if os.path.lexists(temporary):
        os.unlink(temporary)
    try:
        os.link(os.path.realpath(source), temporary)
    except OSError:
        shutil.copy2(source, temporary)
    os.rename(temporary, target)


def clear(path, stands_in_the_way):
    """What was a folder may have become a file, or the reverse: the newer release is right."""
    if os.path.lexists(path) and stands_in_the_way(path):
        shutil.rmtree(path) if os.path.isdir(path) and not os.path.islink(path) else os.unlink(path)


def aside(root, app):
    """Makes the folder for static files of releases that are gone. Older deployers had it below `shared`, and the sites that
    they wrote look for it there: so on such a host it is a link, and either path leads to the same files."""
    place, old = root + "/aside/static", root + "/shared/static"
    if os.path.lexists(place):
        return
    os.makedirs(root + "/aside", exist_ok=True)
    slots = [os.path.join(root, color, "repo", app, "static") for color in ("blue", "green")]
    if any(os.path.realpath(path) == os.path.realpath(old) for path in slots):
        tell("warning", "shared/static holds the application's own files and is left as it is: run setup again, since "
                        "static files of older releases are put aside in aside/static from now on")
    elif os.path.isdir(old):
        os.symlink("../shared/static", place)
        sync_folder(root + "/aside")
        return
    os.mkdir(place)
