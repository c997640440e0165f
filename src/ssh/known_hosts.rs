//! Which host key to believe: known_hosts files, read as OpenSSH reads them.
//!
//! libssh2 has a reader of its own, which takes no wildcards, stops at a malformed line, and believes revoked keys; only
//! its comparison of hashed names is used here.

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use ssh2::{CheckResult, KnownHostFileKind};

use super::host_key::HostKey;
use super::host_key_error::{Distrust, Location};
use super::pattern::listed;

/// How a binary list of revoked keys begins.
const KRL: &[u8] = b"SSHKRL\n\0";

/// Everything that the files say about one host.
pub(super) struct KnownHosts {
    entries: Vec<Entry>,
}

struct Entry {
    location: Location,
    marker: Option<Marker>,
    key: HostKey,
    /// The line names the host without the port that is connected to: good for a match, no proof of a change.
    without_port: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Marker {
    Revoked,
    CertificateAuthority,
}

impl KnownHosts {
    /// Reads what `files` say about `host`; an alias is looked up as it stands, without a port.
    pub(super) fn read(files: &[PathBuf], host: &str, port: u16, alias: Option<&str>) -> KnownHosts {
        let name = name(host, port, alias);
        let bare = (alias.is_none() && port != 22).then(|| host.to_lowercase());
        let mut entries = Vec::new();
        for file in files {
            // A file that cannot be read knows nobody: the host is then unknown, and the message names the file.
            let text = fs::read(file).unwrap_or_default();
            for (index, line) in String::from_utf8_lossy(&text).lines().enumerate() {
                let Some((marker, hosts, key)) = parse(line) else {
                    continue;
                };
                let named = matches(hosts, &name);
                if named || bare.as_ref().is_some_and(|bare| matches(hosts, bare)) {
                    let location = Location { file: file.clone(), line: index + 1 };
                    entries.push(Entry { location, marker, key, without_port: !named });
                }
            }
        }
        KnownHosts { entries }
    }

    /// Whether the host is known by a key of this type: what it should be asked for first.
    pub(super) fn knows(&self, kind: &str) -> bool {
        self.counting().any(|entry| entry.key.kind() == kind)
    }

    /// Whether a key is known of the whole name, port and all.
    fn is_named(&self) -> bool {
        self.plain().any(|entry| !entry.without_port)
    }

    /// The keys that are believed. As in OpenSSH, the name without its port counts only where the whole one is unknown.
    fn counting(&self) -> impl Iterator<Item = &Entry> {
        let is_named = self.is_named();
        self.plain().filter(move |entry| entry.without_port != is_named)
    }

    /// Whether a key that the host has shown can be trusted.
    pub(super) fn judge(&self, shown: &HostKey) -> Result<(), Distrust> {
        let revoked = |without_port| {
            self.entries.iter().find(move |entry| {
                entry.without_port == without_port
                    && entry.marker == Some(Marker::Revoked)
                    && entry.key == *shown
            })
        };
        let bare = || revoked(true).filter(|_| !self.is_named());
        if let Some(entry) = revoked(false).or_else(bare) {
            return Err(Distrust::Revoked(entry.location.clone()));
        }
        if self.counting().any(|entry| entry.key == *shown) {
            return Ok(());
        }
        let named = || self.plain().filter(|entry| !entry.without_port);
        if let Some(entry) = named().find(|entry| entry.key.kind() == shown.kind()) {
            return Err(Distrust::Changed { location: entry.location.clone(), known: entry.key.clone() });
        }
        let authority = |entry: &&Entry| entry.marker == Some(Marker::CertificateAuthority);
        Err(match self.entries.iter().find(authority) {
            Some(entry) if named().next().is_none() => Distrust::CertificateAuthority(entry.location.clone()),
            _ => {
                Distrust::Unknown { other_types: named().map(|entry| entry.key.kind().to_owned()).collect() }
            }
        })
    }

