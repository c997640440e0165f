//! The launcher on the host, and what it reads to become a slot's process.

use std::collections::BTreeMap;

use serde_json::json;

use crate::config::{Environment, Gunicorn, SlotProcess, Web};
use crate::model::Color;
use crate::shell::{NulError, quote};

/// The content of a slot's `etc/run/web`, which the launcher reads: the web server's folder and its words. With `socket`
/// gunicorn listens on the slot's socket, too.
pub(crate) fn web(environment: &Environment, color: Color, socket: bool) -> Result<String, NulError> {
    let port = environment.ports.of(color);
    match &environment.web {
        Web::Gunicorn(gunicorn) => {
            let words = quoted(&gunicorn_words(environment, gunicorn, color, socket))?;
            file(environment, "", &format!("exec {GUNICORN} {words}"))
        }
        Web::Command(web) => {
            let line = quote(&web.line.replace("{port}", &port.to_string()))?;
            // gunicorn writes its number down by itself.
            let number = r#"printf '%s\n' "$$" >"$slot/etc/app.pid""#;
            let command = format!("note_down && {number} && exec sh -c {line}");
            file(environment, &format!("export PORT={port}\n"), &command)
        }
    }
}

/// The content of a slot's `etc/run/NAME` for one of [processes].
pub(crate) fn process(environment: &Environment, process: &SlotProcess) -> Result<String, NulError> {
    let line = quote(&process.command)?;
    file(environment, "", &format!("note_down && exec sh -c {line}"))
}

/// The content of a slot's `etc/processes.json`: how its processes are started and stopped.
pub(crate) fn processes(environment: &Environment) -> String {
    let described: BTreeMap<_, _> = environment
        .processes
        .iter()
        .map(|(name, process)| {
            let described = json!({
                "singleton": process.singleton,
                "stop": process.stop_timeout.as_secs_f64(),
                "settle": process.settle.as_secs_f64(),
            });
            (name, described)
        })
        .collect();
    format!("{}\n", json!(described))
}

/// gunicorn by its virtualenv, which knows whether it takes --no-control-socket.
const GUNICORN: &str = r#""$slot/env/bin/python" -m gunicorn $(cat "$slot/env/.gunicorn" 2>/dev/null) --pid "$slot/etc/app.pid""#;

fn gunicorn_words(environment: &Environment, gunicorn: &Gunicorn, color: Color, socket: bool) -> Vec<String> {
    let mut words = vec![
        "--bind".to_string(),
        format!("127.0.0.1:{}", environment.ports.of(color)),
        "--workers".to_string(),
        gunicorn.workers.to_string(),
        "--graceful-timeout".to_string(),
        gunicorn.graceful_timeout.as_secs().max(1).to_string(),
    ];
    if socket {
        words.push("--bind".to_string());
        words.push(format!("unix:{}/{color}/app.sock", environment.root));
    }
    words.extend(gunicorn.args.iter().cloned());
    words.push(gunicorn.app.clone());
    words
}

/// A file of `etc/run`; `before` and `command` are shell text already.
fn file(environment: &Environment, before: &str, command: &str) -> Result<String, NulError> {
    let directory = quote(&environment.app.directory)?;
    Ok(format!(
        "# Written by deployer; each deploy writes it anew.\ndirectory={directory}\n{before}become() {{ {command}; }}\n"
    ))
}

fn quoted(words: &[String]) -> Result<String, NulError> {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect::<Result<_, _>>()?;
    Ok(words.join(" "))
}

/// Why a web server of the application's own ended at once, from its status and its log.
pub(crate) fn explain(status: i32, log: &[String]) -> String {
    let last = |mark: &str| log.iter().rev().find(|line| line.contains(mark)).map(|line| line.trim());
    if last("EADDRINUSE").or_else(|| last("ddress already in use")).is_some() {
        return "its port is taken".to_string();
    }
    if let Some(line) = last("not found").filter(|_| status == 127) {
        return format!("the command is not on the host: {line}");
    }
    if status == 0 {
        return "it ended by itself: it must stay in the foreground".to_string();
    }
    let error = log.iter().rev().find(|line| {
        let head = line.split(':').next().unwrap_or("");
        !head.contains(' ') && (head.ends_with("Error") || head.ends_with("Exception"))
    });
    match error {
        Some(line) => format!("it ended with status {status}: {}", line.trim()),
        None => format!("it ended with status {status}"),
    }
}
