//! Reads single values: each function takes one TOML value and returns it typed, or says what is wrong with it.

use std::time::Duration;

use serde_json::{Value as Json, json};
use toml::Spanned;
use toml::de::DeValue;

use super::duration::parse_duration;
use super::name::closest;
use super::problem::{Complaint, ensure};

pub(super) type Value<'t> = Spanned<DeValue<'t>>;

/// `must be a string, not an integer`.
pub(super) fn wrong_type(wanted: &str, value: &Value) -> Complaint {
    let found = match value.get_ref() {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "an integer",
        DeValue::Float(_) => "a float",
        DeValue::Boolean(_) => "a boolean",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "a list",
        DeValue::Table(_) => "a table",
    };
    Complaint::new(format!("must be {wanted}, not {found}"))
}

/// What a reader takes, as a schema says it. There is nothing that takes a date, and so the complaint of one tells.
pub(super) fn taken<T>(read: impl Fn(&Value) -> Result<T, Complaint>) -> Json {
    let date = DeValue::Datetime("1979-05-27".parse().expect("a date"));
    read(&Spanned::new(0..0, date)).err().and_then(|complaint| complaint.takes).unwrap_or(json!({}))
}

/// A string that is not blank and holds no control character.
pub(super) fn text(value: &Value) -> Result<String, Complaint> {
    like(value, r"^[^\x00-\x1f\x7f-\x9f]*[^\x00-\x1f\x7f-\x9f\s][^\x00-\x1f\x7f-\x9f]*$")
}

/// The same, of which a schema can say more: a pattern that it has. What is wrong is for the caller to find.
pub(super) fn like(value: &Value, pattern: &str) -> Result<String, Complaint> {
    let text = value.get_ref().as_str().ok_or_else(|| {
        wrong_type("a string", value).takes(json!({ "type": "string", "pattern": pattern }))
    })?;
    ensure(!text.trim().is_empty(), Complaint::new("must not be empty"))?;
    let escape = Complaint::new("must not hold control characters");
    ensure(!text.contains(char::is_control), escape.help("take out what an escape such as \\n stands for"))?;
    Ok(text.to_owned())
}

/// A list; what is wrong with an item is said of that item alone.
pub(super) fn list<T>(
    value: &Value,
    wanted: &str,
    read: impl Fn(&Value) -> Result<T, Complaint>,
) -> Result<Vec<T>, Complaint> {
    let takes = || json!({ "type": "array", "items": taken(&read) });
    let items = value.get_ref().as_array().ok_or_else(|| wrong_type(wanted, value).takes(takes()))?;
    items.iter().map(|item| read(item).map_err(|complaint| complaint.at(item.span()))).collect()
}

/// A list of strings.
pub(super) fn words(value: &Value) -> Result<Vec<String>, Complaint> {
    list(value, "a list of strings", text).map_err(|complaint| match value.get_ref().as_str() {
        Some(line) => {
            let list: Vec<String> = line.split_whitespace().map(|word| format!("{word:?}")).collect();
            complaint.help(format!("write [{}]", list.join(", ")))
        }
        None => complaint,
    })
}

/// One line, or a list of lines.
pub(super) fn lines(value: &Value, wanted: &str) -> Result<Vec<String>, Complaint> {
    match value.get_ref() {
        DeValue::Array(_) => words(value),
        DeValue::String(_) => text(value).map(|line| vec![line]),
        _ => Err(wrong_type(wanted, value).takes(json!({ "anyOf": [taken(text), taken(words)] }))),
    }
}

/// One line for a shell.
pub(super) fn command_line(value: &Value) -> Result<String, Complaint> {
    text(value).map_err(|complaint| {
        if value.get_ref().is_array() {
            complaint.help("write it as one line, as for a shell")
        } else {
            complaint
        }
    })
}

/// A command: its program and its arguments, each a string of its own.
pub(super) fn argv(value: &Value) -> Result<Vec<String>, Complaint> {
    let words = words(value).map_err(|complaint| {
        let program = taken(|value| like(value, "^[^-]"));
        complaint.takes(
            json!({ "type": "array", "minItems": 1, "items": [program], "additionalItems": taken(text) }),
        )
    })?;
    let complaint = Complaint::new("must begin with a command");
    ensure(
        words.first().is_some_and(|program| !program.starts_with('-')),
        complaint.help("write it as a list: [\"sudo\", \"-n\", \"...\"]"),
    )?;
    Ok(words)
}

