//! `[metrics]`: what monitoring is told of a release, by the host.

use super::problem::{Complaint, ensure};
use super::section::Section;
use super::value::{self, Value};

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metrics {
    /// A file for node_exporter's textfile collector, on the host.
    pub textfile: Option<String>,
    /// Where OTLP/HTTP is taken, as the host reaches it, without a slash at its end.
    pub otlp: Option<String>,
}

impl Metrics {
    pub(super) fn read(table: &Section) -> Metrics {
        Metrics { textfile: table.optional("textfile", textfile), otlp: table.optional("otlp", endpoint) }
    }
}

fn textfile(value: &Value) -> Result<String, Complaint> {
    let takes = || value::path_like(r"^/.*\.prom$");
    let path = value::absolute_file(value).map_err(|complaint| complaint.takes(takes()))?;
    ensure(
        path.ends_with(".prom"),
        Complaint::new("must end with `.prom`: node_exporter reads no other file"),
    )?;
    Ok(path)
}

/// An address that this file may hold: what proves who asks is a secret, and stands in `[secrets]`.
fn endpoint(value: &Value) -> Result<String, Complaint> {
    let text = value::like(value, r"^https?://[^\s/?#@\\]+(/[^\s?#@\\]*)?$")?;
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    let is_wrong = |letter: char| letter.is_whitespace() || matches!(letter, '?' | '#' | '@' | '\\');
    let is_right =
        rest.is_some_and(|rest| !rest.starts_with('/') && !rest.is_empty() && !rest.contains(is_wrong));
    let complaint = Complaint::new("must be an address such as \"http://127.0.0.1:4318\"");
    let help = "what it asks for as a header goes into [secrets], as OTEL_EXPORTER_OTLP_HEADERS";
    ensure(is_right, complaint.help(help))?;
    Ok(text.trim_end_matches('/').to_owned())
}