    /// The authority that alone vouches for the host, where no key of its own is known.
    pub(super) fn only_authority(&self) -> Option<&Location> {
        let authority = |entry: &&Entry| entry.marker == Some(Marker::CertificateAuthority);
        let found = self.entries.iter().find(authority).filter(|_| self.counting().next().is_none());
        found.map(|entry| &entry.location)
    }

    fn plain(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.marker.is_none())
    }
}

/// A host as known_hosts names it.
pub(super) fn name(host: &str, port: u16, alias: Option<&str>) -> String {
    match (alias, port) {
        (Some(alias), _) => alias.to_lowercase(),
        (None, 22) => host.to_lowercase(),
        (None, port) => format!("[{}]:{port}", host.to_lowercase()),
    }
}

/// The line of a list of revoked keys that has this one; why it cannot be told, where it cannot.
pub(super) fn revoked(file: &Path, shown: &HostKey) -> Result<Option<usize>, String> {
    let text = fs::read(file).map_err(|error| error.to_string())?;
    if text.starts_with(KRL) {
        let why = "a binary list of revoked keys (KRL), which deployer cannot read; write them down, a public key a line";
        return Err(why.to_owned());
    }
    let text = String::from_utf8_lossy(&text);
    let is_it = |line: &str| {
        let mut fields = line.split_whitespace();
        let kind = fields.next().filter(|kind| *kind == shown.kind());
        let key = kind.and_then(|_| STANDARD.decode(fields.next()?).ok());
        key.is_some_and(|key| key == shown.0)
    };
    Ok(text.lines().position(is_it).map(|index| index + 1))
}

/// The key that stands in a line, counted from 1.
pub(super) fn key_at(file: &Path, line: usize) -> Option<HostKey> {
    let text = fs::read(file).ok()?;
    let text = String::from_utf8_lossy(&text);
    parse(text.lines().nth(line.checked_sub(1)?)?).map(|(_, _, key)| key)
}

/// The line that revokes a key, which is named as `ssh` names it.
pub(super) fn revoked_at(file: &Path, key: &str) -> Option<usize> {
    let text = fs::read(file).ok()?;
    let is_it = |line: &str| {
        parse(line).is_some_and(|(marker, _, it)| marker == Some(Marker::Revoked) && it.to_string() == key)
    };
    String::from_utf8_lossy(&text).lines().position(is_it).map(|index| index + 1)
}

/// The marker, the host list and the key of a line; `None` for a comment and for what is malformed.
fn parse(line: &str) -> Option<(Option<Marker>, &str, HostKey)> {
    let mut fields = line.split_whitespace().peekable();
    let marker = match *fields.peek()? {
        "@revoked" => Some(Marker::Revoked),
        "@cert-authority" => Some(Marker::CertificateAuthority),
        other if other.starts_with(['#', '@']) => return None,
        _ => None,
    };
    if marker.is_some() {
        fields.next();
    }
    let (hosts, kind, key) = (fields.next()?, fields.next()?, fields.next()?);
    let key = HostKey(STANDARD.decode(key).ok()?);
    (key.kind() == kind).then_some((marker, hosts, key))
}

fn matches(hosts: &str, name: &str) -> bool {
    if hosts.starts_with("|1|") {
        return hashed(hosts, name);
    }
    let hosts = hosts.to_lowercase();
    listed(hosts.split(','), name)
}

