//! What can go wrong on the way to a host, each with the way out.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::host_key_error::HostKeyError;
use super::wire::Trouble;
use crate::model::size;

/// No session could be made. Nothing was done on the host.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    #[error("{file}: {detail}", file = file.display())]
    Config { file: PathBuf, detail: String },
    #[error("{keyword} is set for {host}, which deployer cannot follow ({place})")]
    Unsupported { host: String, keyword: &'static str, place: String },
    #[error("{keyword} {value} ({place}) leaves nothing that deployer uses")]
    NoAlgorithm {
        keyword: &'static str,
        value: String,
        place: String,
        /// What could stand there.
        known: String,
    },
    #[error("the jumps to {host} go in a circle or are too many: {route}")]
    Circle { host: String, route: String },
    #[error("the name {host} cannot be resolved: {detail}")]
    Name { host: String, detail: String },
    #[error("{host} refuses connections at port {port}")]
    Refused { host: String, port: u16 },
    #[error("{host} port {port} cannot be reached: {detail}")]
    Unreachable { host: String, port: u16, detail: String },
    #[error("{host} did not answer within {} s ({stage}, port {port})", after.as_secs_f32())]
    TimedOut { host: String, port: u16, stage: &'static str, after: Duration },
    #[error("the connection to {host} broke off ({stage}): {detail}")]
    Lost { host: String, stage: &'static str, detail: String },
    #[error("{host} port {port} does not speak SSH: {detail}")]
    NotSsh { host: String, port: u16, detail: String },
    #[error("{host} port {port} talks without end and never comes to the point ({stage})")]
    Babble { host: String, port: u16, stage: &'static str },
    #[error("no key exchange with {host}: {detail}")]
    KeyExchange { host: String, detail: String },
    #[error("{via} does not pass the connection on to {host} port {port}: {detail}")]
    JumpRefused { via: String, host: String, port: u16, detail: String },
    #[error(transparent)]
    HostKey(#[from] Box<HostKeyError>),
    #[error("{host} accepts no key for user {user}{}", tried(attempts))]
    AuthFailed { host: String, user: String, attempts: Vec<Attempt> },
    #[error("interrupted while connecting to {host}")]
    Interrupted { host: String },
}

/// One key that was offered or could not be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// The key's file, or its comment in the agent.
    pub key: String,
    pub result: AttemptResult,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AttemptResult {
    Refused,
    /// The host takes it, but nobody gave the passphrase.
    NeedsPassphrase,
    WrongPassphrase,
    /// Others may read the file; the mode is shown.
    TooOpen(u32),
    Unusable(String),
    /// The host's limit of tries was near.
    NotTried,
}

impl std::fmt::Display for AttemptResult {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AttemptResult::Refused => f.write_str("refused by the host"),
            AttemptResult::NeedsPassphrase => f.write_str("needs its passphrase"),
            AttemptResult::WrongPassphrase => f.write_str("wrong passphrase"),
            AttemptResult::TooOpen(mode) => write!(f, "not used: others may read it (mode {mode:04o})"),
            AttemptResult::Unusable(why) => write!(f, "not used: {why}"),
            AttemptResult::NotTried => f.write_str("not tried: the host allows only a few tries"),
        }
    }
}

/// A session failed while it was used. Unless said otherwise, what the command did on the host is not known.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum RemoteError {
    #[error("the connection to {host} was lost ({stage}): {detail}")]
    Lost { host: String, stage: &'static str, detail: String },
    #[error("{host} has not answered for {} s ({stage})", after.as_secs())]
    Dead { host: String, stage: &'static str, after: Duration },
    #[error("{host} took longer than allowed ({stage})")]
    TimedOut { host: String, stage: &'static str },
    #[error("{host} does not start the command: {detail}")]
    ExecRefused { host: String, detail: String },
    #[error("a command of {length} bytes is too long for the connection to {host}; send it as input")]
    CommandTooLong { host: String, length: usize },
    #[error("{host} sends without end ({stage}): more than {}", size(*most as u64))]
    TooMuch { host: String, stage: &'static str, most: usize },
    #[error("interrupted")]
    Interrupted,
}

impl ConnectError {
    /// A stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        use ConnectError as E;
        match self {
            E::Config { .. } => "ssh_config.unreadable",
            E::Unsupported { .. } => "ssh_config.unsupported",
            E::NoAlgorithm { .. } => "ssh_config.algorithms",
            E::Circle { .. } => "ssh_config.circle",
            E::Name { .. } => "host.name",
            E::Refused { .. } => "host.refused",
            E::Unreachable { .. } => "host.unreachable",
            E::TimedOut { .. } => "host.timeout",
            E::Lost { .. } => "host.lost",
            E::NotSsh { .. } => "host.not_ssh",
            E::Babble { .. } => "host.endless",
            E::KeyExchange { .. } => "host.key_exchange",
            E::JumpRefused { .. } => "host.jump_refused",
            E::HostKey(error) => error.code(),
            E::AuthFailed { .. } => "auth.failed",
            E::Interrupted { .. } => "interrupted",
        }
    }

    /// What to do now, a sentence or a command each.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        use ConnectError as E;
        match self {
            E::Config { .. } | E::Interrupted { .. } => Vec::new(),
            E::Unsupported { keyword: "ProxyCommand", .. } => {
                vec!["use ProxyJump in ssh_config in place of ProxyCommand".into()]
            }
            E::Unsupported { keyword, .. } => vec![format!("remove {keyword} for this host from ssh_config")],
            E::NoAlgorithm { known, .. } => vec![format!("add one of these there: {known}")],
            E::Circle { .. } => vec!["mend ProxyJump in ssh_config".into()],
            E::Name { host, .. } => {
                vec![format!("check the spelling of host, or give {host} a HostName in ~/.ssh/config")]
            }
            E::Refused { port, .. } => vec![format!("check that sshd runs there and listens at port {port}")],
            E::Unreachable { .. } | E::TimedOut { .. } => {
                vec!["check that the host is up, and that no firewall is in between".into()]
            }
            E::Lost { .. } => vec!["try again; if it happens again, sshd's log on the host says why".into()],
            E::NotSsh { .. } => vec!["check the port".into()],
            E::Babble { .. } => {
                vec!["check the port, and that it is the host's sshd which answers there".into()]
            }
            E::KeyExchange { .. } => vec!["the host's sshd is too old or too strict: update it".into()],
            E::JumpRefused { via, .. } => {
                vec![format!(
                    "check the name and the port as seen from {via}, and AllowTcpForwarding in its sshd_config"
                )]
            }
            E::HostKey(error) => error.advice(),
            E::AuthFailed { host, user, attempts } => auth_advice(host, user, attempts),
        }
    }
}

impl RemoteError {
    /// A stable name for scripts.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            RemoteError::Lost { .. } => "host.lost",
            RemoteError::Dead { .. } => "host.dead",
            RemoteError::TimedOut { .. } => "host.timeout",
            RemoteError::ExecRefused { .. } => "host.exec_refused",
            RemoteError::CommandTooLong { .. } => "host.command_too_long",
            RemoteError::TooMuch { .. } => "host.endless",
            RemoteError::Interrupted => "interrupted",
        }
    }

    /// What to do now, a sentence or a command each.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        match self {
            RemoteError::Lost { .. } | RemoteError::Dead { .. } => {
                vec!["check the network and that the host is up, then try again".into()]
            }
            RemoteError::ExecRefused { .. } => {
                vec![
                    "check the user's shell, and ForceCommand and MaxSessions in the host's sshd_config"
                        .into(),
                ]
            }
            RemoteError::TooMuch { .. } => {
                vec![
                    "see what the user's start-up files, or ForceCommand in its sshd_config, print there"
                        .into(),
                ]
            }
            RemoteError::TimedOut { .. } | RemoteError::CommandTooLong { .. } | RemoteError::Interrupted => {
                Vec::new()
            }
        }
    }

    pub(super) fn from_trouble(trouble: Trouble, host: &str, stage: &'static str) -> RemoteError {
        let host = host.to_owned();
        match trouble {
            Trouble::Interrupted => RemoteError::Interrupted,
            Trouble::TimedOut => RemoteError::TimedOut { host, stage },
            Trouble::Silent(after) => RemoteError::Dead { host, stage, after },
            Trouble::TooMuch(most) => RemoteError::TooMuch { host, stage, most },
            Trouble::Babble => RemoteError::Lost { host, stage, detail: "it talks without end".to_owned() },
            Trouble::Ssh(error) => RemoteError::Lost { host, stage, detail: error.message().to_owned() },
            Trouble::Io(error) => RemoteError::Lost { host, stage, detail: error.to_string() },
        }
    }
}

