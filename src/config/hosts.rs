//! `hosts` of an environment: several hosts in place of one.

use std::borrow::Cow;

use serde_json::json;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::environment::Environment;
use super::problem::{Complaint, Problems};
use super::section::Layer;
use super::value::{self, Value, wrong_type};

/// A table for each entry of `hosts`, in which a bare name is a `host`; none where the key is not there.
pub(super) fn tables<'t>(own: &Layer<'t>, problems: &Problems) -> Vec<Spanned<DeTable<'t>>> {
    let Some(list) = own.table.get("hosts") else {
        return Vec::new();
    };
    let object = |span, complaint| problems.add(&own.name_of("hosts"), Some(span), complaint);
    if own.table.contains_key("host") {
        let complaint = Complaint::new("cannot stand beside `host`");
        object(list.span(), complaint.help("write `host` for one host, `hosts` for several"));
    }
    let Some(items) = list.get_ref().as_array() else {
        let one = json!({ "anyOf": [value::taken(value::text), { "type": "object", "required": ["host"] }] });
        let takes = json!({ "type": "array", "minItems": 1, "items": one });
        object(list.span(), wrong_type("a list of hosts", list).takes(takes));
        return Vec::new();
    };
    if items.is_empty() {
        object(list.span(), Complaint::new("must name at least one host"));
    }
    items
        .iter()
        .filter_map(|item| {
            let table = match item.get_ref() {
                DeValue::String(_) => {
                    let key = Spanned::new(item.span(), Cow::Borrowed("host"));
                    Some(DeTable::from_iter([(key, item.clone())]))
                }
                DeValue::Table(table) if table.contains_key("host") && !table.contains_key("hosts") => {
                    Some(table.clone())
                }
                _ => None,
            };
            if table.is_none() {
                let complaint = Complaint::new(
                    "must be the name of a host, or a table with its `host` and keys of its own",
                );
                object(item.span(), complaint.help("write \"web1\", or { host = \"web1\", port = 2222 }"));
            }
            table.map(|table| Spanned::new(item.span(), table))
        })
        .collect()
}

/// The environment of a fleet: that of its primary, with the others beside it, in the order of the file; `None` where one of them was not read.
pub(super) fn together(
    hosts: Vec<Option<Environment>>,
    list: &Value,
    problems: &Problems,
    name: &str,
) -> Option<Environment> {
    let mut hosts: Vec<Environment> = hosts.into_iter().collect::<Option<_>>()?;
    // What is wrong with another was said of it.
    if list.get_ref().as_array().is_none_or(|list| list.len() != hosts.len()) {
        return None;
    }
    let object = |complaint| problems.add(&format!("{name}.hosts"), Some(list.span()), complaint);
    for (index, later) in hosts.iter().enumerate() {
        if hosts[..index].iter().any(|earlier| earlier.target == later.target && earlier.root == later.root) {
            object(Complaint::new(format!("must not name {} twice", later.target.host)));
        }
    }
    let primary = hosts.first()?.fleet.as_ref().and_then(|fleet| fleet.primary.clone());
    let at = match &primary {
        None => 0,
        Some(primary) => match hosts.iter().position(|host| host.target.host == *primary) {
            Some(at) => at,
            None => {
                object(Complaint::new(format!("must hold {primary}, which is `primary` in [fleet]")));
                0
            }
        },
    };
    let mut environment = hosts.remove(at);
    environment.others = hosts;
    Some(environment)
}
