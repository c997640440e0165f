//! nginx: the snippet that a slot gives it, and how to read why it refuses.

mod rights;
mod site;

pub use rights::{rights, without_sudo};
pub use site::{SITE_MARK, SiteFacts, certificate, next_name, site, site_command, site_link, site_path};

use crate::config::{Cutover, Environment, Nginx};
use crate::model::{Color, Role};
use crate::template::fill;

const SNIPPET: &str = include_str!("../templates/slot-nginx.conf");
const ROLE_RELOAD: &str = include_str!("../templates/role-nginx-reload.conf");
const ROLE_SOCKET: &str = include_str!("../templates/role-nginx-socket.conf");
const STATIC: &str = include_str!("../templates/static-nginx.conf");

/// The content of a slot's `etc/nginx.conf`.
///
/// Beside its `proxy_pass` it answers a probe that knows the environment's key with the slot's own name and commit: so a
/// cutover can be proven from what nginx really has loaded. A probe that says `app` after the key goes the way of a visitor,
/// by the same `proxy_pass`, and its answer names the slot. For all others it sets no headers, since one `proxy_set_header`
/// or `add_header` here would switch off all those that the surrounding server block sets.
pub fn snippet(color: Color, port: u16, commit: &str, key: &str) -> String {
    fill(SNIPPET, |name| match name {
        "color" => color.to_string(),
        "port" => port.to_string(),
        "commit" => commit.to_string(),
        _ => key.to_string(),
    })
}

/// The content of the file for a role that a site may include: `.deployer/nginx-live.conf`, `.deployer/nginx-next.conf`.
///
/// By default it leads to the slot's own snippet, which nginx reads when it is reloaded. For the socket cutover it leads
/// through the link to a Unix socket, which nginx resolves at each connection.
pub fn role_file(environment: &Environment, role: Role, way: Cutover, key: &str) -> String {
    let root = &environment.root;
    let template = match way {
        Cutover::Reload => ROLE_RELOAD,
        Cutover::Socket => ROLE_SOCKET,
    };
    fill(template, |name| match name {
        "snippet" => quoted(&exactly(&format!("{root}/{role}/etc/nginx.conf"))),
        "place" => quoted(&format!("{}{key}.deployer", environment.url.decoded())),
        "served" => quoted(&format!("{root}/{role}/etc/served")),
        "socket" => quoted(&format!("http://unix:{root}/{role}/app.sock:")),
        "key" => key.to_string(),
        _ => role.to_string(),
    })
}

/// The file that the live site includes, in the location that leads to the application.
pub fn included(environment: &Environment) -> String {
    match environment.cutover {
        Cutover::Reload => format!("{}/live/etc/nginx.conf", environment.root),
        Cutover::Socket => format!("{}/.deployer/nginx-live.conf", environment.root),
    }
}

/// The locations of a role's site that serve `[static]`; empty where there is none.
///
/// A page of the old release asks for its files after the new one is live, and one of the new release may ask before: so
/// each role's site knows the other's files too, and those that were put aside when their slot was built anew.
pub fn static_locations(environment: &Environment, role: Role) -> String {
    let Some(files) = &environment.static_files else {
        return String::new();
    };
    let second = match role {
        Role::Live => Role::Next,
        Role::Next => Role::Live,
    };
    let directory = environment.app.path(&files.directory);
    fill(STATIC, |name| match name {
        "first" => role.to_string(),
        "second" => second.to_string(),
        "url" => files.url.clone(),
        "pattern" => files.url.replace('.', "\\."),
        "root" => quoted(&environment.root),
        _ => escaped(&directory),
    })
}

/// A value as nginx reads it back whole.
pub fn quoted(value: &str) -> String {
    format!("\"{}\"", escaped(value))
}

/// A part of a quoted word.
fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"")
}

/// A path as `include` takes it for itself: one with any of these is a pattern, which may match something else, or nothing.
fn exactly(path: &str) -> String {
    if path.contains(['*', '?', '[']) { escape_glob(path) } else { path.to_string() }
}

