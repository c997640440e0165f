//! Addresses of the web, as a front door and a probe have them.

use std::fmt;
use std::net::Ipv6Addr;

use super::problem::{Complaint, ensure};
use super::value::{self, Value};

/// nginx compares no more than 255 bytes of a path, among which are those of a probe.
const LONGEST_PATH: usize = 200;

/// An `http` or `https` address without query or fragment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url {
    pub https: bool,
    /// The server's name in lower case; an IPv6 address keeps its brackets.
    pub host: String,
    pub port: u16,
    /// Begins with a slash.
    pub path: String,
}

impl Url {
    /// The path as nginx compares it to that of a request.
    pub fn decoded(&self) -> String {
        decoded(&self.path).unwrap_or_else(|| self.path.clone())
    }

    /// What a browser would send as the Host header: the port only where it is not the scheme's own.
    pub fn authority(&self) -> String {
        if self.port == own_port(self.https) {
            self.host.clone()
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }

    /// `http://name[:port][/path]`.
    pub(super) fn read(value: &Value) -> Result<Url, Complaint> {
        let text = value::like(value, r#"^https?://[A-Za-z0-9_\[-][A-Za-z0-9_.:\[\]-]*(/[!"$->@-~]*)?$"#)?;
        let (https, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => {
                let complaint = Complaint::new("must begin with http:// or https://");
                return Err(if text.contains("://") {
                    complaint
                } else {
                    complaint.help(format!("write \"http://{text}\""))
                });
            }
        };
        let complaint = Complaint::new("must not hold a query or a fragment");
        ensure(!rest.contains(['?', '#']), complaint.help("end it before the `?` or `#`"))?;
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let complaint = Complaint::new("must not hold a user or a password");
        ensure(!authority.contains('@'), complaint.help("choose a page that needs neither"))?;
        let (host, port) = split_port(authority);
        let port = port.map_or(Some(own_port(https)), number);
        let port = port.ok_or_else(|| Complaint::new("must have a port from 1 to 65535 after its colon"))?;
        let complaint = Complaint::new("must have the name of a server after its slashes");
        let help = "write letters beyond ASCII as xn--..., and an IPv6 address in brackets";
        ensure(is_name_or_address(host), complaint.help(help))?;
        let path = if path.is_empty() { "/" } else { path };
        ensure_path(path)?;
        ensure_plain(path)?;
        Ok(Url { https, host: host.to_ascii_lowercase(), port, path: path.to_owned() })
    }
}

impl fmt::Display for Url {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.https { "https" } else { "http" };
        write!(f, "{scheme}://{}{}", self.authority(), self.path)
    }
}

/// The path of a request, as it goes over the wire.
pub(super) fn request_path(value: &Value) -> Result<String, Complaint> {
    let path = value::like(value, r#"^/[!"$-~]*$"#)?;
    ensure_path(&path)?;
    Ok(path)
}

/// The value of a Host header.
pub(super) fn host_header(value: &Value) -> Result<String, Complaint> {
    let host = value::like(value, r"^[A-Za-z0-9_\[][A-Za-z0-9_.:\[\]-]*$")?;
    let (name, port) = split_port(&host);
    let is_right = is_name_or_address(name) && port.is_none_or(|port| number(port).is_some());
    ensure(is_right, Complaint::new("must be a server's name, with or without a port"))?;
    Ok(host)
}

/// In every site of ours that path is certbot's.
pub(super) fn not_acme(path: &str) -> Result<(), Complaint> {
    let complaint = Complaint::new("must not be where certificates are asked for");
    ensure(path != "/.well-known/acme-challenge/", complaint)
}

fn ensure_path(path: &str) -> Result<(), Complaint> {
    let complaint = Complaint::new("must begin with a slash").help(format!("write \"/{path}\""));
    ensure(path.starts_with('/'), complaint)?;
    let complaint = Complaint::new("must be a path as it goes over the wire");
    let help = "write spaces and letters beyond ASCII as %20 and the like";
    ensure(path.chars().all(|c| c.is_ascii_graphic() && c != '#'), complaint.help(help))
}

/// Whether a path stands for itself in nginx's configuration.
fn ensure_plain(path: &str) -> Result<(), Complaint> {
    let complaint = Complaint::new("must be UTF-8 where its path is encoded");
    let help = "after each `%` come two hexadecimal digits; a percent sign itself is %25";
    let path = decoded(path).ok_or_else(|| complaint.help(help))?;
    let complaint = Complaint::new(format!("must have a path of {LONGEST_PATH} bytes at the most"));
    ensure(path.len() <= LONGEST_PATH, complaint)?;
    ensure(!path.contains(char::is_control), Complaint::new("must not hold control characters"))?;
    let is_odd = path.contains("//") || path.split('/').any(|part| matches!(part, "." | ".."));
    let complaint = Complaint::new("must not hold `.`, `..` or doubled slashes in its path");
    ensure(!is_odd, complaint.help("write the path that it comes to"))?;
    not_acme(&path)
}

/// A path without its percent signs; `None`: it comes to no text.
fn decoded(path: &str) -> Option<String> {
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

fn own_port(https: bool) -> u16 {
    if https { 443 } else { 80 }
}

fn number(port: &str) -> Option<u16> {
    port.parse().ok().filter(|port| *port != 0)
}

fn split_port(authority: &str) -> (&str, Option<&str>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') => (host, Some(port)),
        _ => (authority, None),
    }
}

fn is_name_or_address(host: &str) -> bool {
    match host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(address) => address.parse::<Ipv6Addr>().is_ok(),
        None => {
            !host.split('.').any(str::is_empty)
                && host.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c))
        }
    }
}
