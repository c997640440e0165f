use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use deployer::rehearsal::{HostOptions, ThrowawayHost};
use tempfile::TempDir;

use super::turn::{Place, place};

/// An application under version control, a throwaway host, and the `deployer` binary between them.
pub struct Site {
    pub host: ThrowawayHost,
    pub repo: TempDir,
    /// Lines that a test adds to `deployer.toml`: application tables.
    pub extra: String,
    /// Lines at the end of `[environments.prod]`.
    pub environment: String,
    /// The name that `deployer` connects to.
    pub alias: String,
    /// What is run as `deployer`.
    pub binary: PathBuf,
    /// Given back when the host is gone.
    pub _place: Arc<Place>,
}

/// What a run of the binary came to.
#[derive(Debug)]
pub struct Ran {
    pub code: i32,
    pub stdout: String,
    pub stderr: String,
}

impl Ran {
    /// Expects that it was done; `arguments` are what it was run with.
    #[track_caller]
    pub fn done(self, arguments: &[&str]) -> Ran {
        assert_eq!(self.code, 0, "deployer {arguments:?}\n{}{}", self.stdout, self.stderr);
        self
    }

    /// Expects an exit code and every one of these texts on standard error, whose long lines are folded with an indent.
    #[track_caller]
    pub fn check(self, code: i32, texts: &[&str]) -> Ran {
        let flat = self.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(self.code, code, "{}{}", self.stdout, self.stderr);
        for text in texts {
            assert!(flat.contains(text), "{text:?} is not in:\n{}", self.stderr);
        }
        self
    }

    /// The only environment of a `deployer status --json`.
    #[track_caller]
    pub fn status(&self) -> serde_json::Value {
        let value: serde_json::Value =
            serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"));
        value["environments"][0].clone()
    }
}

/// The smallest WSGI application that says who it is. What a test appends can override it.
pub const APP: &str = r#"
import os
import time
from urllib.parse import parse_qs

def app(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/slow":
        seconds = float(parse_qs(environ["QUERY_STRING"]).get("seconds", ["1"])[0])
        time.sleep(seconds)
    body = "hello from %s %s\n" % (os.environ["BLUEGREEN"], os.environ["DEPLOYER_COMMIT_SHORT"])
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]
"#;

impl Site {
    /// A host with uv on its PATH, and a repository of one commit.
    pub fn new() -> Site {
        Site::with(|_| {})
    }

    /// The same, with the host changed.
    pub fn with(change: impl FnOnce(&mut HostOptions)) -> Site {
        let _place = place();
        let mut options = options();
        change(&mut options);
        let host = ThrowawayHost::start(options).expect("a throwaway host");
        let alias = host.alias().to_string();
        let repo = tempfile::tempdir().expect("a temporary folder");
        let binary = PathBuf::from(env!("CARGO_BIN_EXE_deployer"));
        let site =
            Site { host, repo, extra: String::new(), environment: String::new(), alias, binary, _place };
        site.git(&["init", "--quiet", "--initial-branch=main"]);
        site.write("app.py", APP);
        site.write("requirements.txt", &format!("{}\n", gunicorn()));
        site.configure();
        site.commit("say hello");
        site
    }

    /// Has `libssh2` or `openssh` connect from now on.
    pub fn by(&mut self, client: &str) {
        self.environment = format!("ssh = {client:?}");
        self.configure();
    }

    /// Another host like this site's, by a name that the client knows.
    pub fn another_host(&self, alias: &str) -> ThrowawayHost {
        let host =
            ThrowawayHost::start(HostOptions { alias: alias.into(), ..options() }).expect("another host");
        let mut config = fs::read_to_string(self.host.ssh_config()).expect("ssh_config");
        config += &fs::read_to_string(host.ssh_config()).expect("ssh_config");
        fs::write(self.host.ssh_config(), config).expect("ssh_config");
        host
    }

    /// Writes `deployer.toml` anew; it is not committed unless the test does so.
    pub fn configure(&self) {
        let words = |words: Vec<String>| serde_json::to_string(&words).expect("words");
        let ports = self.host.app_ports();
        let text = format!(
            "{}{}\n\
             [environments.prod]\nhost = {:?}\nroot = {:?}\nports = {{ blue = {}, green = {} }}\n\
             url = \"http://{}:{}\"\n{}\n[environments.prod.nginx]\ntest = {}\nreload = {}\n",
            self.common(),
            self.extra,
            self.alias,
            self.host.root().to_str().expect("a UTF-8 path"),
            ports.blue,
            ports.green,
            self.host.server_name(),
            self.host.http_port(),
            self.environment,
            words(self.host.nginx_test_command()),
            words(self.host.nginx_reload_command()),
        );
        self.write("deployer.toml", &text);
    }

    /// What `deployer.toml` says of the application.
    pub fn common(&self) -> String {
        let wheels = variable("DEPLOYER_TEST_WHEELS");
        format!(
            "supervisor = \"none\"\n\n[app]\nname = \"hello\"\n\n[python]\ninterpreter = \"/usr/bin/python3\"\n\
             install_args = [\"--no-index\", \"--find-links\", {wheels:?}]\n\n\
             [gunicorn]\napp = \"app:app\"\ngraceful_timeout = \"5s\"\n\n"
        )
    }

    pub fn write(&self, path: &str, content: &str) {
        let path = self.repo.path().join(path);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
        fs::write(path, content).expect("a file in the repository");
    }

    pub fn git(&self, arguments: &[&str]) -> String {
        git(self.repo.path(), arguments)
    }

    /// Commits everything, and returns the full hash.
    pub fn commit(&self, message: &str) -> String {
        self.git(&["add", "--all"]);
        self.git(&["commit", "--quiet", "--allow-empty", "--message", message]);
        self.git(&["rev-parse", "HEAD"])
    }

