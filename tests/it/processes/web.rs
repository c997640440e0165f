//! A web server of the application's own, what is built for it, and gunicorn with other workers than its own.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::Duration;

use crate::processes::passed;
use crate::support::{Ran, Site, alive, http, until};

/// A site whose `deployer.toml` says `tables` instead of gunicorn, and needs no Python.
pub(crate) fn without_gunicorn(tables: &str) -> Site {
    let site = Site::new();
    configure(&site, tables);
    site
}

fn configure(site: &Site, tables: &str) {
    site.configure();
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).expect("deployer.toml");
    let (head, rest) = text.split_once("[python]").expect("[python]");
    let (_, environments) = rest.split_once("[environments.prod]").expect("an environment");
    let text = format!("{head}[python]\nrequirements = false\n\n{tables}\n[environments.prod]{environments}");
    fs::write(&path, text).expect("deployer.toml");
    site.commit("another server");
}

/// `examples/node` in the repository, with its own tables above the host's.
fn node() -> Site {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/node");
    let read = |name: &str| fs::read_to_string(example.join(name)).expect("a file of the example");
    let text = read("deployer.toml");
    let tables = text
        .split_once("[build]")
        .and_then(|(_, rest)| rest.split_once("[environments.prod]"))
        .map(|(tables, _)| format!("[build]{tables}"))
        .expect("the example's tables");
    let site = Site::new();
    site.git(&["rm", "--quiet", "app.py", "requirements.txt"]);
    site.write("server.js", &read("server.js"));
    configure(&site, &tables);
    site
}

/// The commands of all processes that were started as a slot's web server.
fn servers(site: &Site) -> Vec<String> {
    let mark = format!("DEPLOYER_SLOT={}", site.path("").display());
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if String::from_utf8_lossy(&environment).contains(&mark) {
            let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
            found.push(String::from_utf8_lossy(&command).replace('\0', " "));
        }
    }
    found
}

#[test]
fn the_example_for_node_works_like_that_for_flask() {
    let site = node();
    let first = site.git(&["rev-parse", "--short=7", "HEAD"]);
    let deploy = site.done(&["prod", "deploy"]);
    for expected in ["run node --check server.js", "start the web server on port"] {
        assert!(deploy.stderr.contains(expected), "{}", deploy.stderr);
    }
    assert!(!deploy.stderr.contains("virtualenv"), "{}", deploy.stderr);
    site.done(&["prod", "cutover"]);
    let (status, body) = site.get("/");
    assert_eq!((status, body.contains(&first)), (200, true), "{body}");
    passed("examples/node: built, started, live, without a virtualenv");

    // A request that the old release has is finished before it is stopped, and the process goes.
    let old = site.status()["live"]["process"]["pid"].as_u64().expect("a process");
    let text = fs::read_to_string(site.repo.path().join("server.js")).expect("server.js");
    site.write("server.js", &text.replace("'hello'", "'good day'"));
    site.commit("be polite");
    site.done(&["prod", "deploy"]);
    let (door, host) = (site.door(), site.host.server_name().to_string());
    let slow = thread::spawn(move || http(door, &host, "/slow?seconds=2"));
    let port = site.status()["live"]["port"].as_u64().expect("a port");
    until("the slow request is there", Duration::from_secs(5), || {
        fs::read_to_string("/proc/net/tcp").is_ok_and(|table| {
            table.lines().any(|line| line.contains(&format!(":{port:04X} ")) && line.contains(" 01 "))
        })
    });
    site.done(&["prod", "cutover", "--stop-old"]);
    assert!(slow.join().expect("an answer").1.contains("hello, slowly"));
    assert!(!alive(u32::try_from(old).expect("a pid")), "it was stopped");
    assert!(site.get("/").1.contains("good day"));
    passed("a web server is stopped after its last requests");

    let back = site.done(&["prod", "rollback"]);
    assert!(back.stderr.contains("start the web server"), "{}", back.stderr);
    assert!(site.get("/").1.contains(&first), "{}", site.get("/").1);
    let status = site.status();
    assert_eq!(status["live"]["health"]["state"], "healthy");
    assert_eq!(status["problems"], serde_json::json!([]));
    passed("rollback to a stopped web server: started again and proven");
}

#[test]
fn the_example_for_node_can_be_rehearsed() {
    let site = node();
    site.commit("the parent of what is rehearsed is a server too");
    let ran = site.done(&["rehearse"]);
    assert!(ran.stderr.contains(" 0 lost"), "{}", ran.stderr);
    passed("examples/node: rehearsed, no request lost");
}

