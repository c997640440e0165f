//! Finds the values of all secrets, and says of all that are missing at once where they were looked for.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use super::command::{self, CommandError};
use super::dotenv;
use crate::config::SecretSource;
use crate::model::{Secret, Secrets};
use crate::shell::display;

/// The kernel takes no longer variables, name and sign included.
const LONGEST: usize = 128 * 1024 - 1;

/// Where secrets are looked for.
pub(crate) struct Lookup<'a> {
    /// The folder of `deployer.toml`.
    pub folder: &'a Path,
    /// Why a file must not be read, if it must not; asked once for each file.
    pub objection: &'a dyn Fn(&Path) -> Option<String>,
    /// Called again and again while a command runs; false gives it up.
    pub go_on: &'a mut dyn FnMut() -> bool,
}

/// What was found, and what was not.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    pub secrets: Secrets,
    /// The secrets without a value, each with a line that says why, and what a command said to that.
    pub missing: Vec<(String, Vec<String>)>,
}

/// A command was given up, because the user asked for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct LookupInterrupted;

/// What a file or a command gave; each is asked once, for however many secrets.
enum Answered {
    Lines(BTreeMap<String, String>),
    Text(Vec<u8>),
    Nothing(String, Vec<String>),
}

/// Finds every value that there is.
///
/// # Errors
/// Where it is given up.
pub(crate) fn find(
    sources: &BTreeMap<String, SecretSource>,
    lookup: &mut Lookup<'_>,
) -> Result<Findings, LookupInterrupted> {
    let mut asked: Vec<(SecretSource, Answered)> = Vec::new();
    let mut findings = Findings::default();
    for (name, source) in sources {
        match one(source, lookup, &mut asked)?.and_then(|value| sound(name, value)) {
            Ok(secret) => drop(findings.secrets.insert(name.clone(), secret)),
            Err((why, more)) => {
                let mut lines = vec![format!("{name}: {why}")];
                lines.extend(more.into_iter().map(|line| format!("  {line}")));
                findings.missing.push((name.clone(), lines));
            }
        }
    }
    Ok(findings)
}

/// A value, or why there is none, with what a command said.
type Maybe<T> = Result<T, (String, Vec<String>)>;

fn one(
    source: &SecretSource,
    lookup: &mut Lookup<'_>,
    asked: &mut Vec<(SecretSource, Answered)>,
) -> Result<Maybe<String>, LookupInterrupted> {
    let nothing = |why: String| Ok(Err((why, Vec::new())));
    // One file holds many secrets.
    let place = match source {
        SecretSource::Env(name) => {
            return Ok(match std::env::var(name) {
                Ok(value) => Ok(value),
                Err(std::env::VarError::NotPresent) => {
                    Err((format!("the local environment has no variable {name}"), Vec::new()))
                }
                Err(_) => Err((format!("the local variable {name} is not UTF-8 text"), Vec::new())),
            });
        }
        SecretSource::File { path, .. } => SecretSource::File { path: path.clone(), key: String::new() },
        command => command.clone(),
    };
    if !asked.iter().any(|(known, _)| *known == place) {
        let found = match &place {
            SecretSource::Command(argv) => ask(argv, lookup)?,
            SecretSource::File { path, .. } => read(path, lookup),
            SecretSource::Env(_) => return nothing(String::new()),
        };
        asked.push((place.clone(), found));
    }
    let found = asked.iter().find(|(known, _)| *known == place);
    let Some((_, found)) = found else {
        return nothing(String::new());
    };
    Ok(match (found, source) {
        (Answered::Nothing(why, more), _) => Err((why.clone(), more.clone())),
        (Answered::Lines(values), SecretSource::File { path, key }) => values
            .get(key)
            .cloned()
            .ok_or_else(|| (format!("{} has no line {key}=", at(path, lookup)), Vec::new())),
        (Answered::Text(bytes), SecretSource::Command(argv)) => String::from_utf8(bytes.clone())
            .map_err(|_| (format!("what `{}` prints is not UTF-8 text", display(argv)), Vec::new())),
        _ => Err((String::new(), Vec::new())),
    })
}

fn ask(argv: &[String], lookup: &mut Lookup<'_>) -> Result<Answered, LookupInterrupted> {
    match command::output(argv, lookup.folder, lookup.go_on) {
        Ok(bytes) => Ok(Answered::Text(bytes)),
        Err(CommandError::Interrupted) => Err(LookupInterrupted),
        Err(CommandError::Failed(how, said)) => {
            Ok(Answered::Nothing(format!("`{}` failed: {how}", display(argv)), said))
        }
    }
}