    /// A commit that changes one line.
    pub fn change(&self) -> String {
        let path = self.repo.path().join("app.py");
        let text = fs::read_to_string(path).expect("app.py");
        let count = text.matches("# changed").count();
        self.write("app.py", &format!("{text}# changed {count}\n"));
        self.commit(&format!("change {count}"))
    }

    /// The command with its surroundings, ready to be run.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.binary);
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

    /// Runs `deployer` to its end.
    pub fn deployer(&self, arguments: &[&str]) -> Ran {
        ran(self.command(arguments).output().expect("the binary runs"))
    }

    pub fn start(&self, arguments: &[&str]) -> Child {
        self.command(arguments).spawn().expect("the binary starts")
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

    /// Waits until nobody holds the environment's lock, which the host frees a moment after a client that failed or was
    /// killed has gone; the status that says so.
    #[track_caller]
    pub fn until_free(&self, bound: Duration) -> serde_json::Value {
        let mut status = serde_json::Value::Null;
        until("the lock is free", bound, || {
            status = self.status();
            status["lock"].is_null()
        });
        status
    }

    /// The step that the command on the host began last.
    pub fn step(&self) -> Option<String> {
        let journal = fs::read_to_string(self.path(".deployer/journal")).unwrap_or_default();
        let begun = journal.lines().rev().find_map(|line| line.strip_prefix("begin "))?;
        begun.splitn(3, ' ').nth(2).map(|name| name.replace('_', " "))
    }

    /// Status and body of a request to the front door.
    pub fn get(&self, path: &str) -> (u16, String) {
        http(self.door(), self.host.server_name(), path)
    }

    pub fn door(&self) -> SocketAddr {
        SocketAddr::from(([127, 0, 0, 1], self.host.http_port()))
    }

    /// A path below the deploy root.
    pub fn path(&self, below: &str) -> PathBuf {
        self.host.root().join(below)
    }

    /// The slot that a link leads to.
    pub fn link(&self, name: &str) -> Option<String> {
        Some(fs::read_link(self.path(name)).ok()?.file_name()?.to_str()?.to_string())
    }

    /// Reloads nginx as somebody else on the host may at any time.
    #[track_caller]
    pub fn reload_nginx(&self) {
        let words = self.host.nginx_reload_command();
        let status = Command::new(&words[0]).args(&words[1..]).status();
        assert!(status.expect("the reload runs").success());
    }

    /// Deploys and cuts over, so that a release is live.
    #[track_caller]
    pub fn go_live(&self) {
        self.done(&["prod", "deploy", "--allow-dirty"]);
        self.done(&["prod", "cutover"]);
    }
}

/// What the host of a site has: uv on its PATH.
fn options() -> HostOptions {
    let tools =
        PathBuf::from(variable("DEPLOYER_TEST_UV")).parent().expect("uv is in a folder").to_path_buf();
    let mut options = HostOptions { grace: Duration::ZERO, ..HostOptions::default() };
    options.environment.push(("UV_CACHE_DIR".into(), variable("DEPLOYER_TEST_UV") + "-cache"));
    options.environment.push(("UV_PYTHON".into(), "/usr/bin/python3".into()));
    options.path.push(only_uv(&tools));
    options
}

pub fn ran(output: Output) -> Ran {
    Ran {
        code: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}

/// The whole answer to a request on a connection of its own, whose first line and headers these are; empty where there is none.
pub fn answer(address: SocketAddr, lines: &[&str]) -> String {
    let ask = || -> std::io::Result<String> {
        let mut stream = TcpStream::connect(address)?;
        stream.set_read_timeout(Some(Duration::from_secs(30)))?;
        stream.write_all(format!("{}\r\n\r\n", lines.join("\r\n")).as_bytes())?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        Ok(answer)
    };
    ask().unwrap_or_default()
}

/// Status and body of one GET; status 0 where there is no answer.
pub fn http(address: SocketAddr, host: &str, path: &str) -> (u16, String) {
    let answer = answer(address, &[&format!("GET {path} HTTP/1.0"), &format!("Host: {host}")]);
    let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_string()).unwrap_or_default())
}

/// Runs git with an identity of its own, and returns what it prints.
#[track_caller]
pub fn git(folder: &Path, arguments: &[&str]) -> String {
    let output = Command::new("git")
        .current_dir(folder)
        .args(["-c", "user.name=Ann", "-c", "user.email=ann@example.org", "-c", "protocol.file.allow=always"])
        .args(arguments)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_SYSTEM", "/dev/null")
        .output()
        .expect("git runs");
    assert!(output.status.success(), "git {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim_end().to_string()
}

/// Waits until a condition holds.
#[track_caller]
pub fn until(what: &str, bound: Duration, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + bound;
    while !holds() {
        assert!(Instant::now() < deadline, "{what}: not within {bound:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The pinned gunicorn of the example, which the wheelhouse has.
pub fn gunicorn() -> String {
    let text = include_str!("../../../examples/flask/requirements.txt");
    text.lines()
        .find(|line| line.to_lowercase().starts_with("gunicorn"))
        .expect("a pinned gunicorn")
        .to_string()
}

/// A folder with nothing but uv in it, so that the host's PATH does not get pip's python.
fn only_uv(tools: &Path) -> PathBuf {
    let folder = tools.parent().expect("a folder").join("only-uv");
    let _ = fs::create_dir_all(&folder);
    let _ = std::os::unix::fs::symlink(tools.join("uv"), folder.join("uv"));
    folder
}

fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set: run the tests by tests/run.sh"))
}
