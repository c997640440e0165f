//! The values of ssh_config as they stand in its lines.

use super::is_none;
use crate::ssh::algorithms::KEYWORDS;

/// Raw values, the first found of each.
#[derive(Default)]
pub(super) struct Found {
    pub(super) host_name: Option<String>,
    pub(super) port: Option<String>,
    pub(super) user: Option<String>,
    pub(super) identity_files: Vec<String>,
    pub(super) identities_only: Option<String>,
    pub(super) identity_agent: Option<String>,
    pub(super) user_known_hosts: Option<Vec<String>>,
    pub(super) global_known_hosts: Option<Vec<String>>,
    pub(super) host_key_alias: Option<String>,
    pub(super) connect_timeout: Option<String>,
    pub(super) proxy: Option<Proxy>,
    /// With their places, in the order of [`KEYWORDS`].
    pub(super) algorithms: [Option<(String, String)>; 4],
    pub(super) rsa_bits: Option<String>,
    pub(super) revoked: Option<(String, String)>,
}

/// Of ProxyJump and ProxyCommand the first that is set wins.
pub(super) enum Proxy {
    Jump(String),
    Command { place: String },
}

impl Found {
    /// Takes a line in; `place` says where it stands.
    pub(super) fn take(&mut self, keyword: &str, arguments: &[String], place: &str) {
        let found = self;
        let single = match keyword {
            "hostname" => &mut found.host_name,
            "port" => &mut found.port,
            "user" => &mut found.user,
            "identitiesonly" => &mut found.identities_only,
            "identityagent" => &mut found.identity_agent,
            "hostkeyalias" => &mut found.host_key_alias,
            "connecttimeout" => &mut found.connect_timeout,
            "requiredrsasize" => &mut found.rsa_bits,
            _ => return found.take_several(keyword, arguments, place),
        };
        if single.is_none() {
            *single = arguments.first().cloned();
        }
    }

    fn take_several(&mut self, keyword: &str, arguments: &[String], place: &str) {
        let found = self;
        match keyword {
            "identityfile" => found.identity_files.extend(arguments.first().cloned()),
            "userknownhostsfile" if found.user_known_hosts.is_none() => {
                found.user_known_hosts = Some(arguments.to_vec());
            }
            "globalknownhostsfile" if found.global_known_hosts.is_none() => {
                found.global_known_hosts = Some(arguments.to_vec());
            }
            "revokedhostkeys" if found.revoked.is_none() => {
                found.revoked = Some((arguments[0].clone(), place.to_owned()));
            }
            "proxyjump" if found.proxy.is_none() => found.proxy = Some(Proxy::Jump(arguments.join(" "))),
            "proxycommand" if found.proxy.is_none() => {
                found.proxy = Some(match is_none(&arguments[0]) {
                    true => Proxy::Jump("none".into()),
                    false => Proxy::Command { place: place.into() },
                });
            }
            _ => {
                let known = KEYWORDS.iter().position(|known| known.eq_ignore_ascii_case(keyword));
                if let Some(value) = known.map(|index| &mut found.algorithms[index]) {
                    value.get_or_insert_with(|| (arguments[0].clone(), place.to_owned()));
                }
            }
        }
    }
}
