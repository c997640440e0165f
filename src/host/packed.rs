//! Text for a host's shell, as a command that any login shell passes on unharmed.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::GzEncoder;

use super::host_shell::ShellError;
use crate::shell::{NulError, quote};
use crate::ssh::LONGEST_COMMAND;

/// The command that runs a text in a shell of its own, small enough for one packet flight. Its input is untouched.
pub(super) fn packed(text: &str) -> Result<String, ShellError> {
    let packed = STANDARD.encode(gzip(text));
    let command =
        format!("exec sh -c 'eval \"$(printf %s \"$1\" | base64 -d | gzip -d)\"' deployer {packed}");
    match command.len() {
        length if length > LONGEST_COMMAND => Err(ShellError::TooLong(length)),
        _ => Ok(command),
    }
}

/// A script without the lines that are comments and nothing else: they are for its readers here.
pub(super) fn lean(script: &str) -> String {
    let code = script.lines().filter(|line| !line.trim_start().starts_with('#'));
    code.fold(String::new(), |text, line| text + line + "\n")
}

pub(super) fn gzip(text: &str) -> Vec<u8> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::best());
    let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish());
    packed.expect("memory takes whatever is written to it")
}

/// The command that runs a script of `templates/` with these arguments.
///
/// # Errors
/// Where a value cannot be an argument, or all is too long.
pub fn shell_command(script: &str, arguments: &[&str]) -> Result<String, ShellError> {
    packed(&format!("set --{}\n{script}", quoted(arguments)?))
}

/// The command that becomes a Python script of `templates/` with these arguments.
///
/// # Errors
/// As [`shell_command`].
pub fn python_command(interpreter: &str, script: &str, arguments: &[&str]) -> Result<String, ShellError> {
    let words = quoted(&[&[interpreter, "-ISBc", script], arguments].concat())?;
    // sbin and the like may not be on the PATH.
    packed(&format!("export PYTHONUTF8=1 PATH=\"${{PATH:-/usr/bin:/bin}}:/usr/local/bin\"\nexec{words}\n"))
}

fn quoted(words: &[&str]) -> Result<String, NulError> {
    let mut line = String::new();
    for word in words {
        line.push(' ');
        line.push_str(&quote(word)?);
    }
    Ok(line)
}
