//! For `crate::fuzz`: what reads text of others here.

use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;

use super::host_key::HostKey;
use super::keyfile::{self, KeyFile};
use super::known_hosts::KnownHosts;
use super::openssh;
use super::options::ConnectOptions;
use super::ssh_config;
use crate::model::Target;

fn file(folder: &TempDir, name: &str) -> PathBuf {
    folder.path().join(name)
}

pub(crate) fn known_hosts(folder: &TempDir) -> impl Fn(&str) + Sync + use<> {
    let file = file(folder, "known_hosts");
    move |text| {
        fs::write(&file, text).expect("known hosts");
        for (host, port, alias) in [("web1", 22, None), ("Web2", 2222, None), ("web1", 22, Some("web"))] {
            let known = KnownHosts::read(std::slice::from_ref(&file), host, port, alias);
            let _ = (known.knows("ssh-rsa"), known.judge(&HostKey::new(b"\0\0\0\x0bssh-ed25519")));
        }
    }
}

pub(crate) fn ssh_config(folder: &TempDir) -> impl Fn(&str) + Sync + use<> {
    let home = folder.path().join("home");
    let config = home.join(".ssh/config");
    fs::create_dir_all(home.join(".ssh/conf.d")).expect("a home");
    fs::write(home.join(".ssh/conf.d/more"), "Port 22\n").expect("a file to include");
    let options = ConnectOptions {
        home: Some(home),
        local_user: "ann".into(),
        config_files: vec![config.clone()],
        ..ConnectOptions::default()
    };
    move |text| {
        fs::write(&config, text).expect("a configuration");
        for host in ["web1", "w\u{fc}b*", "-x"] {
            let target = Target { host: host.into(), port: None, user: None };
            if let Err(error) = ssh_config::resolve(&target, &options) {
                let _ = error.to_string();
            }
        }
    }
}

/// What `ssh` writes down where no connection comes about.
pub(crate) const LOGS: &[&str] = &[
    "debug1: Server host key: ssh-ed25519 SHA256:abc\nOffending ED25519 key in /home/ann/.ssh/known_hosts:7\n\
     Host key for [web1]:22 has changed and you have requested strict checking.\nHost key verification failed.\n",
    "debug1: Offering public key: /home/ann/.ssh/id ED25519 SHA256:abc explicit\n\
     debug1: Server accepts key: /home/ann/.ssh/id ED25519 SHA256:abc explicit\n\
     Permissions 0644 for '/home/ann/.ssh/id' are too open.\nLoad key \"/home/ann/.ssh/id\": bad permissions\n\
     no such identity: /x: No such file or directory\nann@web1: Permission denied (publickey).\n",
    "ssh: Could not resolve hostname web1: Name or service not known\n",
    "ssh: connect to host web1 port 22: Connection refused\nUnable to negotiate with 1.2.3.4 port 22: no match\n",
    "debug2: Received exit status from master 7\nchannel 0: open failed: connect failed: refused\n",
];

pub(crate) fn log() -> impl Fn(&str) + Sync {
    let client = openssh::Client::silent();
    move |text| openssh::read_log(&client, text)
}

pub(crate) fn key_file(folder: TempDir) -> impl Fn(&str) + Sync {
    move |text| {
        let path = file(&folder, "key");
        let public = file(&folder, "key.pub");
        for file in [&path, &public] {
            fs::write(file, text).expect("a key");
            let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
            fs::set_permissions(file, mode).expect("a mode");
        }
        if let Ok(Some(key)) = KeyFile::read(&path) {
            let _ = key.public_blob();
        }
        let _ = keyfile::public_blob_of(&path);
    }
}
