//! A light look at Python sources: line by line, without parsing them.

use super::sources::Sources;
use super::statements::{Statement, assignment, end_of_list, split, statements};
use super::views::PageView;

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
    Some(
        split(list)
            .iter()
            .all(|argument| argument.contains('=') || argument.starts_with('*') || *argument == "/"),
    )
}

/// The variables that a text reads from the environment, by itself or by one of the helpers.
pub(super) fn variables(text: &str, helpers: &[String]) -> Vec<String> {
    const READERS: [&str; 5] = ["os.environ[", "os.environ.get(", "environ.get(", "os.getenv(", "getenv("];
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
            }))
            .chain(helpers.iter().flat_map(|name| {
                let is_it = |at: &usize| {
                    !line[..*at].ends_with(is_of_name) && line[at + name.len()..].starts_with('(')
                };
                line.match_indices(name.as_str())
                    .map(|(at, _)| at)
                    .filter(is_it)
                    .map(|at| at + name.len() + 1)
            }));
        for start in starts {
            let rest = line[start..].trim_start_matches(|c: char| c.is_ascii_lowercase() || "_(".contains(c));
            let name = if rest.starts_with(['"', '\'']) { quoted(rest) } else { None };
            let is_name = |name: &&str| {
                name.len() > 1
                    && name.starts_with(|c: char| c.is_ascii_uppercase())
                    && name.chars().all(|c| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_')
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

/// The functions of the sources that read the variable which they are given the name of: `envbool("DEBUG", False)`.
pub(super) fn helpers(sources: &Sources) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (_, text) in sources.python() {
        if !["environ", "getenv"].iter().any(|mark| text.contains(mark)) {
            continue;
        }
        let statements = statements(text);
        for view in PageView::all(&statements) {
            let Some((name, parameters)) = view.head.function() else {
                continue;
            };
            let first = split(parameters).into_iter().find(|it| !["self", "cls"].contains(it));
            let first = first.and_then(|it| it.split([':', '=']).next()).unwrap_or_default().trim();
            let reads = |it: &Statement| {
                let called = ["environ.get(", "environ[", "getenv("].iter().any(|mark| {
                    let mut rest = it.text.split(mark).skip(1);
                    rest.any(|rest| {
                        rest.strip_prefix(first).is_some_and(|rest| !rest.starts_with(is_of_name))
                    })
                });
                called || it.text.contains(&format!("{first} in os.environ"))
            };
            if !first.is_empty() && view.body.iter().chain([view.head]).any(reads) {
                found.push(name.to_owned());
            }
        }
    }
    found
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_at_the_left_margin_are_seen() {
        assert_eq!(assignment("app = Flask(__name__)"), Some(("app", "Flask(__name__)")));
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
        assert_eq!(bare("def create_app(config=None, *, test: bool = False) -> Flask:\n"), Some(true));
        assert_eq!(bare("def create_app(\n    config: dict[str, int],\n):\n"), Some(false));
        assert_eq!(bare("def create_apps():\n"), None);
    }

    #[test]
    fn variables_are_read_off_the_lines() {
        let text = "A = os.environ[\"SECRET_KEY\"]\nB = env.bool('DEBUG', default=False)\nC = config(\"DB_URL\")\n\
                    d = myconfig('NOT_ME')\n# os.environ['NOR_ME']\ne = os.getenv('PORT')\nf = env('lower')\n";
        assert_eq!(variables(text, &[]), ["DB_URL", "DEBUG", "PORT", "SECRET_KEY"]);
        let helper = "def envbool(name, default=False):\n    value = os.environ.get(name)\n    return value == '1'\n\
                      def other(name):\n    return os.environ.get(names)\n";
        let sources = Sources::new([("conf.py".to_owned(), helper.to_owned())]);
        let text = "D = envbool(\"DEBUG\", True)\nE = conf.envbool('EMAIL_TLS')\nF = myenvbool('NO')\nG = other('NEITHER')\n";
        assert_eq!(variables(text, &helpers(&sources)), ["DEBUG", "EMAIL_TLS"]);
    }
}
