//! What a switch proves: that visitors reach the application, by the way that they take.

use std::fs;

use crate::support::{APP, HostControl, Ran, Site, answer};

const NAME: &str = "guarded.localhost";

/// A site whose front door is one that somebody wrote by hand: `server` stands in its server block, `location` in the
/// location that includes live. Nothing is deployed.
fn guarded(server: &str, location: &str) -> Site {
    let site = Site::new();
    write_door(&site, server, location);
    site
}

fn write_door(site: &Site, server: &str, location: &str) {
    let include = site.path("live/etc/nginx.con[f]");
    let text = format!(
        "server {{\n listen 127.0.0.1:{};\n server_name {NAME};\n proxy_set_header Host $http_host;\n\
         \x20add_header X-Site kept always;\n {server}\n location / {{ {location} include {include:?}; }}\n}}\n",
        site.host.http_port(),
    );
    fs::write(site.host.nginx_sites().join("guarded.conf"), text).unwrap();
}

/// Writes `deployer.toml` with that front door's url, and `path` below it.
fn configure(site: &Site, path: &str) {
    site.configure();
    let file = site.repo.path().join("deployer.toml");
    let port = site.host.http_port();
    let own = format!("url = \"http://{}:{port}\"", site.host.server_name());
    let text = fs::read_to_string(&file).unwrap();
    assert!(text.contains(&own), "{text}");
    let other = format!("url = \"http://{NAME}:{port}{path}\"");
    fs::write(file, text.replace(&own, &other)).unwrap();
    site.commit("a front door of its own");
}

/// The whole answer to a request with a header.
fn ask(site: &Site, path: &str, header: &str) -> String {
    answer(site.door(), &[&format!("GET {path} HTTP/1.0"), &format!("Host: {NAME}"), header])
}

#[track_caller]
fn proven(ran: &Ran) {
    assert!(ran.stderr.contains("proven at the front door"), "{}", ran.stderr);
    assert!(!ran.stderr.contains("not proven"), "{}", ran.stderr);
}

/// Done, and said to be no more than that.
#[track_caller]
fn spared(ran: &Ran, why: &str) {
    assert!(!ran.stderr.contains("proven at the front door"), "{}", ran.stderr);
    assert!(ran.stderr.contains("not proven") && ran.stderr.contains(why), "{}", ran.stderr);
}

#[track_caller]
fn put_back(site: &Site, ran: &Ran, why: &str, body: &str) {
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for words in [why, "it serves the old release again"] {
        assert!(ran.stderr.contains(words), "no {words:?} in {}", ran.stderr);
    }
    assert!(!ran.stderr.contains("proven at the front door"), "{}", ran.stderr);
    assert_eq!(site.get("/").1, body);
    assert_eq!(site.status()["problems"], serde_json::json!([]));
}

/// nginx has the right slot's snippet, which names it, and cannot reach its application.
#[test]
fn a_release_that_nginx_cannot_reach_is_put_back_by_every_verb() {
    let mut site = Site::new();
    for _ in 0..2 {
        site.change();
        site.go_live();
    }
    let body = site.get("/").1;
    let snippet = site.path("next/etc/nginx.conf");
    let right = fs::read_to_string(&snippet).unwrap();
    let port = right.rsplit_once(':').unwrap().1.to_string();
    let wrong = right.replace(&port, "1;\n");
    let older = |text: &str| -> String {
        let lines = text.lines().filter(|line| !line.contains(" app\")"));
        lines.map(|line| format!("{line}\n")).collect()
    };
    assert_ne!(older(&wrong), wrong);
    for text in [&wrong, &older(&wrong)] {
        fs::write(&snippet, text).unwrap();
        for arguments in
            [&["prod", "cutover"][..], &["prod", "cutover", "--watch", "1s"], &["prod", "rollback"]]
        {
            let ran = site.deployer(arguments);
            put_back(&site, &ran, "answered 502, expected 2xx", &body);
        }
    }
    // A snippet of an older version is taken over as it stands.
    fs::write(&snippet, older(&right)).unwrap();
    proven(&site.done(&["prod", "rollback"]));
    proven(&site.done(&["prod", "cutover"]));
    let line = "sed -i 's/127.0.0.1:[0-9]*;/127.0.0.1:1;/' \"$DEPLOYER_SLOT/etc/nginx.conf\"";
    site.extra = format!("[hooks]\nsmoke = {line:?}\n");
    site.configure();
    site.commit("a smoke test that breaks things");
    let ran = site.deployer(&["prod", "deploy", "--cutover"]);
    put_back(&site, &ran, "answered 502, expected 2xx", &body);
}

