//! `deployer prod setup` against a real nginx: what it writes, leaves alone, takes back and only shows.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::support::{HostControl, Ran, Site, until};

/// An application that repeats the headers it was sent, and upgrades a connection.
const APP: &str = r#"
def app(environ, start_response):
    if environ.get("HTTP_UPGRADE") == "websocket":
        link = environ["gunicorn.socket"]
        link.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
        link.sendall(b"echo " + link.recv(100))
        raise OSError("the connection is the socket's own now")
    names = ("HTTP_HOST", "HTTP_X_REAL_IP", "HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO", "HTTP_UPGRADE",
             "HTTP_X_FORWARDED_HOST", "HTTP_X_FORWARDED_PORT", "HTTP_FORWARDED", "HTTP_X_FORWARDED_PREFIX", "HTTP_X_FORWARDED_SSL")
    body = "".join("%s=%s\n" % (name, environ.get(name, "")) for name in names)
    start_response("200 OK", [("Content-Type", "text/plain"), ("Content-Length", str(len(body)))])
    return [body.encode()]
"#;

/// A host whose nginx knows no site yet, but reads a folder for them, as Debian's does.
fn bare() -> Site {
    let site = Site::new();
    site.host.stop_nginx();
    let config = fs::read_to_string(site.host.nginx_config()).unwrap();
    let start = config.find("    server {").expect("a server");
    let end = config.rfind("    include ").expect("the folder of the sites");
    fs::write(site.host.nginx_config(), format!("{}{}", &config[..start], &config[end..])).unwrap();
    // nginx would not listen at all without a server.
    let door = site.host.http_port();
    fs::write(
        site.host.nginx_sites().join("default.conf"),
        format!("server {{ listen 127.0.0.1:{door} default_server; return 404 \"the default site\\n\"; }}\n"),
    )
    .unwrap();
    site.host.start_nginx();
    site.write("app.py", APP);
    site.commit("say what arrives");
    configure(&site, "");
    site
}

/// Where the site goes, beside what the fixture configures.
fn configure(site: &Site, more: &str) {
    site.configure();
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).unwrap();
    let file = own(site);
    let door = site.host.http_port();
    let nginx = format!("[environments.prod.nginx]\nsite = {file:?}\naddress = \"127.0.0.1:{door}\"\n{more}");
    fs::write(path, text.replace("[environments.prod.nginx]\n", &nginx)).unwrap();
}

fn own(site: &Site) -> PathBuf {
    site.host.nginx_sites().join("hello.conf")
}

/// Names of everything in the folder of the sites.
fn names(site: &Site) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(site.host.nginx_sites())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn from_nothing_to_a_release_through_the_site_that_it_wrote() {
    let site = bare();
    let first = site.deployer(&["prod", "doctor", "--json"]);
    assert_eq!(first.code, 1);
    assert!(first.stdout.contains("deployer prod setup"), "{}", first.stdout);
    let ran = site.done(&["prod", "setup", "--yes"]);
    assert_eq!(ran.stdout, fs::read_to_string(own(&site)).unwrap(), "what is shown is what is written");
    assert!(ran.stderr.ends_with("— run: deployer prod deploy\n"), "{}", ran.stderr);
    assert_eq!(names(&site), ["default.conf", "hello.conf"]);
    assert_eq!(site.done(&["prod", "doctor", "--json"]).code, 0);

    site.done(&["prod", "deploy", "--allow-dirty"]);
    // Nobody has reloaded nginx since, and yet next is to be seen.
    let next = format!("next.{}", site.host.server_name());
    let (status, body) = crate::support::http(site.door(), &next, "/");
    assert_eq!(status, 200, "{body}");
    // A client of HTTP 1.0 names no port; the application learns it all the same.
    let port = site.host.http_port();
    assert!(body.contains(&format!("HTTP_HOST={next}:{port}\n")), "{body}");
    assert_ne!(site.get("/").0, 200, "nothing is live yet");
    site.done(&["prod", "cutover"]);
    let (status, body) = site.get("/");
    assert_eq!(status, 200, "{body}");
    assert!(body.contains(&format!("HTTP_HOST={}:{port}\n", site.host.server_name())), "{body}");
    assert!(body.contains("HTTP_X_REAL_IP=127.0.0.1\n"), "{body}");
    assert!(body.contains("HTTP_X_FORWARDED_FOR=127.0.0.1\n"), "{body}");
    assert!(body.contains("HTTP_X_FORWARDED_PROTO=http\n"), "{body}");
    assert!(body.contains("HTTP_UPGRADE=\n"), "{body}");
    upgrades(&site);
    no_client_says_who_it_reached(&site);
    assert_eq!(site.status()["problems"], serde_json::json!([]));

    // And so it stays, from the host itself.
    site.change();
    site.done(&["prod", "deploy", "--allow-dirty"]);
    site.done(&["prod", "cutover"]);
    assert_eq!(site.get("/").0, 200);
    assert_eq!(crate::support::http(site.door(), &next, "/").0, 200);
    let text = fs::read_to_string(own(&site)).unwrap();
    assert!(text.contains("    allow ::1;\n    deny all;\n"), "{text}");
}

