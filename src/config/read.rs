//! The whole file: every environment, complete, from its own tables above the application's.

use toml::Spanned;
use toml::de::DeTable;

use super::application;
use super::environment::{Cutover, Environment, Ports, Web};
use super::hooks;
use super::name;
use super::problem::{Complaint, Problem, Problems};
use super::processes;
use super::secret_source;
use super::secrets;
use super::section::{ENVIRONMENT, Layer, Section, TOP};
use super::site;
use super::value;
use crate::model::Target;

/// Reads a file's text; `folder` is the application's name where the file has none.
pub(super) fn environments(text: &str, folder: &str) -> Result<Vec<Environment>, Vec<Problem>> {
    let problems = Problems::new(text);
    let document = match DeTable::parse(text) {
        Ok(document) => document,
        Err(error) => {
            secrets::hide_lines(text, &problems);
            problems.add("", error.span(), Complaint::new(format!("is not TOML: {}", error.message())));
            return Err(problems.into_sorted());
        }
    };
    secrets::hide_variables(document.get_ref(), &problems);
    let environments = whole(document.get_ref(), folder, &problems);
    match problems.into_sorted() {
        none if none.is_empty() => Ok(environments),
        problems => Err(problems),
    }
}

fn whole(document: &DeTable<'_>, folder: &str, problems: &Problems<'_>) -> Vec<Environment> {
    let top = Layer { prefix: String::new(), table: document, span: None };
    Section::new(TOP, [top.clone()], problems);
    let missing = || {
        let complaint = Complaint::new("is missing: there is nowhere to deploy to");
        problems.add(
            "environments",
            None,
            complaint.help("add [environments.prod] with host, root, ports and url"),
        );
    };
    if !document.contains_key("environments") {
        missing();
        return Vec::new();
    }
    let Some(all) = top.table("environments", problems) else {
        return Vec::new();
    };
    if all.table.is_empty() {
        missing();
    }
    let mut found: Vec<(usize, Environment)> = Vec::new();
    for key in all.table.keys() {
        let name: &str = key.get_ref();
        if let Some(objection) = name::objection(name) {
            problems.add(&all.name_of(name), Some(key.span()), objection);
        }
        let Some(own) = all.table(name, problems) else {
            continue;
        };
        if let Some(environment) = environment(name, own, &top, folder, problems) {
            found.push((key.span().start, environment));
        }
    }
    // As the file has them, which is the order that its author thinks in.
    found.sort_by_key(|(start, _)| *start);
    let environments: Vec<Environment> = found.into_iter().map(|(_, environment)| environment).collect();
    report_collisions(&environments, &all, problems);
    environments
}

