//! Why no connection came about, by what `ssh` has said.

use std::path::{Path, PathBuf};

use super::client::Client;
use super::log::after;
use crate::ssh::error::{Attempt, AttemptResult, ConnectError};
use crate::ssh::host_key::HostKey;
use crate::ssh::host_key_error::{Distrust, HostKeyError, HowToReach, Location, quoted};
use crate::ssh::keyfile::KeyFile;
use crate::ssh::known_hosts;

/// `is_asked`: somebody was there to be asked for passphrases.
pub(super) fn verdict(client: &Client, is_asked: bool) -> ConnectError {
    let text = client.log().text();
    let (host, port) = (client.host().to_owned(), client.port());
    if let Some(error) = host_key(client, &text) {
        return Box::new(error).into();
    }
    if text.contains("Permission denied (") || text.contains("Too many authentication failures") {
        return denied(client, &text, is_asked);
    }
    if let Some((host, detail)) =
        after(&text, "Could not resolve hostname ").and_then(|it| it.split_once(": "))
    {
        return ConnectError::Name { host: host.to_owned(), detail: detail.to_owned() };
    }
    // `connect to host web1 port 22: Connection refused`
    if let Some((place, detail)) = after(&text, "connect to host ").and_then(|it| it.split_once(": "))
        && let Some((host, port)) = place.split_once(" port ")
    {
        let (host, port) = (host.to_owned(), port.parse().unwrap_or_default());
        return match detail {
            "Connection refused" => ConnectError::Refused { host, port },
            detail if detail.contains("timed out") => timed_out(client, host, port, "TCP connection"),
            detail => ConnectError::Unreachable { host, port, detail: detail.to_owned() },
        };
    }
    if let Some(detail) = after(&text, "open failed: ").or_else(|| after(&text, "forwarding failed: ")) {
        let via = client.setting("proxyjump").to_owned();
        let via = if via.is_empty() { "the ProxyCommand".to_owned() } else { via };
        return ConnectError::JumpRefused { via, host, port, detail: detail.to_owned() };
    }
    if let Some(detail) = after(&text, "Unable to negotiate with ") {
        let detail = detail.split_once(": ").map_or(detail, |(_, why)| why).to_owned();
        return ConnectError::KeyExchange { host, detail };
    }
    if text.contains("timed out during banner exchange") || text.contains(" timed out") {
        return timed_out(client, host, port, "key exchange");
    }
    // Lines before the name of the protocol are allowed; a host that never came to it does not speak it.
    if let Some(line) = after(&text, "banner line 0: ").filter(|_| !text.contains("Remote protocol version"))
    {
        return ConnectError::NotSsh { host, port, detail: format!("it says {line:?}") };
    }
    let detail = client.log().last_words().unwrap_or_else(|| "ssh says nothing".to_owned());
    ConnectError::Lost { host, stage: "your own ssh", detail }
}

fn timed_out(client: &Client, host: String, port: u16, stage: &'static str) -> ConnectError {
    let after = std::time::Duration::from_secs(client.setting("connecttimeout").parse().unwrap_or_default());
    ConnectError::TimedOut { host, port, stage, after }
}

fn host_key(client: &Client, text: &str) -> Option<HostKeyError> {
    if !text.contains("Host key verification failed") && !text.contains("Host key for ") {
        return None;
    }
    let key = after(text, "Server host key: ").unwrap_or("one that ssh does not tell").to_owned();
    let files: Vec<PathBuf> = ["userknownhostsfile", "globalknownhostsfile"]
        .iter()
        .flat_map(|keyword| client.setting(keyword).split(' '))
        .filter(|path| !path.is_empty())
        .map(PathBuf::from)
        .collect();
    let alias = Some(client.setting("hostkeyalias")).filter(|alias| !alias.is_empty());
    let name = known_hosts::name(client.setting("hostname"), client.port(), alias);
    // The host itself, or a jump on the way.
    let named = |mark: &str| Some(after(text, mark)?.split(' ').next()?.to_owned());
    let name = named("host key is known for ").or_else(|| named("Host key for ")).unwrap_or(name);
    let why = if text.contains("REVOKED HOST KEY") || text.contains(" revoked by file ") {
        let (file, line) = match after(text, " revoked by file ") {
            Some(file) => (PathBuf::from(file), 0),
            None => revoked(&files, &key),
        };
        Distrust::Revoked(Location { file, line })
    } else if let Some((file, line)) = offending(text) {
        let known = known_hosts::key_at(&file, line).unwrap_or_else(|| HostKey::new(b""));
        Distrust::Changed { location: Location { file, line }, known }
    } else {
        Distrust::Unknown { other_types: Vec::new() }
    };
    let is_direct = alias.is_none()
        && client.setting("proxyjump").is_empty()
        && client.setting("proxycommand").is_empty();
    let how_to_reach = if is_direct {
        HowToReach::Direct { host: client.setting("hostname").to_owned(), port: client.port() }
    } else {
        let words = client.destination();
        let words: Vec<_> = words.iter().filter(|word| *word != "--").map(|word| quoted(word)).collect();
        HowToReach::Ssh { arguments: words.join(" ") }
    };
    Some(HostKeyError { name, key, why, files, how_to_reach })
}

