//! What the files of the tool that deployed an application before tell: where it goes, and what it runs.

use std::collections::BTreeMap;

/// All of it is optional, and most of it is missing in most files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Former {
    /// What it is told by: `Procfile`, `fujin.toml`.
    pub files: Vec<&'static str>,
    pub name: Option<String>,
    pub host: Option<String>,
    /// sshd's.
    pub port: Option<u16>,
    pub user: Option<String>,
    pub root: Option<String>,
    /// Blue's and green's.
    pub ports: Option<(u16, u16)>,
    pub url: Option<String>,
    /// The page for probes.
    pub health: Option<String>,
    /// The line that starts the web server, and the file that says so.
    pub web: Option<String>,
    pub web_file: Option<&'static str>,
    pub release: Option<String>,
    pub processes: BTreeMap<String, String>,
    /// The oldest Python that will do.
    pub python: Option<String>,
    /// Folders that outlive a release.
    pub shared: Vec<String>,
    pub env: BTreeMap<String, String>,
    /// Names of variables that are secret.
    pub secrets: Vec<String>,
    pub notes: Vec<String>,
}

impl Former {
    pub(super) fn add(&mut self, more: Former) {
        self.name = self.name.take().or(more.name);
        self.host = self.host.take().or(more.host);
        self.port = self.port.or(more.port);
        self.user = self.user.take().or(more.user);
        self.root = self.root.take().or(more.root);
        self.ports = self.ports.or(more.ports);
        self.url = self.url.take().or(more.url);
        self.health = self.health.take().or(more.health);
        self.web_file = self.web_file.or(more.web.as_ref().and(more.files.first()).copied());
        self.web = self.web.take().or(more.web);
        self.release = self.release.take().or(more.release);
        self.python = self.python.take().or(more.python);
        for (name, command) in more.processes {
            self.processes.entry(name).or_insert(command);
        }
        self.shared.extend(more.shared);
        self.env.extend(more.env);
        self.secrets.extend(more.secrets);
        self.notes.extend(more.notes);
        self.files.extend(more.files);
    }

    /// A process of the release; what starts nothing here is left out, and said to be.
    pub(super) fn process(&mut self, name: &str, command: &str) {
        let lower = name.to_ascii_lowercase().replace(['.', ' '], "-");
        let is_name = lower.starts_with(|c: char| c.is_ascii_lowercase())
            && lower.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
        if !is_name || lower.len() > 40 || lower == "gunicorn" || command.trim().is_empty() {
            return self.notes.push(format!("the process {name:?} was left out: give it another name"));
        }
        self.processes.insert(lower, command.trim().to_owned());
    }

    /// The first of the hosts.
    pub(super) fn hosts(&mut self, hosts: Vec<String>) {
        if hosts.len() > 1 {
            let others = hosts[1..].join(" and ");
            self.notes.push(format!("an environment is one host, {}; {others} would be another's", hosts[0]));
        }
        self.host = hosts.into_iter().next();
    }
}

/// `3.13`, of a version or a bound such as `python-3.13.1`, `>=3.13,<4`.
pub(super) fn minor_version(text: &str) -> Option<String> {
    let at = text.find("3.")?;
    let digits: String = text[at + 2..].chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty()).then(|| format!("3.{digits}"))
}