fn auth_advice(host: &str, user: &str, attempts: &[Attempt]) -> Vec<String> {
    let mut advice = Vec::new();
    for attempt in attempts {
        match attempt.result {
            AttemptResult::NeedsPassphrase | AttemptResult::WrongPassphrase => {
                advice.push(format!("load the key into the agent: ssh-add {}", quoted(&attempt.key)));
            }
            AttemptResult::TooOpen(_) => advice.push(format!("chmod 600 {}", quoted(&attempt.key))),
            _ => {}
        }
    }
    if advice.is_empty() {
        advice.push(format!(
            "check that user is right and that your key is in ~{user}/.ssh/authorized_keys on {host}"
        ));
        advice.push("deployer logs in with keys only, never with a password".into());
    }
    advice
}

fn tried(attempts: &[Attempt]) -> String {
    if attempts.is_empty() {
        return "; there was no key to try: no agent, no IdentityFile, none of the default keys in ~/.ssh"
            .into();
    }
    let list: Vec<_> =
        attempts.iter().map(|attempt| format!("{}: {}", attempt.key, attempt.result)).collect();
    format!("; tried {}", list.join("; "))
}

/// A word as a shell takes it, for commands that are shown.
pub(super) fn quoted(word: &str) -> String {
    shlex::try_quote(word).map_or_else(|_| format!("{word:?}"), Into::into)
}

/// Names what a failed TCP connection means.
pub(super) fn from_tcp(error: &io::Error, host: &str, port: u16, after: Duration) -> ConnectError {
    let host = host.to_owned();
    match error.kind() {
        io::ErrorKind::ConnectionRefused => ConnectError::Refused { host, port },
        io::ErrorKind::TimedOut => ConnectError::TimedOut { host, port, stage: "TCP connection", after },
        _ => ConnectError::Unreachable { host, port, detail: error.to_string() },
    }
}
