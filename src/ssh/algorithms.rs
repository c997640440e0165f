//! Which algorithms are offered to a host, and what `ssh_config` takes away from them.

use ssh2::MethodType;

use super::pattern::fits;

/// Newest first. What libssh2 also knows and is not here is never offered: CBC, which tells of what it hides, and
/// SHA-1.
const KEX: [&str; 12] = [
    "mlkem768x25519-sha256",
    "mlkem768nistp256-sha256",
    "mlkem1024nistp384-sha384",
    "curve25519-sha256",
    "curve25519-sha256@libssh.org",
    "ecdh-sha2-nistp256",
    "ecdh-sha2-nistp384",
    "ecdh-sha2-nistp521",
    "diffie-hellman-group-exchange-sha256",
    "diffie-hellman-group16-sha512",
    "diffie-hellman-group18-sha512",
    "diffie-hellman-group14-sha256",
];
const CIPHERS: [&str; 6] = [
    "chacha20-poly1305@openssh.com",
    "aes256-gcm@openssh.com",
    "aes128-gcm@openssh.com",
    "aes256-ctr",
    "aes192-ctr",
    "aes128-ctr",
];
const MACS: [&str; 4] =
    ["hmac-sha2-256-etm@openssh.com", "hmac-sha2-512-etm@openssh.com", "hmac-sha2-256", "hmac-sha2-512"];
/// Certificates are never asked for, since nothing here can check them.
const HOST_KEYS: [&str; 6] = [
    "ssh-ed25519",
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-512",
    "rsa-sha2-256",
];

/// The keywords of `ssh_config` that choose algorithms, as OpenSSH spells them.
pub(super) const KEYWORDS: [&str; 4] = ["KexAlgorithms", "Ciphers", "MACs", "HostKeyAlgorithms"];

/// What is offered to one host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Algorithms {
    lists: [Vec<&'static str>; 4],
    /// Whether the file says in which order host keys are asked for; otherwise those that are known come first.
    host_keys_in_order: bool,
}

/// A list of the file that leaves nothing: which of the keywords, and what could stand there.
#[derive(Debug)]
pub(super) struct Nothing {
    pub(super) index: usize,
    pub(super) known: String,
}

