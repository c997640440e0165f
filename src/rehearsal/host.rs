use std::fs::{self, File};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::leftover::{self, PREFIX};
use super::nginx::NginxServer;
use super::ports::{Port, reserve_port};
use super::processes;
use super::sshd::Sshd;
use super::{HostError, HostOptions};
use crate::config::Ports;
use crate::ssh::user_name;

/// A port may be taken between the moment it was found free and the moment a server binds it.
const ATTEMPTS: usize = 5;

/// A running host on 127.0.0.1 with its own sshd, nginx, home and deploy root, all in one temporary folder.
///
/// Dropping it ends every process that it or its sessions started, and removes the folder.
#[derive(Debug)]
pub struct ThrowawayHost {
    options: HostOptions,
    user: String,
    sshd: Sshd,
    nginx: NginxServer,
    ssh_port: Port,
    http_port: Port,
    blue: Port,
    green: Port,
    /// Says that the folder has an owner, until this is dropped.
    _claim: File,
    folder: TempDir,
}

impl ThrowawayHost {
    /// Starts the host as the present user; it listens on both ports when this returns.
    pub fn start(options: HostOptions) -> Result<ThrowawayHost, HostError> {
        if !cfg!(target_os = "linux") {
            return Err(HostError::System);
        }
        let folder = make_folder()?;
        let path = folder.path();
        let claim = leftover::claim(path)?;
        for part in ["home", "client/.ssh", "bin"] {
            let part = path.join(part);
            fs::create_dir_all(&part).map_err(HostError::file(&part))?;
        }
        for program in &options.programs {
            let link = path.join("bin").join(program.file_name().unwrap_or_default());
            std::os::unix::fs::symlink(program, &link).map_err(HostError::file(&link))?;
        }
        let user = user_name();
        let mut host = ThrowawayHost {
            sshd: Sshd::prepare(path, &path.join("client/.ssh"), &user, &options)?,
            nginx: NginxServer::prepare(path)?,
            ssh_port: reserve_port()?,
            http_port: reserve_port()?,
            blue: reserve_port()?,
            green: reserve_port()?,
            options,
            user,
            _claim: claim,
            folder,
        };
        host.start_sshd_anywhere()?;
        host.start_nginx_anywhere()?;
        host.add_route(&host.options.alias.clone(), host.ssh_port())?;
        Ok(host)
    }

    fn start_sshd_anywhere(&mut self) -> Result<(), HostError> {
        for _ in 1..ATTEMPTS {
            match self.sshd.start(self.ssh_port.number()) {
                Err(error) if lost_the_port(&error) => self.ssh_port = reserve_port()?,
                done => return done,
            }
        }
        self.sshd.start(self.ssh_port.number())
    }

    fn start_nginx_anywhere(&mut self) -> Result<(), HostError> {
        for _ in 1..ATTEMPTS {
            self.nginx.configure(&self.root(), self.http_port.number(), &self.options)?;
            match self.nginx.start() {
                Err(error) if lost_the_port(&error) => self.http_port = reserve_port()?,
                done => return done,
            }
        }
        self.nginx.configure(&self.root(), self.http_port.number(), &self.options)?;
        self.nginx.start()
    }

    pub fn ssh_port(&self) -> u16 {
        self.ssh_port.number()
    }

    /// The front door's port on 127.0.0.1.
    pub fn http_port(&self) -> u16 {
        self.http_port.number()
    }

    /// Two free ports for the slots.
    pub fn app_ports(&self) -> Ports {
        Ports { blue: self.blue.number(), green: self.green.number() }
    }

    /// The only user who may log in: the present one.
    pub fn user(&self) -> &str {
        &self.user
    }

    /// The name that the host has in its `ssh_config`.
    pub fn alias(&self) -> &str {
        &self.options.alias
    }

    /// The front door's name, for the Host header.
    pub fn server_name(&self) -> &str {
        &self.options.server_name
    }

