//! Which way leads to a host, and who goes it.

use super::error::ConnectError;
use super::known_hosts::KnownHosts;
use super::openssh::Client;
use super::options::ConnectOptions;
use super::ssh_config::{self, HostConfig};
use crate::model::{SshClient, Target};

const MOST_HOPS: usize = 8;

/// Who carries the connection, and what they need for it.
pub(super) enum Way {
    /// The hosts on the way, the target last.
    Libssh2(Vec<HostConfig>),
    OwnSsh(Client),
}

/// Follows ssh_config. The user's own `ssh` is taken where they say so, and where only it can do what is asked for.
pub(super) fn way(target: &Target, options: &ConnectOptions) -> Result<Way, ConnectError> {
    if options.client == SshClient::OpenSsh {
        return Ok(Way::OwnSsh(Client::look(target, options, "ssh = \"openssh\"")?));
    }
    let route = route(target, options, 0)?;
    if options.client == SshClient::Auto && Client::is_installed() {
        if let Some(why) = route.iter().find_map(beyond_libssh2) {
            return Ok(Way::OwnSsh(Client::look(target, options, &why)?));
        }
        if route.last().is_some_and(|hop| hop.has_control_path) {
            // Where it cannot say, there is none to use.
            let client = Client::look(target, options, "an open ControlMaster").ok();
            if let Some(client) = client.filter(Client::has_open_master) {
                return Ok(Way::OwnSsh(client));
            }
        }
    }
    for hop in &route {
        if let Some((keyword @ "ProxyCommand", place)) = hop.beyond_libssh2.clone() {
            return Err(ConnectError::Unsupported { host: hop.alias.clone(), keyword, place });
        }
    }
    Ok(Way::Libssh2(route))
}

/// What is asked for that libssh2 cannot do, in words.
fn beyond_libssh2(hop: &HostConfig) -> Option<String> {
    if let Some((keyword, place)) = &hop.beyond_libssh2 {
        return Some(format!("{keyword}, {place}"));
    }
    let known = KnownHosts::read(&hop.known_hosts, &hop.host, hop.port, hop.host_key_alias.as_deref());
    known.only_authority().map(|location| format!("@cert-authority, {location}"))
}

/// The hosts on the way, the target last. Only the first jump's own ProxyJump counts, as in OpenSSH.
fn route(target: &Target, options: &ConnectOptions, depth: usize) -> Result<Vec<HostConfig>, ConnectError> {
    let config = ssh_config::resolve(target, options)?;
    let mut hops = Vec::new();
    if let Some((first, others)) = config.jumps.split_first() {
        if depth >= MOST_HOPS {
            return Err(ConnectError::Circle { host: target.host.clone(), route: first.host.clone() });
        }
        hops = route(first, options, depth + 1)?;
        for other in others {
            hops.push(ssh_config::resolve(other, options)?);
        }
    }
    hops.push(config);
    Ok(hops)
}