/// A string out of a fixed set.
pub(super) fn choice<T: Copy>(value: &Value, choices: &[(&str, T)]) -> Result<T, Complaint> {
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let wanted = format!("one of \"{}\"", names.join("\", \""));
    let word =
        value.get_ref().as_str().ok_or_else(|| wrong_type(&wanted, value).takes(json!({ "enum": names })))?;
    let complaint = || {
        let complaint = Complaint::new(format!("must be {wanted}"));
        match closest(word, names) {
            Some(close) => complaint.help(format!("did you mean \"{close}\"?")),
            None => complaint,
        }
    };
    choices.iter().find(|(name, _)| *name == word).map(|(_, choice)| *choice).ok_or_else(complaint)
}

pub(super) fn truth(value: &Value) -> Result<bool, Complaint> {
    let takes = || json!({ "type": "boolean" });
    value.get_ref().as_bool().ok_or_else(|| wrong_type("true or false", value).takes(takes()))
}

/// A whole number in a range.
pub(super) fn number(value: &Value, least: u16, most: u16) -> Result<u16, Complaint> {
    let wanted = format!("a whole number from {least} to {most}");
    let takes = || json!({ "type": "integer", "minimum": least, "maximum": most });
    let digits = value.get_ref().as_integer().ok_or_else(|| wrong_type(&wanted, value).takes(takes()))?;
    i64::from_str_radix(digits.as_str(), digits.radix())
        .ok()
        .and_then(|number| u16::try_from(number).ok())
        .filter(|number| (least..=most).contains(number))
        .ok_or_else(|| Complaint::new(format!("must be {wanted}")))
}

pub(super) fn port(value: &Value) -> Result<u16, Complaint> {
    number(value, 1, u16::MAX)
}

/// A length of time, which may be zero.
pub(super) fn duration(value: &Value) -> Result<Duration, Complaint> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
        _ => return Err(wrong_type("a duration such as \"30s\"", value).takes(seconds(0))),
    };
    parse_duration(text).map_err(Complaint::new)
}

fn seconds(least: u8) -> Json {
    let text = json!({ "type": "string", "pattern": "^([0-9]+|([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?)$", "minLength": 1 });
    json!({ "anyOf": [text, { "type": "integer", "minimum": least, "maximum": 24 * 3600 }] })
}

/// A length of time for which something is waited.
pub(super) fn bound(value: &Value) -> Result<Duration, Complaint> {
    let time = duration(value).map_err(|complaint| complaint.takes(seconds(1)))?;
    let complaint = Complaint::new("must be longer than nothing");
    ensure(!time.is_zero(), complaint.help("write a duration such as \"30s\""))?;
    Ok(time)
}

/// An absolute path on the host, without `.`, `..`, doubled or trailing slashes.
pub(super) fn absolute_path(value: &Value) -> Result<String, Complaint> {
    let path = text(value).map_err(|complaint| complaint.takes(path_like("^/")))?;
    let complaint = || Complaint::new("must be an absolute path");
    ensure(!path.starts_with('~'), complaint().help("write the home directory out: \"/home/USER/...\""))?;
    ensure(path.starts_with('/'), complaint().help("begin it with a slash, at the host's top"))?;
    Ok(format!("/{}", plain_parts(&path)?.join("/")))
}

/// A path without `..`, as a schema says it.
pub(super) fn path_like(pattern: &str) -> Json {
    json!({ "type": "string", "pattern": pattern, "not": { "pattern": r"(^|/)\.\.(/|$)" } })
}

/// A file on the host.
pub(super) fn absolute_file(value: &Value) -> Result<String, Complaint> {
    let path = absolute_path(value).map_err(|complaint| complaint.takes(path_like("^/.*[^/]$")))?;
    let names_a_folder = value.get_ref().as_str().is_some_and(|text| text.ends_with('/'));
    ensure(!names_a_folder, Complaint::new("must name a file, not a folder"))?;
    Ok(path)
}

/// A path inside the repository, `.` for the folder that it is counted from.
pub(super) fn inner_path(value: &Value) -> Result<String, Complaint> {
    let path = text(value).map_err(|complaint| complaint.takes(path_like("^[^/~]")))?;
    let complaint = Complaint::new("must be a path inside the repository, without a leading slash");
    ensure(!path.starts_with(['/', '~']), complaint)?;
    let parts = plain_parts(&path)?;
    Ok(if parts.is_empty() { ".".to_owned() } else { parts.join("/") })
}

/// The names that a path consists of.
pub(super) fn plain_parts(path: &str) -> Result<Vec<&str>, Complaint> {
    let parts: Vec<&str> = path.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
    let complaint = Complaint::new("must not hold `..`").help("write the path that it comes to");
    ensure(!parts.contains(&".."), complaint)?;
    Ok(parts)
}

/// Whether a path is a folder or lies in it.
pub(super) fn inside(path: &str, folder: &str) -> bool {
    path.strip_prefix(folder).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}
