//! Where SSH goes: `host`, `port` and `user` of an environment; and who goes there: `ssh`.

use std::net::Ipv6Addr;

use super::problem::{Complaint, ensure};
use super::section::Section;
use super::value::{self, Value};
use crate::model::{SshClient, Target};

pub(super) fn read(itself: &Section) -> Option<Target> {
    let host = itself.required("host", "host = \"my.server.here\"", host);
    let (port, user) = (itself.optional("port", value::port), itself.optional("user", user));
    Some(Target { host: host?, port, user })
}

/// Who makes the connection.
pub(super) fn client(value: &Value) -> Result<SshClient, Complaint> {
    let (auto, libssh2, own) = (SshClient::Auto, SshClient::Libssh2, SshClient::OpenSsh);
    value::choice(value, &[("auto", auto), ("libssh2", libssh2), ("openssh", own)])
}

/// What SSH connects to: a name or an address, without a user and without a port.
fn host(value: &Value) -> Result<String, Complaint> {
    let host = value::like(value, r"^([^\s@/:-][^\s@/:]*|[0-9a-fA-F.]*:[0-9a-fA-F.]*:[0-9a-fA-F:.]*)$")?;
    let alone = || Complaint::new("must be a host alone");
    if let Some((user, name)) = host.split_once('@') {
        let (name, port) = match name.rsplit_once(':') {
            Some((name, port)) if !name.contains(':') => (name, format!(", port = {port}")),
            _ => (name, String::new()),
        };
        return Err(alone().help(format!("write host = \"{name}\"{port} and user = \"{user}\"")));
    }
    if host.parse::<Ipv6Addr>().is_ok() {
        return Ok(host);
    }
    if let Some((name, port)) = host.rsplit_once(':').filter(|(_, port)| port.parse::<u16>().is_ok()) {
        return Err(alone().help(format!("write host = \"{name}\" and port = {port}")));
    }
    let is_name = !host.starts_with('-') && host.chars().all(|c| c.is_alphanumeric() || "-_.".contains(c));
    let complaint = Complaint::new("is not the name of a host");
    ensure(is_name, complaint.help("give a name that ssh knows, or an address"))?;
    Ok(host)
}

fn user(value: &Value) -> Result<String, Complaint> {
    let user = value::like(value, r"^[^\s@:/-][^\s@:/]*$")?;
    let odd = |c: char| c.is_whitespace() || "@:/".contains(c);
    let complaint = Complaint::new("is not the name of a user");
    let help = "give the name that ssh logs in with, alone";
    ensure(!user.starts_with('-') && !user.contains(odd), complaint.help(help))?;
    Ok(user)
}