/// A server below a shell that does not become it: all of it is the slot's, and all of it ends.
#[test]
fn the_server_may_be_a_child_and_is_stopped_whole() {
    let line = "python3 -m http.server --bind 127.0.0.1 {port} & python3 -c 'import time; time.sleep(1000)' & wait; true";
    let site = without_gunicorn(&format!("[web]\ncommand = {line:?}\n"));
    site.done(&["prod", "deploy"]);
    assert_eq!(servers(&site).len(), 3, "{:?}", servers(&site));
    site.done(&["prod", "deploy"]);
    assert_eq!(servers(&site).len(), 3, "none is left of the one before: {:?}", servers(&site));
    site.done(&["prod", "stop"]);
    assert_eq!(servers(&site), Vec::<String>::new());
    passed("a server that is a shell's child: proven, and stopped with all that it started");

    // It hears no TERM: after its time it is killed, with its children.
    let line = "trap '' TERM; python3 -m http.server --bind 127.0.0.1 $PORT & while :; do wait; done";
    configure(&site, &format!("[web]\ncommand = {line:?}\nstop_timeout = \"300ms\"\n"));
    site.done(&["prod", "deploy"]);
    site.done(&["prod", "stop"]);
    assert_eq!(servers(&site), Vec::<String>::new());
    passed("a server that ignores TERM: killed with its children after stop_timeout");
}

#[track_caller]
fn fails(site: &Site, expected: &[&str]) -> Ran {
    let ran = site.deployer(&["prod", "deploy", "--cutover"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    for expected in [&["not affected"], expected].concat() {
        assert!(ran.stderr.contains(expected), "no {expected:?} in:\n{}", ran.stderr);
    }
    ran
}

#[test]
fn a_server_that_does_not_come_up_says_why() {
    let server = "python3 -m http.server --bind 127.0.0.1 {port}";
    let site = without_gunicorn(&format!("[web]\ncommand = {server:?}\n"));
    site.done(&["prod", "deploy", "--cutover"]);
    let cases: [(&str, &str, &[&str]); 3] = [
        ("not there", "nosuchserver --port {port}", &["the command is not on the host", "nosuchserver"]),
        (
            "in the background",
            "python3 -m http.server --bind 127.0.0.1 {port} & true",
            &["must stay in the foreground"],
        ),
        ("dies", "echo 'Error: cannot find the thing' >&2; exit 3", &["status 3", "cannot find the thing"]),
    ];
    for (case, line, expected) in cases {
        configure(&site, &format!("[web]\ncommand = {line:?}\n"));
        fails(&site, expected);
        assert_eq!(site.get("/").0, 200);
        passed(&format!("a web server that fails ({case}): why, and live untouched"));
    }
}

#[test]
fn a_build_that_fails_or_hangs_shows_what_it_said() {
    let server = "[web]\ncommand = \"python3 -m http.server --bind 127.0.0.1 {port}\"\n";
    let site = without_gunicorn(&format!(
        "[build]\ncommands = [\"echo one > built\", \"echo $BLUEGREEN >> built; pwd >> built\"]\n{server}"
    ));
    site.done(&["prod", "deploy", "--cutover"]);
    let built = site.get("/built").1;
    let color = site.status()["live"]["color"].as_str().unwrap_or_default().to_string();
    let folder = site.path(&color).join("repo");
    assert_eq!(built, format!("one\n{color}\n{}\n", folder.display()));
    passed("[build] commands run in the work tree, with the slot's variables");

    configure(&site, &format!("[build]\ncommands = [\"echo it is broken; exit 9\"]\n{server}"));
    fails(&site, &["could not run echo it is broken; exit 9", "exit 9", "it is broken", "launch"]);
    configure(
        &site,
        &format!("[build]\ncommands = [\"echo begun; sleep 1000\"]\ntimeout = \"1s\"\n{server}"),
    );
    fails(&site, &["begun", "longer than 1 s", "[build] timeout"]);
    assert!(!servers(&site).iter().any(|command| command.contains("sleep")), "it was ended");
    assert_eq!(site.get("/built").1, built, "live is as it was");
    passed("a build that fails or hangs: its output, exit 1, live untouched");
}

const ASGI: &str = r#"
import os

async def app(scope, receive, send):
    if scope["type"] != "http":
        raise NotImplementedError
    body = ("asgi from %s\n" % os.environ["DEPLOYER_COMMIT_SHORT"]).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"text/plain")]})
    await send({"type": "http.response.body", "body": body})
"#;

#[test]
fn gunicorn_with_uvicorns_workers() {
    let site = Site::new();
    site.write("app.py", ASGI);
    let requirements = format!("{}\n{}", crate::support::gunicorn(), include_str!("../../requirements.txt"));
    site.write("requirements.txt", &requirements);
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).expect("deployer.toml");
    let args = "app = \"app:app\"\nargs = [\"-k\", \"uvicorn_worker.UvicornWorker\"]\n";
    fs::write(&path, text.replace("app = \"app:app\"\n", args)).expect("deployer.toml");
    let first = site.commit("asgi");
    site.go_live();
    assert_eq!(site.get("/"), (200, format!("asgi from {}\n", &first[..7])));
    let second = site.change();
    site.done(&["prod", "deploy", "--cutover"]);
    assert_eq!(site.get("/"), (200, format!("asgi from {}\n", &second[..7])));
    site.done(&["prod", "stop"]);
    site.done(&["prod", "rollback"]);
    assert_eq!(site.get("/"), (200, format!("asgi from {}\n", &first[..7])));
    passed("ASGI: gunicorn with uvicorn's workers, deployed, live, stopped, rolled back");
}
