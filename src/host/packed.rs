//! A command's words, as a command that any login shell passes on unharmed.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::error::ShellError;
use crate::shell::quote;
use crate::ssh::LONGEST_COMMAND;

/// The command that becomes these words. Its input is untouched.
///
/// # Errors
/// Where a value cannot be an argument, or all is too long.
pub fn exec_command(words: &[&str]) -> Result<String, ShellError> {
    let mut text = String::from("exec");
    for word in words {
        text.push(' ');
        text.push_str(&quote(word)?);
    }
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish());
    let packed = STANDARD.encode(packed.expect("memory takes whatever is written to it"));
    let command =
        format!("exec sh -c 'eval \"$(printf %s \"$1\" | base64 -d | gzip -d)\"' deployer {packed}");
    match command.len() {
        length if length > LONGEST_COMMAND => Err(ShellError::TooLong(length)),
        _ => Ok(command),
    }
}
