//! For `crate::fuzz`: what reads text of others here.

use super::message;
use crate::ssh::Lines;

/// One of each word.
pub(crate) const MESSAGES: &[&str] = &[
    "\"wanted\"",
    "\"no_python\"",
    "{\"locked\": {\"holder\": {\"by\": \"ann@laptop\", \"verb\": \"deploy\", \"commit\": null}, \"age\": 1.5, \"step\": null, \"silent\": 0}}",
    "{\"begin\": 1}",
    "{\"end\": [12, false]}",
    "{\"done\": true}",
    "{\"note\": \"removed a lock\"}",
    "{\"migrations\": {\"pending\": []}}",
    "{\"probed\": {\"ok\": false, \"status\": 500}}",
    "{\"failed\": {\"reason\": \"died\", \"status\": -9}}",
    "{\"failed\": {\"reason\": \"switch_failed\", \"accepted\": true, \"said\": \"\", \"answer\": null, \"restored\": true, \"now\": {\"error\": \"refused\"}}}",
    "{\"watched\": {\"left\": 29.5, \"why\": null, \"requests\": 12, \"errors\": 0}}",
    "{\"draining\": {\"workers\": 2, \"left\": 59.0}}",
    "{\"found\": [{\"kind\": \"virtualenv\", \"kilobytes\": 61440, \"name\": \"c0ffee\"}]}",
    "{\"commands\": {\"now\": 9.5, \"commands\": [{\"verb\": \"run\", \"by\": \"a\", \"at\": 1.5, \"end\": \"done\", \"exit\": 0}]}}",
    "{\"moment\": {\"moment\": \"swap\", \"at\": 1795000060.5}}",
    "{\"traffic\": {\"by\": \"log\", \"begin\": 1795000060, \"width\": 1, \"columns\": [{\"old\": 1, \"new\": 2, \"lost\": 0, \"usual\": 1.5, \"slowest\": null}]}}",
    "10%\r20%\none\ntwo\r\nthree",
];

pub(crate) fn message(text: &str) {
    let _ = message::parse(text);
    let mut lines = Lines::new(64);
    for piece in text.as_bytes().chunks(7) {
        lines.feed(piece, &mut |line| {
            let line = line.line();
            assert!(!line.contains('\n') && line.len() < 256, "{line:?}");
        });
    }
    assert!(!lines.bytes().contains(&b'\n') && lines.bytes().len() <= 64);
}
