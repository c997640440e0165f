//! `fujin.toml`: of a tool that deploys Python packages to one server, with systemd and Caddy.

use toml::{Table, Value};

use super::former::{Former, minor_version};
use super::sources::Sources;

/// Words of a release command that prepare what deployer does otherwise: files for nginx, rights.
const OTHERWISE: [&str; 4] = ["sudo ", "rsync ", "collectstatic", "mkdir "];

pub(super) fn read(sources: &Sources) -> Option<Former> {
    let table: Table = sources.text("fujin.toml")?.parse().ok()?;
    let word = |table: &Table, key: &str| table.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut found = Former {
        files: vec!["fujin.toml"],
        name: word(&table, "app"),
        python: word(&table, "python_version").and_then(|version| minor_version(&version)),
        ..Former::default()
    };
    let release = word(&table, "release_command").unwrap_or_default();
    let own: Vec<&str> = release
        .split("&&")
        .map(str::trim)
        .filter(|part| !part.is_empty() && !OTHERWISE.iter().any(|word| part.contains(word)))
        .collect();
    found.release = Some(own.join(" && ")).filter(|line| !line.is_empty());
    for (name, process) in table.get("processes").and_then(Value::as_table).into_iter().flatten() {
        let command = process.as_str().or_else(|| process.get("command")?.as_str()).unwrap_or_default();
        match &**name {
            "web" => found.web = Some(command.to_owned()),
            name => found.process(name, command),
        }
    }
    let one = table.get("host").and_then(Value::as_table);
    let listed =
        table.get("hosts").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_table);
    let hosts: Vec<&Table> = one.into_iter().chain(listed).collect();
    let address = |host: &&Table| {
        let keys = ["ip", "address", "domain_name"];
        keys.iter().find_map(|key| word(host, key))
    };
    found.hosts(hosts.iter().filter_map(address).collect());
    if let Some(host) = hosts.first() {
        found.user = word(host, "user");
        let port = host.get("ssh_port").or(host.get("port")).and_then(Value::as_integer);
        found.port = port.filter(|port| *port != 22).and_then(|port| u16::try_from(port).ok());
        let domain = word(host, "domain_name").or_else(|| domain(&table));
        // Caddy has a certificate for every domain.
        found.url = domain.map(|domain| format!("https://{domain}"));
        if let Some(file) = word(host, "envfile") {
            found
                .notes
                .push(format!("the variables of {file} belong into [env], and its secrets into [secrets]"));
        }
    }
    Some(found)
}

/// The first of the sites' domains.
fn domain(table: &Table) -> Option<String> {
    let site = table.get("sites")?.as_array()?.first()?;
    Some(site.get("domains")?.as_array()?.first()?.as_str()?.to_owned())
}
