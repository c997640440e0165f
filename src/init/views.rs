//! Whether a page can be asked for by anybody: what guards a view, as far as its own lines tell.

use super::modules::Modules;
use super::statements::{Statement, call, split};

/// How many bases of a class are looked at, one above the other.
const DEPTH: usize = 4;

/// In a decorator's or a base class's name: it lets only some in.
const GUARDS: [&str; 18] = [
    "login",
    "auth",
    "required",
    "requires",
    "permission",
    "admin",
    "token",
    "protect",
    "member",
    "private",
    "restrict",
    "session",
    "role",
    "staff",
    "superuser",
    "passestest",
    "passes_test",
    "authenticated",
];

/// In a parameter of FastAPI's: somebody must be logged in.
const PERSONS: [&str; 10] =
    ["user", "auth", "login", "token", "admin", "permission", "api_key", "apikey", "credential", "principal"];

/// In the body of a view: it sends some elsewhere.
const TURNS_AWAY: [&str; 6] =
    ["redirect", "is_authenticated", "abort(401", "abort(403", "unauthorized", "isauthenticated"];

/// What a query must bring for such a parameter.
const PLAIN_TYPES: [&str; 7] = ["str", "int", "float", "bool", "uuid", "date", "datetime"];

pub(super) fn guards(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    !name.contains("exempt")
        && !name.contains("not_required")
        && GUARDS.iter().any(|word| name.contains(word))
}

/// Whether lines turn away who is not logged in.
pub(super) fn turns_away<'a>(mut body: impl Iterator<Item = &'a Statement>) -> bool {
    body.any(|statement| {
        let text = statement.text.to_ascii_lowercase();
        TURNS_AWAY.iter().any(|mark| text.contains(mark))
    })
}

/// Whether dependencies, as of a router, let only some in.
pub(super) fn depends(text: &str) -> bool {
    let text = text.to_ascii_lowercase();
    PERSONS.iter().any(|word| text.contains(word))
}

/// A function or a class with the decorators above it and the lines below.
pub(super) struct PageView<'a> {
    pub(super) decorators: &'a [Statement],
    pub(super) head: &'a Statement,
    pub(super) body: &'a [Statement],
}

