//! What the configured nginx commands and the lines of its files tell.

use super::Reading;
use crate::config::{Cutover, Environment};
use crate::model::Role;
use crate::shell;

const CONFIGURATION: &str = "/etc/nginx/nginx.conf";
const PROGRAM: &str = "/usr/sbin/nginx";

/// nginx's configuration file and its program, as the command that tests it names them.
pub fn configuration(environment: &Environment) -> (String, String) {
    let words = &environment.nginx.test;
    let after = |flag: &str| words.iter().skip_while(|word| *word != flag).nth(1).cloned();
    let program = words.iter().find(|word| word.rsplit('/').next() == Some("nginx"));
    (
        after("-c").unwrap_or_else(|| CONFIGURATION.to_owned()),
        program
            .filter(|word| word.starts_with('/'))
            .cloned()
            .unwrap_or_else(|| PROGRAM.to_owned()),
    )
}

/// The file of nginx's configuration that includes a role's snippet, in a form that the way of cutting over needs.
pub(super) fn includes(reading: &Reading, environment: &Environment, role: Role) -> Option<String> {
    let root = &environment.root;
    let by_role = format!("{root}/.deployer/nginx-{role}.con");
    let by_slot = format!("{root}/{role}/etc/nginx.con");
    let is_live_text = |text: &str| {
        text.starts_with("include")
            || text
                .split_once('#')
                .map_or(text, |(code, _)| code)
                .contains("include ")
    };
    let found = reading.site.iter().find(|(file, text)| {
        let plain = !text.starts_with('#') && is_live_text(text);
        let fits =
            text.contains(&by_role) || (environment.cutover == Cutover::Reload && text.contains(&by_slot));
        plain && fits && !file.contains("/sites-available/")
    });
    found.map(|(file, _)| file.clone())
}

/// Another file than these that includes live already: a site made by hand, or gitric's.
pub fn site_elsewhere(
    reading: &Reading,
    environment: &Environment,
    own: &[Option<String>],
) -> Option<String> {
    let is_own = |file: &String| own.iter().flatten().any(|own| own == file);
    let others = Reading {
        site: reading
            .site
            .iter()
            .filter(|(file, _)| !is_own(file))
            .cloned()
            .collect(),
        ..Reading::default()
    };
    includes(&others, environment, Role::Live)
}

/// The command that gives a user the right to run commands as root, and nothing else; a file that would lock
/// everybody out of sudo is never put in place.
pub(super) fn sudoers(user: &str, commands: &[&[String]]) -> String {
    let file = format!("/etc/sudoers.d/deployer-{}", user.replace(['.', '~'], "_"));
    let new = format!("{file}.new");
    let rule = |command: &&[String]| {
        let plain = command
            .iter()
            .skip_while(|word| word.ends_with("sudo") || word.starts_with('-'));
        let escaped: Vec<String> = plain.map(|word| escape(word)).collect();
        format!("{user} ALL=(root) NOPASSWD: {}", escaped.join(" "))
    };
    let rules: Vec<String> = commands.iter().map(rule).collect();
    let words =
        |words: &[&str]| shell::display(&words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    format!(
        "printf '%s\\n' {} > {new} && {} && {} && {}",
        shell::display(&rules),
        words(&["visudo", "-cf", &new]),
        words(&["chmod", "440", &new]),
        words(&["mv", &new, &file]),
    )
}

/// A word as sudoers reads it back whole.
fn escape(word: &str) -> String {
    let mut escaped = String::new();
    for letter in word.chars() {
        if matches!(letter, ',' | ':' | '=' | '\\' | ' ' | '*' | '?' | '[' | ']' | '!') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}
