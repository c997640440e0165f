//! The part of `~/.ssh/config` that matters for reaching a host. The first value of a keyword wins, as in OpenSSH.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::algorithms::{Algorithms, KEYWORDS, Nothing};
use super::error::ConnectError;
use super::keyfile;
use super::options::ConnectOptions;
use super::pattern::listed;
use crate::model::Target;
use settings::{Settings, is_none};
use text::{Tokens, glob, parse_hop, tilde, words};

mod settings;
mod text;

#[cfg(test)]
mod tests;

/// How deep files may include files.
const DEEPEST: usize = 16;
/// How many files may be included; ones that each name several others multiply.
const MOST_FILES: usize = 10_000;

/// Keywords that only OpenSSH's own client follows.
const BEYOND_LIBSSH2: [&str; 5] =
    ["ProxyCommand", "CertificateFile", "PKCS11Provider", "KnownHostsCommand", "GSSAPIAuthentication"];

/// As OpenSSH has it where nothing else is said.
const RSA_BITS: usize = 1024;

/// What the files say about one host, with defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct HostConfig {
    /// As the user calls it.
    pub(super) alias: String,
    /// What to resolve.
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) user: String,
    /// In the order to try; `None`: none is configured, so the default ones.
    pub(super) identity_files: Option<Vec<PathBuf>>,
    pub(super) identities_only: bool,
    pub(super) agent: Option<PathBuf>,
    pub(super) known_hosts: Vec<PathBuf>,
    pub(super) host_key_alias: Option<String>,
    /// The hops on the way, the first to be reached first.
    pub(super) jumps: Vec<Target>,
    pub(super) connect_timeout: Duration,
    pub(super) algorithms: Algorithms,
    /// How many bits an RSA key must have, the host's or ours.
    pub(super) rsa_bits: usize,
    /// A list of keys that no host may show, and where it is named.
    pub(super) revoked: Option<(PathBuf, String)>,
    /// What is asked for that only OpenSSH's own client can do, and where.
    pub(super) beyond_libssh2: Option<(&'static str, String)>,
    /// Whether connections may be shared, so that one may be open.
    pub(super) has_control_path: bool,
    pub(super) warnings: Vec<String>,
}

/// Reads the files for `target`, whose own values win over theirs.
pub(super) fn resolve(target: &Target, options: &ConnectOptions) -> Result<HostConfig, ConnectError> {
    let mut settings = Settings::default();
    for (keyword, value) in
        [("port", target.port.map(|port| port.to_string())), ("user", target.user.clone())]
    {
        value.inspect(|value| settings.take(keyword, std::slice::from_ref(value), ""));
    }
    let mut reader = ConfigReader {
        alias: &target.host,
        options,
        settings,
        warnings: Vec::new(),
        match_exec: None,
        system: false,
        included: 0,
    };
    for (index, file) in options.config_files.iter().enumerate() {
        reader.system = index > 0;
        let mut active = true;
        reader.file(file, &mut active, 0)?;
    }
    reader.finish()
}

struct ConfigReader<'r> {
    alias: &'r str,
    options: &'r ConnectOptions,
    settings: Settings,
    warnings: Vec<String>,
    /// Where a block stands that a program chooses.
    match_exec: Option<String>,
    /// Whether the file is the machine's: its includes lie beside it.
    system: bool,
    included: usize,
}

