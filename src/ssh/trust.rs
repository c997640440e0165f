//! Whether the key that a host shows is to be believed.

use super::error::{ConnectError, quoted};
use super::host_key_error::{HostKeyError, Way};
use super::known_hosts::{self, HostKey, KnownHosts, Place, Verdict};
use super::ssh_config::HostConfig;

/// Fails where it is not known, or known to be bad.
pub(super) fn check_host_key(
    known: &KnownHosts,
    key: HostKey,
    config: &HostConfig,
) -> Result<(), ConnectError> {
    let name = known_hosts::name(&config.host, config.port, config.host_key_alias.as_deref());
    if let Some((file, place)) = &config.revoked {
        match known_hosts::revoked(file, &key) {
            Ok(None) => {}
            Ok(Some(line)) => {
                let file = file.clone();
                return Err(Box::new(HostKeyError::Revoked { name, key, file, line }).into());
            }
            Err(why) => {
                let (file, detail) = (file.clone(), format!("{why} (RevokedHostKeys, {place})"));
                return Err(ConnectError::Config { file, detail });
            }
        }
    }
    if let Some(bits) = key.rsa_bits().filter(|bits| *bits < config.rsa_bits) {
        let required = config.rsa_bits;
        return Err(Box::new(HostKeyError::TooShort { name, key, bits, required }).into());
    }
    let error = match known.judge(&key) {
        Verdict::Known => return Ok(()),
        Verdict::Unknown { others } => {
            HostKeyError::Unknown { name, way: way(config), key, files: config.known_hosts.clone(), others }
        }
        Verdict::Changed(Place { file, line, key: known }) => {
            HostKeyError::Changed { name, key, file: file.clone(), line, known: known.clone() }
        }
        Verdict::Revoked(Place { file, line, .. }) => {
            HostKeyError::Revoked { name, key, file: file.clone(), line }
        }
        Verdict::CertificateAuthority(Place { file, line, .. }) => {
            let (file, files) = (file.clone(), config.known_hosts.clone());
            HostKeyError::CertificateAuthority { name, way: way(config), key, file, line, files }
        }
    };
    Err(Box::new(error).into())
}

fn way(config: &HostConfig) -> Way {
    if config.jumps.is_empty() && config.host_key_alias.is_none() {
        return Way::Direct { host: config.host.clone(), port: config.port };
    }
    let port = if config.port == 22 { String::new() } else { format!("-p {} ", config.port) };
    Way::Ssh { arguments: format!("{port}{}", quoted(&format!("{}@{}", config.user, config.alias))) }
}
