//! Every path that `deployer.toml` accepts, through a real nginx: what is accepted stands for itself in each file that is written,
//! whatever characters it has, and what nginx cannot be told is refused with its file, line and key.

use std::fmt::Write as _;
use std::fs;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use deployer::config::{Config, Cutover, Environment};
use deployer::model::{Color, Role};
use deployer::nginx::{SiteFacts, role_file, site, snippet};

use crate::support::answer;

const KEY: &str = "0123456789abcdef0123456789abcdef";
const COMMIT: &str = "3ab9d4226a9d0a3d6c0b6a0f0bba9a5de1d40c11";

/// The values of one configuration; the rest is as usual.
#[derive(Clone, Default)]
struct Case {
    /// Behind the server's name.
    path: String,
    /// The folder that holds the slots, below the test's own.
    root: String,
    socket: bool,
    name: Option<String>,
    app: Option<String>,
    files: Option<(String, String)>,
    log: Option<String>,
    extra: Vec<String>,
}

fn path(path: &str) -> Case {
    Case { path: path.to_owned(), ..Case::default() }
}

fn quote(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// An nginx of the test's own, in a folder of its own.
struct Nginx {
    folder: tempfile::TempDir,
    port: u16,
    child: Option<Child>,
}

impl Drop for Nginx {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            // TERM, so that its workers end too.
            let _ = Command::new("kill").arg(child.id().to_string()).status();
            let _ = child.wait();
        }
    }
}

impl Nginx {
    fn new() -> Nginx {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        Nginx { folder: tempfile::tempdir().unwrap(), port, child: None }
    }

