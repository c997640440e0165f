//! The pages that an application object serves to anybody: its own routes, and those of what is registered on it.

use super::modules::{Modules, PythonModule};
use super::recognised::Recognised;
use super::statements::{CallExpression, Statement, call, lists, split};
use super::views::{Defaults, PageView, depends, guards, is_public, turns_away};

/// How deep routers are registered on each other.
const DEPTH: usize = 6;

const APPLICATIONS: [&str; 5] = ["Flask", "FastAPI", "Starlette", "Litestar", "Quart"];

/// What a function calls the application that it is given.
const PARAMETERS: [&str; 4] = ["app", "application", "flask_app", "server"];

/// What routes hang on: the application, a blueprint, a router.
struct Node {
    file: usize,
    name: String,
    is_root: bool,
    /// `None`: not known without running it.
    prefix: Option<String>,
    is_guarded: bool,
    is_blueprint: bool,
}

/// One node registered on another.
struct Edge {
    child: usize,
    parent: usize,
    /// `Some(None)`: there is one, and it is not known.
    prefix: Option<Option<String>>,
    is_guarded: bool,
}

struct Graph<'a> {
    modules: &'a Modules<'a>,
    nodes: Vec<Node>,
    edges: Vec<Edge>,
}

/// What is served without a login, by its path; and FastAPI's own page, which it has unless it is told otherwise.
pub(super) fn served(modules: &Modules, found: &Recognised) -> (Vec<String>, Option<String>) {
    let mut graph = Graph { modules, nodes: Vec::new(), edges: Vec::new() };
    let Some(docs) = graph.make(found) else {
        return (Vec::new(), None);
    };
    graph.register();
    graph.guard();
    (graph.routes(), docs)
}

/// Each statement of a file with its place.
fn all<'a>(modules: &'a Modules<'a>) -> impl Iterator<Item = (usize, &'a Statement)> {
    let of = |(file, module): (usize, &'a PythonModule<'a>)| {
        module.statements.iter().map(move |statement| (file, statement))
    };
    modules.all.iter().enumerate().flat_map(of)
}

