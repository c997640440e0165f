use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::daemon::{Daemon, find_program};
use super::{HostError, HostOptions, processes};

/// The host's SSH server, its keys, and the client's side of them.
#[derive(Debug)]
pub(super) struct Sshd {
    program: PathBuf,
    folder: PathBuf,
    daemon: Option<Daemon>,
}

impl Sshd {
    /// Writes everything that sshd needs into `host/ssh`; nothing runs yet.
    pub(super) fn prepare(
        host: &Path,
        client: &Path,
        user: &str,
        options: &HostOptions,
    ) -> Result<Sshd, HostError> {
        let sshd = Sshd { program: find_program("sshd")?, folder: host.join("ssh"), daemon: None };
        fs::create_dir_all(&sshd.folder).map_err(HostError::file(&sshd.folder))?;
        make_privilege_separation_folder()?;
        generate_key(&sshd.host_key())?;
        let identity = client.join("id_ed25519");
        generate_key(&identity)?;
        let authorized = sshd.folder.join("authorized_keys");
        fs::copy(identity.with_extension("pub"), &authorized).map_err(HostError::file(&authorized))?;
        sshd.write_session_script(options)?;
        sshd.write_config(host, user, options)?;
        Ok(sshd)
    }

    pub(super) fn start(&mut self, port: u16) -> Result<(), HostError> {
        let log = self.folder.join("log");
        let daemon = Daemon::start(
            Command::new(&self.program)
                .arg("-D")
                .arg("-f")
                .arg(self.config())
                .arg("-o")
                .arg(format!("ListenAddress=127.0.0.1:{port}"))
                .arg("-E")
                .arg(&log),
            &self.folder.join("pid"),
            &log,
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

    /// The public host key as `known_hosts` has it: type and base64.
    pub(super) fn public_host_key(&self) -> Result<String, HostError> {
        let file = self.host_key().with_extension("pub");
        let line = fs::read_to_string(&file).map_err(HostError::file(&file))?;
        Ok(line.split_whitespace().take(2).collect::<Vec<_>>().join(" "))
    }

    fn host_key(&self) -> PathBuf {
        self.folder.join("host_ed25519")
    }

    fn config(&self) -> PathBuf {
        self.folder.join("sshd_config")
    }

    /// sshd starts a session in the user's real home; this script moves it into the host's.
    fn write_session_script(&self, options: &HostOptions) -> Result<(), HostError> {
        let mut script = String::from("#!/bin/sh\ncd \"$HOME\" || exit 1\n");
        for (name, value) in &options.environment {
            if let Ok(value) = shlex::try_quote(value) {
                script.push_str(&format!("export {name}={value}\n"));
            }
        }
        script.push_str(concat!(
            "case ${SSH_ORIGINAL_COMMAND-} in\n",
            "    '') exec \"${SHELL:-/bin/sh}\" ;;\n",
            "    */sftp-server) exec \"$SSH_ORIGINAL_COMMAND\" -d \"$HOME\" ;;\n",
            "    *) exec \"${SHELL:-/bin/sh}\" -c \"$SSH_ORIGINAL_COMMAND\" ;;\n",
            "esac\n",
        ));
        let file = self.folder.join("session");
        fs::write(&file, script).map_err(HostError::file(&file))?;
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).map_err(HostError::file(&file))
    }

    fn write_config(&self, host: &Path, user: &str, options: &HostOptions) -> Result<(), HostError> {
        let file = self.config();
        let config = config(host, &self.folder, user, options);
        // Newer servers turn away a client whose logins failed a few times, and all of ours come from one address;
        // older ones do not know the word.
        let lenient = format!("PerSourcePenalties no\n{config}");
        fs::write(&file, lenient).map_err(HostError::file(&file))?;
        if !self.accepts_config()? {
            fs::write(&file, config).map_err(HostError::file(&file))?;
        }
        Ok(())
    }

    fn accepts_config(&self) -> Result<bool, HostError> {
        Command::new(&self.program)
            .arg("-t")
            .arg("-f")
            .arg(self.config())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status()
            .map(|status| status.success())
            .map_err(|source| HostError::Run { program: self.program.display().to_string(), source })
    }
}

fn config(host: &Path, folder: &Path, user: &str, options: &HostOptions) -> String {
    let mut lines = options.sshd.clone();
    lines.extend(
        [("HostKey", "host_ed25519"), ("PidFile", "pid"), ("AuthorizedKeysFile", "authorized_keys")]
            .map(|(key, name)| format!("{key} \"{}\"", folder.join(name).display())),
    );
    lines.push(format!("AllowUsers {user}"));
    lines.push(session_variables(host, options));
    let session = folder.join("session").display().to_string().replace('\'', r"'\''");
    lines.push(format!("ForceCommand '{session}'"));
    lines.extend(
        [
            // The system's temporary folder is writable by everyone, which StrictModes would refuse.
            "StrictModes no",
            "UsePAM no",
            "PermitRootLogin prohibit-password",
            "PasswordAuthentication no",
            "KbdInteractiveAuthentication no",
            "UseDNS no",
            "PrintMotd no",
            "PrintLastLog no",
            "MaxStartups 200",
            "LogLevel VERBOSE",
            "Subsystem sftp /usr/lib/openssh/sftp-server",
        ]
        .map(String::from),
    );
    lines.join("\n") + "\n"
}

fn session_variables(host: &Path, options: &HostOptions) -> String {
    let mut path: Vec<String> = options.path.iter().map(|folder| folder.display().to_string()).collect();
    if !options.programs.is_empty() {
        path.push(host.join("bin").display().to_string());
    }
    path.push("/usr/local/bin:/usr/bin:/bin".into());
    if options.sbin {
        path.push("/usr/local/sbin:/usr/sbin:/sbin".into());
    }
    let mut line = format!(
        "SetEnv \"HOME={}\" \"{}={}\" \"PATH={}\"",
        host.join("home").display(),
        processes::MARKER,
        host.display(),
        path.join(":"),
    );
    if let Some(lang) = &options.lang {
        line.push_str(&format!(" \"LANG={lang}\""));
    }
    line
}

/// sshd that runs as root needs this empty folder, which the system makes only when it starts its own sshd.
fn make_privilege_separation_folder() -> Result<(), HostError> {
    let folder = Path::new("/run/sshd");
    if is_root() && !folder.exists() {
        fs::create_dir_all(folder).map_err(HostError::file(folder))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755)).map_err(HostError::file(folder))?;
    }
    Ok(())
}

pub(super) fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

fn generate_key(file: &Path) -> Result<(), HostError> {
    let program = find_program("ssh-keygen")?;
    let output = Command::new(&program)
        .args(["-q", "-t", "ed25519", "-N", "", "-C", "deployer rehearsal", "-f"])
        .arg(file)
        .stdin(Stdio::null())
        .output()
        .map_err(|source| HostError::Run { program: program.display().to_string(), source })?;
    if output.status.success() {
        return Ok(());
    }
    Err(HostError::Start {
        program: program.display().to_string(),
        log: String::from_utf8_lossy(&output.stderr).trim().to_string(),
    })
}
