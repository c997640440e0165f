//! The whole file: every environment, or everything that is wrong.

use std::collections::BTreeMap;

use serde_json::Value as Json;
use toml::de::DeTable;

use super::environment::Environment;
use super::problem::{Complaint, Problems};
use super::section::{Layer, Tables};
use super::{conflicts, hosts, name, veil};

/// Reads a file's text; `folder` is the application's name where the file has none.
pub(super) fn environments(
    text: &str,
    folder: &str,
    reserved: &[&str],
) -> Result<Vec<Environment>, Vec<String>> {
    let problems = Problems::new(text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            veil::hide_lines(text, &problems);
            problems.add("", error.span(), Complaint::new(format!("is not TOML: {}", error.message())));
            return Err(problems.into_texts());
        }
    };
    veil::hide_variables(document.get_ref(), &problems);
    let environments = whole(&Layer::top(document.get_ref()), folder, reserved, &problems);
    match problems.into_texts() {
        none if none.is_empty() => Ok(environments),
        problems => Err(problems),
    }
}

/// What the keys of a file take that are wrong in it, by their names.
pub(super) fn taken(text: &str) -> BTreeMap<String, Json> {
    let (problems, document) = (Problems::new(text), DeTable::parse(text));
    if let Ok(document) = &document {
        whole(&Layer::top(document.get_ref()), "app", &[], &problems);
    }
    problems.taken()
}

fn whole(top: &Layer, folder: &str, reserved: &[&str], problems: &Problems) -> Vec<Environment> {
    top.report_unknown_keys(problems);
    let all = top.table("environments", problems);
    if !top.table.contains_key("environments") || all.as_ref().is_some_and(|all| all.table.is_empty()) {
        let complaint = Complaint::new("is missing: there is nowhere to deploy to");
        let help = "add [environments.prod] with host, root, ports and url";
        problems.add("environments", None, complaint.help(help));
    }
    let Some(all) = all else {
        return Vec::new();
    };
    let mut keys: Vec<_> = all.table.keys().collect();
    // As the file has them, which is the order that its author thinks in.
    keys.sort_by_key(|key| key.span().start);
    let mut found = Vec::new();
    for key in keys {
        let name: &str = key.get_ref();
        if let Err(objection) = name::objection(name, reserved) {
            problems.add(&all.name_of(name), Some(key.span()), objection);
        }
        let Some(own) = all.table(name, problems) else {
            continue;
        };
        let read = |own: Vec<Layer>| {
            let tables = Tables { own, top: top.clone(), problems };
            let environment = Environment::read(name, &tables, folder)?;
            conflicts::between_keys(&environment, &tables);
            Some(environment)
        };
        let entries = hosts::tables(&own, problems);
        let environment = match own.table.get("hosts").filter(|list| list.get_ref().is_array()) {
            None => read(vec![own]),
            Some(list) => {
                let host = |(number, entry)| read(vec![own.entry("hosts", number, entry), own.clone()]);
                let hosts = entries.iter().enumerate().map(host).collect();
                hosts::together(hosts, list, problems, &all.name_of(name))
            }
        };
        found.extend(environment);
    }
    conflicts::between_environments(&found, &all, problems);
    found
}

#[cfg(test)]
mod tests {
    use crate::config::starter::KINDS;

    const RIGHT: &str = "environments.a.host = 'a'\nenvironments.a.root = '/a'\nenvironments.a.url = 'http://a'\n\
                         environments.a.ports.blue = 1\nenvironments.a.ports.green = 2\ngunicorn.app = 'a:a'\n";

    #[test]
    fn every_key_of_the_starter_is_read() {
        for (kind, key) in KINDS.iter().flat_map(|(kind, keys)| keys.iter().map(move |key| (kind, key))) {
            let table = kind.replace("NAME", "a").replace("ports", "environments.a.ports");
            let name = format!("{table}.{key}").trim_start_matches('.').to_owned();
            let another = |line: &&str| !line.replace([' ', '='], ".").starts_with(&format!("{name}."));
            let others = RIGHT.lines().filter(another).collect::<Vec<_>>().join("\n");
            // `secrets.NAME.key` goes with a file alone. A date is right nowhere.
            let file = if name == "secrets.a.key" { "secrets.a.file = 'a'\n" } else { "" };
            let problems = super::environments(&format!("{others}\n{file}{name} = 1979-05-27\n"), "a", &[]);
            let said = problems.expect_err(&name);
            let what = format!(" `{name}` must");
            assert!(said.iter().any(|said| said.contains(&what)), "{name}: {said:?}");
        }
    }
}
