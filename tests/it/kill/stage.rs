use std::fs::{self, OpenOptions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, SystemTime};

use crate::support::{DelayProxy, Load, Site, until};

/// Long enough for anything on this machine that is not held on purpose.
pub const BOUND: Duration = Duration::from_secs(30);

/// Opening a pipe for writing does not wait for a reader.
const O_NONBLOCK: i32 = 0o4000;

/// A site whose host waits at a place of the test's choice.
pub struct Stage {
    pub site: Site,
    hold: tempfile::TempDir,
}

/// Where a host waits.
#[derive(Clone, Debug, PartialEq)]
pub enum Place {
    /// Before the step of this number, counted by the host, does its work.
    Before(usize),
    /// When its work is done, and nobody knows it yet.
    After(usize),
    /// While `uv` installs.
    Installing,
    /// While the application is imported.
    Importing,
    /// Between the swap of the links and nginx's reload.
    Reloading,
}

impl Place {
    fn word(&self) -> String {
        match self {
            Place::Before(number) => format!("before {number}"),
            Place::After(number) => format!("after {number}"),
            Place::Installing => "installing".to_string(),
            Place::Importing => "importing".to_string(),
            Place::Reloading => "reloading".to_string(),
        }
    }
}

/// Waits at the gate, which the test opens, where the first word is the place that was chosen.
const GATE: &str = r#"#!/bin/sh
gate() {
  [ "$(cat "$hold/place" 2>/dev/null)" = "$1" ] || return 0
  : >"$hold/reached"
  cat "$hold/gate" >/dev/null
}
"#;

/// The interpreter, which the agent is started by: it waits around each action's own process.
const PYTHON: &str = r#"
[ "$4" = -c ] && [ "$6" = deployer ] || exec /usr/bin/python3 "$@"
exec /usr/bin/python3 "$1" "$2" "$3" -c "$(cat "$hold/around.py")
$5" "$6" "$7"
"#;

/// An action begins with a session of its own, and ends with its process.
const AROUND: &str = r#"
import os, sys
_setsid, _exit, _hold = os.setsid, os._exit, "@HOLD@"
def _read(path):
    try:
        return open(path).read()
    except OSError:
        return ""
def _gate(word):
    if _read(_hold + "/place").strip() == word:
        open(_hold + "/reached", "w").close()
        open(_hold + "/gate").read()
def _begin():
    global _number
    _setsid()
    _number = len(_read(_hold + "/steps").splitlines()) + 1
    root = sys._getframe(1).f_locals["self"].settings["root"]
    begun = [line for line in _read(root + "/.deployer/journal").splitlines() if line.startswith("begin ")]
    with open(_hold + "/steps", "a") as steps:
        steps.write(begun[-1].split(" ", 3)[3].replace("_", " ") + "\n")
    _gate("before %d" % _number)
def _end(status):
    _gate("after %d" % _number)
    _exit(status)
os.setsid, os._exit = _begin, _end
"#;

const UV: &str = r#"
[ "$1" != pip ] || gate installing
exec "$real" "$@"
"#;

const RELOAD: &str = r#"
gate reloading
exec "$@"
"#;

const IMPORT: &str = r#"
_hold = "@HOLD@"
if os.path.exists(_hold + "/place") and open(_hold + "/place").read() == "importing":
    open(_hold + "/reached", "w").close()
    open(_hold + "/gate").read()
"#;

impl Stage {
    /// With a release live in each slot's turn, so that both are warm.
    pub fn new() -> Stage {
        let stage = Stage::fresh();
        stage.site.go_live();
        stage.site.change();
        stage.site.go_live();
        stage
    }