    fn place(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The configuration of one case, by the real reader.
    fn read(&self, number: usize, case: &Case) -> Result<Environment, String> {
        let root = self.place(&format!("{number}/{}", case.root));
        let name = case.name.clone().unwrap_or_else(|| format!("app{number}"));
        let mut text = format!("cutover = \"{}\"\n", if case.socket { "socket" } else { "reload" });
        let _ = writeln!(text, "[app]\nname = {}", quote(&name));
        if let Some(app) = &case.app {
            let _ = writeln!(text, "directory = {}", quote(app));
        }
        let _ = writeln!(text, "[gunicorn]\napp = \"app:app\"");
        if let Some((url, directory)) = &case.files {
            let _ = writeln!(text, "[static]\nurl = {}\ndirectory = {}", quote(url), quote(directory));
        }
        let _ = writeln!(text, "[nginx]\naddress = \"127.0.0.1:{}\"", self.port);
        if let Some(log) = &case.log {
            let _ = writeln!(text, "access_log = {}", quote(log));
            let _ = writeln!(text, "error_log = {}", quote(log));
        }
        if !case.extra.is_empty() {
            let _ = writeln!(text, "extra = {}", serde_json::to_string(&case.extra).unwrap());
        }
        let _ = writeln!(
            text,
            "[environments.prod]\nhost = \"web1\"\nroot = {}\nports = {{ blue = 8888, green = 8889 }}\nurl = {}",
            quote(root.to_str().unwrap()),
            quote(&format!("http://{}{}", host(number), case.path)),
        );
        let config = Config::parse(&text, Path::new("deployer.toml")).map_err(|error| error.to_string())?;
        Ok(config.environment("prod").unwrap())
    }

    /// Lays out the slots and writes every file that nginx reads of them.
    fn lay_out(&self, number: usize, environment: &Environment) {
        let root = Path::new(&environment.root);
        for (color, role) in [(Color::Blue, Role::Live), (Color::Green, Role::Next)] {
            let slot = root.join(color.as_str());
            fs::create_dir_all(slot.join("etc")).unwrap();
            let port = environment.ports.of(color);
            fs::write(slot.join("etc/nginx.conf"), snippet(color, port, COMMIT, KEY)).unwrap();
            fs::write(slot.join("etc/served"), format!("deployer {color} {COMMIT}\n")).unwrap();
            symlink(&slot, root.join(role.as_str())).unwrap();
            fs::create_dir_all(root.join(".deployer")).unwrap();
            let file = root.join(format!(".deployer/nginx-{role}.conf"));
            fs::write(file, role_file(environment, role, environment.cutover, KEY)).unwrap();
            if let Some(files) = &environment.static_files {
                let folder = slot.join("repo").join(&environment.app.directory).join(&files.directory);
                fs::create_dir_all(&folder).unwrap();
                fs::write(folder.join("file.txt"), color.as_str()).unwrap();
            }
        }
        let facts = SiteFacts { tls: false, ipv6: false };
        fs::write(self.place(&format!("{number}.conf")), site(environment, facts)).unwrap();
    }

    fn command(&self, sites: &str) -> Command {
        let folder = self.folder.path().display();
        let user = if fs::metadata(self.folder.path()).unwrap().uid() == 0 { "user root;\n" } else { "" };
        let places: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .iter()
            .map(|kind| format!("{kind}_temp_path {folder}/{kind};\n"))
            .collect();
        let text = format!(
            "{user}daemon off;\npid {folder}/pid;\nevents {{}}\nhttp {{\naccess_log off;\n{places}\
             server_names_hash_max_size 4096;\nvariables_hash_max_size 8192;\ninclude {folder}/{sites};\n}}\n"
        );
        fs::write(self.place("nginx.conf"), text).unwrap();
        let mut command = Command::new("/usr/sbin/nginx");
        command
            .arg("-p")
            .arg(self.folder.path())
            .arg("-e")
            .arg(self.place("error.log"))
            .arg("-c")
            .arg(self.place("nginx.conf"));
        command
    }

    /// What nginx has against a site; empty where it takes it.
    fn objects(&self, number: usize) -> String {
        let tested = self.command(&format!("{number}.conf")).arg("-t").output().unwrap();
        if tested.status.success() {
            String::new()
        } else {
            String::from_utf8_lossy(&tested.stderr).into_owned()
        }
    }

    fn start(&mut self) {
        let child = self.command("*.conf[s]").stdin(Stdio::null()).spawn().unwrap();
        self.child = Some(child);
        let deadline = Instant::now() + Duration::from_secs(20);
        while TcpStream::connect(("127.0.0.1", self.port)).is_err() {
            assert!(Instant::now() < deadline, "nginx does not listen");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// The body of one GET, to the letter.
    fn get(&self, host: &str, target: &str) -> String {
        let probe = format!("X-Deployer-Probe: {KEY}");
        let lines =
            [&format!("GET {target} HTTP/1.1"), &format!("Host: {host}"), &probe, "Connection: close"];
        let answer = answer(([127, 0, 0, 1], self.port).into(), &lines);
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if head.starts_with("HTTP/1.1 200 ") {
            body.trim().to_owned()
        } else {
            head.lines().next().unwrap_or_default().to_owned()
        }
    }
}

fn host(number: usize) -> String {
    format!("h{number}.example")
}

/// What people write, and what somebody might.
fn table() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "",
        "/",
        "/app",
        "/app/",
        "/a;b",
        "/a;}/",
        "/{",
        "/}",
        "/{{static}}/",
        "/{{key}}",
        "/%7B%7Bkey%7D%7D",
        "/a\"b",
        "/a'b",
        "/it's",
        "/a\\b",
        "/a\\",
        "/a\\\"b",
        "/$http_host",
        "/$",
        "/a$b/",
        "/~",
        "/~^x",
        "/^~",
        "/=",
        "/@x",
        "/*",
        "/[a]",
        "/(a|b)",
        "/a+b",
        "/a,b",
        "/a&b",
        "/a!b",
        "/a:b",
        "/a|b",
        "/a^b",
        "/a`b",
        "/<a>",
        "/a%20b",
        "/a%23b",
        "/a%3Fb",
        "/a%25b",
        "/a%2525",
        "/a%2Fb",
        "/%C3%BC/",
        "/%e6%97%a5",
        "/a%",
        "/a%2",
        "/a%zz",
        "/a%00b",
        "/a%0Ab",
        "/%FF",
        "/a b",
        "/ü",
        "/a#b",
        "/a?b",
        "/a//b",
        "/./a",
        "/a/..",
        "/%2e%2e/a",
        "/.a",
        "/...",
        "/%2F",
        "/.well-known/acme-challenge/",
        "/static/",
        "/%73tatic/",
    ]
    .iter()
    .map(|text| path(text))
    .collect();
    cases.push(path(&format!("/{}", "x".repeat(199))));
    cases.push(path(&format!("/{}", "x".repeat(200))));
    for root in [
        "a b", "it's", "a\"b", "a\\b", "a;b", "{a}", "a#b", "a$b", "a*", "[a]", "a?b", "a:b", "ü", "~",
        "%20", "{{key}}", "a\\", "\\n", "$host",
    ] {
        cases.push(Case { root: root.to_owned(), ..path("/") });
    }
    cases.push(Case { root: "x".repeat(100), ..path("/") });
    // The same by socket, and with static files.
    let socket = cases.iter().cloned().map(|case| Case { socket: true, ..case });
    let files = cases
        .iter()
        .cloned()
        .map(|case| Case { files: Some(("/static/".to_owned(), "out".to_owned())), ..case });
    let mut cases: Vec<Case> = socket.chain(files).chain(cases.iter().cloned()).collect();
    for (url, directory) in [
        ("/s.1/", "out"),
        ("/a-b_c/", "out"),
        ("/~/", "out"),
        ("/a;b/", "out"),
        ("/a b/", "out"),
        ("/$a/", "out"),
        ("/a{2}/", "out"),
        ("/.well-known/acme-challenge/", "out"),
        ("/static/", "a b"),
        ("/static/", "a;b"),
        ("/static/", "it's"),
        ("/static/", "a\"b"),
        ("/static/", "a\\b"),
        ("/static/", "$a"),
        ("/static/", "{a}"),
        ("/static/", "ü"),
        ("/static/", "=404"),
        ("/static/", "a#b"),
        ("/static/", "[a]*"),
    ] {
        cases.push(Case { files: Some((url.to_owned(), directory.to_owned())), ..path("/") });
        cases.push(Case {
            files: Some(("/static/".to_owned(), "out".to_owned())),
            app: Some(directory.to_owned()),
            ..path("/")
        });
    }
    for name in
        ["a b", "it's \"odd\";", "ü}", "$x", "{{id}}", "a name of forty letters and even more than that", "#"]
    {
        cases.push(Case { name: Some(name.to_owned()), ..path("/") });
    }
    for log in ["a b", "it's", "a\"b", "a\\b", "a;b", "$http_host.log", "a{b", "ü", "a#b"] {
        cases.push(Case {
            log: Some(format!("{}/{log}", std::env::temp_dir().join("deployer-nginx-paths").display())),
            ..path("/")
        });
    }
    cases.push(Case {
        extra: ["gzip on;", "location = /robots.txt {", "    return 200 \"$host\";", "}"]
            .map(str::to_owned)
            .into(),
        ..path("/")
    });
    cases
}

/// Paths and roots of odd characters, the same at each run.
fn generated() -> Vec<Case> {
    const ODD: [&str; 28] = [
        "a", "Z", "9", "/", ".", ";", "{", "}", "\"", "'", "\\", "$", "~", "#", "%", "%20", "%22", "%24",
        "%5C", "%3B", "%7b", "%C3%A9", "ü", "=", "*", "[", "]", "|",
    ];
    let mut seed = 0x2545_f491_4f6c_dd1d_u64;
    let mut word = |letters: usize| -> String {
        (0..letters)
            .map(|_| {
                seed ^= seed << 13;
                seed ^= seed >> 7;
                seed ^= seed << 17;
                ODD[(seed % ODD.len() as u64) as usize]
            })
            .collect()
    };
    let mut cases = Vec::new();
    for number in 0..120 {
        let case = path(&format!("/{}", word(1 + number % 7)));
        let root = word(1 + number % 5).replace('/', "_");
        cases.push(Case {
            socket: number % 2 == 0,
            root: if number % 3 == 0 { root } else { String::new() },
            files: (number % 5 == 0).then(|| ("/static/".to_owned(), word(3))),
            ..case
        });
    }
    cases
}

#[test]
fn each_accepted_path_stands_for_itself_in_nginx() {
    let mut nginx = Nginx::new();
    fs::create_dir_all(std::env::temp_dir().join("deployer-nginx-paths")).unwrap();
    let mut accepted = Vec::new();
    let mut wrong = Vec::new();
    let cases: Vec<Case> = table().into_iter().chain(generated()).collect();
    for (number, case) in cases.iter().enumerate() {
        match nginx.read(number, case) {
            Err(said) if said.contains("deployer.toml:") => {}
            Err(said) => wrong.push(format!("{:?}: refused without a line: {said}", case.path)),
            Ok(environment) => {
                nginx.lay_out(number, &environment);
                let said = nginx.objects(number);
                if said.is_empty() {
                    let site = nginx.place(&format!("{number}.conf"));
                    fs::copy(&site, site.with_extension("confs")).unwrap();
                    accepted.push((number, environment));
                } else {
                    wrong.push(format!("{:?} in {:?}: {said}", case.path, environment.root));
                }
            }
        }
    }
    nginx.start();
    for (number, environment) in &accepted {
        for (name, color) in [(host(*number), "blue"), (format!("next.{}", host(*number)), "green")] {
            let mut ask = |target: String, wanted: String| {
                let answer = nginx.get(&name, &target);
                if answer != wanted {
                    wrong.push(format!("{target} in {:?}: {answer:?}", environment.root));
                }
            };
            let path = &environment.url.path;
            let itself = format!("deployer {color} {COMMIT}");
            match environment.cutover {
                Cutover::Socket => ask(format!("{path}{KEY}.deployer"), itself),
                Cutover::Reload => ask(path.clone(), itself),
            }
            if let Some(files) = &environment.static_files {
                ask(format!("{}file.txt", files.url), color.to_owned());
            }
        }
    }
    let _ = fs::remove_dir_all(std::env::temp_dir().join("deployer-nginx-paths"));
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    assert!(accepted.len() > 150, "only {} were accepted", accepted.len());
    println!(
        "@row | nginx | {} paths accepted, {} refused | ok",
        accepted.len(),
        cases.len() - accepted.len()
    );
}
