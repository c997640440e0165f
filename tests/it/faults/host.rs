//! Faults of the slot on the host: its port and its pid file.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::process::{Child, Command, Stdio};

use crate::faults::fixture::{live, meet};
use crate::support::Site;

/// A process that has nothing to do with a deploy, and must outlive it.
struct Stranger(Child);

impl Stranger {
    fn called(name: &str) -> Stranger {
        let child = Command::new("bash")
            .args(["-c", "exec -a \"$1\" sleep 600", "bash", name])
            .stdin(Stdio::null())
            .spawn()
            .expect("bash starts");
        Stranger(child)
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().expect("a child").is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn the_port_is_held_by_a_stranger() {
    let site = live();
    site.change();
    let port = site.host.app_ports().green;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the slot's port is free");
    let met = meet(&site, "port_held_by_a_stranger", &["prod", "deploy"], 1);
    assert_eq!(met.next()["process"]["state"], "stranger");
    meet(&site, "cutover_to_a_stranger", &["prod", "cutover"], 1);
    drop(listener);
    site.done(&["prod", "deploy"]);
    site.done(&["prod", "stop"]);
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).expect("the slot's port is free");
    let met = meet(&site, "a_stranger_in_the_place_of_a_release", &["prod", "cutover"], 1);
    assert_eq!(met.next()["process"]["state"], "stranger");
    drop(listener);
    site.go_live();
}

#[test]
fn a_pid_file_that_names_a_stranger_or_nobody() {
    let site = live();
    for (case, name) in
        [("pid_of_a_stranger", "some other daemon"), ("pid_of_another_gunicorn", "gunicorn: master [shop]")]
    {
        let mut stranger = Stranger::called(name);
        fs::write(site.path("next/etc/app.pid"), format!("{}\n", stranger.0.id())).unwrap();
        site.change();
        let met = meet(&site, case, &["prod", "deploy"], 0);
        assert!(stranger.lives(), "{case}");
        assert_eq!(met.next()["process"]["state"], "running");
        site.done(&["prod", "cutover"]);
        assert!(stranger.lives(), "{case}");
        site.done(&["prod", "stop"]);
        assert!(stranger.lives(), "{case}");
    }
    garbage(&site);
}

fn garbage(site: &Site) {
    for (case, content) in [
        ("pid_file_of_words", &b"not a number\n"[..]),
        ("pid_file_of_bytes", b"\xff\xfe\x00"),
        ("pid_file_of_init", b"1\n"),
        ("pid_file_below_zero", b"-1\n"),
        ("pid_file_that_is_empty", b""),
    ] {
        fs::write(site.path("next/etc/app.pid"), content).unwrap();
        site.change();
        let met = meet(site, case, &["prod", "deploy"], 0);
        assert_eq!(met.next()["process"]["state"], "running");
        site.done(&["prod", "stop"]);
    }
}
