//! What cannot stand beside each other: two keys of one environment, two environments on one host.

use toml::Spanned;

use super::environment::{Cutover, Environment};
use super::problem::{Complaint, Problems};
use super::section::{Layer, Tables};
use super::value::inside;
use super::web::Web;

/// What a Unix socket's address has room for.
const SOCKET: usize = 107;

/// Reports what a key must not say beside what another says.
pub(super) fn between_keys(environment: &Environment, tables: &Tables) {
    let object = |table: &'static str, key: &str, what: String, help: &str| {
        let section = if table.is_empty() { tables.itself() } else { tables.section(table) };
        section.object(key, Complaint::new(what).help(help));
    };
    let (root, url) = (&environment.root, &environment.url);
    let socket = environment.cutover == Cutover::Socket;
    let files = environment.static_files.as_ref();
    let variable = |of: &str| format!("must not hold `$` {of}: nginx takes it for a variable's name");
    let another = "give the slots another folder";
    let of = match (files.is_some(), socket) {
        (true, _) => Some("where [static] is used"),
        (_, true) => Some("with cutover = \"socket\""),
        _ => None,
    };
    if let Some(of) = of.filter(|_| root.contains('$')) {
        object("", "root", variable(of), another);
    }
    if socket && root.contains(':') {
        let what = "must not hold `:` with cutover = \"socket\": to nginx a socket's path ends there";
        object("", "root", what.to_owned(), another);
    }
    if socket && format!("{root}/green/app.sock").len() > SOCKET {
        let what =
            format!("is too long for cutover = \"socket\": a socket's path has {SOCKET} bytes at the most");
        object("", "root", what, another);
    }
    if socket && matches!(environment.web, Web::Command(_)) {
        let what = "cannot be had with cutover = \"socket\", which needs gunicorn".to_owned();
        object("web", "command", what, "take the key `cutover` out");
    }
    if environment.nginx.address.is_none() && environment.ports.both().contains(&url.port) {
        let what = format!("must leave port {} to nginx, which listens there", url.port);
        let help = "give the slot another port, or say in `nginx.address` where nginx listens on the host";
        object("", "ports", what, help);
    }
    if environment.nginx.next_name.as_ref() == Some(&url.host) {
        let what = "must not be the name in `url`, which is live's".to_owned();
        object("nginx", "next_name", what, "give next a name of its own");
    }
    let Some(files) = files else { return };
    if environment.app.directory.contains('$') {
        object("app", "directory", variable("where [static] is used"), "rename the folder");
    }
    if url.decoded() == files.url {
        let what = format!("must not be {}: [static] leaves nothing of it to the application", files.url);
        object("", "url", what, "give the static files a path of their own: [static] url");
    }
    for folder in &environment.shared {
        let what = format!("must not name {folder:?} beside [static]");
        let meets = |other: &str| inside(folder, other) || inside(other, folder);
        if meets(&files.directory) {
            let why = format!("{what} directory = {:?}, which nginx serves to everybody", files.directory);
            object("shared", "directories", why, "give uploads and static files a folder each");
        } else if meets("static") {
            // Deployers of before put them aside there.
            let why =
                format!("{what}: on the host, shared/static can hold the static files of older releases");
            let help = "name another folder, and move its files on the host by hand";
            object("shared", "directories", why, help);
        }
    }
}

/// Two environments on one host are either the same place under two names, or have nothing in common.
pub(super) fn between_environments(environments: &[Environment], all: &Layer, problems: &Problems) {
    let hosts: Vec<&Environment> = environments.iter().flat_map(Environment::hosts).collect();
    for (index, later) in hosts.iter().enumerate() {
        for earlier in hosts[..index].iter().filter(|earlier| earlier.name != later.name) {
            let same_place = earlier.root == later.root && earlier.ports == later.ports;
            let host = |environment: &Environment| (environment.target.host.clone(), environment.target.port);
            if same_place || host(earlier) != host(later) {
                continue;
            }
            let port = later.ports.both().into_iter().find(|port| earlier.ports.both().contains(port));
            let (key, what) = match port {
                Some(port) => ("ports", format!("takes port {port}, which")),
                None if earlier.root == later.root => ("root", "is the folder that".to_owned()),
                None => continue,
            };
            let Some(own) = all.table(&later.name, problems) else {
                continue;
            };
            let complaint = Complaint::new(format!("{what} `{}` has on the same host", earlier.name));
            let complaint = complaint.help(format!("each environment on a host has its own {key}"));
            let span = own.table.get(key).map(Spanned::span);
            problems.add(&own.name_of(key), span, complaint);
        }
    }
}