impl Algorithms {
    /// What the values of the four keywords leave.
    pub(super) fn chosen(values: [Option<&str>; 4]) -> Result<Algorithms, Nothing> {
        let known: [&[&'static str]; 4] = [&KEX, &CIPHERS, &MACS, &HOST_KEYS];
        let mut lists = known.map(<[_]>::to_vec);
        for (index, value) in values.iter().enumerate() {
            if let Some(value) = value {
                lists[index] = assemble(value, known[index]);
            }
            if lists[index].is_empty() {
                return Err(Nothing { index, known: known[index].join(",") });
            }
        }
        let value = values[3].unwrap_or("-");
        let host_keys_in_order = !value.starts_with(['+', '-']);
        Ok(Algorithms { lists, host_keys_in_order })
    }

    /// Lists for libssh2; `known` are the types of key that the host is known by, which it is asked for first.
    pub(super) fn offered(&self, known: &dyn Fn(&str) -> bool) -> Vec<(MethodType, String)> {
        let [kex, ciphers, macs, host_keys] = &self.lists;
        let (first, last): (Vec<&str>, Vec<&str>) =
            host_keys.iter().partition(|algorithm| !self.host_keys_in_order && known(key_type(algorithm)));
        vec![
            (MethodType::Kex, kex.join(",")),
            (MethodType::HostKey, [first, last].concat().join(",")),
            (MethodType::CryptCs, ciphers.join(",")),
            (MethodType::CryptSc, ciphers.join(",")),
            (MethodType::MacCs, macs.join(",")),
            (MethodType::MacSc, macs.join(",")),
        ]
    }
}

/// The type of the key that a signature is made with.
fn key_type(algorithm: &str) -> &str {
    match algorithm {
        "rsa-sha2-512" | "rsa-sha2-256" => "ssh-rsa",
        other => other,
    }
}

/// A value as OpenSSH reads it: a list of patterns in the place of ours, or after `-` what is taken out of it, after `^`
/// what goes first. After `+` something is added, and there is nothing that could be: all that is sound is there.
fn assemble(value: &str, known: &[&'static str]) -> Vec<&'static str> {
    let (sign, list) = match value.chars().next() {
        Some(sign @ ('+' | '-' | '^')) => (sign, &value[1..]),
        _ => ('=', value),
    };
    let mut named: Vec<&'static str> = Vec::new();
    for pattern in list.split(',') {
        for name in known.iter().filter(|name| fits(pattern.trim(), name)) {
            if !named.contains(name) {
                named.push(name);
            }
        }
    }
    let others = known.iter().copied().filter(|name| !named.contains(name));
    match sign {
        '=' => named,
        '-' => others.collect(),
        '^' => {
            let others: Vec<_> = others.collect();
            named.into_iter().chain(others).collect()
        }
        _ => known.to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn none(_: &str) -> bool {
        false
    }

    fn ciphers(value: &str) -> Option<String> {
        let chosen = Algorithms::chosen([None, Some(value), None, None]).ok()?;
        Some(chosen.lists[1].join(","))
    }

    #[test]
    fn a_value_replaces_removes_or_moves() {
        for (value, expected) in [
            ("aes128-ctr,aes256-ctr", Some("aes128-ctr,aes256-ctr")),
            ("aes128-cbc,aes128-ctr,aes128-ctr", Some("aes128-ctr")),
            ("*-gcm@*", Some("aes256-gcm@openssh.com,aes128-gcm@openssh.com")),
            ("-chacha20*,*gcm*,aes192-ctr", Some("aes256-ctr,aes128-ctr")),
            (
                "^aes128-ctr",
                Some(
                    "aes128-ctr,chacha20-poly1305@openssh.com,aes256-gcm@openssh.com,aes128-gcm@openssh.com,aes256-ctr,aes192-ctr",
                ),
            ),
            ("+aes128-cbc", Some(&*CIPHERS.join(","))),
            ("aes256-cbc,3des-cbc", None),
            ("-*", None),
            ("", None),
        ] {
            assert_eq!(ciphers(value).as_deref(), expected, "{value}");
        }
    }

    #[test]
    fn host_keys_that_are_known_come_first_unless_the_file_says_how() {
        let first = |value: Option<&str>| {
            let offered =
                Algorithms::chosen([None, None, None, value]).unwrap().offered(&|kind| kind == "ssh-rsa");
            offered[1].1.split(',').next().unwrap().to_owned()
        };
        assert_eq!(first(None), "rsa-sha2-512");
        assert_eq!(first(Some("-rsa-sha2-512")), "rsa-sha2-256");
        assert_eq!(first(Some("ssh-ed25519,rsa-sha2-256")), "ssh-ed25519");
        assert_eq!(first(Some("^ecdsa-*")), "ecdsa-sha2-nistp256");
    }

    /// Whatever libssh2 learns is looked at here before it is offered.
    #[test]
    fn all_that_libssh2_knows_is_offered_or_known_to_be_weak() {
        let session = ssh2::Session::new().unwrap();
        for (kind, list) in Algorithms::chosen([None; 4]).unwrap().offered(&none) {
            let offered: Vec<&str> = list.split(',').collect();
            let knows = session.supported_algs(kind).unwrap();
            let weak = |name: &str| {
                ["cbc", "sha1", "md5", "ripemd", "arcfour", "-cert-", "ext-info-c", "kex-strict-"]
                    .iter()
                    .any(|word| name.contains(word))
                    || ["ssh-rsa", "ssh-dss"].contains(&name)
            };
            let forgotten: Vec<_> =
                knows.iter().filter(|name| !offered.contains(name) && !weak(name)).collect();
            assert!(forgotten.is_empty(), "{forgotten:?}");
            assert!(!offered.iter().any(|name| weak(name)), "{offered:?}");
            let unknown: Vec<_> = offered.iter().filter(|name| !knows.contains(name)).collect();
            assert!(unknown.is_empty(), "{unknown:?}");
        }
    }
}
