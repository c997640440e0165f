//! The pages that a Django project serves to anybody, by its `urls.py` files.

use super::modules::Modules;
use super::statements::{CallExpression, assignment, call, lists, literal, split};
use super::views::{Defaults, is_public};

/// How deep they include each other.
const DEPTH: usize = 6;

/// Applications of others whose whole purpose is to be asked.
const CHECKS: [&str; 3] = ["health_check", "watchman", "django_alive"];

/// What is served without a login, by its path; and what is served by views that are not in the repository.
pub(super) fn served(modules: &Modules, root: &str, defaults: Defaults) -> (Vec<String>, Vec<String>) {
    let mut walk = Walk { modules, defaults, found: Vec::new(), unknown: Vec::new() };
    if let Some(file) = modules.named(root) {
        walk.list(file, "urlpatterns", "/", 0);
    }
    (walk.found, walk.unknown)
}

struct Walk<'a> {
    modules: &'a Modules<'a>,
    defaults: Defaults,
    found: Vec<String>,
    unknown: Vec<String>,
}

impl Walk<'_> {
    /// What a name in a file lists; what is added only under a condition is left out.
    fn list(&mut self, file: usize, name: &str, prefix: &str, depth: usize) {
        let modules = self.modules;
        for statement in modules.all[file].statements.iter().filter(|it| it.indent == 0) {
            let text = statement.text.replacen("+=", "=", 1);
            let value = assignment(&text).filter(|(made, _)| *made == name);
            // Where every address begins with a language, none is served as it stands.
            if let Some((_, value)) = value {
                self.elements(file, value, prefix, depth);
            }
        }
    }

    fn elements(&mut self, file: usize, value: &str, prefix: &str, depth: usize) {
        for made in lists(value).into_iter().filter_map(call) {
            self.element(file, &made, prefix, depth);
        }
    }

    fn element(&mut self, file: usize, made: &CallExpression, prefix: &str, depth: usize) -> Option<()> {
        let route = literal(made.positional(0).or(made.keyword("route"))?)?;
        let route = match made.last() {
            "path" => route.to_owned(),
            "re_path" | "url" => plain(route)?,
            _ => return None,
        };
        let path = format!("{prefix}{route}");
        if path.contains('<') {
            return None;
        }
        let target = made.positional(1).or(made.keyword("view"))?;
        if target.ends_with("site.urls") {
            self.found.push(format!("{path}login/"));
            return None;
        }
        match call(target).filter(|target| target.last() == "include") {
            Some(include) => self.include(file, &include, &path, depth + 1),
            None => {
                match is_public(self.modules, file, target, self.defaults) {
                    Some(true) => self.found.push(path),
                    Some(false) => {}
                    None => self.unknown.push(path),
                }
                None
            }
        }
    }

    fn include(&mut self, file: usize, include: &CallExpression, path: &str, depth: usize) -> Option<()> {
        let what = include.positional(0)?;
        // `include((patterns, "name"))`
        let what = match what.strip_prefix('(') {
            Some(list) => split(list).first().copied()?,
            None => what,
        };
        if depth > DEPTH {
            return None;
        }
        if let Some(module) = literal(what) {
            match self.modules.named(module) {
                Some(file) => self.list(file, "urlpatterns", path, depth),
                None if CHECKS.iter().any(|name| module.starts_with(name)) => {
                    self.found.push(path.to_owned())
                }
                None => {}
            }
            return Some(());
        }
        if what.starts_with('[') {
            self.elements(file, what, path, depth);
            return Some(());
        }
        let (file, name) = self.modules.origin(file, what)?;
        self.list(file, &name, path, depth);
        Some(())
    }
}

/// A regular expression that stands for one address.
fn plain(pattern: &str) -> Option<String> {
    let text = pattern.trim_start_matches('^');
    let text = text.strip_suffix('$').or(text.strip_suffix("\\Z")).unwrap_or(text);
    let text = text.strip_suffix('?').unwrap_or(text);
    (!text.contains(['\\', '(', ')', '[', ']', '{', '}', '*', '+', '.', '|', '?', '$']))
        .then(|| text.to_owned())
}
