//! Values that become words of nginx's configuration: nothing passes that nginx would read otherwise.

use std::net::IpAddr;

use super::problem::Complaint;
use super::section::Value;
use super::value;

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
    let (address, length) = text
        .split_once('/')
        .map_or((text, None), |(address, length)| (address, Some(length)));
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
        true => Err(Complaint::new(
            "must not begin with a dot: nginx would not read it",
        )),
        false => Ok(path),
    }
}