fn read(path: &str, lookup: &Lookup<'_>) -> Answered {
    let file = lookup.folder.join(path);
    let shown = at(path, lookup);
    let nothing = |why: String| Answered::Nothing(why, Vec::new());
    let bytes = match std::fs::read(&file) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == ErrorKind::NotFound => return nothing(format!("there is no {shown}")),
        Err(error) => return nothing(format!("cannot read {shown}: {error}")),
    };
    if let Some(objection) = (lookup.objection)(&file) {
        return nothing(objection);
    }
    let Ok(text) = String::from_utf8(bytes) else {
        return nothing(format!("{shown} is not UTF-8 text"));
    };
    match dotenv::parse(&text) {
        Ok(values) => Answered::Lines(values),
        Err(dotenv::BadLine(line)) => nothing(format!("line {line} of {shown} is no NAME=VALUE")),
    }
}

fn at(path: &str, lookup: &Lookup<'_>) -> String {
    lookup.folder.join(path).display().to_string()
}

/// A value that a variable can have; an empty one is always somebody's mistake.
fn sound(name: &str, value: String) -> Maybe<Secret> {
    let refuse = |why: &str| Err((why.to_owned(), Vec::new()));
    if value.is_empty() {
        return refuse("its value is empty");
    }
    if value.contains('\0') {
        return refuse("its value holds a NUL character, which no variable can");
    }
    if name.len() + 1 + value.len() >= LONGEST {
        return refuse("its value is longer than the 128 kB of a variable");
    }
    Ok(Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(sources: &[(&str, SecretSource)], folder: &Path) -> Findings {
        let sources = sources.iter().map(|(name, source)| ((*name).to_owned(), source.clone())).collect();
        let objection = |path: &Path| path.ends_with("tracked").then(|| "it is tracked".to_owned());
        find(&sources, &mut Lookup { folder, objection: &objection, go_on: &mut || true })
            .expect("nobody interrupts")
    }

    fn sh(script: &str) -> SecretSource {
        SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec())
    }

    fn line(path: &str, key: &str) -> SecretSource {
        SecretSource::File { path: path.into(), key: key.into() }
    }

    #[test]
    fn values_come_from_files_and_commands_each_asked_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join(".env.prod"), "A=one\nB='two'\n").unwrap();
        let command = "echo run >>count; printf 'three\\n\\n'";
        let secrets = found(
            &[
                ("A", line(".env.prod", "A")),
                ("X", line(".env.prod", "B")),
                ("C", sh(command)),
                ("D", sh(command)),
            ],
            folder.path(),
        );
        assert_eq!(secrets.missing, []);
        let values: Vec<_> = secrets.secrets.values().map(Secret::reveal).collect();
        assert_eq!(values, ["one", "three\n", "three\n", "two"]);
        assert_eq!(std::fs::read_to_string(folder.path().join("count")).unwrap(), "run\n");
    }

    #[test]
    fn all_that_is_missing_is_named_and_no_value_shown() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("tracked"), "A=hunter2\n").unwrap();
        std::fs::write(folder.path().join("bad"), "A=1\nhunter2\n").unwrap();
        let error = found(
            &[
                ("A", SecretSource::Env("DEPLOYER_NO_SUCH".into())),
                ("B", line("none", "B")),
                ("C", line("tracked", "A")),
                ("D", line("bad", "A")),
                ("E", sh("echo hunter2; echo no key >&2; exit 3")),
                ("F", sh("true")),
                ("G", sh("printf 'a\\000hunter2'")),
                ("H", SecretSource::Command(vec!["/no/such".into()])),
            ],
            folder.path(),
        );
        assert_eq!(error.missing.len(), 8);
        let lines: Vec<String> = error.missing.into_iter().flat_map(|(_, lines)| lines).collect();
        let text = lines.join("\n").replace(&folder.path().display().to_string(), "FOLDER");
        assert!(!text.replace("echo hunter2", "").replace("000hunter2", "").contains("hunter2"), "{text}");
        insta::assert_snapshot!(text);
    }

    #[test]
    fn a_command_is_given_up_when_asked_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        // It lasts no longer than the folder, where the test itself is on a terminal.
        let line = "(echo begun >begun; while [ -e begun ]; do sleep 0.1; date >tick; done); true";
        let sources = BTreeMap::from([("A".to_owned(), sh(line))]);
        let tick = folder.path().join("tick");
        let mut lookup =
            Lookup { folder: folder.path(), objection: &|_| None, go_on: &mut || !tick.exists() };
        assert!(find(&sources, &mut lookup).is_err());
        use std::io::IsTerminal;
        if !std::io::stdin().is_terminal() {
            std::fs::remove_file(&tick).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(500));
            assert!(!tick.exists(), "it goes on");
        }
    }
}
