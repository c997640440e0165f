//! Proving to a host who one is: keys from the agent, then keys from files.

use std::io;
use std::sync::Arc;

use ssh2::{Agent, ErrorCode, PublicKey};

use super::error::{Attempt, AttemptResult, ConnectError};
use super::host_key::HostKey;
use super::keyfile::{DEFAULT_KEYS, KeyFile, public_blob_of};
use super::options::{ConnectOptions, Prompt};
use super::ssh_config::HostConfig;
use super::wire::{Wire, WireError};

/// sshd hangs up at the sixth refusal.
const MOST_REFUSALS: usize = 5;
const MOST_PASSPHRASES: usize = 3;

pub(super) fn authenticate(
    wire: &mut Wire,
    config: &HostConfig,
    options: &ConnectOptions,
    prompt: &mut dyn Prompt,
) -> Result<String, ConnectError> {
    let mut login = Login { wire, config, prompt, attempts: Vec::new(), accepted: String::new() };
    match login.run(options) {
        Ok(true) => Ok(login.accepted),
        // A host that hangs up after refusing keys has answered.
        Ok(false) => Err(login.failed()),
        Err(WireError::Io(_)) if login.refusals() > 0 => Err(login.failed()),
        Err(error) => {
            let reached = (config.alias.as_str(), config.port);
            Err(ConnectError::from_wire(error, reached, "authentication", options.handshake_timeout))
        }
    }
}

struct Login<'l> {
    wire: &'l mut Wire,
    config: &'l HostConfig,
    prompt: &'l mut dyn Prompt,
    attempts: Vec<Attempt>,
    /// The key that the host has accepted.
    accepted: String,
}

/// `Err`: why the host did not accept a key.
type Offered = Result<(), AttemptResult>;

