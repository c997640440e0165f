//! `[health]`: how a release proves that it is healthy.

use std::fmt;
use std::time::Duration;

use serde_json::json;
use toml::de::DeValue;

use super::problem::Complaint;
use super::section::Section;
use super::url::{host_header, request_path};
use super::value::{self, Value, wrong_type};

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Health {
    /// Begins with a slash.
    pub path: String,
    /// The Host header; `None`: the front door's.
    pub host: Option<String>,
    pub expect: Statuses,
    /// Bound on one probe.
    pub timeout: Duration,
    /// Bound on the wait from gunicorn's start to its first right answer.
    pub start_timeout: Duration,
    /// How long a started release must stay healthy before it is called proven.
    pub settle: Duration,
}

impl Health {
    pub(super) fn read(table: &Section) -> Health {
        Health {
            path: table.get("path", request_path),
            host: table.optional("host", host_header),
            expect: table.get("expect", Statuses::read),
            timeout: table.get("timeout", value::bound),
            start_timeout: table.get("start_timeout", value::bound),
            settle: table.get("settle", value::duration),
        }
    }
}

/// The HTTP statuses that count as healthy, as inclusive ranges.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(pub Vec<(u16, u16)>);

impl Statuses {
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// `200`, `"200"`, `"2xx"`, `"200-399"`, or a list of these.
    fn read(value: &Value) -> Result<Statuses, Complaint> {
        match value.get_ref() {
            DeValue::Array(items) if items.is_empty() => Err(Complaint::new("must name at least one status")),
            DeValue::Array(_) => value::list(value, "", range).map(Statuses),
            _ => range(value).map(|range| Statuses(vec![range])).map_err(|complaint| {
                let one = value::taken(range);
                complaint.takes(json!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] }))
            }),
        }
    }
}

fn range(value: &Value) -> Result<(u16, u16), Complaint> {
    let text = match value.get_ref() {
        DeValue::String(text) => text.as_ref(),
        DeValue::Integer(digits) if digits.radix() == 10 => digits.as_str(),
        _ => {
            let text = json!({ "type": "string", "pattern": "^([1-5]xx|[1-5][0-9]{2}(-[1-5][0-9]{2})?)$" });
            let takes = json!({ "anyOf": [text, { "type": "integer", "minimum": 100, "maximum": 599 }] });
            return Err(wrong_type("HTTP statuses such as 200 or \"2xx\"", value).takes(takes));
        }
    };
    let status = |text: &str| {
        let three_digits = text.len() == 3 && text.bytes().all(|b| b.is_ascii_digit());
        let status = text.parse().ok().filter(|_| three_digits);
        status.filter(|status| (100..=599).contains(status))
    };
    let (first, last) = match text.strip_suffix("xx") {
        Some(class) => (format!("{class}00"), format!("{class}99")),
        None => {
            let (first, last) = text.split_once('-').unwrap_or((text, text));
            (first.to_owned(), last.to_owned())
        }
    };
    let ends = status(&first).zip(status(&last)).filter(|(first, last)| first <= last);
    ends.ok_or_else(|| Complaint::new("must be HTTP statuses: 200, \"2xx\", \"200-399\" or a list of these"))
}

/// As `deployer.toml` has it: `2xx`, `200-204`, `200 or 404`.
impl fmt::Display for Statuses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (first, last)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(" or ")?;
            }
            match last - first {
                0 => write!(f, "{first}")?,
                99 if first % 100 == 0 => write!(f, "{}xx", first / 100)?,
                _ => write!(f, "{first}-{last}")?,
            }
        }
        Ok(())
    }
}
