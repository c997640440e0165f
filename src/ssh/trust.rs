//! Whether the key that a host shows can be trusted.

use super::error::ConnectError;
use super::host_key::HostKey;
use super::host_key_error::{Distrust, HostKeyError, HowToReach, Location, quoted};
use super::known_hosts::{self, KnownHosts};
use super::ssh_config::HostConfig;

/// Fails where the key is not known, or known to be bad.
pub(super) fn check_host_key(
    known: &KnownHosts,
    key: HostKey,
    config: &HostConfig,
) -> Result<(), ConnectError> {
    let Some(why) = distrust(known, &key, config)? else {
        return Ok(());
    };
    let name = known_hosts::name(&config.host, config.port, config.host_key_alias.as_deref());
    let (files, how_to_reach) = (config.known_hosts.clone(), how_to_reach(config));
    Err(Box::new(HostKeyError { name, key: key.to_string(), why, files, how_to_reach }).into())
}

fn distrust(
    known: &KnownHosts,
    key: &HostKey,
    config: &HostConfig,
) -> Result<Option<Distrust>, ConnectError> {
    if let Some((file, place)) = &config.revoked {
        let line = known_hosts::revoked(file, key).map_err(|why| {
            let detail = format!("{why} (RevokedHostKeys, {place})");
            ConnectError::Config { file: file.clone(), detail }
        })?;
        if let Some(line) = line {
            return Ok(Some(Distrust::Revoked(Location { file: file.clone(), line })));
        }
    }
    if let Some(bits) = key.rsa_bits().filter(|bits| *bits < config.rsa_bits) {
        return Ok(Some(Distrust::TooShort { bits, required: config.rsa_bits }));
    }
    Ok(known.judge(key).err())
}

fn how_to_reach(config: &HostConfig) -> HowToReach {
    if config.jumps.is_empty() && config.host_key_alias.is_none() {
        return HowToReach::Direct { host: config.host.clone(), port: config.port };
    }
    let port = if config.port == 22 { String::new() } else { format!("-p {} ", config.port) };
    HowToReach::Ssh { arguments: format!("{port}{}", quoted(&format!("{}@{}", config.user, config.alias))) }
}