/// What a client claims of the way that its request took does not reach the application.
fn no_client_says_who_it_reached(site: &Site) {
    let (name, port) = (site.host.server_name(), site.host.http_port());
    let mut stream = TcpStream::connect(site.door()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET http://{name}/ HTTP/1.1\r\nHost: evil.example:99\r\nX-Forwarded-Host: evil.example\r\n\
         X-Forwarded-Port: 99\r\nForwarded: host=evil.example\r\nX-Forwarded-Prefix: /evil\r\nX-Forwarded-Proto: https\r\n\
         X-Forwarded-Ssl: on\r\nX-Real-IP: 192.0.2.66\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n"
    )
    .unwrap();
    let mut said = Vec::new();
    for line in BufReader::new(stream).lines().map(Result::unwrap) {
        if line.starts_with("HTTP_") {
            said.push(line);
        }
        if said.len() == 10 {
            break;
        }
    }
    let host = format!("{name}:{port}");
    assert_eq!(
        said,
        [
            &format!("HTTP_HOST={host}"),
            "HTTP_X_REAL_IP=127.0.0.1",
            "HTTP_X_FORWARDED_FOR=127.0.0.1",
            "HTTP_X_FORWARDED_PROTO=http",
            "HTTP_UPGRADE=",
            &format!("HTTP_X_FORWARDED_HOST={host}"),
            &format!("HTTP_X_FORWARDED_PORT={port}"),
            "HTTP_FORWARDED=",
            "HTTP_X_FORWARDED_PREFIX=",
            "HTTP_X_FORWARDED_SSL=",
        ],
        "what a client sent came through"
    );
}

/// A websocket's handshake reaches the application, and what is sent after it.
fn upgrades(site: &Site) {
    let mut stream = TcpStream::connect(site.door()).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    write!(
        stream,
        "GET /socket HTTP/1.1\r\nHost: {}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
        site.host.server_name()
    )
    .unwrap();
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut line = String::new();
    reader.read_line(&mut line).unwrap();
    assert!(line.contains(" 101 "), "{line}");
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).unwrap();
    }
    stream.write_all(b"hello").unwrap();
    let mut echo = [0; 10];
    reader.read_exact(&mut echo).unwrap();
    assert_eq!(&echo, b"echo hello");
}

#[test]
fn a_second_time_nothing_changes_and_a_change_is_shown() {
    let site = bare();
    site.done(&["prod", "setup", "--yes"]);
    let before = fs::metadata(own(&site)).unwrap().modified().unwrap();
    let again = site.done(&["prod", "setup"]);
    assert!(again.stderr.contains("is as it should be: unchanged"), "{}", again.stderr);
    assert_eq!(again.stdout, "");
    assert_eq!(fs::metadata(own(&site)).unwrap().modified().unwrap(), before);
    configure(&site, "max_body = \"1g\"\n");
    let changed = site.done(&["prod", "setup", "--yes"]);
    assert!(
        changed.stdout.contains("\n-    client_max_body_size 20m;\n+    client_max_body_size 1g;\n"),
        "{}",
        changed.stdout
    );
    assert!(fs::read_to_string(own(&site)).unwrap().contains("client_max_body_size 1g;"));
}

