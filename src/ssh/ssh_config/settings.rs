//! The values of ssh_config as they stand in its lines.

use std::collections::HashMap;

/// The first value of each keyword, in small letters.
#[derive(Default)]
pub(super) struct Settings(HashMap<String, Setting>);

struct Setting {
    words: Vec<String>,
    /// Where it stands.
    place: String,
}

impl Settings {
    /// Takes a line in; `place` says where it stands.
    pub(super) fn take(&mut self, keyword: &str, words: &[String], place: &str) {
        let mut words = words.to_vec();
        let keyword = match (keyword, &*words) {
            // Each line names one more.
            ("identityfile", _) => {
                words.truncate(1);
                if let Some(files) = self.0.get_mut(keyword) {
                    return files.words.append(&mut words);
                }
                keyword
            }
            // Of these two the first that is set wins.
            ("proxyjump" | "proxycommand", [value, ..]) => {
                if self.0.contains_key("proxyjump") || self.0.contains_key("proxycommand") {
                    return;
                }
                if is_none(value) { "proxyjump" } else { keyword }
            }
            _ => keyword,
        };
        let setting = || Setting { words, place: place.to_owned() };
        self.0.entry(keyword.to_owned()).or_insert_with(setting);
    }

    pub(super) fn all(&self, keyword: &str) -> Option<&[String]> {
        self.0.get(keyword).map(|setting| &*setting.words)
    }

    pub(super) fn first(&self, keyword: &str) -> Option<&str> {
        self.first_with_place(keyword).map(|(word, _)| word)
    }

    pub(super) fn first_with_place(&self, keyword: &str) -> Option<(&str, &str)> {
        self.0
            .get(keyword)
            .and_then(|setting| Some((setting.words.first()?.as_str(), setting.place.as_str())))
    }
}

pub(super) fn is_none(value: &str) -> bool {
    value.eq_ignore_ascii_case("none")
}
