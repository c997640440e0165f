//! A fabfile of gitric's, whose slots deployer takes over as they stand.

use super::former::Former;
use super::scan::quoted;
use super::sources::Sources;
use super::statements::{Statement, statements, strings};

/// What the task is called that is for the public.
const PUBLIC: [&str; 3] = ["prod", "production", "live"];

pub(super) fn read(sources: &Sources) -> Option<Former> {
    let text = sources.text("fabfile.py").filter(|text| text.contains("bluegreen_root"))?;
    let all = statements(text);
    let begins =
        |name: &str| all.iter().position(|it| it.function().is_some_and(|(function, _)| function == name));
    let root = all.iter().position(|it| value(it, "bluegreen_root").is_some())?;
    let own = (0..=root).rev().find(|at| all[*at].function().is_some());
    let task = PUBLIC.iter().find_map(|name| begins(name)).or(own).unwrap_or(0);
    let body = |at: &usize| *at == task || all[*at].indent > all[task].indent;
    let of_task: Vec<&Statement> = (task..all.len()).take_while(body).map(|at| &all[at]).collect();
    // What every task shares stands at the margin.
    let said = |name: &str| {
        let shared = all.iter().filter(|it| it.indent == 0);
        of_task.iter().copied().chain(shared).find_map(|it| value(it, name))
    };
    let text = |name: &str| said(name).and_then(quoted).map(str::to_owned);
    let mut found = Former { files: vec!["fabfile.py"], ..Former::default() };
    let host = text("host_string").or_else(|| text("hosts"));
    let host = host.map(|host| {
        let (user, host) = host.split_once('@').map_or((None, &*host), |(user, host)| (Some(user), host));
        found.user = user.map(str::to_owned);
        host.split(':').next().unwrap_or_default().to_owned()
    });
    found.host = host;
    found.user = text("user").or(found.user);
    found.root = text("bluegreen_root").map(|root| root.trim_end_matches('/').to_owned());
    let port = |color: &str| {
        let rest = said("bluegreen_ports")?.split_once(color)?.1;
        let digits = rest.trim_start_matches(|c: char| !c.is_ascii_digit());
        digits.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    found.ports = port("blue").zip(port("green"));
    let started = all.iter().map(|it| strings(&it.text).concat()).find(|line| line.contains("gunicorn "));
    found.web = started.map(|line| line.rsplit("&&").next().unwrap_or_default().trim().to_owned());
    Some(found)
}

/// What a statement sets Fabric's `env.NAME` to.
fn value<'a>(statement: &'a Statement, name: &str) -> Option<&'a str> {
    let rest = statement.text.strip_prefix("env.")?.strip_prefix(name)?;
    rest.trim_start().strip_prefix('=').filter(|rest| !rest.starts_with('='))
}
