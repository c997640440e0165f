//! What no message may show: the values of the application's variables.

use toml::de::DeTable;

use super::problem::Problems;
use super::section::hide;

/// Hides every value of every `env` and every `secrets` table.
pub(super) fn hide_variables(document: &DeTable, problems: &Problems) {
    let environments = document.get("environments").and_then(|all| all.get_ref().as_table());
    let own = environments
        .into_iter()
        .flat_map(|all| all.values())
        .filter_map(|environment| environment.get_ref().as_table());
    for table in own.chain([document]) {
        // A secret's value does not belong there; where somebody wrote it all the same, it stays unseen.
        for variables in ["env", "secrets"].iter().filter_map(|name| table.get(*name)) {
            hide(variables, problems);
        }
    }
}

/// Hides what may be the value of a variable in a text that is not TOML, line by line: rather too much than too little.
pub(super) fn hide_lines(text: &str, problems: &Problems) {
    let mut among_variables = false;
    let mut start = 0;
    for line in text.split_inclusive('\n') {
        let trimmed = line.trim();
        let mut from = 0;
        if trimmed.starts_with('[') {
            let header = trimmed.split('#').next().unwrap_or_default();
            let name = header.trim().trim_matches(['[', ']']).rsplit('.').next().unwrap_or_default();
            among_variables = header.contains("secrets") || name.trim().trim_matches(['"', '\'']) == "env";
            start += line.len();
            continue;
        }
        if !among_variables && let Some(at) = word(line, "env").or_else(|| word(line, "secrets")) {
            among_variables = true;
            from = at;
        }
        if among_variables {
            let value = line[from..].find('=').map_or(0, |at| from + at + 1);
            let value = value + line[value..].len() - line[value..].trim_start().len();
            problems.hide(start + value..start + line.len());
        }
        start += line.len();
    }
}

/// Where a line's key of that name is.
fn word(line: &str, key: &str) -> Option<usize> {
    let is_part = |c: char| c.is_alphanumeric() || c == '_' || c == '-';
    line.match_indices(key)
        .map(|(at, _)| at)
        .find(|at| !line[..*at].ends_with(is_part) && !line[at + key.len()..].starts_with(is_part))
}
