//! Events, failures and the status as JSON for scripts, one object a line.

use std::path::Path;

use serde::Serialize;

use super::text::is_unsafe;
use crate::plan::Failure;

#[derive(Serialize)]
struct FailureLine<'a> {
    event: &'static str,
    #[serde(flatten)]
    failure: &'a Failure,
    /// Path of the full log.
    log: Option<String>,
}

/// `{"event":"failure",…}`.
pub(crate) fn failure(failure: &Failure, log: Option<&Path>) -> String {
    line(&FailureLine { event: "failure", failure, log: log.map(|path| path.to_string_lossy().into_owned()) })
}

/// One line of JSON. What could drive a terminal or a build service (`##[…]`) is written as escapes: the same value, but
/// harmless.
pub(crate) fn line(value: &impl Serialize) -> String {
    let json = serde_json::to_string(value).unwrap_or_else(|error| {
        let message = format!("cannot be said as json: {error}");
        serde_json::json!({ "event": "warning", "message": message }).to_string()
    });
    let mut safe = String::with_capacity(json.len());
    for character in json.chars() {
        if is_unsafe(character) || character == '#' && safe.ends_with('#') {
            // All of them have at most 16 bits, and JSON has them only inside strings.
            safe.push_str(&format!("\\u{:04x}", u32::from(character)));
        } else {
            safe.push(character);
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Event, World};

    #[test]
    fn events_are_lines_of_json() {
        let all = [
            line(&Event::Output { line: "a \"b\"\n\u{1b}[0m \u{9b} \u{202e}".into() }),
            line(&Event::World(World::default())),
            line(&Event::File { file: "site".into(), text: "server {}\n".into() }),
            failure(
                &Failure::new("host.unreachable", "no route to web1.example"),
                Some(Path::new("/var/log/x.log")),
            ),
        ];
        insta::assert_snapshot!(all.join("\n"), @r#"
        {"event":"output","line":"a \"b\"\n\u001b[0m \u009b \u202e"}
        {"event":"world","live":null,"next":null,"run":null}
        {"file":"site","text":"server {}\n"}
        {"event":"failure","code":"host.unreachable","what":"no route to web1.example","why":null,"site":"untouched","advice":[],"exit":1,"world":null,"log":"/var/log/x.log"}
        "#);
    }

    #[test]
    fn escaping_does_not_change_the_value() {
        let text = "\u{1b}\u{7f}\u{9b}\u{202e}\u{2028} ü 🎉 # ## ###[x]";
        let json = line(&text);
        assert!(!json.chars().any(is_unsafe) && !json.contains("##"));
        assert_eq!(serde_json::from_str::<String>(&json).ok().as_deref(), Some(text));
    }
}
