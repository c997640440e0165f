//! Why a virtualenv could not be built: what pip and uv say, in a sentence, and what to do.

use crate::config::Environment;
use crate::plan::preconditions::needs_uv;
use crate::plan::{ActionFailure, Failure, Reason};
use crate::shell::display;

/// Lines of a conflict that a person is shown.
const MOST_CAUSES: usize = 6;

/// What a package index that cannot be reached makes pip and uv say.
const UNREACHED: [&str; 7] = [
    "NewConnectionError",
    "NameResolutionError",
    "ConnectTimeoutError",
    "Temporary failure in name resolution",
    "Failed to fetch: http",
    "Failed to fetch: `http",
    "error sending request for url",
];

/// Explains the step that failed.
pub(super) fn explain(
    what: String,
    failed: &ActionFailure,
    environment: &Environment,
    host: &str,
) -> Failure {
    let failure = Failure::new("virtualenv", what);
    match failed.reason {
        Some(Reason::NoUv) => return needs_uv(failure, environment),
        Some(Reason::NoGunicorn) => {
            return add_gunicorn(failure.why("the requirements bring no gunicorn"), environment);
        }
        Some(Reason::VirtualenvLive) => {
            return failure
                .why("what live runs from is not rebuilt beneath it")
                .advise("if it was a moment's weakness of the host, try again")
                .advise("else change the requirements (a comment will do): what they are built into is then another folder");
        }
        _ => {}
    }
    match reason(&failed.output) {
        Some((why, kind)) => advise(failure.why(why), kind, environment, host),
        None => failure,
    }
}

/// The refusal of a deploy whose requirements are known to bring no gunicorn.
pub fn without_gunicorn(environment: &Environment, commit: &str) -> Failure {
    let what = format!("commit {commit}: {} brings no gunicorn", file(environment));
    let failure = Failure::usage("requirements.gunicorn", what)
        .why("it names all that is installed, and gunicorn serves the application");
    add_gunicorn(failure, environment)
}

/// What is said of requirements that may bring no gunicorn: it takes an installation to know.
pub fn gunicorn_unnamed(environment: &Environment) -> String {
    format!(
        "{} does not name gunicorn: unless a package that it names brings it, the deploy fails after the installation; add \
         it, or set [gunicorn] install = \"gunicorn\"",
        file(environment)
    )
}

fn add_gunicorn(failure: Failure, environment: &Environment) -> Failure {
    let add = if environment.python.is_locked() {
        "uv add gunicorn, and commit"
    } else {
        "add gunicorn to the requirements"
    };
    failure.advise(format!("{add}, or set [gunicorn] install = \"gunicorn\""))
}

fn file(environment: &Environment) -> &str {
    let file = environment.python.requirements.as_deref();
    file.unwrap_or("[python] requirements = false")
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// No such package or version.
    Missing,
    Conflict,
    /// It wants another Python.
    Python,
    Unreached,
    /// A package is built from its sources, and that fails.
    Build,
    /// The host's Python cannot make virtualenvs.
    NoVenv,
}

fn advise(failure: Failure, kind: Kind, environment: &Environment, host: &str) -> Failure {
    let file = environment.python.requirements.as_deref();
    let file = file.unwrap_or("the requirements");
    match kind {
        Kind::Missing => failure.advise(format!("look at {file}")),
        Kind::Conflict => failure.advise(format!(
            "loosen one of these in {file}; to try it without a deploy: python3 -m pip install --dry-run -r {}",
            display(&[file.to_string()])
        )),
        Kind::Python => failure.advise(format!(
            "set [python] interpreter (now {}) to a Python of {host} that fits, or ask for another version in {file}",
            environment.python.interpreter
        )),
        Kind::Unreached => failure
            .advise(format!("which index {host} asks, unless another is named: python3 -m pip config list, there"))
            .advise("where it has a mirror: [python] install_args = [\"--index-url\", \"https://…\"]"),
        Kind::Build => failure
            .advise("the lines above say what it lacks, often a compiler and headers: on the host, as root: apt-get install build-essential python3-dev")
            .advise(format!("or ask in {file} for a version that needs no compiler on {host}'s Python")),
        Kind::NoVenv => failure.advise("on the host, as root: apt-get install python3-venv"),
    }
}

