//! Values that become words of nginx's configuration: nothing passes that nginx would read otherwise.

use std::net::IpAddr;

use super::environment::{Cutover, Environment};
use super::hooks::inside;
use super::problem::Complaint;
use super::section::Value;
use super::value;

/// What a Unix socket's address has room for.
const SOCKET: usize = 107;
/// nginx compares no more than 255 bytes of a path, among which are those of a probe.
const LONG: usize = 200;

/// A server's name, without a port.
pub(super) fn server_name(value: &Value<'_>) -> Result<String, Complaint> {
    let name = value::host_header(value)?;
    match name.contains(':') {
        true => Err(Complaint::new("must be a server's name, without a port")),
        false => Ok(name.to_ascii_lowercase()),
    }
}

/// A list of addresses and networks, or `all`.
pub(super) fn networks(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    let objection = "must be an address or a network, such as \"192.0.2.0/24\", or \"all\"";
    value::words_unless(value, |_, network| {
        (network != "all" && !is_network(network)).then(|| Complaint::new(objection))
    })
}

fn is_network(text: &str) -> bool {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    let Ok(address) = address.parse::<IpAddr>() else {
        return false;
    };
    let most = if address.is_ipv4() { 32 } else { 128 };
    length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
}

/// A size as nginx writes it: `20m`, `512k`, `1g`; 0 for no bound.
pub(super) fn size(value: &Value<'_>) -> Result<String, Complaint> {
    let text = value::text(value)?;
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let is_size = !digits.is_empty() && digits.len() <= 9 && text.len() - digits.len() <= 1;
    match is_size && digits.chars().all(|c| c.is_ascii_digit()) {
        true => Ok(text),
        false => Err(Complaint::new("must be a size, such as \"20m\"")),
    }
}

/// The file of the site; nginx reads some folders whole, so that a second file beside it would count too.
pub(super) fn file(value: &Value<'_>) -> Result<String, Complaint> {
    let path = value::absolute_file(value)?;
    match path.rsplit('/').next().is_some_and(|name| name.starts_with('.')) {
        true => Err(Complaint::new("must not begin with a dot: nginx would not read it")),
        false => Ok(path),
    }
}

/// A log of nginx's: what it would fill in from a request would be the client's to choose.
pub(super) fn log(value: &Value<'_>) -> Result<String, Complaint> {
    let path = value::absolute_file(value)?;
    match path.contains('$') {
        true => Err(Complaint::new("must not hold `$`: nginx takes it for a variable's name")),
        false => Ok(path),
    }
}

/// Whether the path of the url stands for itself in nginx's configuration.
pub(super) fn path(path: &str) -> Result<(), Complaint> {
    let Some(decoded) = decoded(path) else {
        return Err(Complaint::new("must be UTF-8 where its path is encoded")
            .help("after each `%` come two hexadecimal digits; a percent sign itself is %25"));
    };
    if decoded.len() > LONG {
        let what = format!("must have a path of {LONG} bytes at the most");
        return Err(Complaint::new(what));
    }
    if decoded.contains(char::is_control) {
        return Err(Complaint::new("must not hold control characters"));
    }
    let odd = |part: &str| matches!(part, "." | "..");
    if decoded.contains("//") || decoded.split('/').any(odd) {
        return Err(Complaint::new("must not hold `.`, `..` or doubled slashes in its path")
            .help("write the path that it comes to"));
    }
    not_acme(&decoded)
}

/// In every site of ours that path is certbot's.
pub(super) fn not_acme(path: &str) -> Result<(), Complaint> {
    match path == "/.well-known/acme-challenge/" {
        true => Err(Complaint::new("must not be where certificates are asked for")),
        false => Ok(()),
    }
}

/// A path without its percent signs; `None`: it comes to no text.
pub(super) fn decoded(path: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let [first, after @ ..] = rest {
        rest = after;
        if *first != b'%' {
            bytes.push(*first);
            continue;
        }
        let digits = std::str::from_utf8(rest.get(..2)?).ok()?;
        if !digits.bytes().all(|digit| digit.is_ascii_hexdigit()) {
            return None;
        }
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        rest = &rest[2..];
    }
    String::from_utf8(bytes).ok()
}

/// What a key must not say beside what another says: its table, its name, and why.
pub(super) fn conflicts(environment: &Environment) -> Vec<(&'static str, &'static str, Complaint)> {
    let mut found = Vec::new();
    let mut object = |table, key, what: String, help: &str| {
        found.push((table, key, Complaint::new(what).help(help)));
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
    if environment.nginx.next_name.as_ref() == Some(&url.host) {
        let what = "must not be the name in `url`, which is live's".to_owned();
        object("nginx", "next_name", what, "give next a name of its own");
    }
    let Some(files) = files else { return found };
    if environment.app.directory.contains('$') {
        let what = variable("where [static] is used");
        object("app", "directory", what, "rename the folder");
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
            object(
                "shared",
                "directories",
                why,
                "name another folder, and move its files on the host by hand",
            );
        }
    }
    found
}
