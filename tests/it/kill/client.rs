use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;

use serde_json::Value;

use super::stage::{BOUND, Stage};
use crate::support::{Ran, until};

/// A running `deployer`, whose events are read as they come.
pub struct Client {
    child: Child,
    lines: Arc<Mutex<Vec<String>>>,
    readers: Vec<JoinHandle<String>>,
}

/// How a client leaves.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Death {
    /// SIGKILL.
    Killed,
    /// Nothing passes any more, and nobody is told.
    Silence,
}

impl Client {
    pub fn start(stage: &Stage, arguments: &[&str], ssh_config: Option<&Path>) -> Client {
        let mut command = stage.site.command(arguments);
        command.arg("--json");
        if let Some(file) = ssh_config {
            command.arg("--ssh-config").arg(file);
        }
        let mut child = command.spawn().expect("the binary starts");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let out = BufReader::new(child.stdout.take().expect("its output"));
        let mut err = child.stderr.take().expect("its errors");
        let seen = Arc::clone(&lines);
        let readers = vec![
            std::thread::spawn(move || {
                for line in out.lines().map_while(Result::ok) {
                    seen.lock().expect("no reader panics").push(line);
                }
                String::new()
            }),
            std::thread::spawn(move || {
                let mut text = String::new();
                let _ = err.read_to_string(&mut text);
                text
            }),
        ];
        Client { child, lines, readers }
    }

    pub fn events(&self) -> Vec<Value> {
        let lines = self.lines.lock().expect("no reader panics");
        lines.iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// Waits for an event of which something holds.
    #[track_caller]
    pub fn until_event(&self, what: &str, holds: impl Fn(&Value) -> bool) {
        until(what, BOUND, || self.events().iter().any(&holds));
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("a child").is_none()
    }

    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.child.id().to_string()).status();
        assert!(status.expect("kill runs").success());
    }

    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Waits for its end.
    pub fn end(mut self) -> Ran {
        let status = self.child.wait().expect("a child");
        let mut stderr = String::new();
        for reader in self.readers.drain(..) {
            stderr.push_str(&reader.join().expect("no reader panics"));
        }
        let lines = self.lines.lock().expect("no reader panics");
        Ran { code: status.code().unwrap_or(-1), stdout: lines.join("\n"), stderr }
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        self.kill();
    }
}
