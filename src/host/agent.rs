//! The agent: `templates/agent` as it is sent to a host, and the command that starts it there.

use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde_json::{Map, Value};

use super::error::ShellError;
use super::lease::TakeLease;
use super::request::Request;
use crate::settings::AgentSettings;
use crate::shell::quote;
use crate::ssh::LONGEST_COMMAND;

const BOOTSTRAP: &str = include_str!("../../templates/agent/bootstrap.py");

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        &[$(($name, include_str!(concat!("../../templates/agent/", $name)))),*]
    };
}

/// The package's files.
const FILES: &[(&str, &str)] = files![
    "__init__.py",
    "actions.py",
    "boot.sh",
    "data.py",
    "drain.py",
    "files.py",
    "git.py",
    "hooks.py",
    "judge.py",
    "launch.sh",
    "layout.py",
    "lease.py",
    "links.py",
    "logs.py",
    "metrics.py",
    "migrations.py",
    "observe.py",
    "probe.py",
    "proc.py",
    "processes.py",
    "prune.py",
    "record.py",
    "reserve.py",
    "session.py",
    "site.py",
    "slots.py",
    "static_files.py",
    "switch.py",
    "tools.py",
    "traffic.py",
    "units.py",
    "variables.py",
    "virtualenv.py",
    "web.py",
    "wire.py",
];

/// Runs in `sh`, on one line and without a single quote, so that any login shell passes it on unharmed. The locale may be
/// C, and sbin not on the PATH; nothing of the user's shell may steer git.
const START: &str = concat!(
    r#"export LC_ALL=C.UTF-8 PYTHONUTF8=1 PATH="${PATH:-/usr/bin:/bin}:/usr/local/bin:/usr/local/sbin:/usr/sbin:/sbin"; "#,
    r#"unset CDPATH GIT_DIR GIT_WORK_TREE GIT_INDEX_FILE; "#,
    r#"command -v "$1" >/dev/null || { echo; echo "$2 \"no_python\""; exit 11; }; "#,
    r#"exec "$1" -ISB -X utf8 -c "import sys,zlib,binascii;exec(zlib.decompress(binascii.a2b_base64(sys.argv[2])))" deployer "$3""#,
);

/// What the agent is told when it starts.
#[derive(Serialize)]
pub(super) struct Hello<'a> {
    pub nonce: &'a str,
    pub root: &'a str,
    /// Names this version of the agent.
    pub agent: String,
    pub lease: Option<&'a TakeLease>,
    pub settings: &'a AgentSettings<'a>,
    pub first: &'a Request<'a>,
}

/// The name of this version: a hash of all that it is.
pub(super) fn version() -> String {
    let mut hash = hmac_sha256::Hash::new();
    for (name, text) in FILES {
        hash.update(format!("{name}\0{text}\0"));
    }
    hash.update(BOOTSTRAP);
    hash.finalize()[..8].iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"))
}

/// The package, for a host that lacks it: its length in a line, and its files in JSON, packed.
pub(super) fn package() -> Vec<u8> {
    let files: Map<String, Value> =
        FILES.iter().map(|(name, text)| (name.to_string(), Value::from(*text))).collect();
    let packed = packed(&Value::from(files).to_string());
    let mut bytes = format!("{}\n", packed.len()).into_bytes();
    bytes.extend(packed);
    bytes
}

/// The command that SSH carries.
pub(super) fn command(interpreter: &str, hello: &Hello) -> Result<String, ShellError> {
    let told = serde_json::to_string(hello).expect("plain values always become JSON");
    // A string of JSON is one of Python too.
    let told = serde_json::to_string(&told).expect("a string always becomes JSON");
    let text = packed(&format!("{}\nboot({told})\n", lean(BOOTSTRAP)));
    let command = format!(
        "exec sh -c '{START}' deployer {} {} {}",
        quote(interpreter)?,
        hello.nonce,
        STANDARD.encode(text)
    );
    match command.len() {
        length if length > LONGEST_COMMAND => Err(ShellError::TooLong(length)),
        _ => Ok(command),
    }
}

/// A program without the lines that are comments and nothing else: they are for its readers here.
fn lean(program: &str) -> String {
    let code = program.lines().filter(|line| !line.trim_start().starts_with('#'));
    code.fold(String::new(), |text, line| text + line + "\n")
}

fn packed(text: &str) -> Vec<u8> {
    let mut packer = ZlibEncoder::new(Vec::new(), Compression::best());
    let packed = packer.write_all(text.as_bytes()).and_then(|()| packer.finish());
    packed.expect("memory takes whatever is written to it")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::path::Path;

    use super::*;

    #[test]
    fn every_file_of_the_agent_is_sent() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/agent");
        let there: BTreeSet<String> = std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains('.') && name != "bootstrap.py")
            .collect();
        let sent: BTreeSet<String> = FILES.iter().map(|(name, _)| name.to_string()).collect();
        assert_eq!(sent, there);
    }

    #[test]
    fn no_login_shell_stumbles_over_the_start() {
        assert!(!START.contains(['\'', '\n', '!']), "{START}");
    }
}
