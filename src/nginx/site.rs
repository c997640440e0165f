//! The site that `setup` writes: who is served under which name, with which headers and files.

use super::{escape_glob, quoted, static_locations};
use crate::config::Environment;
use crate::model::Role;
use crate::shell::display;
use crate::template::{fill, mark};

const HEAD: &str = include_str!("../../templates/site.conf");
const SERVER: &str = include_str!("../../templates/site-server.conf");
const REDIRECT: &str = include_str!("../../templates/site-redirect.conf");

/// How every file of ours begins; another file is never overwritten.
pub const SITE_MARK: &str = "# Written by deployer";

/// What a site depends on beside its configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SiteFacts {
    /// Whether there is a certificate for it.
    pub tls: bool,
    /// Whether the host speaks IPv6: nginx refuses to listen on what is not there.
    pub ipv6: bool,
}

/// The file that holds the site.
pub fn site_path(environment: &Environment) -> String {
    let name = format!("{}-{}", environment.app.name, environment.name);
    let plain = |c: char| {
        if c.is_ascii_alphanumeric() || "-_.".contains(c) { c } else { '-' }
    };
    let name: String = name.chars().map(plain).collect();
    let default = || format!("/etc/nginx/sites-available/{}.conf", name.trim_start_matches(['.', '-']));
    environment.nginx.site.clone().unwrap_or_else(default)
}

/// The link that makes nginx read the file, where it lies in a folder that nginx does not read.
pub fn site_link(path: &str) -> Option<String> {
    let (folder, name) = path.rsplit_once('/')?;
    let top = folder.strip_suffix("/sites-available")?;
    Some(format!("{top}/sites-enabled/{name}"))
}

/// The line by which root puts the site that it reads in place, and takes it back where nginx does not want it: such a file
/// would keep every other site from being reloaded. A site that was there before is there again then.
pub fn site_command(path: &str, exists: bool, linked: bool) -> String {
    let word = |word: &str| display(&[word.to_string()]);
    let file = word(path);
    let link = site_link(path).map(|link| word(&link));
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    // A name that begins with a dot: nginx reads whole folders, but not those.
    let old = word(&format!("{folder}/.{name}.old"));
    let mut undo = Vec::new();
    if exists {
        undo.push(format!("mv {old} {file}"));
    }
    match &link {
        Some(link) if !linked || !exists => undo.push(format!("rm {link}")),
        None if !exists => undo.push(format!("rm {file}")),
        _ => {}
    }
    let (keep, forget) = if exists {
        (format!("cp -p {file} {old} && "), format!("rm {old}"))
    } else {
        (String::new(), "true".to_string())
    };
    let make_link = link.map_or_else(String::new, |link| format!("ln -sfn {file} {link} && "));
    let undo = undo.join("; ");
    format!(
        "{keep}cat > {file} && {make_link}if nginx -t && nginx -s reload; then {forget}; else {undo}; false; fi"
    )
}

/// The name under which next is shown; an address has none beside it.
pub fn next_name(environment: &Environment) -> Option<String> {
    let host = &environment.url.host;
    let is_address = host.starts_with('[') || host.chars().all(|c| c.is_ascii_digit() || c == '.');
    let default = (!is_address).then(|| format!("next.{host}"));
    environment.nginx.next_name.clone().or(default)
}

/// The folder of the site's certificate, as certbot names it.
pub fn certificate(environment: &Environment) -> String {
    format!("/etc/letsencrypt/live/{}", environment.url.host)
}

/// The site's text.
pub fn site(environment: &Environment, facts: SiteFacts) -> String {
    let id = identifier(environment);
    let mut text = fill(HEAD, |name| match name {
        "environment" => environment.name.clone(),
        "name" => environment.app.name.clone(),
        _ => id.clone(),
    });
    let next = next_name(environment);
    if facts.tls {
        let names: Vec<&str> =
            [Some(&*environment.url.host), next.as_deref()].into_iter().flatten().collect();
        text.push_str(&fill(REDIRECT, |name| match name {
            "listen" => listen("80", "", facts),
            "host" => host(public(environment, facts), facts),
            _ => names.join(" "),
        }));
    }
    text.push_str(&server(environment, facts, Role::Live, &environment.url.host, &id));
    if let Some(name) = &next {
        text.push_str(&server(environment, facts, Role::Next, name, &id));
    }
    text
}