impl Login<'_> {
    /// As `ssh`: configured keys that the agent holds; then configured keys that need no passphrase, which `ssh` would
    /// try after the agent's others and may never come to; the agent's others; then files that need a passphrase.
    fn run(&mut self, options: &ConnectOptions) -> Result<bool, WireError> {
        let paths = match (&self.config.identity_files, &options.home) {
            (Some(files), _) => files.clone(),
            (None, Some(home)) => DEFAULT_KEYS.iter().map(|name| home.join(".ssh").join(name)).collect(),
            (None, None) => Vec::new(),
        };
        let configured = self.config.identity_files.is_some();
        let wanted: Vec<Vec<u8>> = paths.iter().filter_map(|path| public_blob_of(path)).collect();
        let agent = self.agent();
        let held = agent.as_ref().and_then(|agent| agent.identities().ok()).unwrap_or_default();
        let in_agent = |blob: Vec<u8>| held.iter().any(|identity| identity.blob() == blob);
        let mut files = Vec::new();
        for path in &paths {
            match KeyFile::read(path) {
                Ok(Some(key)) if key.certificate.is_none() && key.public_blob().is_some_and(in_agent) => {}
                Ok(Some(key)) => files.push(key),
                Ok(None) if !configured => {}
                // A configured public key stands for one that the agent holds.
                _ if public_blob_of(path).is_some_and(in_agent) => {}
                Ok(None) => {
                    self.note(path.display().to_string(), AttemptResult::Unusable("no such file".into()))
                }
                Err(why) => self.note(path.display().to_string(), why),
            }
        }
        let (asking, silent): (Vec<_>, Vec<_>) = files.into_iter().partition(|key| key.encrypted);
        let (chosen, others): (Vec<_>, Vec<_>) =
            held.iter().partition(|identity| wanted.iter().any(|blob| blob == identity.blob()));

        if let Some(agent) = &agent {
            let mut chosen = chosen;
            chosen.sort_by_key(|identity| wanted.iter().position(|blob| blob == identity.blob()));
            if self.try_agent(agent, &chosen)? {
                return Ok(true);
            }
        }
        if configured && self.try_files(&silent)? {
            return Ok(true);
        }
        if let Some(agent) = &agent
            && !self.config.identities_only
            && self.try_agent(agent, &others)?
        {
            return Ok(true);
        }
        Ok((!configured && self.try_files(&silent)?) || self.try_files(&asking)?)
    }

    fn agent(&mut self) -> Option<Agent> {
        let path = self.config.agent.as_ref()?;
        let mut agent = self.wire.ssh.agent().ok()?;
        agent.set_identity_path(path).ok()?;
        agent.connect().ok()?;
        agent.list_identities().ok()?;
        Some(agent)
    }

    fn try_agent(&mut self, agent: &Agent, identities: &[&PublicKey]) -> Result<bool, WireError> {
        let user = self.config.user.clone();
        for identity in identities {
            let name = match identity.comment() {
                "" => "a key of the agent".to_owned(),
                comment => format!("{comment} (agent)"),
            };
            if self.is_too_short(&name, Some(identity.blob())) || !self.may_try(&name) {
                continue;
            }
            match self.answer(|_| agent.userauth(&user, identity))? {
                Ok(()) => {
                    self.accepted = name;
                    return Ok(true);
                }
                Err(why) => self.note(name, why),
            }
        }
        Ok(false)
    }

    fn try_files(&mut self, keys: &[KeyFile]) -> Result<bool, WireError> {
        for key in keys {
            let certificate = key.certificate.as_deref().map(Some);
            // Without a public half there is still one try: libssh2 takes it from the private one.
            for public in certificate.into_iter().chain([key.public.as_deref()]) {
                if self.try_file(key, public)? {
                    self.accepted = key.path.display().to_string();
                    return Ok(true);
                }
                // Whoever did not open the key for its certificate is not asked again for the key alone.
                let last = self.attempts.last().map(|attempt| &attempt.result);
                if matches!(last, Some(AttemptResult::NeedsPassphrase | AttemptResult::WrongPassphrase)) {
                    break;
                }
            }
        }
        Ok(false)
    }

    fn try_file(&mut self, key: &KeyFile, public: Option<&str>) -> Result<bool, WireError> {
        let name = key.path.display().to_string();
        if self.is_too_short(&name, key.public_blob().as_deref()) || !self.may_try(&name) {
            return Ok(false);
        }
        // The host is asked about the public key first, so without a passphrase we learn whether to ask for it.
        let mut passphrase = None;
        for attempt in 0..=MOST_PASSPHRASES {
            if attempt > 0 {
                let peer = Arc::clone(self.wire.peer());
                passphrase = peer.without_clock(|| self.prompt.passphrase(&key.path, attempt));
                if passphrase.is_none() {
                    self.note(name, AttemptResult::NeedsPassphrase);
                    return Ok(false);
                }
            } else if key.encrypted && public.is_none() {
                continue;
            }
            match self.offer(key, public, passphrase.as_deref())? {
                Ok(()) => return Ok(true),
                Err(AttemptResult::Unusable(_)) if key.encrypted => {}
                Err(why) => {
                    self.note(name, why);
                    return Ok(false);
                }
            }
        }
        self.note(name, AttemptResult::WrongPassphrase);
        Ok(false)
    }

    fn offer(
        &mut self,
        key: &KeyFile,
        public: Option<&str>,
        passphrase: Option<&str>,
    ) -> Result<Offered, WireError> {
        let user = self.config.user.clone();
        self.answer(|ssh| ssh.userauth_pubkey_memory(&user, public, &key.text, passphrase))
    }

    fn answer(
        &mut self,
        op: impl FnMut(&mut ssh2::Session) -> Result<(), ssh2::Error>,
    ) -> Result<Offered, WireError> {
        match self.wire.drive(None, op) {
            Ok(()) if self.wire.ssh.authenticated() => Ok(Ok(())),
            Ok(()) => Ok(Err(AttemptResult::Refused)),
            Err(WireError::Ssh(error)) => meaning(&error),
            Err(error) => Err(error),
        }
    }

    /// As OpenSSH does not use it either, since a host's word of it proves little.
    fn is_too_short(&mut self, name: &str, blob: Option<&[u8]>) -> bool {
        let required = self.config.rsa_bits;
        let bits = blob.and_then(|blob| HostKey::new(blob).rsa_bits());
        let Some(bits) = bits.filter(|bits| *bits < required) else {
            return false;
        };
        let why = format!("{bits} bits, and ssh_config requires {required}");
        self.note(name.to_owned(), AttemptResult::Unusable(why));
        true
    }

    fn may_try(&mut self, name: &str) -> bool {
        let may = self.refusals() < MOST_REFUSALS;
        if !may {
            self.note(name.to_owned(), AttemptResult::NotTried);
        }
        may
    }

    fn refusals(&self) -> usize {
        self.attempts.iter().filter(|attempt| attempt.result == AttemptResult::Refused).count()
    }

    fn note(&mut self, key: String, result: AttemptResult) {
        self.attempts.push(Attempt { key, result });
    }

    fn failed(&mut self) -> ConnectError {
        ConnectError::AuthFailed {
            host: self.config.alias.clone(),
            user: self.config.user.clone(),
            attempts: std::mem::take(&mut self.attempts),
        }
    }
}

/// What an error of libssh2 says about a key. It has few codes, and one of them means three things.
fn meaning(error: &ssh2::Error) -> Result<Offered, WireError> {
    let message = error.message();
    let unusable = |why: &str| Ok(Err(AttemptResult::Unusable(why.to_owned())));
    match error.code() {
        // LIBSSH2_ERROR_AUTHENTICATION_FAILED.
        ErrorCode::Session(-18) => Ok(Err(AttemptResult::Refused)),
        // LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED: no signature could be made, no answer came, or the answer is no.
        ErrorCode::Session(-19) if message.starts_with("Callback") => {
            unusable("it could not sign: the private key does not open or does not fit")
        }
        ErrorCode::Session(-19) if !message.starts_with("Waiting") => Ok(Err(AttemptResult::Refused)),
        // The latter, or no connection: LIBSSH2_ERROR_SOCKET_NONE, _SEND, _DISCONNECT, _RECV, LIBSSH2_ERROR_BAD_SOCKET.
        ErrorCode::Session(-19 | -1 | -7 | -13 | -43 | -45) => Err(WireError::Io(io::Error::new(
            io::ErrorKind::ConnectionAborted,
            "the host closed the connection",
        ))),
        _ => unusable(message),
    }
}
