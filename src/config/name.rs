//! Which words mean what on the command line, and which word was probably meant.

use serde_json::{Value as Json, json};

use super::problem::{Complaint, ensure};

/// The name becomes part of files' names.
const LONGEST: usize = 64;

/// How many slips turn one word into the other; `None`: too many for a typo.
pub fn distance(word: &str, meant: &str) -> Option<usize> {
    let most = (word.chars().count() / 3).max(1);
    Some(strsim::damerau_levenshtein(word, meant)).filter(|slips| *slips <= most)
}

/// Finds the candidate that a mistyped word was probably meant to be.
pub fn closest<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let typos = candidates.into_iter().filter_map(|meant| Some((distance(word, meant)?, meant)));
    typos.min_by_key(|(slips, _)| *slips).map(|(_, meant)| meant)
}

/// What an environment can be called, as a schema says it.
pub(super) fn names(reserved: &[&str]) -> Json {
    let any_case = |c: char| format!("[{}{c}]", c.to_ascii_uppercase());
    let words: Vec<String> = reserved.iter().map(|word| word.chars().map(any_case).collect()).collect();
    let taken = format!("^({})$", words.join("|"));
    json!({ "pattern": "^[A-Za-z0-9][A-Za-z0-9._-]*$", "maxLength": LONGEST, "not": { "pattern": taken } })
}

/// What is wrong with a name for an environment, if anything is; `reserved` are words of the command line.
pub(super) fn objection(name: &str, reserved: &[&str]) -> Result<(), Complaint> {
    let refused = |why: &str| Complaint::new(format!("cannot be an environment: {why}"));
    if let Some(word) = reserved.iter().find(|word| word.eq_ignore_ascii_case(name)) {
        let help = format!("call it otherwise: in `deployer {name} deploy` nobody could tell the two apart");
        return Err(refused(&format!("`{word}` is a command")).help(help));
    }
    let begins_well = name.starts_with(|c: char| c.is_ascii_alphanumeric());
    let goes_on_well = name.chars().all(|c| c.is_ascii_alphanumeric() || "-_.".contains(c));
    let help =
        "a name holds letters without accents, digits, `-`, `_` and `.`, and begins with a letter or a digit";
    let complaint = refused("its name would not do on a command line").help(help);
    ensure(begins_well && goes_on_well, complaint)?;
    ensure(name.len() <= LONGEST, refused(&format!("its name is longer than {LONGEST} characters")))
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMANDS: [&str; 5] = ["deploy", "cutover", "rollback", "status", "run"];

    #[test]
    fn a_swap_a_lost_and_a_doubled_letter_are_typos() {
        for typo in ["depoly", "deply", "deployy"] {
            assert_eq!(closest(typo, COMMANDS), Some("deploy"), "{typo}");
        }
        assert_eq!(closest("prd", ["staging", "prod"]), Some("prod"));
    }

    #[test]
    fn another_word_is_not_a_typo() {
        assert_eq!(closest("production", COMMANDS), None);
        assert_eq!(closest("qa", ["staging", "prod"]), None);
        assert_eq!(closest("", ["prod"]), None);
    }
}
