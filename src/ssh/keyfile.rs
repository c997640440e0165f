//! Private key files: what can be told of one without its passphrase.
//!
//! libssh2 has one error for a wrong passphrase, a missing one, and for what is no key at all.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::error::AttemptResult;
use super::host_key::{HostKey, field};

const OPENSSH: &[u8] = b"openssh-key-v1\0";

/// The names that are tried where none is configured.
pub(super) const DEFAULT_KEYS: [&str; 3] = ["id_ed25519", "id_ecdsa", "id_rsa"];

/// A private key as its file holds it.
pub(super) struct KeyFile {
    pub(super) path: PathBuf,
    pub(super) text: String,
    pub(super) encrypted: bool,
    /// A line as in `.pub` files; `None` where only the decrypted key could tell.
    pub(super) public: Option<String>,
    /// The certificate beside the key, as a line.
    pub(super) certificate: Option<String>,
}

impl KeyFile {
    /// `None` where there is no such file.
    pub(super) fn read(path: &Path) -> Result<Option<KeyFile>, AttemptResult> {
        let unusable = |why: &str| AttemptResult::Unusable(why.to_owned());
        let other = |error: io::Error| unusable(&error.to_string());
        let metadata = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(other(error)),
        };
        let mode = metadata.permissions().mode() & 0o7777;
        if metadata.uid() == rustix::process::getuid().as_raw() && mode & 0o077 != 0 {
            return Err(AttemptResult::TooOpen(mode));
        }
        let text = fs::read_to_string(path).map_err(other)?;
        let armor = text.lines().find(|line| line.starts_with("-----BEGIN "));
        let (encrypted, inside) = match armor {
            Some("-----BEGIN OPENSSH PRIVATE KEY-----") => {
                let (encrypted, public) =
                    openssh_header(&text).ok_or_else(|| unusable("damaged private key"))?;
                (encrypted, Some(public))
            }
            Some(line) if line.ends_with("PRIVATE KEY-----") => (pem_encrypted(&text), None),
            _ => return Err(unusable("not a private key")),
        };
        let public = inside.or_else(|| beside(path, ".pub"));
        let certificate = beside(path, "-cert.pub");
        Ok(Some(KeyFile { path: path.to_owned(), encrypted, public, certificate, text }))
    }

    /// The public key's bytes, to find the same key in the agent.
    pub(super) fn public_blob(&self) -> Option<Vec<u8>> {
        blob(self.public.as_deref()?)
    }
}

/// The public key of a file that may itself be public: IdentityFile may name one, to choose a key of the agent.
pub(super) fn public_blob_of(path: &Path) -> Option<Vec<u8>> {
    let text = fs::read_to_string(path).ok()?;
    blob(text.trim()).or_else(|| blob(&openssh_header(&text)?.1)).or_else(|| blob(&beside(path, ".pub")?))
}

/// The first key of these that lies in a FIDO token. Where none is configured: one of the default names, if no plain key
/// has such a one.
pub(super) fn fido(configured: Option<&[PathBuf]>, home: Option<&Path>) -> Option<PathBuf> {
    let is_fido = |path: &PathBuf| {
        public_blob_of(path).is_some_and(|blob| HostKey::new(&blob).kind().starts_with("sk-"))
    };
    if let Some(configured) = configured {
        return configured.iter().find(|path| is_fido(path)).cloned();
    }
    let folder = home?.join(".ssh");
    if DEFAULT_KEYS.iter().any(|name| folder.join(name).exists()) {
        return None;
    }
    DEFAULT_KEYS.iter().map(|name| folder.join(format!("{name}_sk"))).find(is_fido)
}

fn blob(line: &str) -> Option<Vec<u8>> {
    STANDARD.decode(line.split_whitespace().nth(1)?).ok()
}

fn beside(path: &Path, suffix: &str) -> Option<String> {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    let line = fs::read_to_string(PathBuf::from(name)).ok()?;
    let line = line.trim();
    blob(line).map(|_| line.to_owned())
}

/// Whether an OpenSSH key is encrypted, and its public half, which is not.
fn openssh_header(text: &str) -> Option<(bool, String)> {
    let body: String = text
        .lines()
        .map(str::trim)
        .skip_while(|line| !line.starts_with("-----BEGIN OPENSSH"))
        .skip(1)
        .take_while(|line| !line.starts_with("-----"))
        .collect();
    let bytes = STANDARD.decode(body).ok()?;
    let mut rest = bytes.strip_prefix(OPENSSH)?;
    let cipher = field(&mut rest)?;
    let (_kdf, _kdf_options) = (field(&mut rest)?, field(&mut rest)?);
    let (_count, mut rest) = rest.split_at_checked(4)?;
    let public = field(&mut rest)?;
    let kind = String::from_utf8(field(&mut &*public)?.to_vec()).ok()?;
    Some((cipher != b"none", format!("{kind} {}", STANDARD.encode(public))))
}

fn pem_encrypted(text: &str) -> bool {
    text.contains("-----BEGIN ENCRYPTED PRIVATE KEY-----")
        || text.lines().any(|line| line.starts_with("Proc-Type:") && line.contains("ENCRYPTED"))
}