impl<'a> PageView<'a> {
    /// The one that is defined at an index.
    pub(super) fn at(statements: &'a [Statement], index: usize) -> PageView<'a> {
        let head = &statements[index];
        let above = statements[..index].iter().rev();
        let decorators = above.take_while(|it| it.text.starts_with('@') && it.indent == head.indent).count();
        let below = statements[index + 1..].iter();
        let body = below.take_while(|it| it.indent > head.indent).count();
        PageView {
            decorators: &statements[index - decorators..index],
            head,
            body: &statements[index + 1..index + 1 + body],
        }
    }

    /// Every one in a file.
    pub(super) fn all(statements: &'a [Statement]) -> impl Iterator<Item = PageView<'a>> {
        let is_view = |it: &Statement| it.function().is_some() || it.class().is_some();
        (0..statements.len())
            .filter(move |index| is_view(&statements[*index]))
            .map(|index| PageView::at(statements, index))
    }

    /// Whether it answers a plain GET of anybody, whatever it is mounted at.
    pub(super) fn is_public(&self) -> bool {
        let decorator = |it: &Statement| {
            let text = it.text.trim_start_matches('@');
            let name = text.split('(').next().unwrap_or(text).to_ascii_lowercase();
            let is_route = ["route", "get", "api_route", "api_view"]
                .iter()
                .any(|end| name == *end || name.ends_with(&format!(".{end}")));
            let names_methods = name.contains("methods") || name.ends_with("api_view");
            let is_for_others = name.ends_with("require_post")
                || names_methods && text.contains('[') && !text.contains("GET");
            let wraps = name.ends_with("method_decorator") && guards(text);
            !is_for_others && !wraps && (is_route || !guards(&name))
        };
        let parameter = |it: &&str| {
            let (_, kind) = it.split_once(':').unwrap_or(("", ""));
            let asks = kind.split(['[', '|']).next().unwrap_or_default().trim();
            !depends(it) && (it.contains('=') || !PLAIN_TYPES.contains(&&*asks.to_ascii_lowercase()))
        };
        let signature = self.head.function().map_or("", |(_, parameters)| parameters);
        self.decorators.iter().all(decorator)
            && split(signature).iter().all(parameter)
            && !turns_away(self.body.iter().chain([self.head]))
    }

    /// The lines of a class's own method.
    fn defines(&self, method: &str) -> bool {
        let is = |it: &Statement| it.function().is_some_and(|(name, _)| name == method);
        self.body.iter().any(is)
    }

    /// Whether what the settings ask of all views leaves it open.
    fn is_let_in(&self, defaults: Defaults, is_rest: bool) -> bool {
        let is_open = self.says("login_not_required") || self.says("AllowAny");
        is_open || !(defaults.login || is_rest && defaults.rest)
    }

    fn says(&self, word: &str) -> bool {
        self.body.iter().chain(self.decorators).any(|it| it.text.contains(word))
    }
}

/// What Django's settings say of all views.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Defaults {
    /// A middleware sends everybody to the login.
    pub(super) login: bool,
    /// So does the REST framework.
    pub(super) rest: bool,
}

/// Whether a view that a `urls.py` names answers anybody; `None`: it comes from outside the repository, which is not read.
pub(super) fn is_public(
    modules: &Modules,
    file: usize,
    expression: &str,
    defaults: Defaults,
) -> Option<bool> {
    let expression = expression.trim();
    if expression.starts_with("lambda") {
        return Some(!defaults.login);
    }
    let Some(made) = call(expression) else {
        return function(modules, file, expression, defaults);
    };
    if made.last() == "as_view" {
        let class = made.receiver().unwrap_or_default();
        return match class.rsplit('.').next().unwrap_or_default() {
            "LoginView" => Some(true),
            "RedirectView" => Some(false),
            "TemplateView" => Some(!defaults.login),
            _ => class_is_public(modules, file, class, defaults, 0),
        };
    }
    if guards(made.name) {
        return Some(false);
    }
    // `cache_page(60)(view)`, `csrf_exempt(view)`.
    let inner = made.rest.strip_prefix('(').and_then(|rest| rest.strip_suffix(')'));
    let inner = inner.or(made.positional(0))?;
    (inner.len() < expression.len()).then(|| is_public(modules, file, inner, defaults))?
}

fn function(modules: &Modules, file: usize, name: &str, defaults: Defaults) -> Option<bool> {
    let (file, name) = modules.origin(file, name)?;
    let mut views = PageView::all(&modules.all[file].statements);
    let is = |view: &PageView| view.head.function().is_some_and(|(made, _)| made == name);
    let view = views.find(is)?;
    let is_rest = view.says("api_view");
    Some(view.is_public() && view.is_let_in(defaults, is_rest))
}

fn class_is_public(
    modules: &Modules,
    file: usize,
    name: &str,
    defaults: Defaults,
    depth: usize,
) -> Option<bool> {
    let (file, name) = modules.origin(file, name)?;
    let mut views = PageView::all(&modules.all[file].statements);
    let is = |view: &PageView| view.head.class().is_some_and(|(made, _)| made == name);
    let view = views.find(is)?;
    let bases = split(view.head.class().map_or("", |(_, bases)| bases));
    let base = |base: &&str| {
        let last = base.rsplit('.').next().unwrap_or_default();
        let own =
            (depth < DEPTH).then(|| class_is_public(modules, file, base, defaults, depth + 1)).flatten();
        !guards(last)
            && last != "RedirectView"
            && (last != "View" || view.defines("get"))
            && own.unwrap_or(true)
    };
    let is_rest = bases.iter().any(|base| base.contains("APIView") || base.contains("ViewSet"));
    Some(view.is_public() && bases.iter().all(base) && view.is_let_in(defaults, is_rest))
}