/// What nginx keeps for itself tells nothing of the application: such a site goes live, and nobody calls it proven.
#[test]
fn a_site_that_shuts_the_probe_out_goes_live_unproven() {
    let mut site = guarded("", "deny all;");
    site.extra = "[health]\npath = \"/health\"\n".to_string();
    configure(&site, "");
    let why = "answers 403 to /health by itself";
    spared(&site.done(&["prod", "deploy", "--cutover"]), why);
    assert_eq!(site.status()["problems"], serde_json::json!([]));
    site.change();
    spared(&site.done(&["prod", "deploy", "--cutover", "--watch", "1s"]), why);
    spared(&site.done(&["prod", "rollback"]), why);
    // A location of the site's own, which includes nothing of ours, was so before.
    write_door(&site, "location = /health { return 404; }", "");
    site.reload_nginx();
    let ran = site.done(&["prod", "cutover"]);
    spared(&ran, "answers 404 to /health, as it did before");
    write_door(&site, "", "");
    let ran = site.done(&["prod", "cutover"]);
    proven(&ran);
    // Where it was right before, the new release is to blame.
    write_door(&site, "location = /health { return 404; }", "");
    let ran = site.deployer(&["prod", "rollback"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    assert!(ran.stderr.contains("answered 404"), "{}", ran.stderr);
}

/// The application is asked otherwise by visitors than by the probe at its port.
#[test]
fn an_application_that_refuses_visitors_does_not_go_live() {
    let mut site = guarded("", "");
    let app = "
hello = app
def app(environ, start_response):
    if environ['HTTP_HOST'] != 'internal':
        start_response('400 Bad Request', [('Content-Length', '0')])
        return []
    return hello(environ, start_response)
";
    site.write("app.py", &format!("{APP}{app}"));
    site.extra = "[health]\nhost = \"internal\"\n".to_string();
    configure(&site, "");
    let ran = site.deployer(&["prod", "deploy", "--cutover"]);
    assert_eq!(ran.code, 3, "{}", ran.stderr);
    for words in ["answered 400, expected 2xx", "compare the headers"] {
        assert!(ran.stderr.contains(words), "{}", ran.stderr);
    }
}

#[test]
fn the_probe_goes_where_visitors_go_and_changes_nothing_for_them() {
    let mut site = guarded("location /app/ { include LIVE; rewrite ^/app/(.*)$ /$1 break; }", "return 404;");
    let file = site.host.nginx_sites().join("guarded.conf");
    let text = fs::read_to_string(&file).unwrap();
    let live = format!("{:?}", site.path("live/etc/nginx.con[f]"));
    fs::write(&file, text.replace("LIVE", &live)).unwrap();
    let app = "
hello = app
def app(environ, start_response):
    if environ['PATH_INFO'] not in ('/', '/health'):
        start_response('404 Not Found', [('Content-Length', '0')])
        return []
    return hello(environ, start_response)
";
    site.write("app.py", &format!("{APP}{app}"));
    // The site takes its path away before it asks the application.
    site.extra = "[health]\npath = \"/health\"\n".to_string();
    configure(&site, "/app/");
    proven(&site.done(&["prod", "deploy", "--cutover"]));
    site.change();
    proven(&site.done(&["prod", "deploy", "--cutover", "--watch", "1s"]));
    assert_eq!(site.status()["problems"], serde_json::json!([]));
    let key = fs::read_to_string(site.path(".deployer/key")).unwrap();
    let key = key.trim();
    let plain = ask(&site, "/app/health", "");
    assert!(plain.starts_with("HTTP/1.1 200 ") && plain.contains("X-Site: kept\r\n"), "{plain}");
    for header in ["", "X-Deployer-Probe: app\r\n", "X-Deployer-Probe:  app\r\n"] {
        let answer = ask(&site, "/app/health", header);
        assert!(!answer.contains("X-Deployer-Served"), "{answer}");
    }
    let head = site.git(&["rev-parse", "HEAD"]);
    let color = site.status()["live"]["color"].as_str().unwrap().to_string();
    for (path, status) in [("/app/health", 200), ("/app/nothing", 404)] {
        let answer = ask(&site, path, &format!("X-Deployer-Probe: {key} app\r\n"));
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
        assert!(answer.contains(&format!("X-Deployer-Served: {color} {head} {status}\r\n")), "{answer}");
    }
}
