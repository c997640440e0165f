# Puts a slot's static files aside before the slot is built anew, so that pages of its release still find them, and drops
# those that were put aside long ago. Each file is there whole or not at all; none replaces a newer one.
#
# arguments: the slot's folder, the folder for files of releases that are gone, for how many seconds they are kept
import os, shutil, sys, time


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


def modified(path):
    try:
        return os.stat(path).st_mtime
    except OSError:
        return None


def main(source, target, keep):
    os.umask(0o022)
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
    bound = time.time() - keep
    for folder, _, names in os.walk(target, topdown=False):
        for name in names:
            path = os.path.join(folder, name)
            if os.lstat(path).st_ctime < bound:
                os.unlink(path)
        if folder != target and not os.listdir(folder):
            os.rmdir(folder)
    with os.fdopen(5, "w") as out:
        out.write("%d file(s)" % count)


main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