impl ConfigReader<'_> {
    fn file(&mut self, file: &Path, active: &mut bool, depth: usize) -> Result<(), ConnectError> {
        let bytes = match fs::read(file) {
            Ok(bytes) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(config_error(file, error.to_string())),
        };
        for (index, line) in
            String::from_utf8_lossy(&bytes).trim_start_matches('\u{feff}').lines().enumerate()
        {
            let place = format!("{} line {}", file.display(), index + 1);
            let Some(words) = words(line) else {
                return Err(config_error(file, format!("line {}: a quote is not closed", index + 1)));
            };
            let Some((keyword, arguments)) = words.split_first() else {
                continue;
            };
            match (keyword.to_lowercase().as_str(), arguments) {
                ("host", patterns) => *active = listed(patterns.iter().map(String::as_str), self.alias),
                ("match", criteria) => *active = self.matches(criteria, &place),
                _ if !*active => {}
                (_, []) => {
                    self.warnings.push(format!("{place}: {keyword} has no value; the line is ignored"))
                }
                ("include", patterns) => {
                    if depth >= DEEPEST {
                        return Err(config_error(
                            file,
                            format!("line {}: includes are nested too deep", index + 1),
                        ));
                    }
                    for pattern in patterns {
                        self.include(pattern, depth)?;
                    }
                }
                // A distribution's default, which says nothing about this host.
                ("gssapiauthentication", _) if self.system => {}
                (keyword, arguments) => self.settings.take(keyword, arguments, &place),
            }
        }
        Ok(())
    }

    /// An included file may open blocks of its own, which end with it.
    fn include(&mut self, pattern: &str, depth: usize) -> Result<(), ConnectError> {
        let home = self.options.home.as_deref();
        let pattern = tilde(pattern, home);
        let base =
            if self.system { Some(PathBuf::from("/etc/ssh")) } else { home.map(|home| home.join(".ssh")) };
        let full = base.map_or_else(|| PathBuf::from(&pattern), |base| base.join(&pattern));
        for file in glob(&full) {
            self.included += 1;
            if self.included > MOST_FILES {
                return Err(config_error(
                    &file,
                    format!("more than {MOST_FILES} files are included, down to this one"),
                ));
            }
            let mut active = true;
            self.file(&file, &mut active, depth + 1)?;
        }
        Ok(())
    }

    /// Whether a Match block is about this host. One that cannot be judged is skipped, and said to be: its body must
    /// never be taken for another host's.
    fn matches(&mut self, criteria: &[String], place: &str) -> bool {
        let mut rest = criteria.iter();
        let mut fits = !criteria.is_empty();
        while let Some(criterion) = rest.next() {
            let (negated, name) =
                criterion.strip_prefix('!').map_or((false, criterion.as_str()), |name| (true, name));
            let name = name.to_lowercase();
            let holds = match name.as_str() {
                "all" => true,
                "host" | "originalhost" | "user" | "localuser" => {
                    let Some(patterns) = rest.next() else {
                        return self.skip_match(criteria, place);
                    };
                    let Some(text) = self.criterion_value(&name) else {
                        return self.skip_match(criteria, place);
                    };
                    listed(patterns.split(','), &text)
                }
                _ if !fits => return false,
                "exec" => {
                    self.match_exec.get_or_insert(place.to_owned());
                    return self.skip_match(criteria, place);
                }
                _ => return self.skip_match(criteria, place),
            };
            fits = fits && holds != negated;
        }
        fits
    }

    fn criterion_value(&self, name: &str) -> Option<String> {
        match name {
            "originalhost" => Some(self.alias.to_owned()),
            "host" => Some(self.host_name()),
            "user" => Some(self.settings.first("user").unwrap_or(&self.options.local_user).to_owned()),
            _ => Some(self.options.local_user.clone()).filter(|user| !user.is_empty()),
        }
    }

    fn skip_match(&mut self, criteria: &[String], place: &str) -> bool {
        self.warnings
            .push(format!("{place}: `Match {}` is not understood; its block is ignored", criteria.join(" ")));
        false
    }

    /// The name to resolve, with `%h` put in.
    fn host_name(&self) -> String {
        match self.settings.first("hostname") {
            Some(name) => name.replace("%%", "\0").replace("%h", self.alias).replace('\0', "%"),
            None => self.alias.to_owned(),
        }
    }

    fn finish(self) -> Result<HostConfig, ConnectError> {
        let (settings, options) = (&self.settings, self.options);
        let host = self.host_name();
        let user = settings.first("user").unwrap_or(&options.local_user).to_owned();
        let port = match settings.first("port") {
            None => 22,
            Some(port) => {
                let number = port.parse().ok().filter(|number| *number > 0);
                number.ok_or_else(|| self.wrong("Port", port))?
            }
        };
        let tokens = Tokens { alias: self.alias, host: &host, port, user: &user, options };
        let paths = |values: &[String]| -> Vec<PathBuf> {
            values.iter().filter(|value| !is_none(value)).map(|value| tokens.path(value)).collect()
        };
        // A list in which one value is `none` is none.
        let list = |keyword| {
            let values: Option<&[String]> = settings.all(keyword);
            values
                .map(|values| if values.iter().any(|value| is_none(value)) { &[] } else { values })
                .map(paths)
        };
        let agent = match settings.first("identityagent") {
            None | Some("SSH_AUTH_SOCK") => options.agent.clone(),
            Some(none) if is_none(none) => None,
            Some(value) => Some(match value.strip_prefix('$') {
                Some(variable) => {
                    std::env::var_os(variable.trim_matches(['{', '}'])).unwrap_or_default().into()
                }
                None => tokens.path(value),
            }),
        };
        let known_hosts = match &options.known_hosts {
            Some(only) => vec![only.clone()],
            None => {
                let own = list("userknownhostsfile")
                    .unwrap_or_else(|| paths(&["~/.ssh/known_hosts".into(), "~/.ssh/known_hosts2".into()]));
                let global = list("globalknownhostsfile");
                [own, global.unwrap_or_else(|| options.global_known_hosts.clone())].concat()
            }
        };
        let connect_timeout = match settings.first("connecttimeout").map(str::parse) {
            Some(Ok(seconds)) if seconds > 0 => Duration::from_secs(seconds),
            _ => options.connect_timeout,
        };
        let jumps = match settings.all("proxyjump").map(|words| words.join(" ")) {
            Some(hops) if !is_none(&hops) => {
                let parsed: Option<Vec<Target>> = hops.split(',').map(|hop| parse_hop(hop.trim())).collect();
                parsed.ok_or_else(|| self.wrong("ProxyJump", &hops))?
            }
            _ => Vec::new(),
        };
        let rsa_bits = match settings.first("requiredrsasize") {
            None => RSA_BITS,
            Some(bits) => bits.parse().map_err(|_| self.wrong("RequiredRSASize", bits))?,
        };
        let revoked = settings.first_with_place("revokedhostkeys").filter(|(file, _)| !is_none(file));
        let identity_files = settings.all("identityfile").map(paths);
        Ok(HostConfig {
            beyond_libssh2: self.beyond_libssh2(identity_files.as_deref()),
            has_control_path: settings.first("controlpath").is_some_and(|path| !is_none(path)),
            alias: self.alias.to_owned(),
            port,
            identity_files,
            identities_only: settings
                .first("identitiesonly")
                .is_some_and(|value| value.eq_ignore_ascii_case("yes")),
            agent,
            known_hosts,
            host_key_alias: settings.first("hostkeyalias").map(str::to_owned),
            jumps,
            connect_timeout,
            algorithms: self.algorithms()?,
            rsa_bits,
            revoked: revoked.map(|(file, place)| (tokens.path(file), place.to_owned())),
            warnings: self.warnings.clone(),
            host: host.clone(),
            user: user.clone(),
        })
    }

    fn beyond_libssh2(&self, identities: Option<&[PathBuf]>) -> Option<(&'static str, String)> {
        let asks = |value: &str| !is_none(value) && !value.eq_ignore_ascii_case("no");
        let set = |keyword: &&'static str| {
            let (value, place) = self.settings.first_with_place(&keyword.to_lowercase())?;
            asks(value).then(|| (*keyword, place.to_owned()))
        };
        let fido = || {
            let (kind, path) = ("a FIDO key", keyfile::fido(identities, self.options.home.as_deref())?);
            Some((kind, path.display().to_string()))
        };
        let exec = self.match_exec.clone().map(|place| ("Match exec", place));
        BEYOND_LIBSSH2.iter().find_map(set).or(exec).or_else(fido)
    }

    fn algorithms(&self) -> Result<Algorithms, ConnectError> {
        let found = KEYWORDS.map(|keyword| self.settings.first_with_place(&keyword.to_lowercase()));
        Algorithms::chosen(found.map(|found| Some(found?.0))).map_err(|Nothing { index, known }| {
            let (value, place) = found[index].unwrap_or_default();
            let (value, place) = (value.to_owned(), place.to_owned());
            ConnectError::NoAlgorithm { keyword: KEYWORDS[index], value, place, known }
        })
    }

    fn wrong(&self, keyword: &str, value: &str) -> ConnectError {
        let file = self.options.config_files.first().cloned().unwrap_or_default();
        config_error(&file, format!("{keyword} for {} is not valid: {value}", self.alias))
    }
}

fn config_error(file: &Path, detail: String) -> ConnectError {
    ConnectError::Config { file: file.to_owned(), detail }
}
