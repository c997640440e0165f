//! Kamal's `config/deploy.yml`: containers on servers, of which the commands, the variables and the door are of use here.

use yaml_rust2::{Yaml, YamlLoader};

use super::former::Former;
use super::sources::Sources;

pub(super) fn read(sources: &Sources) -> Option<Former> {
    let text = sources.text("config/deploy.yml").filter(|text| is_tame(text))?;
    let documents = YamlLoader::load_from_str(text).ok()?;
    let yaml = documents.first()?;
    let mut found =
        Former { files: vec!["config/deploy.yml"], name: text_of(&yaml["service"]), ..Former::default() };
    found.name.as_ref()?;
    let servers = &yaml["servers"];
    let hosts = |role: &Yaml| -> Vec<String> {
        let list = if role["hosts"].is_badvalue() { role } else { &role["hosts"] };
        // One with tags is a table of one key.
        let name = |host: &Yaml| text_of(host).or_else(|| text_of(host.as_hash()?.keys().next()?));
        list.as_vec().into_iter().flatten().filter_map(name).collect()
    };
    let web = if servers.is_array() { servers } else { &servers["web"] };
    found.hosts(hosts(web));
    found.web = text_of(&web["cmd"]);
    for (name, role) in servers.as_hash().into_iter().flatten() {
        match (name.as_str(), text_of(&role["cmd"])) {
            (Some(name), Some(command)) if name != "web" => found.process(name, &command),
            _ => {}
        }
    }
    found.user = text_of(&yaml["ssh"]["user"]).or_else(|| Some("root".to_owned()));
    found.port = yaml["ssh"]["port"].as_i64().and_then(|port| u16::try_from(port).ok());
    let proxy = &yaml["proxy"];
    let host = text_of(&proxy["host"]).or_else(|| text_of(&proxy["hosts"][0]));
    let scheme = if proxy["ssl"].as_bool() == Some(true) { "https" } else { "http" };
    found.url = host.map(|host| format!("{scheme}://{host}"));
    found.health = text_of(&proxy["healthcheck"]["path"]).or_else(|| text_of(&yaml["healthcheck"]["path"]));
    let env = &yaml["env"];
    let clear = if env["clear"].is_badvalue() && env["secret"].is_badvalue() { env } else { &env["clear"] };
    for (name, value) in clear.as_hash().into_iter().flatten() {
        if let (Some(name), Some(value)) = (name.as_str(), text_of(value)) {
            found.env.insert(name.to_owned(), value);
        }
    }
    let secrets = env["secret"].as_vec().into_iter().flatten().filter_map(text_of);
    // `NAME:OTHER` is called otherwise where it comes from.
    found.secrets = secrets.map(|name| name.split(':').next().unwrap_or_default().to_owned()).collect();
    if let Some(accessories) = yaml["accessories"].as_hash() {
        let names: Vec<&str> = accessories.keys().filter_map(Yaml::as_str).collect();
        found
            .notes
            .push(format!("{} run on without deployer: it manages no accessories", names.join(" and ")));
    }
    Some(found)
}

/// Whether a text can be given to the parser, which follows aliases of aliases without end, and lists in lists as deep as
/// the stack. No deploy.yml has many of either.
fn is_tame(text: &str) -> bool {
    let aliases =
        text.match_indices('*').filter(|(at, _)| text[at + 1..].starts_with(char::is_alphanumeric)).count();
    let is_deep = |line: &str| {
        line.split(' ').filter(|word| !word.is_empty()).take_while(|word| ["-", "?"].contains(word)).count()
            > 2
    };
    text.len() < 64 * 1024 && aliases <= 16 && !text.lines().any(is_deep)
}

/// What is a text, as it stands; what Ruby would fill in is none.
fn text_of(yaml: &Yaml) -> Option<String> {
    let text = match yaml {
        Yaml::String(text) | Yaml::Real(text) => text.clone(),
        Yaml::Integer(number) => number.to_string(),
        Yaml::Boolean(word) => word.to_string(),
        _ => return None,
    };
    (!text.contains("<%")).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each of these ends the parser, and the program with it.
    #[test]
    fn what_is_made_to_overwhelm_is_not_read() {
        let laughs: String = (1..30).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}, *a{0}]\n", n - 1)).collect();
        let texts = [
            "- ".repeat(30_000),
            "? - ".repeat(15_000),
            format!("service: x\na0: &a0 [x]\n{laughs}"),
            "#\n".repeat(40_000),
        ];
        for text in texts {
            let sources = Sources::new([("config/deploy.yml".to_owned(), text)]);
            assert_eq!(read(&sources), None);
        }
    }
}
