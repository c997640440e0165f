//! Reads single values: each function takes one TOML value and returns it typed, or says what is wrong with it.

use std::net::{Ipv6Addr, SocketAddr};
use std::time::Duration;

use toml::de::DeValue;

use super::duration::parse_duration;
use super::environment::{Statuses, Url};
use super::problem::Complaint;
use super::section::{Value, wrong_type};
use super::site;

/// A string that is not blank and holds no control character.
pub(super) fn text(value: &Value<'_>) -> Result<String, Complaint> {
    match value.get_ref() {
        DeValue::String(text) if text.trim().is_empty() => Err(Complaint::new("must not be empty")),
        DeValue::String(text) if text.chars().any(char::is_control) => {
            Err(Complaint::new("must not hold control characters")
                .help("take out what an escape such as \\n stands for"))
        }
        DeValue::String(text) => Ok(text.clone().into_owned()),
        _ => Err(wrong_type("a string", value)),
    }
}

/// A list of such strings.
pub(super) fn words(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    match value.get_ref() {
        DeValue::Array(items) => {
            items.iter().map(|item| text(item).map_err(|complaint| complaint.at(item.span()))).collect()
        }
        DeValue::String(line) => {
            let list: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
            Err(wrong_type("a list of strings", value).help(format!("write [{}]", list.join(", "))))
        }
        _ => Err(wrong_type("a list of strings", value)),
    }
}

/// The same, where a word may be objected to; the complaint is of that word alone.
pub(super) fn words_unless(
    value: &Value<'_>,
    objection: impl Fn(usize, &str) -> Option<Complaint>,
) -> Result<Vec<String>, Complaint> {
    let words = words(value)?;
    let items = value.get_ref().as_array().into_iter().flatten();
    for (index, (word, item)) in words.iter().zip(items).enumerate() {
        if let Some(complaint) = objection(index, word) {
            return Err(complaint.at(item.span()));
        }
    }
    Ok(words)
}

/// A command: its program and its arguments, each a string of its own.
pub(super) fn argv(value: &Value<'_>) -> Result<Vec<String>, Complaint> {
    let words = words(value)?;
    if words.first().is_none_or(|program| program.starts_with('-')) {
        return Err(Complaint::new("must begin with a command")
            .help("write it as a list: [\"sudo\", \"-n\", \"...\"]"));
    }
    Ok(words)
}

/// A string out of a fixed set.
pub(super) fn choice<T: Copy>(value: &Value<'_>, choices: &[(&str, T)]) -> Result<T, Complaint> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let wanted = format!("one of \"{}\"", names.join("\", \""));
    let DeValue::String(word) = value.get_ref() else {
        return Err(wrong_type(&wanted, value));
    };
    choices.iter().find(|(name, _)| name == word).map(|(_, choice)| *choice).ok_or_else(|| {
        let complaint = Complaint::new(format!("must be {wanted}"));
        match super::name::closest(word, names) {
            Some(close) => complaint.help(format!("did you mean \"{close}\"?")),
            None => complaint,
        }
    })
}

/// A whole number in a range.
pub(super) fn number(value: &Value<'_>, least: u16, most: u16) -> Result<u16, Complaint> {
    let wanted = format!("a whole number from {least} to {most}");
    match value.get_ref() {
        DeValue::Integer(digits) => i64::from_str_radix(digits.as_str(), digits.radix())
            .ok()
            .and_then(|number| u16::try_from(number).ok())
            .filter(|number| (least..=most).contains(number))
            .ok_or_else(|| Complaint::new(format!("must be {wanted}"))),
        _ => Err(wrong_type(&wanted, value)),
    }
}

pub(super) fn port(value: &Value<'_>) -> Result<u16, Complaint> {
    number(value, 1, u16::MAX)
}

/// A length of time, which may be zero.
pub(super) fn duration(value: &Value<'_>) -> Result<Duration, Complaint> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
        _ => return Err(wrong_type("a duration such as \"30s\"", value)),
    };
    parse_duration(text).map_err(Complaint::new)
}

/// A length of time for which something is waited.
pub(super) fn bound(value: &Value<'_>) -> Result<Duration, Complaint> {
    match duration(value)? {
        Duration::ZERO => {
            Err(Complaint::new("must be longer than nothing").help("write a duration such as \"30s\""))
        }
        time => Ok(time),
    }
}

