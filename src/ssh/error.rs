//! What can go wrong on the way to a host, each with the way out.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use ssh2::ErrorCode;
use thiserror::Error;

use super::host_key_error::{HostKeyError, quoted};
use super::wire::WireError;
use crate::model::size;

/// No session could be made. Nothing was done on the host.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ConnectError {
    #[error("{file}: {detail}", file = file.display())]
    Config { file: PathBuf, detail: String },
    #[error("{keyword} is set for {host}, which deployer cannot follow ({place})")]
    Unsupported { host: String, keyword: &'static str, place: String },
    #[error("your own ssh cannot be used: {detail}")]
    NoOwnSsh { detail: String },
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
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.explain().0
    }

    /// What to do now, a sentence or a command each.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        self.explain().1
    }

    fn explain(&self) -> (&'static str, Vec<String>) {
        use ConnectError as E;
        let one = |advice: &str| vec![advice.to_owned()];
        match self {
            E::Config { .. } => ("ssh_config.unreadable", Vec::new()),
            E::Unsupported { .. } => ("ssh_config.unsupported", one(WHO_CAN)),
            E::NoOwnSsh { .. } => ("ssh.unusable", one("install OpenSSH's client here (openssh-client)")),
            E::NoAlgorithm { known, .. } => {
                ("ssh_config.algorithms", vec![format!("add one of these there: {known}")])
            }
            E::Circle { .. } => ("ssh_config.circle", one("mend ProxyJump in ssh_config")),
            E::Name { host, .. } => (
                "host.name",
                vec![format!("check the spelling of host, or give {host} a HostName in ~/.ssh/config")],
            ),
            E::Refused { port, .. } => {
                ("host.refused", vec![format!("check that sshd runs there and listens at port {port}")])
            }
            E::Unreachable { .. } => ("host.unreachable", one(IS_IT_UP)),
            E::TimedOut { .. } => ("host.timeout", one(IS_IT_UP)),
            E::Lost { .. } => {
                ("host.lost", one("try again; if it happens again, sshd's log on the host says why"))
            }
            E::NotSsh { .. } => ("host.not_ssh", one("check the port")),
            E::Babble { .. } => {
                ("host.endless", one("check the port, and that it is the host's sshd which answers there"))
            }
            E::KeyExchange { .. } => {
                ("host.key_exchange", one("the host's sshd is too old or too strict: update it"))
            }
            E::JumpRefused { via, .. } => (
                "host.jump_refused",
                vec![format!(
                    "check the name and the port as seen from {via}, and AllowTcpForwarding in its sshd_config"
                )],
            ),
            E::HostKey(error) => (error.code(), error.advice()),
            E::AuthFailed { host, user, attempts } => ("auth.failed", auth_advice(host, user, attempts)),
            E::Interrupted { .. } => ("interrupted", Vec::new()),
        }
    }

    /// Names what failed before a session stood; `after` is how long was waited for it.
    pub(super) fn from_wire(
        error: WireError,
        (host, port): (&str, u16),
        stage: &'static str,
        after: Duration,
    ) -> ConnectError {
        let host = host.to_owned();
        match error {
            WireError::Interrupted => ConnectError::Interrupted { host },
            WireError::TimedOut | WireError::Silent(_) => ConnectError::TimedOut { host, port, stage, after },
            WireError::Babble | WireError::TooMuch(_) => ConnectError::Babble { host, port, stage },
            WireError::NotStarted(detail) => ConnectError::Lost { host, stage, detail },
            WireError::Io(error) => ConnectError::Lost { host, stage, detail: error.to_string() },
            WireError::Ssh(error) => {
                let detail = error.message().to_owned();
                match error.code() {
                    ErrorCode::Session(-2 | -3 | -7 | -13 | -43) => {
                        ConnectError::Lost { host, stage, detail }
                    }
                    _ => ConnectError::KeyExchange { host, detail },
                }
            }
        }
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
}

const WHO_CAN: &str = "OpenSSH's own client can: install it here, and take `ssh = \"libssh2\"` out of the environment; \
                       or use ProxyJump";
const IS_IT_UP: &str = "check that the host is up, and that no firewall is in between";

impl RemoteError {
    /// A stable name for programs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.explain().0
    }

    /// What to do now, a sentence or a command each.
    #[must_use]
    pub fn advice(&self) -> Vec<String> {
        self.explain().1.map(str::to_owned).into_iter().collect()
    }

    fn explain(&self) -> (&'static str, Option<&'static str>) {
        let network = Some("check the network and that the host is up, then try again");
        match self {
            RemoteError::Lost { .. } => ("host.lost", network),
            RemoteError::Dead { .. } => ("host.dead", network),
            RemoteError::TimedOut { .. } => ("host.timeout", None),
            RemoteError::ExecRefused { .. } => (
                "host.exec_refused",
                Some("check the user's shell, and ForceCommand and MaxSessions in the host's sshd_config"),
            ),
            RemoteError::CommandTooLong { .. } => ("host.command_too_long", None),
            RemoteError::TooMuch { .. } => (
                "host.endless",
                Some("see what the user's start-up files, or ForceCommand in its sshd_config, print there"),
            ),
            RemoteError::Interrupted => ("interrupted", None),
        }
    }

    pub(super) fn from_wire(error: WireError, host: &str, stage: &'static str) -> RemoteError {
        let host = host.to_owned();
        let lost = |host, detail| RemoteError::Lost { host, stage, detail };
        match error {
            WireError::Interrupted => RemoteError::Interrupted,
            WireError::TimedOut => RemoteError::TimedOut { host, stage },
            WireError::Silent(after) => RemoteError::Dead { host, stage, after },
            WireError::TooMuch(most) => RemoteError::TooMuch { host, stage, most },
            WireError::NotStarted(detail) => RemoteError::ExecRefused { host, detail },
            WireError::Babble => lost(host, "it talks without end".to_owned()),
            WireError::Ssh(error) => lost(host, error.message().to_owned()),
            WireError::Io(error) => lost(host, error.to_string()),
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
