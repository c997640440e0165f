use std::path::PathBuf;
use std::time::Duration;

/// What a throwaway host is like; the default is a plain Debian server.
#[derive(Clone, Debug)]
pub struct HostOptions {
    /// The name that the host has in its `ssh_config`.
    pub alias: String,
    /// Name of the deploy root's folder in the session's home; it may hold spaces and quotes.
    pub root: String,
    /// The front door's name; the other slot answers to `next.<server_name>`.
    pub server_name: String,
    /// Whether nginx includes the files for the roles, as the socket cutover needs it, instead of the slots' snippets.
    pub role_files: bool,
    /// `LANG` of the session; `None`: unset, as on a server without locales.
    pub lang: Option<String>,
    /// Whether the session's PATH has the `sbin` folders, which an ordinary user's has not.
    pub sbin: bool,
    /// Folders that come first on the session's PATH.
    pub path: Vec<PathBuf>,
    /// Programs of this machine that the session's PATH finds first, without their neighbours.
    pub programs: Vec<PathBuf>,
    /// Further variables of the session.
    pub environment: Vec<(String, String)>,
    /// Further lines of `sshd_config`, such as `MaxSessions 1`; they win over the host's own.
    pub sshd: Vec<String>,
    /// How long processes may take to end after TERM, before KILL.
    pub grace: Duration,
}

impl Default for HostOptions {
    fn default() -> HostOptions {
        HostOptions {
            alias: "rehearsal".into(),
            root: "bluegreenmachine".into(),
            server_name: "app.localhost".into(),
            role_files: false,
            lang: Some("C.UTF-8".into()),
            sbin: false,
            path: Vec::new(),
            programs: Vec::new(),
            environment: Vec::new(),
            sshd: Vec::new(),
            grace: Duration::from_secs(4),
        }
    }
}

impl HostOptions {
    /// Adds the caller's own settings of package indexes, proxies and certificates to the session's variables:
    /// the session's home is empty, so pip and uv would not find them there.
    #[must_use]
    pub fn with_package_settings(mut self) -> HostOptions {
        let callers = std::env::vars().filter(|(name, _)| is_package_setting(name));
        self.environment.extend(callers);
        self
    }
}

fn is_package_setting(name: &str) -> bool {
    const PREFIXES: [&str; 2] = ["PIP_", "UV_"];
    const NAMES: [&str; 7] = [
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "NO_PROXY",
        "SSL_CERT_FILE",
        "SSL_CERT_DIR",
        "REQUESTS_CA_BUNDLE",
    ];
    PREFIXES.iter().any(|prefix| name.starts_with(prefix))
        || NAMES.contains(&name.to_ascii_uppercase().as_str())
}

#[cfg(test)]
mod tests {
    use super::is_package_setting;

    #[test]
    fn package_settings_are_told_from_the_rest() {
        for name in ["PIP_INDEX_URL", "UV_CACHE_DIR", "https_proxy", "NO_PROXY", "SSL_CERT_FILE"] {
            assert!(is_package_setting(name), "{name}");
        }
        for name in ["HOME", "PIPX", "SSH_AUTH_SOCK", "AWS_SECRET_ACCESS_KEY"] {
            assert!(!is_package_setting(name), "{name}");
        }
    }
}