/// Makes a path stand for itself where nginx expects a pattern.
pub fn escape_glob(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for letter in path.chars() {
        if matches!(letter, '*' | '?' | '[' | '\\') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// Why a test or a reload failed, and what to do, from the command and what it said.
pub fn explain(nginx: &Nginx, command: &[String], user: &str, said: &str) -> Option<(String, Vec<String>)> {
    let text = said.to_lowercase();
    let sudo = without_sudo(command).len() < command.len();
    if sudo
        && (text.contains("password is required") || text.contains("not allowed") || text.contains("sudoers"))
    {
        return Some((
            format!("{user} may not run it through sudo without a password"),
            vec![match rights(nginx, user) {
                Some(line) => format!("on the host, as root: {line}"),
                None => "allow it there, as root: visudo".to_string(),
            }],
        ));
    }
    if text.contains("command not found") || text.contains("no such file") && text.contains("sudo:") {
        return Some((
            "the command is not there".to_string(),
            vec!["give nginx's absolute path in deployer.toml: [nginx] test and reload".to_string()],
        ));
    }
    if let Some(line) = said.lines().find(|line| line.contains("[emerg]")) {
        let what = line.split("[emerg]").nth(1).unwrap_or(line).trim();
        return Some((
            format!("nginx says: {what}"),
            vec!["mend that file; it may belong to another site on this host".to_string()],
        ));
    }
    if text.contains("permission denied") {
        return Some((
            format!("{user} has no right to do it"),
            vec!["let it run through sudo: [nginx] test and reload in deployer.toml".to_string()],
        ));
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nginx() -> Nginx {
        let text = "[gunicorn]\napp = \"app:app\"\n[environments.prod]\nhost = \"a\"\nroot = \"/a\"\n\
                    ports = { blue = 1, green = 2 }\nurl = \"http://a\"\n";
        let config = crate::config::Config::parse(text, std::path::Path::new("deployer.toml")).unwrap();
        config.environments()[0].nginx.clone()
    }

    #[test]
    fn the_snippet_names_its_slot() {
        insta::assert_snapshot!(snippet(Color::Green, 8889, "3ab9d42", "c0ffee"), @r#"
        # Written by deployer for the slot green; each deploy writes it anew.
        if ($http_x_deployer_probe = "c0ffee") { return 200 "deployer green 3ab9d42"; }
        # This one goes on to the application as a visitor's request does, and says so; no other answer gets the header.
        if ($http_x_deployer_probe = "c0ffee app") { add_header X-Deployer-Served "green 3ab9d42 $upstream_status" always; }
        proxy_pass http://127.0.0.1:8889;
        "#);
    }

    #[test]
    fn static_files_of_either_release_are_served_and_those_put_aside() {
        let text = "[gunicorn]\napp = \"app:app\"\n[app]\ndirectory = \"site\"\n[environments.prod]\nhost = \"a\"\n\
                    root = \"/srv/it's \\\"odd\\\"\"\nports = { blue = 1, green = 2 }\nurl = \"http://a\"\n\
                    static = { directory = \"out\", url = \"/s.1/\" }\n";
        let config = crate::config::Config::parse(text, std::path::Path::new("deployer.toml")).unwrap();
        insta::assert_snapshot!(static_locations(&config.environments()[0], Role::Next), @r##"
        # Static files: those of next, then those that only live has, then those of releases that are gone.
        location ^~ /s.1/ {
            location ~ "^/s\.1/(?<deployer_file>.+)$" {
                root "/srv/it's \"odd\"";
                try_files "/next/repo/site/out/$deployer_file" "/live/repo/site/out/$deployer_file" "/aside/static/$deployer_file" =404;
            }
        }
        "##);
    }

    #[test]
    fn a_missing_right_gets_the_line_that_doctor_has_too() {
        let nginx = nginx();
        let said = "sudo: a password is required";
        let (why, advice) = explain(&nginx, &nginx.test, "deploy", said).unwrap();
        assert_eq!(why, "deploy may not run it through sudo without a password");
        assert_eq!(advice, [format!("on the host, as root: {}", rights(&nginx, "deploy").unwrap())]);
        let (_, advice) = explain(&nginx, &nginx.test, "x' >/etc/passwd; '", said).unwrap();
        assert_eq!(advice, ["allow it there, as root: visudo"]);
    }

    #[test]
    fn another_sites_mistake_is_named() {
        let said = "nginx: [emerg] unknown directive \"oops\" in /etc/nginx/sites-enabled/b.conf:1\nnginx: configuration file test failed";
        let (why, _) = explain(&nginx(), &["nginx".to_string()], "deploy", said).unwrap();
        assert_eq!(why, "nginx says: unknown directive \"oops\" in /etc/nginx/sites-enabled/b.conf:1");
    }
}
