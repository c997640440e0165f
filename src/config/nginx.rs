//! `[nginx]`: the front door's server. Nothing passes into its configuration that it would read otherwise.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::problem::{Complaint, ensure};
use super::section::Section;
use super::url::host_header;
use super::value::{self, Value};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nginx {
    /// The command that tests nginx's whole configuration.
    pub test: Vec<String>,
    /// The command that reloads it gracefully.
    pub reload: Vec<String>,
    /// Where on the host the front door listens, as `address:port`; `None`: 127.0.0.1 at the url's port.
    pub address: Option<String>,
    /// Bound on the proof that a reload was applied.
    pub timeout: Duration,
    /// Bound on the wait for requests that the old release still serves.
    pub drain: Duration,
    /// Where nginx logs this site's requests, in its combined format; `None`: the error rate is not watched.
    pub access_log: Option<String>,
    /// The file that `setup` writes; `None`: one of the application's name in `sites-available`.
    pub site: Option<String>,
    /// The name under which next is shown; `None`: `next.` and the front door's.
    pub next_name: Option<String>,
    /// Addresses and networks that may see next, beside the host itself.
    pub next_allow: Vec<String>,
    /// The largest body of a request, as nginx writes sizes.
    pub max_body: String,
    /// Further lines for the server blocks that `setup` writes.
    pub extra: Vec<String>,
    /// Where nginx complains, for `logs nginx`.
    pub error_log: String,
}

impl Nginx {
    /// `as_root`: whether the deploy user is root, whose commands need no sudo.
    pub(super) fn read(table: &Section, as_root: bool) -> Nginx {
        let command = |key: &str| {
            let mut command = table.get(key, value::argv);
            if as_root && !table.has(key) {
                command.retain(|word| !["sudo", "-n"].contains(&word.as_str()));
            }
            command
        };
        Nginx {
            test: command("test"),
            reload: command("reload"),
            address: table.optional("address", address),
            timeout: table.get("timeout", value::bound),
            drain: table.get("drain", value::duration),
            access_log: table.optional("access_log", log),
            site: table.optional("site", file),
            next_name: table.optional("next_name", server_name),
            next_allow: table.get("next_allow", networks),
            max_body: table.get("max_body", size),
            extra: table.get("extra", |v| value::lines(v, "a line of nginx's, or a list of lines")),
            error_log: table.get("error_log", log),
        }
    }
}

/// `address:port`.
fn address(value: &Value) -> Result<String, Complaint> {
    let text = value::like(value, r"^[0-9a-fA-F.:\[\]]+:[0-9]*[1-9][0-9]*$")?;
    let is_right = text.parse::<SocketAddr>().is_ok_and(|address| address.port() != 0);
    let complaint = "must be an address with a port, such as \"127.0.0.1:80\" or \"[::1]:80\"";
    ensure(is_right, Complaint::new(complaint))?;
    Ok(text)
}

/// A server's name, without a port.
fn server_name(value: &Value) -> Result<String, Complaint> {
    let name = host_header(value)?;
    ensure(!name.contains(':'), Complaint::new("must be a server's name, without a port"))?;
    Ok(name.to_ascii_lowercase())
}

/// A list of addresses and networks, or `all`.
fn networks(value: &Value) -> Result<Vec<String>, Complaint> {
    let networks = value::words(value)?;
    let items = value.get_ref().as_array().into_iter().flatten();
    let wrong = networks.iter().zip(items).find(|(network, _)| *network != "all" && !is_network(network));
    let complaint = "must be an address or a network, such as \"192.0.2.0/24\", or \"all\"";
    match wrong {
        Some((_, item)) => Err(Complaint::new(complaint).at(item.span())),
        None => Ok(networks),
    }
}

fn is_network(text: &str) -> bool {
    let (address, length) =
        text.split_once('/').map_or((text, None), |(address, length)| (address, Some(length)));
    address.parse::<IpAddr>().is_ok_and(|address| {
        let most = if address.is_ipv4() { 32 } else { 128 };
        length.is_none_or(|length| length.parse::<u8>().is_ok_and(|length| length <= most))
    })
}

/// A size as nginx writes it: `20m`, `512k`, `1g`; 0 for no bound.
fn size(value: &Value) -> Result<String, Complaint> {
    let text = value::like(value, "^[0-9]{1,9}[kKmMgG]?$")?;
    let digits = text.trim_end_matches(['k', 'K', 'm', 'M', 'g', 'G']);
    let is_number = (1..=9).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit());
    ensure(is_number && text.len() - digits.len() <= 1, Complaint::new("must be a size, such as \"20m\""))?;
    Ok(text)
}

/// The file of the site; nginx reads some folders whole, so that a second file beside it would count too.
fn file(value: &Value) -> Result<String, Complaint> {
    let path = value::absolute_file(value)?;
    let is_hidden = path.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
    ensure(!is_hidden, Complaint::new("must not begin with a dot: nginx would not read it"))?;
    Ok(path)
}

/// A log of nginx's: what it would fill in from a request would be the client's to choose.
fn log(value: &Value) -> Result<String, Complaint> {
    let takes = || value::path_like("^/[^$]*[^$/]$");
    let path = value::absolute_file(value).map_err(|complaint| complaint.takes(takes()))?;
    ensure(!path.contains('$'), Complaint::new("must not hold `$`: nginx takes it for a variable's name"))?;
    Ok(path)
}