/// The sentence in which pip or uv says why.
fn reason(output: &[String]) -> Option<(String, Kind)> {
    let last = |mark: &str| output.iter().rposition(|line| line.contains(mark));
    let said = |at: usize| bare(&output[at]).to_owned();
    if last("ensurepip is not").is_some() || last("No module named venv").is_some() {
        return Some(("the host's Python cannot make virtualenvs".to_owned(), Kind::NoVenv));
    }
    // pip then says that there is no such package.
    if let Some(at) = UNREACHED.iter().find_map(|mark| last(mark)) {
        let line = &output[at];
        let host = line.split_once("host='").map(|(_, rest)| rest);
        let place = host.or_else(|| line.find("http").map(|begin| &line[begin..]));
        let place = place.and_then(|place| place.split(['`', ')', '\'']).next());
        let index = place.map_or(String::new(), |place| format!(" ({place})"));
        return Some((format!("the host cannot reach the package index{index}"), Kind::Unreached));
    }
    for mark in [
        "requires a different Python",
        "is incompatible with the project's Python requirement",
        "No interpreter found for Python",
    ] {
        if let Some(at) = last(mark) {
            return Some((said(at), Kind::Python));
        }
    }
    if let Some(at) = last("conflicting dependencies").filter(|_| last("ResolutionImpossible").is_some()) {
        let causes: Vec<&str> = output[at..]
            .iter()
            .skip_while(|line| !line.contains("The conflict is caused by"))
            .skip(1)
            .map(|line| line.trim())
            .take_while(|line| !line.is_empty())
            .take(MOST_CAUSES)
            .collect();
        let causes = if causes.is_empty() { String::new() } else { format!(" {}", causes.join("; ")) };
        return Some((format!("{}{causes}", said(at)), Kind::Conflict));
    }
    let build = ["Failed building wheel for ", "Failed to build `", "Failed to build '"];
    if let Some((at, mark)) = build.iter().find_map(|mark| Some((last(mark)?, mark))) {
        let rest = output[at].split_once(mark).map_or("", |(_, rest)| rest);
        let package = rest.split(['`', '\'', ' ']).next().unwrap_or_default();
        return Some((format!("{package} could not be built on the host"), Kind::Build));
    }
    if let Some(at) = last("No matching distribution found for") {
        // The versions that it knows are for other Pythons.
        return Some(match last("that require a different python version") {
            Some(ignored) => {
                let versions = output[ignored].split_once("python version: ").map_or("", |(_, rest)| rest);
                let versions: Vec<&str> = versions.rsplit("; ").take(3).collect();
                (format!("{}; others need another Python: {}", said(at), versions.join(", ")), Kind::Python)
            }
            None => (said(at), Kind::Missing),
        });
    }
    if let Some(at) = last("ERROR: Invalid requirement") {
        return Some((said(at), Kind::Missing));
    }
    let sentence = sentence(output)?;
    let kind = match () {
        () if ["requires Python", "Python version (", "Python>="]
            .iter()
            .any(|mark| sentence.contains(mark)) =>
        {
            Kind::Python
        }
        () if sentence.contains("depend") => Kind::Conflict,
        () => Kind::Missing,
    };
    Some((sentence, kind))
}

fn bare(line: &str) -> &str {
    let line = line.trim();
    let line = line.strip_prefix("ERROR:").or_else(|| line.strip_prefix("error:")).unwrap_or(line);
    line.trim()
}

/// uv breaks its sentence into lines; older ones begin it with a tree.
fn sentence(output: &[String]) -> Option<String> {
    let first = output.iter().rposition(|line| {
        let line = line.trim_start();
        line.starts_with("╰─▶")
            || line.starts_with("cause: Because")
            || line.starts_with("error: Couldn't parse requirement")
    })?;
    let sentence: Vec<&str> = output[first..]
        .iter()
        .map(|line| {
            line.trim()
                .trim_start_matches("╰─▶")
                .trim_start_matches("cause:")
                .trim_start_matches("error:")
                .trim()
        })
        .take_while(|line| !line.is_empty() && !line.starts_with("hint:"))
        .collect();
    Some(sentence.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Option<(String, Kind)> {
        reason(&text.lines().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn what_pip_and_uv_say_becomes_a_sentence() {
        for (text, why, kind) in [
            (
                "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(\"HTTPConnection(host='127.0.0.1', port=1): \
                 Failed to establish a new connection\")': /simple/flask/\nERROR: No matching distribution found for flask",
                "the host cannot reach the package index (127.0.0.1)",
                Kind::Unreached,
            ),
            (
                "error: Request failed after 3 retries\n  Caused by: Failed to fetch: `https://index.example/simple/flask/`",
                "the host cannot reach the package index (https://index.example/simple/flask/)",
                Kind::Unreached,
            ),
            (
                "error: No solution found when resolving dependencies\n  cause: Because future==1 requires Python >=4 and you\n\
                 \u{20}        require future, your requirements are unsatisfiable.",
                "Because future==1 requires Python >=4 and you require future, your requirements are unsatisfiable.",
                Kind::Python,
            ),
            (
                "ERROR: Package 'hello' requires a different Python: 3.11.2 not in '>=3.13'",
                "Package 'hello' requires a different Python: 3.11.2 not in '>=3.13'",
                Kind::Python,
            ),
            (
                "      |  error: command 'gcc' failed\n  ERROR: Failed building wheel for psycopg2\nERROR: Could not build wheels",
                "psycopg2 could not be built on the host",
                Kind::Build,
            ),
            (
                "  × Failed to build `psycopg2==2.9.10`\n  ├─▶ The build backend returned an error\n  ╰─▶ Call to x failed",
                "psycopg2==2.9.10 could not be built on the host",
                Kind::Build,
            ),
        ] {
            assert_eq!(of(text), Some((why.to_owned(), kind)), "{text}");
        }
        assert_eq!(of("Collecting flask\nERROR: something new"), None);
    }
}
