//! A complete Debian host: systemd as PID 1 in namespaces of its own, on a disk of its own that can lose power.

use std::fs;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{Place, Ran, place_at_once, ran, row, until};

/// How long a boot may take on a machine that does other things too.
const BOUND: Duration = Duration::from_secs(90);

/// The name by which the client's ssh configuration knows the host.
pub const ALIAS: &str = "debian";

/// Writes reach the disk when they are asked to or after ten minutes: what forgot to ask is seen after a power loss.
pub const HARSH: &str = "loop,commit=600,noauto_da_alloc";

/// As a server has it: what was written reaches the disk within 5 seconds, files that are renamed over others at once.
pub const DEFAULT: &str = "loop";

/// The file system stops at once, without a word to the disk: EXT4_IOC_SHUTDOWN, without a flush of the journal.
const CUT: &str = "import fcntl, os, struct, sys
fcntl.ioctl(os.open(sys.argv[1], os.O_RDONLY), 0x8004587D, struct.pack('I', 2))";

/// Enters control groups of its own, or all guests would share those that systemd makes.
const ENTER: &str =
    r#"while [ "$1" != -- ]; do echo $$ >"$1/cgroup.procs" || exit; shift; done; shift; exec "$@""#;

/// Boots, loses power, boots again; leaves nothing behind.
pub struct Host {
    name: String,
    folder: PathBuf,
    /// The /30 network between it and the machine.
    network: u32,
    mount: &'static str,
    machine: Option<Child>,
    /// None where it is only cleared away.
    _room: Option<Room>,
}

/// Room for one host; a machine that boots more of them than it has cores is slow at all of them.
struct Room {
    _place: Arc<Place>,
}

static TAKEN: (Mutex<usize>, Condvar) = (Mutex::new(0), Condvar::new());

impl Room {
    fn wait() -> Room {
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let taken = TAKEN.0.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = TAKEN.1.wait_while(taken, |taken| *taken >= cores);
        *taken.unwrap_or_else(PoisonError::into_inner) += 1;
        Room { _place: place_at_once() }
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        *TAKEN.0.lock().unwrap_or_else(PoisonError::into_inner) -= 1;
        TAKEN.1.notify_one();
    }
}

