//! A host shows a key that must not be trusted.

use std::fmt;
use std::path::PathBuf;

use super::host_key::HostKey;

/// A host's key was not accepted. Nothing was sent to the host but the key exchange.
#[derive(Debug, thiserror::Error)]
pub struct HostKeyError {
    /// As it stands in known_hosts: `host` or `[host]:port`.
    pub name: String,
    /// The one that it shows: its type and its fingerprint.
    pub key: String,
    pub why: Distrust,
    /// The known_hosts files that were searched.
    pub files: Vec<PathBuf>,
    pub how_to_reach: HowToReach,
}

/// Why a key is not trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// The host is not known, or only by keys of `other_types`.
    Unknown {
        other_types: Vec<String>,
    },
    /// Another key of this type is known.
    Changed {
        location: Location,
        known: HostKey,
    },
    Revoked(Location),
    TooShort {
        bits: usize,
        required: usize,
    },
    /// Only a certificate authority vouches for the host.
    CertificateAuthority(Location),
}

/// A line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Location {
    pub file: PathBuf,
    /// 0 where it is not known.
    pub line: usize,
}

/// How a person can reach the host, to learn its key.
#[derive(Clone, Debug)]
pub enum HowToReach {
    /// Directly, by a name that known_hosts uses too: `ssh-keyscan` can ask it.
    Direct { host: String, port: u16 },
    /// Through jump hosts, or known under another name: only `ssh` itself finds it.
    Ssh { arguments: String },
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => write!(f, "{}", self.file.display()),
            line => write!(f, "{} line {line}", self.file.display()),
        }
    }
}

impl fmt::Display for HostKeyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let HostKeyError { name, key, files, .. } = self;
        match &self.why {
            Distrust::Unknown { other_types } => {
                write!(f, "the host key of {name} is not known: it shows {key}")?;
                if !other_types.is_empty() {
                    write!(f, ", known is only {}", other_types.join(", "))?;
                }
                let files: Vec<_> = files.iter().map(|file| file.display().to_string()).collect();
                let files = if files.is_empty() { "no file".to_owned() } else { files.join(", ") };
                write!(f, " (looked in {files})")
            }
            Distrust::Changed { location, known } => {
                write!(f, "the host key of {name} HAS CHANGED: it shows {key}, but {location} knows {known}")
            }
            Distrust::Revoked(location) => {
                write!(f, "the host key of {name} is revoked: {key} ({location})")
            }
            Distrust::TooShort { bits, required } => {
                write!(
                    f,
                    "the host key of {name} is too short: {key} has {bits} bits, and {required} are required"
                )
            }
            Distrust::CertificateAuthority(location) => write!(
                f,
                "{name} is known only by a certificate authority ({location}), which deployer cannot check; it shows {key}"
            ),
        }
    }
}

impl HostKeyError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self.why {
            Distrust::Unknown { .. } => "host_key.unknown",
            Distrust::Changed { .. } => "host_key.changed",
            Distrust::Revoked(_) => "host_key.revoked",
            Distrust::TooShort { .. } => "host_key.too_short",
            Distrust::CertificateAuthority(_) => "host_key.certificate_authority",
        }
    }

    /// What to do now, a sentence or a command each.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        match &self.why {
            Distrust::Unknown { .. } | Distrust::CertificateAuthority(_) => self.learn(),
            Distrust::Changed { location, .. } => vec![
                "if nobody has reinstalled the host, someone may be listening in: do not go on".into(),
                format!(
                    "if it was reinstalled, forget the old key: ssh-keygen -R {} -f {}",
                    quoted(&self.name),
                    quoted(&location.file.display().to_string())
                ),
            ],
            Distrust::TooShort { .. } => {
                let advice =
                    "give the host an ed25519 key: as root, ssh-keygen -A, and HostKey in its sshd_config";
                vec![advice.into()]
            }
            Distrust::Revoked(_) => vec!["give the host a new key; do not trust this one".into()],
        }
    }

    /// A host's key becomes known when a person has compared it.
    fn learn(&self) -> Vec<String> {
        let compare = "compare the fingerprint with what the host says of itself, on its console: \
                       for key in /etc/ssh/ssh_host_*_key.pub; do ssh-keygen -lf $key; done";
        let learn = match &self.how_to_reach {
            HowToReach::Direct { host, port } => {
                let file = self.files.first().map(|file| quoted(&file.display().to_string()));
                let file = file.unwrap_or_else(|| "~/.ssh/known_hosts".into());
                let port = if *port == 22 { String::new() } else { format!("-p {port} ") };
                format!("if it is the same: ssh-keyscan {port}{} >> {file}", quoted(host))
            }
            HowToReach::Ssh { arguments } => format!("if it is the same, say yes once to: ssh {arguments}"),
        };
        vec![compare.to_owned(), learn]
    }
}

/// A word as a shell takes it, for commands that are shown.
pub(super) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| format!("{word:?}"), Into::into)
}
