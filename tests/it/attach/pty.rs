//! The binary on a real terminal of its own.

use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::fd::OwnedFd;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::support::{Site, until};

pub(crate) struct Terminal {
    master: File,
    /// Kept open, so that the terminal outlives the binary.
    slave: OwnedFd,
    child: Child,
    screen: Arc<Mutex<String>>,
}

impl Terminal {
    /// Starts the binary as the leader of a session that the terminal belongs to.
    pub(crate) fn start(site: &Site, arguments: &[&str]) -> Terminal {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).expect("a terminal");
        grantpt(&master).and_then(|()| unlockpt(&master)).expect("a terminal");
        let name = ptsname(&master, Vec::new()).expect("its name");
        let open = || {
            let path = name.to_str().expect("a path");
            OpenOptions::new().read(true).write(true).open(path).expect("the terminal")
        };
        let slave = open();
        let bare = site.command(arguments);
        let mut command = Command::new("setsid");
        command.args(["--ctty", "--wait", env!("CARGO_BIN_EXE_deployer")]).args(arguments);
        command.current_dir(site.repo.path()).env_clear().env("TERM", "vt220");
        for (name, value) in bare.get_envs() {
            if let Some(value) = value {
                command.env(name, value);
            }
        }
        command.stdin(open()).stdout(open()).stderr(open());
        let master = File::from(master);
        size(&master, 91, 31);
        let child = command.spawn().expect("setsid runs");
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut reader, shown) = (master.try_clone().expect("the terminal"), Arc::clone(&screen));
        thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(count @ 1..) = reader.read(&mut piece) {
                shown.lock().unwrap().push_str(&String::from_utf8_lossy(&piece[..count]));
            }
        });
        Terminal { master, slave: slave.into(), child, screen }
    }

    pub(crate) fn types(&mut self, keys: &str) {
        self.master.write_all(keys.as_bytes()).expect("the terminal takes keys");
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        size(&self.master, columns, rows);
    }

    pub(crate) fn screen(&self) -> String {
        self.screen.lock().unwrap().clone()
    }

    #[track_caller]
    pub(crate) fn shows(&self, text: &str) {
        let shown = || self.screen().contains(text);
        let bound = std::time::Instant::now() + Duration::from_secs(60);
        while !shown() {
            assert!(std::time::Instant::now() < bound, "no {text:?} in {}", self.screen());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// Whether the local terminal has lines and echo, as a person's shell left it.
    pub(crate) fn is_cooked(&self) -> bool {
        let modes = tcgetattr(&self.slave).expect("its modes").local_modes;
        modes.contains(LocalModes::ICANON | LocalModes::ECHO | LocalModes::ISIG)
    }

    #[track_caller]
    pub(crate) fn exit_code(&mut self) -> i32 {
        let mut code = None;
        until("the end of the binary", Duration::from_secs(60), || {
            code = self.child.try_wait().expect("the child's state");
            code.is_some()
        });
        code.and_then(|status| status.code()).expect("an exit code")
    }
}

fn size(master: &File, columns: u16, rows: u16) {
    let size = Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
    tcsetwinsize(master, size).expect("the terminal has a size");
}