/// A length of time in the unit that gunicorn takes.
pub(super) fn whole_seconds(value: &Value<'_>) -> Result<Duration, Complaint> {
    match bound(value)? {
        time if time.subsec_nanos() != 0 => {
            Err(Complaint::new("must be whole seconds, which is what gunicorn counts in"))
        }
        time => Ok(time),
    }
}

/// The folder that holds the slots.
pub(super) fn root(value: &Value<'_>) -> Result<String, Complaint> {
    match absolute_path(value)?.as_str() {
        "/" => Err(Complaint::new("must not be the top of the file system")
            .help("give the slots a folder of their own, such as \"/home/USER/NAME\"")),
        path => Ok(path.to_owned()),
    }
}

/// A file on the host.
pub(super) fn absolute_file(value: &Value<'_>) -> Result<String, Complaint> {
    let path = absolute_path(value)?;
    match value.get_ref().as_str().is_some_and(|text| text.ends_with('/')) {
        true => Err(Complaint::new("must name a file, not a folder")),
        false => Ok(path),
    }
}

/// An absolute path on the host, without `.`, `..`, doubled or trailing slashes.
fn absolute_path(value: &Value<'_>) -> Result<String, Complaint> {
    let path = text(value)?;
    if path.starts_with('~') {
        return Err(Complaint::new("must be an absolute path")
            .help("write the home directory out: \"/home/USER/...\""));
    }
    if !path.starts_with('/') {
        return Err(
            Complaint::new("must be an absolute path").help("begin it with a slash, at the host's top")
        );
    }
    let parts = plain_parts(&path)?;
    Ok(format!("/{}", parts.join("/")))
}

/// A path inside the repository, `.` for the folder that it is counted from.
pub(super) fn inner_path(value: &Value<'_>) -> Result<String, Complaint> {
    let path = text(value)?;
    if path.starts_with(['/', '~']) {
        return Err(Complaint::new("must be a path inside the repository, without a leading slash"));
    }
    let parts = plain_parts(&path)?;
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

fn plain_parts(path: &str) -> Result<Vec<&str>, Complaint> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    match parts.contains(&"..") {
        true => Err(Complaint::new("must not hold `..`").help("write the path that it comes to")),
        false => Ok(parts),
    }
}

/// The requirements file, or `false` where there is none. Only at its beginning may the path lead upward: a lock or a list
/// that several applications share lies above their folders.
pub(super) fn requirements(value: &Value<'_>) -> Result<Option<String>, Complaint> {
    match value.get_ref() {
        DeValue::Boolean(false) => Ok(None),
        DeValue::String(text) if text.is_empty() => Ok(None),
        DeValue::String(text) => {
            let mut rest: &str = text;
            while let Some(above) = rest.strip_prefix("../") {
                rest = above;
            }
            let upward = &text[..text.len() - rest.len()];
            if !upward.is_empty() && rest.starts_with('/') {
                return Err(Complaint::new("must be a path inside the repository"));
            }
            let parts = match upward {
                "" => inner_path(value)?,
                _ => plain_parts(rest)?.join("/"),
            };
            match parts.as_str() {
                "" | "." => Err(Complaint::new("must name a file").help("write false where there is none")),
                path => Ok(Some(format!("{upward}{path}"))),
            }
        }
        _ => Err(wrong_type("a path, or false where there is none", value)),
    }
}

/// What SSH connects to: a name or an address, without a user and without a port.
pub(super) fn ssh_host(value: &Value<'_>) -> Result<String, Complaint> {
    let host = text(value)?;
    if let Some((user, name)) = host.split_once('@') {
        let (name, port) = match name.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') => (name, format!(", port = {port}")),
            _ => (name, String::new()),
        };
        return Err(Complaint::new("must be a host alone")
            .help(format!("write host = \"{name}\"{port} and user = \"{user}\"")));
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Ok(host);
    }
    if let Some((name, port)) = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()) {
        return Err(
            Complaint::new("must be a host alone").help(format!("write host = \"{name}\" and port = {port}"))
        );
    }
    if host.starts_with('-') || !host.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c)) {
        return Err(
            Complaint::new("is not the name of a host").help("give a name that ssh knows, or an address")
        );
    }
    Ok(host)
}

