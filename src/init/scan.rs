//! A light look at Python sources: line by line, without parsing them.

/// The text inside the first quotes of a piece of source.
pub(super) fn quoted(text: &str) -> Option<&str> {
    let start = text.find(['"', '\''])?;
    let quote = text[start..].chars().next()?;
    let rest = &text[start + 1..];
    rest.find(quote).map(|end| &rest[..end])
}

/// What is assigned to a name at the left margin: `NAME = value`, `NAME: type = value`.
pub(super) fn assigned<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let (left, right) = assignment(line)?;
        (left == name).then_some(right)
    })
}

/// Name and value of an assignment at the left margin.
pub(super) fn assignment(line: &str) -> Option<(&str, &str)> {
    let (left, right) = line.split_once('=')?;
    let name = left.split(':').next()?.trim_end();
    let is_name = name.starts_with(|c: char| c.is_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_alphanumeric() || c == '_');
    (is_name && !right.starts_with('=')).then(|| (name, right.trim()))
}

/// The function that an expression calls: `flask.Flask(__name__)` → `Flask`.
pub(super) fn called(expression: &str) -> Option<&str> {
    let (path, _) = expression.split_once('(')?;
    let name = path.rsplit('.').next()?;
    let is_name =
        |name: &str| !name.is_empty() && name.chars().all(|c| c.is_alphanumeric() || c == '_' || c == '.');
    is_name(path).then_some(name)
}

/// The name of a function defined at the left margin that can be called without arguments.
pub(super) fn callable_bare(text: &str, name: &str) -> Option<bool> {
    let start = text.lines().find(|line| {
        let definition = line.strip_prefix("async ").unwrap_or(line);
        definition
            .strip_prefix("def ")
            .and_then(|rest| rest.strip_prefix(name))
            .is_some_and(|rest| rest.trim_start().starts_with('('))
    })?;
    let at = text.find(start)?;
    let list = text[at..].split_once('(')?.1;
    let list = &list[..end_of_list(list)];
    Some(arguments(list).iter().all(|argument| {
        argument.is_empty() || argument.contains('=') || argument.starts_with('*') || *argument == "/"
    }))
}

/// Where the parenthesis that is open before `text` is closed.
fn end_of_list(text: &str) -> usize {
    let mut depth = 1;
    for (at, letter) in text.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return at;
        }
    }
    text.len()
}

fn arguments(list: &str) -> Vec<&str> {
    let mut depth = 0;
    let mut start = 0;
    let mut found = Vec::new();
    for (at, letter) in list.char_indices() {
        match letter {
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth -= 1,
            ',' if depth == 0 => {
                found.push(list[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(list[start..].trim());
    found
}

/// The variables that a text reads from the environment.
pub(super) fn variables(text: &str) -> Vec<String> {
    const READERS: [&str; 5] = [
        "os.environ[",
        "os.environ.get(",
        "environ.get(",
        "os.getenv(",
        "getenv(",
    ];
    let mut names = Vec::new();
    for line in text.lines().filter(|line| !line.trim_start().starts_with('#')) {
        // `env("X")` and `env.bool("X")` of django-environ, `config("X")` of python-decouple.
        let own = ["env(", "env.", "config("].iter();
        let starts = READERS
            .iter()
            .flat_map(|mark| line.match_indices(mark).map(|(at, mark)| at + mark.len()))
            .chain(own.flat_map(|mark| {
                line.match_indices(mark)
                    .filter(|(at, _)| {
                        !line[..*at].ends_with(|c: char| c.is_alphanumeric() || "_.".contains(c))
                    })
                    .map(|(at, mark)| at + mark.len())
            }));
        for start in starts {
            let rest = line[start..].trim_start_matches(|c: char| c.is_ascii_lowercase() || "_(".contains(c));
            let name = if rest.starts_with(['"', '\'']) {
                quoted(rest)
            } else {
                None
            };
            let is_name = |name: &&str| {
                name.len() > 1
                    && name.starts_with(|c: char| c.is_ascii_uppercase())
                    && name
                        .chars()
                        .all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
            };
            if let Some(name) = name.filter(is_name) {
                names.push(name.to_owned());
            }
        }
    }
    names.sort();
    names.dedup();
    names
}

/// A route that looks made for health checks, as `path("health/", …)` or `@app.get("/healthz")` name it.
pub(super) fn health_route(text: &str) -> Option<String> {
    const NAMES: [&str; 8] = [
        "health",
        "healthz",
        "healthcheck",
        "health-check",
        "livez",
        "readyz",
        "ping",
        "up",
    ];
    const MARKS: [&str; 5] = ["path(", "route(", ".get(", "add_url_rule(", "Route("];
    text.lines().find_map(|line| {
        let mark = MARKS
            .iter()
            .find_map(|mark| line.find(mark).map(|at| at + mark.len()))?;
        let rest = line[mark..].trim_start_matches('r');
        let route = if rest.starts_with(['"', '\'']) {
            quoted(rest)?
        } else {
            return None;
        };
        let bare = route.trim_matches(['/', '^', '$', '?']);
        NAMES.contains(&bare).then(|| {
            let slash = if route.trim_end_matches(['$', '?']).ends_with('/') && bare != route {
                "/"
            } else {
                ""
            };
            format!("/{bare}{slash}")
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_at_the_left_margin_are_seen() {
        assert_eq!(
            assignment("app = Flask(__name__)"),
            Some(("app", "Flask(__name__)"))
        );
        assert_eq!(assignment("app: FastAPI = FastAPI()"), Some(("app", "FastAPI()")));
        assert_eq!(assignment("    app = Flask(__name__)"), None);
        assert_eq!(assignment("if a == b:"), None);
        assert_eq!(called("flask.Flask(__name__)"), Some("Flask"));
        assert_eq!(called("[Flask(x)]"), None);
    }

    #[test]
    fn a_factory_must_be_callable_without_arguments() {
        let bare = |text| callable_bare(text, "create_app");
        assert_eq!(bare("def create_app():\n"), Some(true));
        assert_eq!(
            bare("def create_app(config=None, *, test: bool = False) -> Flask:\n"),
            Some(true)
        );
        assert_eq!(
            bare("def create_app(\n    config: dict[str, int],\n):\n"),
            Some(false)
        );
        assert_eq!(bare("def create_apps():\n"), None);
    }

    #[test]
    fn variables_and_routes_are_read_off_the_lines() {
        let text = "A = os.environ[\"SECRET_KEY\"]\nB = env.bool('DEBUG', default=False)\nC = config(\"DB_URL\")\n\
                    d = myconfig('NOT_ME')\n# os.environ['NOR_ME']\ne = os.getenv('PORT')\nf = env('lower')\n";
        assert_eq!(variables(text), ["DB_URL", "DEBUG", "PORT", "SECRET_KEY"]);
        for (line, route) in [
            ("    path(\"health/\", views.health),", Some("/health/")),
            ("@app.get('/healthz')", Some("/healthz")),
            ("re_path(r'^ping/$', ping)", Some("/ping/")),
            ("@app.route(\"/users\")", None),
            ("cache.get(key, \"health\")", None),
        ] {
            assert_eq!(health_route(line).as_deref(), route, "{line}");
        }
    }
}
