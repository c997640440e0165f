use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::daemon::{Daemon, find_program};
use super::load::UPSTREAM;
use super::sshd::is_root;
use super::{HostError, HostOptions};
use crate::nginx::{escape_glob, quoted};

/// The host's nginx: the front door and, beside it, the door to next.
#[derive(Debug)]
pub(super) struct NginxServer {
    program: PathBuf,
    folder: PathBuf,
    daemon: Option<Daemon>,
}

impl NginxServer {
    /// Finds nginx and makes its folders in `host/nginx`; nothing runs yet.
    pub(super) fn prepare(host: &Path) -> Result<NginxServer, HostError> {
        let nginx = NginxServer { program: find_program("nginx")?, folder: host.join("nginx"), daemon: None };
        let sites = nginx.sites();
        fs::create_dir_all(&sites).map_err(HostError::file(&sites))?;
        Ok(nginx)
    }

    pub(super) fn configure(&self, root: &Path, port: u16, options: &HostOptions) -> Result<(), HostError> {
        let file = self.config();
        let config = config(&self.folder, root, port, options, is_root());
        fs::write(&file, config).map_err(HostError::file(&file))
    }

    pub(super) fn start(&mut self) -> Result<(), HostError> {
        let words = self.command(&[]);
        let daemon = Daemon::start(
            Command::new(&words[0]).args(&words[1..]),
            &self.folder.join("pid"),
            &self.error_log(),
        )?;
        self.daemon = Some(daemon);
        Ok(())
    }

    pub(super) fn stop(&mut self) {
        self.daemon = None;
    }

    pub(super) fn pid(&self) -> Option<u32> {
        self.daemon.as_ref().map(Daemon::pid)
    }

    /// This nginx, as words, with further arguments.
    pub(super) fn command(&self, arguments: &[&str]) -> Vec<String> {
        let mut words = vec![self.program.display().to_string()];
        for (flag, path) in [("-p", self.folder.clone()), ("-e", self.error_log()), ("-c", self.config())] {
            words.extend([flag.into(), path.display().to_string()]);
        }
        words.extend(arguments.iter().map(|argument| argument.to_string()));
        words
    }

    fn config(&self) -> PathBuf {
        self.folder.join("nginx.conf")
    }

    fn sites(&self) -> PathBuf {
        self.folder.join("sites")
    }

    pub(super) fn error_log(&self) -> PathBuf {
        self.folder.join("error.log")
    }
}

fn config(folder: &Path, root: &Path, port: u16, options: &HostOptions, root_user: bool) -> String {
    let file = |name: &str| quoted(&folder.join(name).display().to_string());
    let name = &options.server_name;
    // As root the workers would become an unprivileged user, who may not enter the folder.
    let user = if root_user { "user root;\n" } else { "" };
    let temporary: String = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
        .iter()
        .map(|kind| format!("    {kind}_temp_path {};\n", file(&format!("{kind}_temp"))))
        .collect();
    // A pattern may match nothing, so nginx starts before the first deploy; a plain path must exist.
    let snippet = |role: &str| {
        let root = escape_glob(&root.display().to_string());
        if options.role_files {
            format!("{root}/.deployer/nginx-{role}.con[f]")
        } else {
            format!("{root}/{role}/etc/nginx.con[f]")
        }
    };
    format!(
        r#"{user}daemon off;
worker_processes 2;
pid {pid};
error_log {error_log} notice;
events {{ worker_connections 1024; }}
http {{
    log_format served '$remote_addr [$time_local] "$request" $status $upstream_addr $request_time';
    access_log {access_log} served;
{temporary}{live}{next}    include {sites};
}}
"#,
        pid = file("pid"),
        error_log = file("error.log"),
        access_log = file("access.log"),
        live = server(folder, &snippet("live"), port, name),
        next = server(folder, &snippet("next"), port, &format!("next.{name}")),
        sites = quoted(&format!("{}/*.conf", escape_glob(&folder.join("sites").display().to_string()))),
    )
}

fn server(folder: &Path, snippet: &str, port: u16, name: &str) -> String {
    format!(
        r#"    server {{
        listen 127.0.0.1:{port};
        server_name {name};
        root {nowhere};
        proxy_set_header Host $http_host;
        proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
        proxy_set_header X-Forwarded-Proto $scheme;
        add_header {UPSTREAM} $upstream_addr;
        location / {{ include {snippet}; }}
    }}
"#,
        nowhere = quoted(&folder.join("nowhere").display().to_string()),
        snippet = quoted(snippet),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_patterns_are_quoted() {
        assert_eq!(quoted(r#"it's a "root""#), r#""it's a \"root\"""#);
        assert_eq!(quoted(&escape_glob("a[1]*")), r#""a\\[1]\\*""#);
    }

    #[test]
    fn only_root_names_a_user() {
        let options = HostOptions::default();
        let of = |root| config(Path::new("/f"), Path::new("/r"), 80, &options, root);
        assert!(of(true).starts_with("user root;\n"));
        assert!(!of(false).contains("user "));
    }
}