pub(super) fn user(value: &Value<'_>) -> Result<String, Complaint> {
    let user = text(value)?;
    match user.starts_with('-') || user.contains(|c: char| c.is_whitespace() || "@:/".contains(c)) {
        true => {
            Err(Complaint::new("is not the name of a user")
                .help("give the name that ssh logs in with, alone"))
        }
        false => Ok(user),
    }
}

/// `http://name[:port][/path]`.
pub(super) fn url(value: &Value<'_>) -> Result<Url, Complaint> {
    let text = text(value)?;
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
    if rest.contains(['?', '#']) {
        return Err(
            Complaint::new("must not hold a query or a fragment").help("end it before the `?` or `#`")
        );
    }
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    if authority.contains('@') {
        return Err(
            Complaint::new("must not hold a user or a password").help("choose a page that needs neither")
        );
    }
    let (host, port) = split_port(authority);
    let port = match port {
        None => Some(if https { 443 } else { 80 }),
        Some(digits) => digits.parse().ok().filter(|port| *port != 0),
    };
    let port = port.ok_or_else(|| Complaint::new("must have a port from 1 to 65535 after its colon"))?;
    if !is_name_or_address(host) {
        return Err(Complaint::new("must have the name of a server after its slashes")
            .help("write letters beyond ASCII as xn--..., and an IPv6 address in brackets"));
    }
    let path = request_path(if path.is_empty() { "/" } else { path })?;
    site::path(&path)?;
    Ok(Url { https, host: host.to_ascii_lowercase(), port, path })
}

/// The path of a request, as it goes over the wire.
pub(super) fn health_path(value: &Value<'_>) -> Result<String, Complaint> {
    request_path(&text(value)?)
}

fn request_path(path: &str) -> Result<String, Complaint> {
    if !path.starts_with('/') {
        return Err(Complaint::new("must begin with a slash").help(format!("write \"/{path}\"")));
    }
    match path.chars().all(|c| c.is_ascii_graphic() && c != '#') {
        true => Ok(path.to_owned()),
        false => Err(Complaint::new("must be a path as it goes over the wire")
            .help("write spaces and letters beyond ASCII as %20 and the like")),
    }
}

/// The value of a Host header.
pub(super) fn host_header(value: &Value<'_>) -> Result<String, Complaint> {
    let host = text(value)?;
    let (name, port) = split_port(&host);
    match is_name_or_address(name) && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port != 0))
    {
        true => Ok(host),
        false => Err(Complaint::new("must be a server's name, with or without a port")),
    }
}

/// `address:port`.
pub(super) fn address(value: &Value<'_>) -> Result<String, Complaint> {
    let text = text(value)?;
    match text.parse::<SocketAddr>() {
        Ok(address) if address.port() != 0 => Ok(text),
        _ => Err(Complaint::new("must be an address with a port, such as \"127.0.0.1:80\" or \"[::1]:80\"")),
    }
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

/// `200`, `"200"`, `"2xx"`, `"200-399"`, or a list of these.
pub(super) fn statuses(value: &Value<'_>) -> Result<Statuses, Complaint> {
    let range = |item: &Value<'_>| {
        let text = match item.get_ref() {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
            _ => return Err(wrong_type("HTTP statuses such as 200 or \"2xx\"", item).at(item.span())),
        };
        status_range(text).ok_or_else(|| {
            Complaint::new("must be HTTP statuses: 200, \"2xx\", \"200-399\" or a list of these")
                .at(item.span())
        })
    };
    match value.get_ref() {
        DeValue::Array(items) if items.is_empty() => Err(Complaint::new("must name at least one status")),
        DeValue::Array(items) => items.iter().map(range).collect::<Result<_, _>>().map(Statuses),
        _ => range(value).map(|range| Statuses(vec![range])),
    }
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let status = |text: &str| {
        let three_digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        let status = text.parse().ok().filter(|_| three_digits);
        status.filter(|status| (100..=599).contains(status))
    };
    if let Some(class) = text.strip_suffix("xx") {
        let first = status(&format!("{class}00"))?;
        return Some((first, first + 99));
    }
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let (first, last) = (status(first)?, status(last)?);
    (first <= last).then_some((first, last))
}
