"""The systemd that runs a slot's processes as units, where this host has one for this user."""
import os
import pwd

from agent.files import attempt, names, read, sync_folder, sync_path, which, write_whole
from agent.layout import described, space
from agent.proc import stat_of, user_name
from agent.tools import run
from agent.wire import speak, tell


def unit_folders():
    """Where this user's units are written, and the folder of links to those that start at boot."""
    if os.getuid() == 0:
        return "/etc/systemd/system", "/etc/systemd/system/multi-user.target.wants"
    folder = pwd.getpwuid(os.getuid()).pw_dir + "/.config/systemd/user"
    return folder, folder + "/default.target.wants"


def unit_name(settings, color, process):
    return "%s-%s-%s.service" % (settings["unit"], color, process)


def units(settings, color):
    """The units of a slot that are written on this host."""
    # By their whole names: a beginning would fit the units of another root too, /srv/app-blue beside /srv/app.
    own = set(names("%s/%s/etc/run" % (settings["root"], color)) + ["web"])
    return [unit for unit in (unit_name(settings, color, name) for name in sorted(own))
            if os.path.exists(unit_folders()[0] + "/" + unit)]


def lingers():
    return os.path.exists("/var/lib/systemd/linger/" + user_name(os.getuid()))


def systemd():
    if not os.path.isdir("/run/systemd/system") or not which("systemctl"):
        return None
    found = {"writable": all(space(folder)["writable"] for folder in unit_folders())}
    if os.getuid() == 0:
        return dict(found, scope="system", lingers=True)
    return dict(found, scope="user", lingers=lingers())


def unit_state(settings, color, process="web"):
    folder, links = unit_folders()
    name = unit_name(settings, color, process)
    if os.path.lexists(links + "/" + name):
        return "enabled"
    return "written" if os.path.exists(folder + "/" + name) else "none"


def crontab(settings):
    """Whether the user's crontab starts the environment after a reboot."""
    if not which("crontab"):
        return "missing"
    lines = run("crontab", "-l")[1].splitlines()
    ours = [line for line in lines if line.strip().startswith("@reboot")
            and settings["root"] + "/.deployer/boot" in line.replace("\\%", "%")]
    return "starts" if ours else "silent"


def systemctl(*words):
    if os.getuid() == 0:
        return run("systemctl", *words)
    # A session that came without PAM does not know where its user's systemd listens.
    os.environ["XDG_RUNTIME_DIR"] = "/run/user/%d" % os.getuid()
    return run("systemctl", "--user", *words)


def belongs(pid, own):
    """Whether a process runs in one of these units."""
    lines = (read("/proc/%d/cgroup" % pid) or "").splitlines()
    return any(part in own for line in lines for part in line.split("/"))


def start(settings, color, process, text):
    """Writes and starts a unit and returns its process's number; None: systemd may or will not, and the note says why."""
    if not lingers() and os.getuid():
        # Without it, systemd ends the user's processes with the last login.
        if run("loginctl", "--no-ask-password", "enable-linger")[0]:
            tell("note", "not by systemd: user %s may not run without a login" % user_name(os.getuid()))
            return None
        sync_folder("/var/lib/systemd/linger")
    name = unit_name(settings, color, process)
    try:
        if write_unit(name, text):
            systemctl("daemon-reload")
    except OSError as error:
        tell("note", "not by systemd: %s" % error)
        return None
    code, out, err = systemctl("start", name)
    if code:
        withdraw(settings, color)
        tell("note", "not by systemd: %s" % (err or out).strip()[-200:])
        return None
    return main_pid(name)


def main_pid(unit):
    pid = systemctl("show", "--property=MainPID", "--value", unit)[1].strip()
    return int(pid) if pid.isdigit() else 0


def write_unit(name, text):
    """Whether a unit's text was not there yet; now it is, and on the disk."""
    folder = unit_folders()[0]
    if read(folder + "/" + name) == text:
        return False
    os.makedirs(folder, exist_ok=True)
    write_whole(folder + "/" + name, text)
    sync_path(folder)
    return True


def exit_status(settings, color, process):
    """The status with which a unit's process ended, as a shell counts."""
    out = systemctl("show", "--property=ExecMainCode,ExecMainStatus", unit_name(settings, color, process))[1]
    found = dict(line.split("=", 1) for line in out.split())
    return int(found.get("ExecMainStatus", 0)) + (128 if found.get("ExecMainCode") in ("2", "3") else 0)


def enable(settings, color, process):
    """From now on the unit starts at boot, even after a power loss in the next moment."""
    folder, links = unit_folders()
    name = unit_name(settings, color, process)
    os.makedirs(links, exist_ok=True)
    if not os.path.lexists(links + "/" + name):
        os.symlink(folder + "/" + name, links + "/" + name)
    sync_path(links)


def forget(own):
    """Units start no more at boot."""
    links = unit_folders()[1]
    for name in own:
        if os.path.lexists(links + "/" + name):
            attempt(os.unlink, links + "/" + name)
            sync_folder(links)


def withdraw(settings, color, wait=True):
    """A slot's units end and start no more at boot; returns those that systemd has taken note of."""
    own = units(settings, color)
    forget(own)
    if own and systemctl("stop", *(own if wait else ["--no-block"] + own))[0] == 0:
        return own
    return []


# Units of [processes]. All of live's are enabled, and while links move those of both slots; at boot, and after a crash,
# the launcher starts those of the slot that `live` leads to. So one rename decides, whenever the power is lost.


def process_units(settings, color):
    """The units of a slot's processes that are written: name of the process -> unit."""
    start = unit_name(settings, color, "")[:-8]
    found = {name[len(start):-8]: name for name in units(settings, color)}
    found.pop("web", None)
    return found


def moving(settings, now):
    """Whether a switch is at work, for the launcher: a file that no reboot survives."""
    path = ("/run/user/%d" % os.getuid() if os.getuid() else "/run") + "/" + settings["unit"] + ".moving"
    if now:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT, 0o600))
    elif os.path.exists(path):
        attempt(os.unlink, path)


def prepare(settings, color):
    """Before a switch: units for the processes of the slot that becomes live. They start at boot once `live` leads there.
    Where its web server is no unit, they are none either."""
    path = os.path.join(settings["root"], color)
    texts = {name: read(path + "/etc/units/" + name) for name in described(path)}
    if not any(texts.values()) or unit_state(settings, color) != "enabled":
        return
    try:
        moving(settings, True)
        if any([write_unit(unit_name(settings, color, name), text) for name, text in texts.items() if text]):
            systemctl("daemon-reload")
        for name, text in texts.items():
            if text:
                enable(settings, color, name)
    except OSError as error:
        # What has no unit that starts at boot is started plainly.
        tell("note", "not by systemd: %s" % error)


class Started:
    """A process that systemd starts; what a child of our own is elsewhere."""
    def __init__(self, settings, color, name):
        self.words = (settings, color, name)
        unit = unit_name(settings, color, name)
        code, out, err = systemctl("start", unit)
        if code:
            speak((err or out).strip()[-500:])
        self.pid = main_pid(unit)
        self.start = (stat_of(self.pid) or {}).get("start") if self.pid else None
        self.returncode = None

    def poll(self):
        if self.returncode is None and not (self.start and (stat_of(self.pid) or {}).get("start") == self.start):
            self.returncode = exit_status(*self.words)
        return self.returncode