/// A word for the site's own variables, which are common to all sites of an nginx. One of more than 46 letters is too long
/// for nginx as it is set up by default.
fn identifier(environment: &Environment) -> String {
    const MOST: usize = 46 - "_connection".len();
    let name = format!("deployer_{}_{}", environment.app.name, environment.name);
    let plain = |c: char| match c {
        c if c.is_ascii_alphanumeric() => c.to_ascii_lowercase(),
        _ => '_',
    };
    let word: String = name.chars().map(plain).collect();
    match word.len() {
        0..=MOST => word,
        _ => format!("{}_{}", &word[..MOST - 9], mark(&name)),
    }
}

fn server(environment: &Environment, facts: SiteFacts, role: Role, name: &str, id: &str) -> String {
    let url = &environment.url;
    let comment = match role {
        Role::Live => "What users reach.",
        Role::Next => "The release that waits, before the public sees it.",
    };
    let public = public(environment, facts);
    let port = environment
        .nginx
        .address
        .clone()
        .filter(|_| facts.tls || !url.https)
        .unwrap_or_else(|| public.to_string());
    let mut more = String::new();
    if facts.tls {
        let folder = certificate(environment);
        more.push_str(&format!(
            "    ssl_certificate {folder}/fullchain.pem;\n    ssl_certificate_key {folder}/privkey.pem;\n    \
             ssl_protocols TLSv1.2 TLSv1.3;\n"
        ));
    }
    if role == Role::Next {
        more.push_str("\n    # Nobody else: [nginx] next_allow in deployer.toml says who.\n");
        for address in
            ["127.0.0.1", "::1"].into_iter().chain(environment.nginx.next_allow.iter().map(String::as_str))
        {
            more.push_str(&format!("    allow {address};\n"));
        }
        more.push_str("    deny all;\n");
    }
    if let Some(log) = environment.nginx.access_log.as_ref().filter(|_| role == Role::Live) {
        more.push_str(&format!("    access_log {};\n", quoted(log)));
    }
    let pattern = format!("{}/.deployer/nginx-{role}.con[f]", escape_glob(&environment.root));
    let extra = match &*environment.nginx.extra {
        [] => String::new(),
        lines => format!("\n# [nginx] extra in deployer.toml.\n{}\n", lines.join("\n")),
    };
    fill(SERVER, |part| match part {
        "comment" => comment.to_string(),
        "listen" => listen(&port, if facts.tls { " ssl" } else { "" }, facts),
        "server_name" => name.to_string(),
        "more" => more.clone(),
        "max_body" => environment.nginx.max_body.clone(),
        "id" => id.to_string(),
        "host" => host(public, facts),
        "port" => public.to_string(),
        "extra" => indented(&extra),
        "path" => quoted(&url.decoded()),
        "static" => match static_locations(environment, role) {
            text if text.is_empty() => text,
            text => indented(&text) + "\n",
        },
        _ => quoted(&pattern),
    })
}

/// The port that users see: a site that waits for its certificate is at http's own.
fn public(environment: &Environment, facts: SiteFacts) -> u16 {
    if environment.url.https && !facts.tls { 80 } else { environment.url.port }
}

/// The name that nginx chose a server by, with that port where a browser would give it.
fn host(public: u16, facts: SiteFacts) -> String {
    match (public, facts.tls) {
        (80, false) | (443, true) => "$host".to_string(),
        _ => format!("$host:{public}"),
    }
}

/// On every address of the host, or on the one that is given.
fn listen(port: &str, how: &str, facts: SiteFacts) -> String {
    if port.contains(':') || !facts.ipv6 {
        format!("    listen {port}{how};")
    } else {
        format!("    listen {port}{how};\n    listen [::]:{port}{how};")
    }
}

