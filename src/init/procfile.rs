//! A Procfile: a line for each process.

use super::former::Former;
use super::sources::Sources;

pub(super) fn read(sources: &Sources) -> Option<Former> {
    let mut found = Former { files: vec!["Procfile"], ..Former::default() };
    let lines = sources.text("Procfile")?.lines().filter(|line| !line.trim_start().starts_with('#'));
    for (name, command) in lines.filter_map(|line| line.split_once(':')) {
        match (name.trim(), command.trim()) {
            ("web", command) => found.web = Some(command.to_owned()),
            ("release", command) => found.release = Some(command.to_owned()),
            (name, command) => found.process(name, command),
        }
    }
    Some(found)
}
