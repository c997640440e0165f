use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Stdio};

use super::host::{ALIAS, HARSH, Host};
use crate::support::{APP, Ran, git, gunicorn, http, ran};

/// An application, a Debian host with nginx, and the binary between them.
pub struct Stage {
    pub host: Host,
    pub repo: tempfile::TempDir,
    /// Lines that a test adds to `deployer.toml`.
    pub extra: String,
    /// A line of the environment, where not the unprivileged user deploys.
    pub user: String,
}

/// The folder on the host that holds the slots.
pub const ROOT: &str = "/home/deploy/hello";

/// A name for the front door.
pub const NAME: &str = "hello.test";

/// Where the host has the wheels, for it has no network but the one to this machine.
const WHEELS: &str = "/srv/wheels";

const SITE: &str = "server {
    listen 80 default_server;
    server_name hello.test;
    location / { include /home/deploy/hello/live/etc/nginx.con[f]; }
}
server {
    listen 80;
    server_name next.hello.test;
    location / { include /home/deploy/hello/next/etc/nginx.con[f]; }
}
";

impl Stage {
    /// A running host with nginx's site written, and a repository of one commit.
    pub fn new(case: &str) -> Option<Stage> {
        Stage::on(case, HARSH)
    }

    /// The same, with its disk mounted as asked.
    pub fn on(case: &str, mount: &'static str) -> Option<Stage> {
        let mut stage = Stage {
            host: Host::new(case, mount)?,
            repo: tempfile::tempdir().expect("a temporary folder"),
            extra: String::new(),
            user: String::new(),
        };
        stage.host.write("/etc/nginx/sites-enabled/hello", SITE);
        let wheels = std::env::var("DEPLOYER_TEST_WHEELS")
            .expect("DEPLOYER_TEST_WHEELS is not set: run the tests by tests/run.sh");
        for wheel in fs::read_dir(wheels).expect("the wheels").flatten() {
            let name = wheel.file_name().to_string_lossy().into_owned();
            if name.ends_with(".whl") {
                let to = stage.host.root().join(&WHEELS[1..]).join(name);
                fs::create_dir_all(to.parent().expect("a folder")).expect("a folder of the host");
                fs::copy(wheel.path(), to).expect("a wheel");
            }
        }
        stage.host.boot();
        stage.git(&["init", "--quiet", "--initial-branch=main"]);
        stage.write("app.py", APP);
        stage.write("requirements.txt", &format!("{}\n", gunicorn()));
        stage.configure();
        stage.commit("say hello");
        Some(stage)
    }

    /// Deploys and cuts over, so that the newest commit is live; returns its short hash.
    #[track_caller]
    pub fn go_live(&self) -> String {
        self.done(&["prod", "deploy", "--allow-dirty", "--cutover"]);
        let commit = self.git(&["rev-parse", "HEAD"])[..7].to_string();
        assert!(self.serves(&commit), "{:?}", self.get("/"));
        commit
    }

    pub fn serves(&self, commit: &str) -> bool {
        let (status, body) = self.get("/");
        status == 200 && body.contains(commit)
    }

    /// Whether `live` leads to the slot that holds this commit.
    pub fn linked_to(&self, commit: &str) -> bool {
        let head = self.host.done("deploy", "cat hello/live/etc/served");
        head.contains(commit)
    }

    /// A power loss in this very moment; returns when the host is up again.
    pub fn lose_power(&mut self) {
        self.host.power_loss();
        self.host.boot();
    }

    pub fn configure(&self) {
        let text = format!(
            "[app]\nname = \"hello\"\n\n[python]\ninstall_args = [\"--no-index\", \"--find-links\", \"{WHEELS}\"]\n\n\
             [gunicorn]\napp = \"app:app\"\ngraceful_timeout = \"5s\"\n\n{}\n\
             [environments.prod]\nhost = \"{ALIAS}\"\nroot = \"{ROOT}\"\nports = {{ blue = 8888, green = 8889 }}\n\
             url = \"http://{NAME}\"\n{}",
            self.extra, self.user,
        );
        self.write("deployer.toml", &text);
    }

    pub fn write(&self, path: &str, content: &str) {
        fs::write(self.repo.path().join(path), content).expect("a file in the repository");
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(self.repo.path(), arguments)
    }

    /// Commits everything, and returns the short hash.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])[..7].to_string()
    }

    /// Runs `deployer` to its end.
    pub fn deployer(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().expect("the binary runs"))
    }

    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_deployer")));
        command
            .current_dir(self.repo.path())
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap_or_default())
            .env("HOME", self.host.client_home())
            .env("USER", "ann")
            .env("LANG", "C.UTF-8")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    /// What a person pastes into a shell; `deployer` is this binary, and ssh knows the host.
    pub fn paste(&self, line: &str) -> Ran {
        let tools = self.host.client_home().join("bin");
        fs::create_dir_all(&tools).expect("a folder");
        let config = self.host.client_home().join(".ssh/config");
        let ssh = format!("#!/bin/sh\nexec /usr/bin/ssh -F '{}' \"$@\"\n", config.display());
        fs::write(tools.join("ssh"), ssh).expect("a script");
        fs::set_permissions(tools.join("ssh"), fs::Permissions::from_mode(0o755)).expect("a mode");
        let binary = tools.join("deployer");
        if !binary.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_deployer"), binary).expect("a link");
        }
        let path = std::env::var("PATH").unwrap_or_default();
        let mut shell = Command::new("sh");
        shell
            .args(["-c", line])
            .current_dir(self.repo.path())
            .env("HOME", self.host.client_home())
            .env("PATH", format!("{}:{path}", tools.display()))
            .stdin(Stdio::null());
        ran(shell.output().expect("sh runs"))
    }

    /// Runs `deployer` and expects it to be done.
    #[track_caller]
    pub fn done(&self, arguments: &[&str]) -> Ran {
        self.deployer(arguments).done(arguments)
    }

    /// What `deployer status --json` says of the environment.
    #[track_caller]
    pub fn status(&self) -> serde_json::Value {
        self.deployer(&["status", "--json"]).status()
    }

    /// Status and body of a request to the front door.
    pub fn get(&self, path: &str) -> (u16, String) {
        http(self.host.address(80), NAME, path)
    }
}