    /// Everything of this host lies in here.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The session's home and the folder that it starts in.
    pub fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    /// The deploy root, which nginx includes the snippets from. It does not exist at first.
    pub fn root(&self) -> PathBuf {
        self.home().join(&self.options.root)
    }

    /// A home for the client, with the `.ssh` folder that the three files below lie in.
    pub fn client_home(&self) -> PathBuf {
        self.folder().join("client")
    }

    pub fn ssh_config(&self) -> PathBuf {
        self.client_home().join(".ssh/config")
    }

    pub fn known_hosts(&self) -> PathBuf {
        self.client_home().join(".ssh/known_hosts")
    }

    pub fn identity(&self) -> PathBuf {
        self.client_home().join(".ssh/id_ed25519")
    }

    /// The command, as words, that tests nginx's whole configuration.
    pub fn nginx_test_command(&self) -> Vec<String> {
        self.nginx.command(&["-t"])
    }

    /// The command, as words, that reloads nginx gracefully.
    pub fn nginx_reload_command(&self) -> Vec<String> {
        self.nginx.command(&["-s", "reload"])
    }

    pub fn nginx_error_log(&self) -> PathBuf {
        self.nginx.error_log()
    }

    /// Gives the host another name in `ssh_config`, reached at `port` of 127.0.0.1: a proxy's, say.
    pub fn add_route(&self, alias: &str, port: u16) -> Result<(), HostError> {
        append(&self.known_hosts(), &format!("[127.0.0.1]:{port} {}\n", self.sshd.public_host_key()?))?;
        let block = format!(
            "Host {alias}\n    HostName 127.0.0.1\n    Port {port}\n    User {}\n    IdentityFile \"{}\"\n    \
             IdentitiesOnly yes\n    IdentityAgent none\n    UserKnownHostsFile \"{}\"\n",
            self.user,
            self.identity().display(),
            self.known_hosts().display(),
        );
        append(&self.ssh_config(), &block)
    }

    /// Takes the host down and says what could not be ended or removed; dropping does the same in silence.
    pub fn stop(mut self) -> Result<(), HostError> {
        self.end_processes()?;
        let path = self.folder().to_path_buf();
        fs::remove_dir_all(&path).map_err(HostError::file(&path))
    }

    fn end_processes(&mut self) -> Result<(), HostError> {
        // Nothing else would tie the children of the two servers to this host.
        let servers: Vec<u32> = [self.sshd.pid(), self.nginx.pid()].into_iter().flatten().collect();
        let strays = processes::descendants(&servers);
        self.sshd.stop();
        self.nginx.stop();
        let folder = self.folder();
        let pid_files = ["blue", "green"].map(|color| self.root().join(color).join("etc/app.pid"));
        let mut left = || processes::of_host(folder, &pid_files, &strays);
        processes::end(folder, self.options.grace, &mut left).map(drop)
    }
}

impl Drop for ThrowawayHost {
    fn drop(&mut self) {
        let _ = self.end_processes();
    }
}

/// The folder stands for itself in the settings of sshd, which know few ways to quote.
fn make_folder() -> Result<TempDir, HostError> {
    let parent = std::env::temp_dir();
    let parent = parent.canonicalize().map_err(HostError::file(&parent))?;
    let writable = parent.to_str().is_some_and(|text| !text.contains(['"', '\'', '\\', '%', '\n']));
    if !writable {
        return Err(HostError::Path { path: parent });
    }
    tempfile::Builder::new()
        .prefix(PREFIX)
        // It holds secrets and keys.
        .permissions(fs::Permissions::from_mode(0o700))
        .tempdir_in(&parent)
        .map_err(HostError::file(&parent))
}

fn lost_the_port(error: &HostError) -> bool {
    matches!(error, HostError::Start { log, .. } if log.contains("in use"))
}

fn append(file: &Path, text: &str) -> Result<(), HostError> {
    fs::OpenOptions::new()
        .create(true)
        .append(true)
        .open(file)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(HostError::file(file))
}