/// `Offending ED25519 key in /home/ann/.ssh/known_hosts:7`
fn offending(text: &str) -> Option<(PathBuf, usize)> {
    let line = text.lines().rev().find(|line| line.starts_with("Offending "))?;
    let (file, line) = line.split_once(" key in ")?.1.trim().rsplit_once(':')?;
    Some((PathBuf::from(file), line.parse().ok()?))
}

/// The line that revokes a key.
fn revoked(files: &[PathBuf], key: &str) -> (PathBuf, usize) {
    let found = files.iter().find_map(|file| Some((file.clone(), known_hosts::revoked_at(file, key)?)));
    found.unwrap_or_else(|| (files.first().cloned().unwrap_or_default(), 0))
}

fn denied(client: &Client, text: &str, is_asked: bool) -> ConnectError {
    let mut attempts: Vec<Attempt> = Vec::new();
    let mut note = |key: &str, result| match attempts.iter_mut().find(|attempt| attempt.key == key) {
        Some(attempt) => attempt.result = result,
        None => attempts.push(Attempt { key: key.to_owned(), result }),
    };
    let (mut host, mut user) = (client.host(), client.setting("user"));
    for line in text.lines().map(str::trim) {
        let line = line.strip_prefix("debug1: ").unwrap_or(line);
        if let Some(key) = line.strip_prefix("Offering public key: ") {
            note(name(key), AttemptResult::Refused);
        } else if let Some(key) = line.strip_prefix("Server accepts key: ") {
            note(name(key), unopened(name(key), is_asked));
        } else if let Some((key, why)) = line.strip_prefix("Load key \"").and_then(|it| it.split_once("\": "))
        {
            // Its mode was told before; what `ssh` says otherwise is the library's word.
            if why != "bad permissions" {
                let why = KeyFile::read(Path::new(key)).err();
                note(key, why.unwrap_or_else(|| AttemptResult::Unusable("damaged private key".to_owned())));
            }
        } else if let Some((mode, rest)) =
            line.strip_prefix("Permissions ").and_then(|it| it.split_once(" for '"))
        {
            let key = rest.split_once('\'').map_or(rest, |(key, _)| key);
            note(key, AttemptResult::TooOpen(u32::from_str_radix(mode, 8).unwrap_or_default()));
        } else if let Some((key, _)) =
            line.strip_prefix("no such identity: ").and_then(|it| it.split_once(": "))
        {
            note(key, AttemptResult::Unusable("no such file".to_owned()));
        } else if let Some((whom, _)) = line.split_once(": Permission denied (") {
            // It may be a jump that denies it.
            (user, host) = whom.split_once('@').unwrap_or((user, host));
        }
    }
    let host = if host == client.setting("hostname") { client.host() } else { host };
    ConnectError::AuthFailed { host: host.to_owned(), user: user.to_owned(), attempts }
}

/// A key without its type, its fingerprint and where it comes from.
fn name(key: &str) -> &str {
    key.split_once(" SHA256:").and_then(|(before, _)| before.rsplit_once(' ')).map_or(key, |(name, _)| name)
}

/// Why a key that the host takes was not used.
fn unopened(path: &str, is_asked: bool) -> AttemptResult {
    match KeyFile::read(Path::new(path)) {
        Ok(Some(key)) if key.encrypted && is_asked => AttemptResult::WrongPassphrase,
        Ok(Some(key)) if key.encrypted => AttemptResult::NeedsPassphrase,
        _ => AttemptResult::Unusable("it could not sign".to_owned()),
    }
}
