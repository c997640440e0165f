/// Where SSH goes; what is `None` is left to `~/.ssh/config`, then to SSH's own defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: Option<u16>,
    pub user: Option<String>,
}

/// Who makes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SshClient {
    /// libssh2, and the user's own `ssh` where only that can.
    Auto,
    Libssh2,
    OpenSsh,
}