#[test]
fn lines_of_ones_own_are_in_both_servers_and_nginx_tests_them() {
    let site = bare();
    configure(
        &site,
        "extra = [\"add_header X-Own $scheme always;\", \"location = /robots.txt {\", \"    return 200 none;\", \"}\"]\n",
    );
    site.done(&["prod", "setup", "--yes"]);
    for name in [site.host.server_name().to_string(), format!("next.{}", site.host.server_name())] {
        until("nginx has the lines", Duration::from_secs(10), || {
            crate::support::http(site.door(), &name, "/robots.txt") == (200, "none".to_string())
        });
    }
    let good = fs::read_to_string(own(&site)).unwrap();
    configure(&site, "extra = [\"oops;\"]\n");
    let ran = site.deployer(&["prod", "setup", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("unknown directive \"oops\""), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(own(&site)).unwrap(), good);
}

#[test]
fn a_site_that_is_written_anew_finds_what_an_older_deployer_put_aside() {
    let mut site = bare();
    site.extra = "[static]\ndirectory = \"out\"\n".to_string();
    configure(&site, "");
    site.done(&["prod", "setup", "--yes"]);
    // As such a host is left: nothing of it is in a slot any more.
    fs::create_dir_all(site.path("shared/static")).unwrap();
    fs::write(site.path("shared/static/old.js"), "old").unwrap();
    let text = fs::read_to_string(own(&site)).unwrap();
    fs::write(own(&site), text.replace("/aside/static/", "/shared/static/")).unwrap();
    let ran = site.done(&["prod", "setup", "--yes"]);
    assert!(ran.stdout.contains("+"), "{}", ran.stdout);
    let name = site.host.server_name();
    for round in 0..2 {
        until("the file is found", Duration::from_secs(10), || {
            crate::support::http(site.door(), name, "/static/old.js") == (200, "old".to_string())
        });
        let again = site.done(&["prod", "setup", "--yes"]);
        assert!(again.stderr.contains("unchanged"), "{round}: {}", again.stderr);
    }
}

#[test]
fn a_site_that_waits_for_its_certificate_says_so_each_time() {
    let site = bare();
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("url = \"http://", "url = \"https://")).unwrap();
    let first = site.done(&["prod", "setup", "--dry-run"]);
    assert!(first.stdout.contains("    listen 80;\n"), "{}", first.stdout);
    fs::write(own(&site), &first.stdout).unwrap();
    let again = site.done(&["prod", "setup", "--dry-run"]);
    for ran in [&first, &again] {
        assert!(ran.stderr.contains("certbot certonly"), "{}", ran.stderr);
        assert!(ran.stderr.contains("then again: deployer prod setup --tls"), "{}", ran.stderr);
    }
    assert!(again.stderr.contains("unchanged"), "{}", again.stderr);
}