/// Has libssh2 compare a hashed name; what key stands beside it is of no matter for that.
fn hashed(hash: &str, name: &str) -> bool {
    let key = STANDARD.encode([0; 32]);
    let found = || {
        let session = ssh2::Session::new().ok()?;
        let mut hosts = session.known_hosts().ok()?;
        hosts.read_str(&format!("{hash} ssh-rsa {key}"), KnownHostFileKind::OpenSSH).ok()?;
        Some(!matches!(hosts.check(name, b"another key"), CheckResult::NotFound | CheckResult::Failure))
    };
    found().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(kind: &str, fill: u8) -> HostKey {
        let mut blob = u32::try_from(kind.len()).unwrap().to_be_bytes().to_vec();
        blob.extend_from_slice(kind.as_bytes());
        blob.extend_from_slice(&[fill; 32]);
        HostKey(blob)
    }

    fn line(hosts: &str, key: &HostKey) -> String {
        format!("{hosts} {} {} comment\n", key.kind(), STANDARD.encode(&key.0))
    }

    fn known(text: &str, host: &str, port: u16, alias: Option<&str>) -> KnownHosts {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("known_hosts");
        fs::write(&file, text).unwrap();
        KnownHosts::read(&[folder.path().join("absent"), file], host, port, alias)
    }

    fn word(known: &KnownHosts, key: &HostKey) -> String {
        match known.judge(key) {
            Ok(()) => "known".into(),
            Err(Distrust::Unknown { other_types }) => {
                format!("unknown {}", other_types.join(",")).trim().into()
            }
            Err(Distrust::Changed { location, .. }) => format!("changed {}", location.line),
            Err(Distrust::Revoked(location)) => format!("revoked {}", location.line),
            Err(Distrust::CertificateAuthority(location)) => format!("authority {}", location.line),
            Err(Distrust::TooShort { .. }) => unreachable!("known_hosts knows nothing of lengths"),
        }
    }

    #[test]
    fn each_form_of_line() {
        let (ours, other) = (key("ssh-ed25519", 1), key("ssh-ed25519", 2));
        let rsa = key("ssh-rsa", 3);
        for (text, host, port, expected) in [
            (line("web", &ours), "web", 22, "known"),
            (line("WEB", &ours), "Web", 22, "known"),
            (line("web", &ours), "db", 22, "unknown"),
            (line("web", &other), "web", 22, "changed 1"),
            (line("db,web", &ours), "web", 22, "known"),
            (line("[web]:2222", &ours), "web", 2222, "known"),
            (line("[web]:2222", &ours), "web", 22, "unknown"),
            (line("web", &ours), "web", 2222, "known"),
            (line("web", &other), "web", 2222, "unknown"),
            (line("*.example.com,!bad.example.com", &ours), "a.example.com", 22, "known"),
            (line("*.example.com,!bad.example.com", &ours), "bad.example.com", 22, "unknown"),
            (line("[127.0.0.*]:2207", &ours), "127.0.0.1", 2207, "known"),
            (line("web", &rsa), "web", 22, "unknown ssh-rsa"),
            (line("web", &rsa) + &line("web", &ours), "web", 22, "known"),
            (line("web", &other) + &line("web", &ours), "web", 22, "known"),
            (line("web", &ours) + &line("@revoked *", &ours), "web", 22, "revoked 2"),
            (line("web", &ours) + &line("@revoked *", &other), "web", 22, "known"),
            (line("@cert-authority *", &rsa), "web", 22, "authority 1"),
            (line("@cert-authority *", &rsa) + &line("web", &ours), "web", 22, "known"),
            (
                "web ssh-ed25519 %%%\n\n# web\nweb\n@odd web x y\n".to_owned() + &line("web", &ours),
                "web",
                22,
                "known",
            ),
            ("web ssh-rsa ".to_owned() + line("x", &ours).split(' ').nth(2).unwrap(), "web", 22, "unknown"),
        ] {
            assert_eq!(word(&known(&text, host, port, None), &ours), expected, "{host}:{port} in\n{text}");
        }
    }

    #[test]
    fn an_alias_is_looked_up_in_place_of_name_and_port() {
        let ours = key("ssh-ed25519", 1);
        let text = line("alias", &ours);
        assert_eq!(word(&known(&text, "web", 2222, Some("alias")), &ours), "known");
        assert_eq!(word(&known(&text, "alias", 22, Some("web")), &ours), "unknown");
    }
}
