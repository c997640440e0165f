//! A host's public key.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

/// A public key as it travels: a list of length-prefixed fields, the type first.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostKey(pub(super) Vec<u8>);

impl HostKey {
    #[must_use]
    pub fn new(blob: &[u8]) -> HostKey {
        HostKey(blob.to_vec())
    }

    /// `ssh-ed25519`; empty for bytes that are no key.
    #[must_use]
    pub fn kind(&self) -> &str {
        let kind = field(&mut &*self.0);
        kind.and_then(|kind| std::str::from_utf8(kind).ok()).unwrap_or_default()
    }

    /// The length of an RSA key, in bits.
    #[must_use]
    pub fn rsa_bits(&self) -> Option<usize> {
        let mut rest = &*self.0;
        let (kind, _exponent) = (field(&mut rest)?, field(&mut rest)?);
        let modulus = field(&mut rest).filter(|_| kind == b"ssh-rsa")?;
        let first = modulus.iter().position(|byte| *byte != 0)?;
        Some((modulus.len() - first) * 8 - modulus[first].leading_zeros() as usize)
    }

    /// As `ssh` prints it: `SHA256:` and base64 without padding.
    #[must_use]
    pub fn fingerprint(&self) -> String {
        format!("SHA256:{}", STANDARD_NO_PAD.encode(hmac_sha256::Hash::hash(&self.0)))
    }
}

impl fmt::Display for HostKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.fingerprint())
    }
}

/// Takes a length and so many bytes off the front.
pub(super) fn field<'b>(rest: &mut &'b [u8]) -> Option<&'b [u8]> {
    let (length, after) = rest.split_first_chunk::<4>()?;
    let (field, after) = after.split_at_checked(usize::try_from(u32::from_be_bytes(*length)).ok()?)?;
    *rest = after;
    Some(field)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_that_are_no_key_have_no_type() {
        for bytes in [&b""[..], b"\0\0", b"\xff\xff\xff\xffab", b"\0\0\0\x02\xff\xfe"] {
            assert_eq!(HostKey::new(bytes).kind(), "");
        }
    }
}
