//! A host shows a key that is not to be believed.

use std::path::PathBuf;

use thiserror::Error;

use super::error::quoted;
use super::known_hosts::HostKey;

/// Why a host's key was not accepted. Nothing was sent to the host but the key exchange.
#[derive(Debug, Error)]
pub enum HostKeyError {
    #[error(
        "the host key of {name} is not known: it shows {key}{} (looked in {})",
        known_are(others),
        list(files)
    )]
    Unknown {
        /// As it stands in known_hosts: `host` or `[host]:port`.
        name: String,
        way: Way,
        key: HostKey,
        files: Vec<PathBuf>,
        /// The types of key that are known for this host, if others are.
        others: Vec<String>,
    },
    #[error("the host key of {name} HAS CHANGED: it shows {key}, but {} line {line} knows {known}", file.display())]
    Changed { name: String, key: HostKey, file: PathBuf, line: usize, known: HostKey },
    #[error("the host key of {name} is revoked: {key} ({} line {line})", file.display())]
    Revoked { name: String, key: HostKey, file: PathBuf, line: usize },
    #[error("the host key of {name} is too short: {key} has {bits} bits, and {required} are required")]
    TooShort { name: String, key: HostKey, bits: usize, required: usize },
    #[error(
        "{name} is known only by a certificate authority ({} line {line}), which deployer cannot check; it shows {key}",
        file.display()
    )]
    CertificateAuthority {
        name: String,
        way: Way,
        key: HostKey,
        file: PathBuf,
        line: usize,
        files: Vec<PathBuf>,
    },
}

impl HostKeyError {
    /// A stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            HostKeyError::Unknown { .. } => "host_key.unknown",
            HostKeyError::Changed { .. } => "host_key.changed",
            HostKeyError::Revoked { .. } => "host_key.revoked",
            HostKeyError::TooShort { .. } => "host_key.too_short",
            HostKeyError::CertificateAuthority { .. } => "host_key.certificate_authority",
        }
    }

    /// What to do now, a sentence or a command each.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        match self {
            HostKeyError::Unknown { way, files, .. }
            | HostKeyError::CertificateAuthority { way, files, .. } => learn(way, files),
            HostKeyError::Changed { name, file, .. } => vec![
                "if nobody has reinstalled the host, someone may be listening in: do not go on".into(),
                format!(
                    "if it was reinstalled, forget the old key: ssh-keygen -R {} -f {}",
                    quoted(name),
                    quoted(&file.display().to_string())
                ),
            ],
            HostKeyError::TooShort { .. } => {
                vec![
                    "give the host an ed25519 key: as root, ssh-keygen -A, and HostKey in its sshd_config"
                        .into(),
                ]
            }
            HostKeyError::Revoked { .. } => vec!["give the host a new key; do not trust this one".into()],
        }
    }
}

/// How a person reaches the host, to learn its key.
#[derive(Clone, Debug)]
pub enum Way {
    /// Straight, by a name that known_hosts uses too: `ssh-keyscan` can ask it.
    Direct { host: String, port: u16 },
    /// By way of others, or known under another name: only `ssh` itself finds it.
    Ssh { arguments: String },
}

/// How a host's key becomes known: by a person's own comparison.
fn learn(way: &Way, files: &[PathBuf]) -> Vec<String> {
    let file =
        files.first().map_or_else(|| "~/.ssh/known_hosts".into(), |file| quoted(&file.display().to_string()));
    let compare = "compare the fingerprint with what the host says of itself, on its console: \
                   for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done";
    let learn = match way {
        Way::Direct { host, port: 22 } => {
            format!("if it is the same: ssh-keyscan {} >> {file}", quoted(host))
        }
        Way::Direct { host, port } => {
            format!("if it is the same: ssh-keyscan -p {port} {} >> {file}", quoted(host))
        }
        Way::Ssh { arguments } => format!("if it is the same, say yes once to: ssh {arguments}"),
    };
    vec![compare.to_owned(), learn]
}

fn known_are(kinds: &[String]) -> String {
    if kinds.is_empty() { String::new() } else { format!(", known is only {}", kinds.join(", ")) }
}

fn list(files: &[PathBuf]) -> String {
    if files.is_empty() {
        return "no file".into();
    }
    files.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
}
