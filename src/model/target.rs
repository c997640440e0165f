/// Where SSH goes; what is `None` is left to `~/.ssh/config`, then to SSH's own defaults.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub host: String,
    pub port: Option<u16>,
    pub user: Option<String>,
}
