//! The variables as a table that a person reads.

use super::look::Look;
use super::text::{clean, pad, width};
use crate::plan::variables::{Kind, Standing, Variable, VariablesReport};

pub(crate) fn lines(report: &VariablesReport, look: Look) -> Vec<String> {
    if report.variables.is_empty() {
        return vec![format!("{}: no variables", clean(&report.environment))];
    }
    let role = |name: &str, color: Option<crate::model::Color>| match color {
        Some(color) => format!("{name} ({color})"),
        None => name.to_owned(),
    };
    let head = ["variable", "kind", &role("live", report.live), &role("next", report.next), "local"]
        .map(|word| (word.to_owned(), look.strong(word)));
    let mut rows = vec![head];
    rows.extend(report.variables.iter().map(|variable| row(variable, look)));
    let columns: Vec<usize> =
        (0..5).map(|column| rows.iter().map(|row| width(&row[column].0)).max().unwrap_or(0)).collect();
    rows.iter()
        .map(|row| {
            let cells = row.iter().zip(&columns).map(|((plain, shown), columns)| {
                let room = pad(plain, *columns)[plain.len()..].to_owned();
                format!("{shown}{room}")
            });
            let line = cells.collect::<Vec<_>>().join("  ");
            line.trim_end().to_owned()
        })
        .collect()
}

/// Five cells, each as it is measured and as it is shown.
fn row(variable: &Variable, look: Look) -> [(String, String); 5] {
    let same = |text: String| (text.clone(), text);
    let kind = match variable.kind {
        Kind::Plain => "plain",
        Kind::Secret => "secret",
    };
    let cell = |standing: Option<Standing>, value: Option<&String>| {
        let word = match standing {
            None => "-",
            Some(Standing::Set) => "set",
            Some(Standing::Same) => "same",
            Some(Standing::Differs) => "differs",
            Some(Standing::Missing) => "missing",
        };
        let text = value.map_or_else(|| word.to_owned(), |value| format!("{:?}", clean(value)));
        let shown = match standing {
            Some(Standing::Differs | Standing::Missing) => look.doubtful(&text),
            None => look.faint(&text),
            _ => text.clone(),
        };
        (text, shown)
    };
    let values = variable.values.as_ref();
    [
        same(clean(&variable.name)),
        same(kind.to_owned()),
        cell(variable.live, values.and_then(|values| values.live.as_ref())),
        cell(variable.next, values.and_then(|values| values.next.as_ref())),
        cell(Some(variable.local), values.and_then(|values| values.local.as_ref())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Color;
    use crate::plan::variables::Values;

    #[test]
    fn a_table_of_words_and_of_plain_values_where_asked_for() {
        let variable = |name: &str, kind, live, next, local| Variable {
            name: name.to_owned(),
            kind,
            live,
            next,
            local,
            values: None,
        };
        use Standing::{Differs, Missing, Same, Set};
        let mut report = VariablesReport {
            environment: "prod".to_owned(),
            host: "web1".to_owned(),
            live: Some(Color::Blue),
            next: Some(Color::Green),
            variables: vec![
                variable("DEBUG", Kind::Plain, Some(Same), None, Set),
                variable("SECRET_KEY", Kind::Secret, Some(Differs), Some(Set), Missing),
            ],
        };
        report.variables[0].values = Some(Values {
            live: Some("a\u{1b}[31m b".to_owned()),
            next: None,
            local: Some("a b".to_owned()),
        });
        insta::assert_snapshot!(lines(&report, Look::PLAIN).join("\n"));
        report.variables.clear();
        assert_eq!(lines(&report, Look::PLAIN), ["prod: no variables"]);
    }
}