impl Graph<'_> {
    /// Finds the nodes; `None` where the application itself is not among them. Else where FastAPI's own page is.
    fn make(&mut self, found: &Recognised) -> Option<Option<String>> {
        let (_, object) = found.app.as_deref()?.split_once(':')?;
        let seen = self.modules.at(found.seen.as_deref()?)?;
        let object = object.trim_end_matches("()");
        let mut applications = Vec::new();
        for (file, statement) in all(self.modules) {
            let Some((name, value)) = statement.assignment() else {
                continue;
            };
            let Some(made) = call(value) else { continue };
            let is_application = APPLICATIONS.contains(&made.last());
            let key = match made.last() {
                "Blueprint" => "url_prefix",
                "APIRouter" => "prefix",
                _ if is_application => "",
                _ => continue,
            };
            if is_application {
                applications.push((self.nodes.len(), statement));
            }
            let prefix = made.keyword(key).map(|value| self.modules.text(value));
            self.nodes.push(Node {
                file,
                name: name.to_owned(),
                is_root: false,
                prefix: prefix.unwrap_or_else(|| Some(String::new())),
                is_guarded: made.keyword("dependencies").is_some_and(depends),
                is_blueprint: made.last() == "Blueprint",
            });
        }
        // The object itself, or what the factory's file makes.
        let own = |graph: &Self, at: usize| graph.nodes[at].file == seen && graph.nodes[at].name == object;
        let factory = self.factory(seen, object);
        let is_root = |graph: &Self, at: usize| graph.nodes[at].file == factory;
        let mut roots: Vec<_> = applications.iter().filter(|(at, _)| own(self, *at)).collect();
        if roots.is_empty() {
            roots = applications.iter().filter(|(at, _)| is_root(self, *at)).collect();
        }
        let (_, statement) = roots.first()?;
        let text = &statement.text;
        let closed = ["docs_url", "openapi_url=None", "root_path", "dependencies"];
        let is_open = text.contains("FastAPI(") && !closed.iter().any(|word| text.contains(word));
        for (at, _) in roots {
            self.nodes[*at].is_root = true;
        }
        Some(is_open.then(|| "/docs".to_owned()))
    }

    /// The file of the function that makes the application.
    fn factory(&self, seen: usize, object: &str) -> usize {
        let statements = &self.modules.all[seen].statements;
        let made = statements
            .iter()
            .filter_map(Statement::assignment)
            .find(|(name, _)| *name == object)
            .and_then(|(_, value)| call(value));
        let name = made.map_or(object, |call| call.name);
        self.modules.origin(seen, name).map_or(seen, |(file, _)| file)
    }

    /// The node that a name in a file stands for.
    fn node(&self, file: usize, name: &str) -> Option<usize> {
        let is = |file: usize, name: &str| {
            self.nodes.iter().position(|node| node.file == file && node.name == name)
        };
        if let Some(found) = is(file, name) {
            return Some(found);
        }
        let origin = self.modules.origin(file, name);
        origin.and_then(|(file, name)| is(file, &name)).or_else(|| {
            let takes = |it: &Statement| {
                it.function().is_some_and(|(_, parameters)| {
                    split(parameters)
                        .iter()
                        .any(|it| it.split([':', '=']).next().is_some_and(|it| it.trim() == name))
                })
            };
            let is_given = PARAMETERS.contains(&name) && self.modules.all[file].statements.iter().any(takes);
            is_given.then(|| self.nodes.iter().position(|node| node.is_root)).flatten()
        })
    }

    fn register(&mut self) {
        for (file, statement) in all(self.modules) {
            let Some(made) = call(&statement.text) else {
                continue;
            };
            let (child, key) = match made.last() {
                "register_blueprint" => (made.positional(0).or(made.keyword("blueprint")), "url_prefix"),
                "include_router" => (made.positional(0).or(made.keyword("router")), "prefix"),
                "mount" => (made.positional(1).or(made.keyword("app")), "path"),
                _ => continue,
            };
            let prefix = made.keyword(key).or_else(|| made.positional(0).filter(|_| made.last() == "mount"));
            let (Some(child), Some(parent)) = (child, made.receiver()) else {
                continue;
            };
            let (Some(child), Some(parent)) = (self.node(file, child), self.node(file, parent)) else {
                continue;
            };
            self.edges.push(Edge {
                child,
                parent,
                prefix: prefix.map(|prefix| self.modules.text(prefix)),
                is_guarded: made.keyword("dependencies").is_some_and(depends),
            });
        }
    }

    /// Functions that run before each request and turn somebody away guard all that hangs there.
    fn guard(&mut self) {
        for file in 0..self.modules.all.len() {
            for view in PageView::all(&self.modules.all[file].statements) {
                let turns = turns_away(view.body.iter())
                    || view.decorators.iter().any(|it| {
                        let name = it.text.split('(').next().unwrap_or_default();
                        guards(name)
                    });
                for decorator in view.decorators.iter().filter(|_| turns) {
                    let name = decorator.text.trim_start_matches('@');
                    let name = name.split('(').next().unwrap_or(name);
                    let Some((receiver, last)) = name.rsplit_once('.') else {
                        continue;
                    };
                    let at = match last {
                        "before_app_request" => self.nodes.iter().position(|node| node.is_root),
                        "before_request" | "middleware" => self.node(file, receiver),
                        _ => None,
                    };
                    if let Some(at) = at {
                        self.nodes[at].is_guarded = true;
                    }
                }
            }
        }
    }

    /// Where a node's routes are served to anybody.
    fn prefix(&self, at: usize, depth: usize) -> Option<String> {
        let node = &self.nodes[at];
        if node.is_guarded || depth > DEPTH {
            return None;
        }
        if node.is_root {
            return Some(String::new());
        }
        self.edges.iter().filter(|edge| edge.child == at).find_map(|edge| {
            let above = self.prefix(edge.parent, depth + 1)?;
            let own = match (&edge.prefix, node.is_blueprint) {
                (Some(prefix), true) => prefix.clone()?,
                (Some(prefix), false) => format!("{}{}", prefix.as_ref()?, node.prefix.as_ref()?),
                (None, _) => node.prefix.clone()?,
            };
            (!edge.is_guarded).then(|| format!("{above}{own}"))
        })
    }

    fn routes(&self) -> Vec<String> {
        let mut found = Vec::new();
        for (file, module) in self.modules.all.iter().enumerate() {
            for view in PageView::all(&module.statements).filter(PageView::is_public) {
                for decorator in view.decorators {
                    let text = decorator.text.trim_start_matches('@');
                    found.extend(call(text).and_then(|made| self.route(file, &made, "")));
                }
            }
            for statement in &module.statements {
                found.extend(self.by_call(file, statement));
                found.extend(self.listed(file, statement));
            }
        }
        found
    }

    /// The whole path of a route that takes a plain GET.
    fn route(&self, file: usize, made: &CallExpression, more: &str) -> Option<String> {
        let is_route = ["route", "get", "api_route", more].contains(&made.last());
        let methods = made.keyword("methods").is_none_or(|methods| methods.contains("GET"));
        let is_guarded = made.keyword("dependencies").is_some_and(depends);
        if !is_route || !methods || is_guarded {
            return None;
        }
        let path = made.positional(0).or(made.keyword("path")).or(made.keyword("rule"))?;
        let prefix = self.prefix(self.node(file, made.receiver()?)?, 0)?;
        whole(&prefix, &self.modules.text(path)?)
    }

    /// `app.add_url_rule("/x", "x", view)`, `router.add_api_route("/x", view)`.
    fn by_call(&self, file: usize, statement: &Statement) -> Option<String> {
        let made = call(&statement.text)?;
        let view = match made.last() {
            "add_url_rule" => made.keyword("view_func").or(made.positional(2))?,
            "add_api_route" | "add_route" => made.keyword("endpoint").or(made.positional(1))?,
            _ => return None,
        };
        self.is_public(file, view).then(|| self.route(file, &made, made.last()))?
    }

    /// `routes = [Route("/x", view)]`, of Starlette.
    fn listed(&self, file: usize, statement: &Statement) -> Vec<String> {
        let Some((_, value)) = statement.assignment() else {
            return Vec::new();
        };
        let inside = call(value).and_then(|made| made.keyword("routes"));
        let is_root = |node: &Node| node.is_root && node.file == file && !node.is_guarded;
        if !self.nodes.iter().any(is_root) {
            return Vec::new();
        }
        let elements = lists(inside.unwrap_or(value)).into_iter().filter_map(call);
        elements
            .filter(|made| made.name == "Route")
            .filter(|made| made.keyword("methods").is_none_or(|methods| methods.contains("GET")))
            .filter_map(|made| {
                let view = made.keyword("endpoint").or(made.positional(1))?;
                let path = self.modules.text(made.positional(0)?)?;
                self.is_public(file, view).then(|| whole("", &path))?
            })
            .collect()
    }

    fn is_public(&self, file: usize, view: &str) -> bool {
        is_public(self.modules, file, view, Defaults::default()) == Some(true)
    }
}

/// Prefix and path as one, where there is nothing in them to fill in.
fn whole(prefix: &str, path: &str) -> Option<String> {
    let path = match (prefix.ends_with('/'), path.starts_with('/')) {
        (true, true) => format!("{prefix}{}", &path[1..]),
        (false, false) if !path.is_empty() => format!("{prefix}/{path}"),
        _ => format!("{prefix}{path}"),
    };
    (!path.contains(['<', '{', '*', ' '])).then(|| if path.is_empty() { "/".to_owned() } else { path })
}
