//! The launcher on the host, and what it reads to become a slot's process.

use crate::config::{Cutover, Environment};
use crate::model::Color;
use crate::shell::{NulError, quote};

/// `<root>/.deployer/launch`: whoever starts a process of a slot starts it by this.
pub const LAUNCHER: &str = include_str!("../templates/launch.sh");

/// The content of a slot's `etc/run/web`, which the launcher reads: gunicorn's folder and its words.
pub fn web(environment: &Environment, color: Color) -> Result<String, NulError> {
    let gunicorn = &environment.gunicorn;
    let mut words = vec![
        "--bind".to_string(),
        format!("127.0.0.1:{}", environment.ports.of(color)),
        "--workers".to_string(),
        gunicorn.workers.to_string(),
        "--graceful-timeout".to_string(),
        gunicorn.graceful_timeout.as_secs().max(1).to_string(),
    ];
    if environment.cutover == Cutover::Socket {
        words.push("--bind".to_string());
        words.push(format!("unix:{}/{color}/app.sock", environment.root));
    }
    words.extend(gunicorn.args.iter().cloned());
    words.push(gunicorn.app.clone());
    // The virtualenv knows whether its gunicorn takes --no-control-socket.
    let known = r#""$slot/env/bin/python" -m gunicorn $(cat "$slot/env/.gunicorn" 2>/dev/null) --pid "$slot/etc/app.pid""#;
    file(environment, &format!("{known} {}", quoted(&words)?))
}

/// A file of `etc/run`; `command` is shell text already.
fn file(environment: &Environment, command: &str) -> Result<String, NulError> {
    let directory = quote(&environment.app.directory)?;
    Ok(format!(
        "# Written by deployer; each deploy writes it anew.\ndirectory={directory}\nbecome() {{ exec {command}; }}\n"
    ))
}

fn quoted(words: &[String]) -> Result<String, NulError> {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect::<Result<_, _>>()?;
    Ok(words.join(" "))
}
