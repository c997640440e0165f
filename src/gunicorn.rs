//! gunicorn: the variables that it starts with, and how to read why it ended.

use std::collections::BTreeMap;

use crate::model::{Color, CommitSummary, Secret, Secrets};
use crate::shell::{self, NulError};

/// The content of a slot's `etc/env`, which a shell reads before it becomes gunicorn.
///
/// The deployer's own variables come last: the application can rely on them.
pub(crate) fn variables(
    env: &BTreeMap<String, String>,
    secrets: &Secrets,
    color: Color,
    commit: &CommitSummary,
    environment: &str,
) -> Result<Secret, NulError> {
    let mut text = String::from("# Written by deployer; each deploy writes it anew.\n");
    if !secrets.is_empty() {
        // `env` on the host shows the values of no others.
        let names: Vec<&str> = secrets.keys().map(String::as_str).collect();
        text.push_str(&format!("# secrets: {}\n", names.join(" ")));
    }
    let own = [
        ("BLUEGREEN", color.as_str()),
        ("DEPLOYER_COMMIT", &commit.id),
        ("DEPLOYER_COMMIT_SHORT", commit.short()),
        ("DEPLOYER_ENVIRONMENT", environment),
    ];
    for (name, value) in env
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .chain(secrets.iter().map(|(name, value)| (name.as_str(), value.reveal())))
        .chain(own)
    {
        let quoted = shell::quote(value).map_err(|_| NulError(name.to_string()))?;
        text.push_str(&format!("export {name}={quoted}\n"));
    }
    Ok(Secret::new(text))
}

/// Why gunicorn ended at once, from its log.
pub(crate) fn explain(log: &[String]) -> Option<String> {
    let last = |mark: &str| log.iter().rev().find(|line| line.contains(mark)).map(|line| line.trim());
    if let Some(line) = last("ModuleNotFoundError:").or_else(|| last("ImportError:")) {
        return Some(format!("the application cannot be imported: {line}"));
    }
    if let Some(line) = last("Failed to find attribute").or_else(|| last("Failed to parse")) {
        return Some(format!("[gunicorn] app names nothing in that module: {line}"));
    }
    if last("Address already in use").is_some() || last("already in use:").is_some() {
        return Some("its port is taken".to_string());
    }
    if let Some(line) = last("error: unrecognized arguments") {
        return Some(format!("this gunicorn does not know one of [gunicorn] args: {line}"));
    }
    let error = log.iter().rev().find(|line| {
        let head = line.split(':').next().unwrap_or("");
        !head.contains(' ') && (head.ends_with("Error") || head.ends_with("Exception"))
    });
    error.map(|line| format!("the application failed while it was loaded: {}", line.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_quoted_and_ours_win() {
        let env = BTreeMap::from([
            ("GREETING".to_string(), "it's $HOME".to_string()),
            ("BLUEGREEN".to_string(), "red".to_string()),
        ]);
        let commit = CommitSummary { id: "3ab9d42aaaaaaaaa".to_string(), subject: String::new() };
        let secrets = Secrets::from([("SECRET_KEY".to_string(), Secret::new("a b'c"))]);
        let text = variables(&env, &secrets, Color::Blue, &commit, "prod").unwrap();
        assert!(!format!("{text:?}").contains("GREETING"));
        insta::assert_snapshot!(text.reveal(), @r#"
        # Written by deployer; each deploy writes it anew.
        # secrets: SECRET_KEY
        export BLUEGREEN=red
        export GREETING="it's "'$HOME'
        export SECRET_KEY="a b'c"
        export BLUEGREEN=blue
        export DEPLOYER_COMMIT=3ab9d42aaaaaaaaa
        export DEPLOYER_COMMIT_SHORT=3ab9d42
        export DEPLOYER_ENVIRONMENT=prod
        "#);
    }

    #[test]
    fn an_import_error_is_found_above_the_arbiters_noise() {
        let log: Vec<String> = [
            "    import nosuch",
            "ModuleNotFoundError: No module named 'nosuch'",
            "[1] [INFO] Worker exiting (pid: 1)",
            "[1] [ERROR] Reason: Worker failed to boot.",
        ]
        .map(str::to_string)
        .to_vec();
        assert_eq!(
            explain(&log).unwrap(),
            "the application cannot be imported: ModuleNotFoundError: No module named 'nosuch'"
        );
    }
}