    /// With nothing deployed yet.
    pub fn fresh() -> Stage {
        let hold = tempfile::tempdir().expect("a temporary folder");
        let path = hold.path().to_str().expect("a UTF-8 path").to_string();
        let real = std::env::var("DEPLOYER_TEST_UV").expect("the tests are run by tests/run.sh");
        let head = format!("{}hold={path}\nreal={real}\n", GATE);
        for (name, text) in [("python", PYTHON), ("uv", UV), ("reload", RELOAD)] {
            let file = hold.path().join(name);
            fs::write(&file, format!("{head}{text}")).expect("a script");
            fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).expect("a script");
        }
        fs::write(hold.path().join("around.py"), AROUND.replace("@HOLD@", &path)).expect("a program");
        let made = Command::new("mkfifo").arg(hold.path().join("gate")).status();
        assert!(made.expect("mkfifo runs").success());
        let site = Site::with(|options| options.path.insert(0, hold.path().to_path_buf()));
        let app = fs::read_to_string(site.repo.path().join("app.py")).expect("app.py");
        site.write("app.py", &format!("{app}{}", IMPORT.replace("@HOLD@", &path)));
        let config = fs::read_to_string(site.repo.path().join("deployer.toml")).expect("deployer.toml");
        let reload = format!("reload = [\"{path}/reload\", ");
        let python = format!("interpreter = \"{path}/python\"");
        let config = config.replace("interpreter = \"/usr/bin/python3\"", &python);
        site.write("deployer.toml", &config.replace("reload = [", &reload));
        site.commit("an application that can be held");
        Stage { site, hold }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.hold.path().join(name)
    }

    /// The next run waits at this place.
    pub fn hold_at(&self, place: &Place) {
        self.forget();
        fs::write(self.file("place"), place.word()).expect("a place");
    }

    /// Nothing waits from here on; what waits already goes on waiting.
    pub fn forget(&self) {
        for name in ["place", "reached", "steps"] {
            let _ = fs::remove_file(self.file(name));
        }
    }

    pub fn is_reached(&self) -> bool {
        self.file("reached").exists()
    }

    /// Lets what waits go on.
    pub fn release(&self) {
        until("somebody waits at the gate", BOUND, || {
            let gate = self.file("gate");
            OpenOptions::new().write(true).custom_flags(O_NONBLOCK).open(gate).is_ok()
        });
    }

    /// The names of the steps that ran since the host was last told to forget, in order.
    pub fn steps(&self) -> Vec<String> {
        let text = fs::read_to_string(self.file("steps")).unwrap_or_default();
        text.lines().map(str::to_string).collect()
    }

    /// A file of the environment's own on the host.
    pub fn home(&self, name: &str) -> PathBuf {
        self.site.path(".deployer").join(name)
    }

    /// Lines of the history: one for each cutover and rollback that was proven.
    pub fn history(&self) -> usize {
        fs::read_to_string(self.home("history.jsonl")).unwrap_or_default().lines().count()
    }

    /// Whether nobody holds the environment's lock.
    pub fn is_free(&self) -> bool {
        let lock = self.home("lock");
        !lock.exists()
            || Command::new("flock").arg("-n").arg(lock).arg("true").status().expect("flock runs").success()
    }

    /// Makes the client's last sign of life half a minute older, instead of waiting so long.
    pub fn age(&self) {
        let past = SystemTime::now() - Duration::from_secs(31);
        let mut quiet = 0;
        // What was on its way when the network fell silent may still arrive, and counts as a sign.
        until("the last bytes have arrived", BOUND, || {
            let entries = fs::read_dir(self.home("")).expect("the environment's folder");
            quiet += 1;
            for entry in entries.flatten() {
                let name = entry.file_name().to_string_lossy().into_owned();
                let modified = entry.metadata().and_then(|found| found.modified());
                if (name == "beat" || name.starts_with("upload.")) && modified.is_ok_and(|at| at > past) {
                    let file = OpenOptions::new().append(true).open(entry.path());
                    file.and_then(|file| file.set_modified(past)).expect("a file of the test's own user");
                    quiet = 0;
                }
            }
            quiet > 50
        });
    }

    /// Two visitors, each with a connection for every request; slow enough to leave the machine to the test.
    pub fn load(&self) -> crate::support::Running {
        let mut load = Load::new(self.site.door(), self.site.host.server_name());
        load.path = "/slow?seconds=0.02".to_string();
        load.clients = 2;
        load.start()
    }

    /// Another way to the host, through a proxy, and the ssh_config that leads there by the same name.
    pub fn detour(&self) -> (DelayProxy, PathBuf) {
        let ssh = std::net::SocketAddr::from(([127, 0, 0, 1], self.site.host.ssh_port()));
        let proxy = DelayProxy::start(ssh, Duration::ZERO);
        let port = proxy.port();
        let direct = fs::read_to_string(self.site.host.ssh_config()).expect("ssh_config");
        self.site.host.add_route(&format!("detour-{port}"), port).expect("a route");
        let config =
            direct.replace(&format!("Port {}\n", self.site.host.ssh_port()), &format!("Port {port}\n"));
        let file = self.file(&format!("config-{port}"));
        fs::write(&file, config).expect("ssh_config");
        (proxy, file)
    }
}
