"""Room that a full disk leaves to the commands that must work then; the lease gives it up for them."""
import os

SIZE = 4 << 20  # Below it a disk counts as full, too.


def reserve(root):
    import shutil
    home = root + "/.deployer"
    new, disk = home + "/reserve.new", os.statvfs(home)
    if os.path.isdir(home + "/reserve") or disk.f_bavail * disk.f_frsize <= 4 * SIZE:
        return
    shutil.rmtree(new, ignore_errors=True)
    try:
        os.mkdir(new)
        # Files, for they may be what is short; noise, for zeros may take no room.
        for number in range(32):
            with open("%s/%02d" % (new, number), "wb") as file:
                file.write(os.urandom(SIZE // 32))
        os.rename(new, home + "/reserve")
    except OSError:
        shutil.rmtree(new, ignore_errors=True)


def is_short(home):
    """Whether next to nothing is free below the root."""
    disk = os.statvfs(home)
    return disk.f_bavail * disk.f_frsize < SIZE or disk.f_files > 0 and disk.f_ffree < 32


def give_up(home):
    import shutil
    shutil.rmtree(home + "/reserve")