#[test]
fn without_a_terminal_and_without_yes_nothing_is_written() {
    let site = bare();
    let ran = site.deployer(&["prod", "setup"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    assert!(ran.stderr.contains("deployer prod setup --yes"), "{}", ran.stderr);
    assert!(ran.stdout.contains("server_name"), "it was shown: {}", ran.stdout);
    assert_eq!(names(&site), ["default.conf"]);
    site.done(&["prod", "setup", "--dry-run"]);
    assert_eq!(names(&site), ["default.conf"]);
}

#[test]
fn printing_needs_no_host() {
    let site = bare();
    site.host.refuse_ssh();
    let ran = site.done(&["prod", "setup", "--print"]);
    assert!(ran.stdout.starts_with("# Written by deployer prod setup for hello"), "{}", ran.stdout);
    let tls = site.done(&["prod", "setup", "--print", "--tls"]);
    assert!(tls.stdout.contains("ssl_certificate /etc/letsencrypt/live/"), "{}", tls.stdout);
}

#[test]
fn a_configuration_that_nginx_refuses_is_not_touched() {
    let site = bare();
    let other = site.host.nginx_sites().join("other.conf");
    fs::write(&other, "oops;\n").unwrap();
    let ran = site.deployer(&["prod", "setup", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("unknown directive \"oops\""), "{}", ran.stderr);
    assert_eq!(names(&site), ["default.conf", "other.conf"]);
}

#[test]
fn a_site_that_nginx_refuses_is_taken_back() {
    let site = bare();
    let refused = |site: &Site| {
        let Ran { code, stderr, .. } = site.deployer(&["prod", "setup", "--yes", "--tls"]);
        assert_eq!(code, 1, "{stderr}");
        assert!(
            stderr.contains("everything is as it was before") && stderr.contains("cannot load certificate"),
            "{stderr}"
        );
    };
    refused(&site);
    assert_eq!(names(&site), ["default.conf"]);
    site.done(&["prod", "setup", "--yes", "--no-tls"]);
    let good = fs::read_to_string(own(&site)).unwrap();
    refused(&site);
    assert_eq!(fs::read_to_string(own(&site)).unwrap(), good, "the old file is back");
    assert_eq!(names(&site), ["default.conf", "hello.conf"]);
    let test = site.host.nginx_test_command();
    let tested = Command::new(&test[0]).args(&test[1..]).output().unwrap();
    assert!(tested.status.success(), "other sites can be reloaded");
}

#[test]
fn a_reload_that_fails_takes_the_site_back() {
    let site = bare();
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (before, _) = text.rsplit_once("reload = ").unwrap();
    fs::write(&path, format!("{before}reload = [\"/bin/false\"]\n")).unwrap();
    let ran = site.deployer(&["prod", "setup", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("nginx could not be reloaded"), "{}", ran.stderr);
    assert_eq!(names(&site), ["default.conf"]);
}

#[test]
fn a_site_made_by_hand_is_left_alone() {
    let site = bare();
    let hand = site.host.nginx_sites().join("by-hand.conf");
    let root = site.host.root();
    let text = format!(
        "server {{ listen 127.0.0.1:{}; server_name {}; location / {{ include {}/live/etc/nginx.con[f]; }} }}\n",
        site.host.http_port(),
        site.host.server_name(),
        root.display()
    );
    fs::write(&hand, &text).unwrap();
    let ran = site.done(&["prod", "setup", "--yes"]);
    assert!(ran.stderr.contains("by-hand.conf includes live already"), "{}", ran.stderr);
    assert_eq!(names(&site), ["by-hand.conf", "default.conf"]);
    // A file of somebody else's under the name of ours is not overwritten either.
    fs::remove_file(&hand).unwrap();
    fs::write(own(&site), "# mine\n").unwrap();
    let ran = site.deployer(&["prod", "setup", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stderr.contains("was not written by deployer"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(own(&site)).unwrap(), "# mine\n");
}

#[test]
fn without_the_right_the_site_and_the_commands_are_shown() {
    let site = bare();
    // A folder that not even root can write to: it is not there.
    let nowhere = site.host.folder().join("nowhere/sites-available/hello.conf");
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace(own(&site).to_str().unwrap(), nowhere.to_str().unwrap())).unwrap();
    let ran = site.deployer(&["prod", "setup", "--yes"]);
    assert_eq!(ran.code, 1);
    assert!(ran.stdout.contains("server_name"), "{}", ran.stdout);
    assert!(ran.stderr.contains("deployer prod setup --print | ssh root@"), "{}", ran.stderr);
    // The command does what it says: played with sh in the place of ssh.
    fs::create_dir_all(nowhere.parent().unwrap()).unwrap();
    fs::create_dir_all(nowhere.parent().unwrap().with_file_name("sites-enabled")).unwrap();
    let tools = site.host.folder().join("tools");
    fs::create_dir_all(&tools).unwrap();
    let nginx = tools.join("nginx");
    fs::write(&nginx, "#!/bin/sh\n[ -z \"$NGINX_FAILS\" ]\n").unwrap();
    fs::set_permissions(&nginx, fs::Permissions::from_mode(0o755)).unwrap();
    let line = ran.stderr.lines().find(|line| line.contains("| ssh root@")).unwrap();
    let words = shlex::split(line.split_once("| ssh ").unwrap().1).unwrap();
    let link = nowhere.parent().unwrap().with_file_name("sites-enabled").join("hello.conf");
    for (fails, linked) in [("yes", false), ("", true)] {
        let status = Command::new("sh")
            .args(["-c", &words[1]])
            .env("PATH", format!("{}:/usr/bin:/bin", tools.display()))
            .env("NGINX_FAILS", fails)
            .stdin(fs::File::open(site.host.nginx_config()).unwrap())
            .status()
            .unwrap();
        assert_eq!(status.success(), linked);
        assert_eq!(link.exists(), linked, "a site that nginx refuses must not stay");
    }
    until("the file was written", Duration::from_secs(5), || nowhere.exists());
}