fn indented(text: &str) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| if line.is_empty() { String::new() } else { format!("    {line}") })
        .collect();
    if lines.is_empty() { String::new() } else { lines.join("\n") + "\n" }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn environment(more: &str, url: &str) -> Environment {
        let text = format!(
            "[app]\nname = \"hello\"\n[gunicorn]\napp = \"app:app\"\n{more}\n[environments.prod]\nhost = \"web1\"\nuser = \"deploy\"\n\
             root = \"/home/deploy/hello\"\nports = {{ blue = 8888, green = 8889 }}\nurl = \"{url}\"\n"
        );
        let config = Config::parse(&text, Path::new("/code/hello/deployer.toml"))
            .unwrap_or_else(|error| panic!("{error}"));
        config.environment("prod").unwrap()
    }

    const PLAIN: SiteFacts = SiteFacts { tls: false, ipv6: true };
    const TLS: SiteFacts = SiteFacts { tls: true, ipv6: false };

    #[test]
    fn a_plain_site() {
        insta::assert_snapshot!("site_plain", site(&environment("", "http://hello.example"), PLAIN));
    }

    #[test]
    fn a_site_with_a_certificate_and_static_files() {
        let more = "[static]\nurl = \"/static/\"\ndirectory = \"staticfiles\"\n[nginx]\nnext_name = \"preview.example\"\n\
                    next_allow = [\"192.0.2.0/24\"]\nmax_body = \"100m\"\naccess_log = \"/var/log/nginx/hello.log\"\n";
        insta::assert_snapshot!("site_tls", site(&environment(more, "https://hello.example/app/"), TLS));
    }

    #[test]
    fn a_port_that_is_not_the_schemes_own_is_told_and_redirected_to() {
        let text = site(&environment("", "https://hello.example:8443"), TLS);
        assert!(text.contains("return 301 https://$host:8443$request_uri;"), "{text}");
        assert_eq!(text.matches("Host $host:8443;").count(), 4, "{text}");
        let waiting = site(&environment("", "https://hello.example:8443"), PLAIN);
        assert!(waiting.contains("    proxy_set_header Host $host;"), "{waiting}");
    }

    #[test]
    fn files_and_names_follow_from_the_configuration() {
        let hello = environment("", "http://hello.example");
        assert_eq!(site_path(&hello), "/etc/nginx/sites-available/hello-prod.conf");
        assert_eq!(
            site_link(&site_path(&hello)).as_deref(),
            Some("/etc/nginx/sites-enabled/hello-prod.conf")
        );
        assert_eq!(site_link("/etc/nginx/conf.d/hello.conf"), None);
        assert_eq!(next_name(&environment("", "http://192.0.2.7")), None);
        assert!(!site(&environment("", "http://192.0.2.7"), PLAIN).contains("nginx-next"));
        assert!(site(&hello, PLAIN).starts_with(SITE_MARK));
    }

    #[test]
    fn the_command_for_root_leaves_what_was_there_where_nginx_refuses() {
        let folder = tempfile::tempdir().unwrap();
        let place = |name: &str| folder.path().join(name);
        for name in ["sites-available", "sites-enabled", "tools"] {
            std::fs::create_dir(place(name)).unwrap();
        }
        std::fs::write(place("tools/nginx"), "#!/bin/sh\n[ -z \"$NGINX_FAILS\" ]\n").unwrap();
        let sh = |line: &str, fails: &str| {
            let line = format!("chmod +x tools/nginx; echo new | {{ {line}; }}");
            let path = format!("{}:/usr/bin:/bin", place("tools").display());
            let mut sh = std::process::Command::new("sh");
            sh.args(["-c", &line]).current_dir(folder.path()).env("PATH", path);
            sh.env("NGINX_FAILS", fails).status().unwrap().success()
        };
        let (file, link) = (place("sites-available/it's.conf"), place("sites-enabled/it's.conf"));
        let path = file.to_str().unwrap();
        assert!(!sh(&site_command(path, false, false), "yes"));
        assert!(!link.is_symlink(), "a new site does not stay");
        std::fs::write(&file, "old\n").unwrap();
        std::os::unix::fs::symlink(&file, &link).unwrap();
        assert!(!sh(&site_command(path, true, true), "yes"));
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "old\n", "what was served goes on");
        assert!(sh(&site_command(path, true, true), ""));
        assert_eq!(std::fs::read_to_string(&link).unwrap(), "new\n");
        assert_eq!(std::fs::read_dir(place("sites-available")).unwrap().count(), 1);
    }
}
