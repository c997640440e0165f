//! Everything through the user's own `ssh`.

use std::fs::OpenOptions;
use std::io::Write;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::support::{DelayProxy, Site, alone, until};

/// One way; a round trip is twice that.
const DELAY: Duration = Duration::from_millis(50);

/// The user's own connection, open in another window.
struct Master {
    ssh: Child,
    control: PathBuf,
}

impl Master {
    /// To the name that ssh_config has last.
    fn open(site: &Site, alias: &str) -> Master {
        let control = site.host.client_home().join("control");
        let config = site.host.ssh_config();
        let mut file = OpenOptions::new().append(true).open(&config).expect("ssh_config");
        writeln!(file, "    ControlPath \"{}\"", control.display()).expect("ssh_config");
        let mut ssh = Command::new("ssh");
        ssh.arg("-F").arg(&config).args(["-M", "-N", alias]).stdin(Stdio::null()).stderr(Stdio::null());
        let master = Master { ssh: ssh.spawn().expect("ssh"), control };
        until("the master", Duration::from_secs(10), || master.control.exists());
        master
    }
}

impl Drop for Master {
    fn drop(&mut self) {
        let _ = self.ssh.kill();
        let _ = self.ssh.wait();
    }
}

#[test]
fn an_open_connection_saves_the_login() {
    let _turn = alone();
    let mut site = Site::new();
    let proxy = DelayProxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, site.host.ssh_port())), DELAY);
    site.host.add_route("far", proxy.port()).expect("a route");
    // Both slots and the virtualenv are warm, as on any day.
    for _ in 0..2 {
        site.go_live();
        site.change();
    }
    site.alias = "far".to_string();
    let _master = Master::open(&site, "far");
    let mut took = [Vec::new(), Vec::new()];
    for _ in 0..5 {
        for (environment, took) in ["ssh = \"libssh2\"", ""].into_iter().zip(&mut took) {
            site.environment = environment.to_string();
            site.configure();
            site.change();
            let (before, begun) = (proxy.connections(), Instant::now());
            site.done(&["prod", "deploy"]);
            took.push(begun.elapsed());
            assert_eq!(
                proxy.connections() - before,
                u64::from(!environment.is_empty()),
                "one connection or none"
            );
        }
    }
    took.iter_mut().for_each(|took| took.sort());
    let [libssh2, shared] = took;
    println!(
        "a one-line fix at 100 ms: {:?} by libssh2, {:?} through an open connection",
        libssh2[2], shared[2]
    );
    println!("all: {libssh2:?} {shared:?}");
    let saved = libssh2[0].saturating_sub(shared[0]);
    assert!(saved > 7 * DELAY, "only {saved:?} of a login's six round trips");
}