fn environment<'t>(
    name: &str,
    own: Layer<'t>,
    top: &Layer<'t>,
    folder: &str,
    problems: &Problems<'_>,
) -> Option<Environment> {
    let layers = |kind: &str| -> Vec<Layer<'t>> {
        [&own, top].into_iter().filter_map(|layer| layer.table(kind, problems)).collect()
    };
    let over = |kind: &'static str| Section::new(kind, layers(kind), problems);
    let itself = Section::new(ENVIRONMENT, [own.clone()], problems);
    let cutover = itself.value("cutover", application::cutover);
    let above = Section::new(TOP, [top.clone()], problems);
    let cutover = cutover.or(above.value("cutover", application::cutover));
    let supervisor = itself.value("supervisor", application::supervisor);
    let supervisor = supervisor.or(above.value("supervisor", application::supervisor));

    let host = itself.required("host", "host = \"my.server.here\"", value::ssh_host);
    let root = itself.required("root", "root = \"/home/USER/NAME\"", value::root);
    let url = itself.required("url", "url = \"http://my.server.here\"", value::url);
    let ports = ports(&itself, &own, problems);
    let port = itself.value("port", value::port);
    let user = itself.value("user", value::user);
    let app_section = over("app");
    let app = application::app(&app_section, folder);
    let python = application::python(&over("python"));
    let build = processes::build(&over("build"));
    let web = over("web");
    let command = processes::web(&web);
    let gunicorn = application::gunicorn(&over("gunicorn"), web.has("command"));
    let processes = processes::processes(&layers("processes"), problems);
    let health = application::health(&over("health"));
    let nginx_section = over("nginx");
    let nginx = application::nginx(&nginx_section, user.as_deref() == Some("root"));
    let hooks = hooks::hooks(&over("hooks"));
    let shared_section = over("shared");
    let shared = hooks::shared(&shared_section);
    let static_files = hooks::static_files(&over("static"));
    let env = application::variables(&layers("env"), problems);
    let secrets = secret_source::secrets(&layers("secrets"), &env, problems);
    if let (Some(url), Some(ports), None) = (&url, &ports, &nginx.address)
        && [ports.blue, ports.green].contains(&url.port)
    {
        let complaint = Complaint::new(format!("must leave port {} to nginx, which listens there", url.port));
        let help = "give the slot another port, or say in `nginx.address` where nginx listens on the host";
        itself.object("ports", complaint.help(help));
    }
    let cutover = cutover.unwrap_or(Cutover::Reload);
    if command.is_some() && cutover == Cutover::Socket {
        let complaint = Complaint::new("cannot be had with cutover = \"socket\", which needs gunicorn");
        web.object("command", complaint.help("take the key `cutover` out"));
    }
    let environment = Environment {
        name: name.to_owned(),
        target: Target { host: host?, port, user },
        root: root?,
        ports: ports?,
        url: url?,
        app,
        python,
        build,
        web: match command {
            Some(command) => Web::Command(command),
            None => Web::Gunicorn(gunicorn?),
        },
        processes,
        health,
        nginx,
        hooks,
        shared,
        static_files,
        cutover,
        supervisor: supervisor.unwrap_or(super::Supervisor::Auto),
        env,
        secrets,
    };
    for (table, key, complaint) in site::conflicts(&environment) {
        let section = match table {
            "app" => &app_section,
            "nginx" => &nginx_section,
            "shared" => &shared_section,
            _ => &itself,
        };
        section.object(key, complaint);
    }
    Some(environment)
}

fn ports(itself: &Section<'_, '_>, own: &Layer<'_>, problems: &Problems<'_>) -> Option<Ports> {
    const EXAMPLE: &str = "ports = { blue = 8888, green = 8889 }";
    if !itself.has("ports") {
        return itself.required("ports", EXAMPLE, |_| Err(Complaint::new("is missing")));
    }
    if own.table.get("ports").is_some_and(|ports| !ports.get_ref().is_table()) {
        itself.object("ports", Complaint::new("must be a table").help(format!("write {EXAMPLE}")));
        return None;
    }
    let section = Section::new("ports", own.table("ports", problems), problems);
    let blue = section.required("blue", "blue = 8888", value::port);
    let green = section.required("green", "green = 8889", value::port);
    let ports = Ports { blue: blue?, green: green? };
    if ports.blue == ports.green {
        let complaint = Complaint::new(format!("must differ: blue and green are both {}", ports.blue));
        itself.object("ports", complaint.help("both slots run at once, so give each a port of its own"));
        return None;
    }
    Some(ports)
}

/// Two environments on one host are either the same place under two names, or have nothing in common.
fn report_collisions(environments: &[Environment], all: &Layer<'_>, problems: &Problems<'_>) {
    let ports = |environment: &Environment| [environment.ports.blue, environment.ports.green];
    for (index, later) in environments.iter().enumerate() {
        for earlier in &environments[..index] {
            let same_place = earlier.root == later.root && earlier.ports == later.ports;
            let same_host =
                (&earlier.target.host, earlier.target.port) == (&later.target.host, later.target.port);
            if same_place || !same_host {
                continue;
            }
            let shared = ports(later).into_iter().find(|port| ports(earlier).contains(port));
            let (key, what) = match shared {
                Some(port) => ("ports", format!("takes port {port}, which")),
                None if earlier.root == later.root => ("root", "is the folder that".to_owned()),
                None => continue,
            };
            let Some(own) = all.table(&later.name, problems) else {
                continue;
            };
            let complaint = Complaint::new(format!("{what} `{}` has on the same host", earlier.name));
            let complaint = complaint.help(format!("each environment on a host has its own {key}"));
            let span = own.table.get(key).map(Spanned::span);
            problems.add(&own.name_of(key), span, complaint);
        }
    }
}