impl Host {
    /// A host that was never booted; `None`, and a loud word, where this machine cannot have one. In CI that is a failure.
    pub fn new(case: &str, mount: &'static str) -> Option<Host> {
        let image = match prerequisites() {
            Ok(image) => image,
            Err(missing) => {
                assert!(std::env::var_os("CI").is_none(), "{case}: no Debian host in CI: {missing}");
                eprintln!("SKIPPED {case}: this machine cannot boot a Debian host: {missing}");
                row("a Debian host", case, format!("ok, SKIPPED: {missing}"));
                return None;
            }
        };
        let room = Room::wait();
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::SeqCst);
        let own = std::process::id();
        let name = format!("dep{own}x{number}");
        let stock = image.parent().expect("the image is in a folder");
        sweep(stock);
        let host = Host {
            folder: stock.join(&name),
            name,
            network: 0xC612_0000 + ((own * 8 + number) % 32768) * 4,
            mount,
            machine: None,
            _room: Some(room),
        };
        fs::create_dir_all(host.root()).expect("a folder for the host");
        // Another guest that boots meanwhile copies this machine's mounts, and would keep a dead disk alive: what is
        // unmounted below a shared mount is gone everywhere.
        let folder = text(&host.folder);
        run("mount", &["--bind", folder, folder]);
        run("mount", &["--make-shared", folder]);
        let disk = host.folder.join("disk");
        run("cp", &["--sparse=always", "--reflink=auto", text(&image), text(&disk)]);
        host.mount();
        host.write_client();
        Some(host)
    }

    /// Where the host's files are, seen from outside.
    pub fn root(&self) -> PathBuf {
        self.folder.join("root")
    }

    /// The home folder of the person who deploys to it.
    pub fn client_home(&self) -> PathBuf {
        self.folder.join("client")
    }

    pub fn address(&self, port: u16) -> SocketAddr {
        SocketAddr::new(IpAddr::V4(Ipv4Addr::from_bits(self.network + 2)), port)
    }

    /// Writes a file of the host.
    pub fn write(&self, path: &str, content: &str) {
        let path = self.root().join(path.trim_start_matches('/'));
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder of the host");
        fs::write(path, content).expect("a file of the host");
    }

    /// Boots, and waits until somebody may log in.
    pub fn boot(&mut self) {
        if !is_mounted(&self.root()) {
            self.mount();
        }
        self.connect_network();
        let groups = self.groups();
        for group in &groups {
            fs::create_dir_all(group).expect("a control group");
        }
        let console = fs::File::create(self.folder.join("console")).expect("a console");
        let machine = Command::new("sh")
            .args(["-c", ENTER, "sh"])
            .args(&groups)
            .args(["--", "systemd-nspawn", "--quiet", "--boot", "--register=no", "--keep-unit"])
            .args([
                "--resolv-conf=off",
                "--capability=CAP_NET_ADMIN",
                "--console=read-only",
                "--machine",
                &self.name,
            ])
            .arg(format!("--network-namespace-path=/run/netns/{}", self.name))
            .arg("--directory")
            .arg(self.root())
            .env("SYSTEMD_NSPAWN_UNIFIED_HIERARCHY", "1")
            .stdin(Stdio::null())
            .stdout(console.try_clone().expect("a console"))
            .stderr(console)
            .spawn()
            .expect("systemd-nspawn starts");
        self.machine = Some(machine);
        // sshd listens a little earlier than people are let in.
        let deadline = Instant::now() + BOUND;
        while !(greets(self.address(22)) && self.ssh("deploy", "true").code == 0) {
            if Instant::now() > deadline {
                let console = fs::read(self.folder.join("console")).unwrap_or_default();
                let said = self.ssh("deploy", "true").stderr;
                panic!("nobody is let in: {said}\n{}", String::from_utf8_lossy(&console));
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// The plug is pulled: no process may say goodbye, the network falls silent, and what was not on the disk is lost.
    pub fn power_loss(&mut self) {
        run("ip", &["-n", &self.name, "link", "set", "host0", "down"]);
        self.halt();
        self.disconnect_network();
        unmount(&self.root());
    }

    /// All of its processes stand still, in the middle of whatever they do; its disk does not.
    pub fn freeze(&self) {
        for group in self.groups().iter().filter(|group| group.join("cgroup.freeze").exists()) {
            fs::write(group.join("cgroup.freeze"), "1").expect("a control group");
            until("the host stands still", BOUND, || {
                let events = fs::read_to_string(group.join("cgroup.events")).unwrap_or_default();
                events.contains("frozen 1")
            });
        }
    }

    /// Runs a command on the host as one of its users.
    pub fn ssh(&self, user: &str, command: &str) -> Ran {
        let config = self.client_home().join(".ssh/config");
        ran(Command::new("ssh")
            .arg("-F")
            .arg(config)
            .args(["-l", user, "-o", "BatchMode=yes", ALIAS, command])
            .stdin(Stdio::null())
            .output()
            .expect("ssh runs"))
    }

    /// The same, and it must succeed; its output without the last line feed.
    #[track_caller]
    pub fn done(&self, user: &str, command: &str) -> String {
        let ran = self.ssh(user, command);
        assert_eq!(ran.code, 0, "{command}\n{}{}", ran.stdout, ran.stderr);
        ran.stdout.trim_end().to_string()
    }

    fn halt(&mut self) {
        let Some(mut machine) = self.machine.take() else {
            return;
        };
        if let Some(init) = init_of(machine.id()) {
            // The kernel ends all of the guest's processes with its first.
            let _ = kill_process(init, Signal::KILL);
        } else {
            let _ = machine.kill();
        }
        run("/usr/bin/python3", &["-c", CUT, text(&self.root())]);
        // What it was started by may stand still.
        for group in self.groups() {
            let _ = fs::write(group.join("cgroup.freeze"), "0");
        }
        let _ = machine.wait();
    }

    fn mount(&self) {
        let (disk, root) = (self.folder.join("disk"), self.root());
        run("mount", &["-o", self.mount, text(&disk), text(&root)]);
    }

    fn connect_network(&self) {
        let (near, far) = (self.network + 1, self.network + 2);
        let [network, near, far] =
            [self.network, near, far].map(|address| Ipv4Addr::from_bits(address).to_string());
        let (name, network) = (self.name.as_str(), format!("{network}/30"));
        run("ip", &["netns", "add", name]);
        let mac = "02:00:00:00:00:02";
        run(
            "ip",
            &["link", "add", name, "type", "veth", "peer", "name", "host0", "address", mac, "netns", name],
        );
        // While the host is away, what is meant for it must go nowhere else.
        run("ip", &["route", "replace", "blackhole", &network, "metric", "4000000"]);
        run("ip", &["address", "add", &format!("{near}/30"), "dev", name]);
        run("ip", &["link", "set", name, "up"]);
        // Known for good, so that a silent host is silent and not "unreachable".
        run("ip", &["neighbour", "replace", &far, "lladdr", mac, "dev", name, "nud", "permanent"]);
        run("ip", &["-n", name, "address", "add", &format!("{far}/30"), "dev", "host0"]);
        run("ip", &["-n", name, "link", "set", "host0", "up"]);
        run("ip", &["-n", name, "link", "set", "lo", "up"]);
    }

    /// The end on this side goes with the namespace.
    fn disconnect_network(&self) {
        let _ = Command::new("ip").args(["netns", "delete", &self.name]).output();
        let _ = Command::new("ip").args(["link", "delete", &self.name]).output();
    }

    fn write_client(&self) {
        let folder = self.client_home().join(".ssh");
        fs::create_dir_all(&folder).expect("a home");
        let key = folder.join("id_ed25519");
        run("ssh-keygen", &["-q", "-t", "ed25519", "-N", "", "-C", "test", "-f", text(&key)]);
        let public = fs::read_to_string(key.with_extension("pub")).expect("a key");
        for home in ["root", "home/deploy"] {
            let file = self.root().join(home).join(".ssh/authorized_keys");
            fs::write(&file, &public).expect("a file of the host");
            // sshd reads it as the user; the folder is the user's own.
            fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).expect("a mode");
        }
        let address = self.address(22).ip();
        let host_key = self.root().join("etc/ssh/ssh_host_ed25519_key.pub");
        let host_key = fs::read_to_string(host_key).expect("the host's key");
        fs::write(folder.join("known_hosts"), format!("{address} {host_key}")).expect("known_hosts");
        let config = format!(
            "Host {ALIAS}\n  HostName {address}\n  User deploy\n  IdentityFile {key}\n  IdentitiesOnly yes\n  \
             UserKnownHostsFile {known}\n  ConnectTimeout 5\n",
            key = key.display(),
            known = folder.join("known_hosts").display(),
        );
        fs::write(folder.join("config"), config).expect("a configuration");
    }

    /// Its folders in this machine's hierarchies of control groups.
    fn groups(&self) -> Vec<PathBuf> {
        let base = Path::new("/sys/fs/cgroup");
        [base.join("systemd"), base.join("unified"), base.to_path_buf()]
            .iter()
            .filter(|folder| folder.join("cgroup.procs").exists())
            .map(|folder| folder.join(&self.name))
            .collect()
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.halt();
        self.clear();
    }
}

impl Host {
    /// Takes away all that a host has made on this machine.
    fn clear(&self) {
        self.disconnect_network();
        let network = format!("{}/30", Ipv4Addr::from_bits(self.network));
        let _ = Command::new("ip").args(["route", "delete", "blackhole", &network]).output();
        unmount(&self.root());
        unmount(&self.folder);
        for group in self.groups() {
            until("the host's control groups are empty", BOUND, || {
                remove_tree(&group);
                !group.exists()
            });
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

/// Hosts of test runs that were killed.
fn sweep(stock: &Path) {
    for entry in fs::read_dir(stock).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some((own, number)) = name.strip_prefix("dep").and_then(|rest| rest.split_once('x')) else {
            continue;
        };
        let (Ok(own), Ok(number)) = (own.parse::<u32>(), number.parse::<u32>()) else {
            continue;
        };
        if Path::new(&format!("/proc/{own}")).exists() {
            continue;
        }
        let host = Host {
            folder: entry.path(),
            network: 0xC612_0000 + ((own * 8 + number) % 32768) * 4,
            mount: DEFAULT,
            machine: None,
            _room: None,
            name,
        };
        drop(host);
    }
}

/// The image of the disk, or what this machine lacks; asked once.
fn prerequisites() -> Result<PathBuf, String> {
    static ANSWER: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    ANSWER.get_or_init(look).clone()
}

fn look() -> Result<PathBuf, String> {
    if !rustix::process::geteuid().is_root() {
        return Err("not root".to_string());
    }
    for program in ["systemd-nspawn", "ip", "mount", "ssh"] {
        let found = std::env::var_os("PATH")
            .is_some_and(|path| std::env::split_paths(&path).any(|folder| folder.join(program).exists()));
        if !found {
            return Err(format!("no {program} on the PATH"));
        }
    }
    let image = std::env::var_os("DEPLOYER_TEST_DEBIAN").ok_or("DEPLOYER_TEST_DEBIAN is not set")?;
    let image = PathBuf::from(image);
    if !image.exists() {
        return Err(format!("no {}, which tests/it/debian/image.sh makes", image.display()));
    }
    let name = format!("dep{}", std::process::id());
    let made = Command::new("ip").args(["netns", "add", &name]).output();
    let made = made.map_err(|error| error.to_string())?;
    let _ = Command::new("ip").args(["netns", "delete", &name]).output();
    if made.status.success() { Ok(image) } else { Err("no right to make network namespaces".to_string()) }
}

/// The guest's PID 1.
fn init_of(nspawn: u32) -> Option<Pid> {
    for entry in fs::read_dir("/proc").ok()?.flatten() {
        let status = fs::read_to_string(entry.path().join("status")).unwrap_or_default();
        let field = |name: &str| {
            status.lines().find_map(|line| line.strip_prefix(name).map(|rest| rest.trim().to_string()))
        };
        let child = field("PPid:").is_some_and(|parent| parent == nspawn.to_string());
        if child && field("NSpid:").is_some_and(|pids| pids.split_whitespace().nth(1) == Some("1")) {
            return Pid::from_raw(entry.file_name().to_str()?.parse().ok()?);
        }
    }
    None
}

fn greets(address: SocketAddr) -> bool {
    let Ok(mut stream) = TcpStream::connect_timeout(&address, Duration::from_secs(1)) else {
        return false;
    };
    let mut greeting = [0; 4];
    let _ = stream.set_read_timeout(Some(Duration::from_secs(5)));
    stream.read_exact(&mut greeting).is_ok() && &greeting == b"SSH-"
}

fn is_mounted(folder: &Path) -> bool {
    let table = fs::read_to_string("/proc/self/mounts").unwrap_or_default();
    table.lines().any(|line| line.split(' ').nth(1) == folder.to_str())
}

fn unmount(folder: &Path) {
    if is_mounted(folder) {
        until("a disk is let go of", BOUND, || {
            let done = Command::new("umount").arg(folder).output();
            done.is_ok_and(|done| done.status.success())
        });
    }
}

/// Removes control groups, the innermost first.
fn remove_tree(group: &Path) {
    for entry in fs::read_dir(group).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            remove_tree(&entry.path());
        }
    }
    let _ = fs::remove_dir(group);
}

fn text(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) {
    let done = ran(Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .unwrap_or_else(|error| panic!("{program}: {error}")));
    assert_eq!(done.code, 0, "{program} {arguments:?}\n{}", done.stderr);
}
