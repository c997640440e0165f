//! Capistrano's `config/deploy.rb` and the file of its stage, read line by line.

use super::former::Former;
use super::scan::quoted;
use super::sources::{Sources, below};

/// The file of the stage that is for the public.
const STAGES: [&str; 2] = ["config/deploy/production.rb", "config/deploy/prod.rb"];

/// Folders that a release brings anew, or that deployer has a place of its own for.
const PASSING: [&str; 6] = ["log", "tmp", "node_modules", "vendor", ".bundle", "venv"];

pub(super) fn read(sources: &Sources) -> Option<Former> {
    let common = sources.text("config/deploy.rb").filter(|_| sources.has("Capfile"))?;
    let stage = STAGES.iter().find_map(|path| sources.text(path)).unwrap_or_default();
    let lines: Vec<&str> = [stage, common]
        .into_iter()
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| !line.starts_with('#'))
        .collect();
    let set = |name: &str| {
        let start = format!("set :{name},");
        lines.iter().find_map(|line| quoted(line.strip_prefix(&start)?)).map(str::to_owned)
    };
    let plain = |text: &String| !text.contains("#{");
    let mut found = Former {
        files: vec!["config/deploy.rb"],
        name: set("application").filter(plain),
        user: set("user").filter(plain),
        url: set("domain").filter(plain).map(|domain| format!("http://{domain}")),
        ..Former::default()
    };
    let mut hosts = Vec::new();
    for line in &lines {
        if let Some(rest) = line.strip_prefix("server ") {
            hosts.extend(quoted(rest).map(str::to_owned));
            let said = |key: &str| rest.split_once(&format!("{key}:")).map(|(_, rest)| rest.trim());
            found.user = found.user.or_else(|| said("user").and_then(quoted).map(str::to_owned));
            let digits = |rest: &str| rest.chars().take_while(char::is_ascii_digit).collect::<String>();
            found.port = found.port.or_else(|| digits(said("port")?).parse().ok()).filter(|port| *port != 22);
        } else if let Some(rest) = line.strip_prefix("role :") {
            hosts.extend(listed(rest));
        } else if line.contains(":linked_dirs") {
            found.shared.extend(listed(line));
        }
    }
    if let Some((user, _)) = hosts.first().and_then(|host| host.split_once('@')) {
        found.user = found.user.or(Some(user.to_owned()));
    }
    let mut hosts: Vec<String> =
        hosts.iter().map(|host| host.rsplit('@').next().unwrap_or(host).to_owned()).collect();
    hosts.dedup();
    found.hosts(hosts);
    let is_lasting = |folder: &String| {
        let first = folder.split('/').next().unwrap_or_default();
        !PASSING.contains(&first) && !sources.paths().iter().any(|path| below(path, folder).is_some())
    };
    found.shared.retain(is_lasting);
    if let Some(place) = set("deploy_to").filter(plain) {
        let data = if found.shared.is_empty() {
            String::new()
        } else {
            format!("; copy {} from {place}/shared once", found.shared.join(" and "))
        };
        found.notes.push(format!("{place} is Capistrano's: the slots get a folder of their own{data}"));
    }
    Some(found)
}

/// The words of `%w{a b}`, or all that is quoted.
fn listed(line: &str) -> Vec<String> {
    if let Some((_, rest)) = line.split_once("%w") {
        let inner = rest.get(1..).unwrap_or_default();
        let inner = inner.split(['}', ']', ')', '|', '>']).next().unwrap_or_default();
        return inner.split_whitespace().map(str::to_owned).collect();
    }
    let (mut rest, mut found) = (line, Vec::new());
    while let Some(word) = quoted(rest) {
        found.push(word.to_owned());
        let end = word.as_ptr() as usize - rest.as_ptr() as usize + word.len() + 1;
        rest = rest.get(end..).unwrap_or_default();
    }
    found
}
