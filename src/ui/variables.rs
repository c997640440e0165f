//! The variables as a table that a person reads.

use super::look::Look;
use super::report::Report;
use super::table::Table;
use super::text::clean;
use crate::model::Color;
use crate::plan::variables::{Standing, Variable, VariableKind, VariablesReport};

impl Report for VariablesReport {
    fn lines(&self, look: Look) -> Vec<String> {
        if self.variables.is_empty() {
            return vec![format!("{}: no variables", clean(&self.environment))];
        }
        let role = |name: &str, color: Option<Color>| match color {
            Some(color) => format!("{name} ({color})"),
            None => name.to_owned(),
        };
        let head = ["variable", "kind", &role("live", self.live), &role("next", self.next), "local"];
        let mut table = Table::default();
        table.row(head.map(|word| look.strong(word)));
        for variable in &self.variables {
            table.row(row(variable, look));
        }
        table.lines()
    }
}

fn row(variable: &Variable, look: Look) -> [String; 5] {
    let kind = match variable.kind {
        VariableKind::Plain => "plain",
        VariableKind::Secret => "secret",
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
        match standing {
            Some(Standing::Differs | Standing::Missing) => look.doubtful(&text),
            None => look.faint(&text),
            _ => text,
        }
    };
    let values = variable.values.as_ref();
    [
        clean(&variable.name),
        kind.to_owned(),
        cell(variable.live, values.and_then(|values| values.live.as_ref())),
        cell(variable.next, values.and_then(|values| values.next.as_ref())),
        cell(Some(variable.local), values.and_then(|values| values.local.as_ref())),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
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
                variable("DEBUG", VariableKind::Plain, Some(Same), None, Set),
                variable("SECRET_KEY", VariableKind::Secret, Some(Differs), Some(Set), Missing),
            ],
        };
        report.variables[0].values = Some(Values {
            live: Some("a\u{1b}[31m b".to_owned()),
            next: None,
            local: Some("a b".to_owned()),
        });
        insta::assert_snapshot!(report.lines(Look::PLAIN).join("\n"));
        report.variables.clear();
        assert_eq!(report.lines(Look::PLAIN), ["prod: no variables"]);
    }
}
