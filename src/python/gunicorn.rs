//! Whether requirements bring gunicorn, as far as their files tell.

use super::{
    RequirementLine, Requirements, classify, file_name, is_remote, lock, logical_lines, normal, packages,
};
use crate::config::UV_LOCK;

/// What the files tell of gunicorn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Brought {
    /// They name it, or say too little to miss it.
    Maybe,
    /// They do not name it; another package that they name may still bring it.
    Unnamed,
    /// They name all that is installed, and it is not among them.
    Never,
}

/// Tools that write a list of all that is installed say so at its top.
const COMPILED: [&str; 3] = ["pip-compile", "uv pip compile", "uv export"];

/// Arguments of an installer that neither add packages nor leave any out, but for those that bring a value.
const HARMLESS: [&str; 8] = [
    "--no-index",
    "--find-links",
    "--index-url",
    "--extra-index-url",
    "--index",
    "--default-index",
    "--pre",
    "--no-cache",
];

/// Whether an installation brings gunicorn; `arguments` are those that the installer is given beside the files.
pub(crate) fn brings_gunicorn(requirements: &Requirements, arguments: &[String]) -> Brought {
    let files = &requirements.files;
    let text = |content: &[u8]| String::from_utf8_lossy(content).into_owned();
    if !are_harmless(arguments) {
        return Brought::Maybe;
    }
    if let Some((_, content)) = files.iter().find(|(path, _)| file_name(path) == UV_LOCK) {
        // In which groups and extras it is, uv's own settings may say.
        return if lock::names_any(&text(content), "gunicorn") { Brought::Maybe } else { Brought::Never };
    }
    let named = packages(requirements);
    if named.contains_key("gunicorn") {
        return Brought::Maybe;
    }
    if requirements.lines.is_some() {
        return if requirements.local { Brought::Maybe } else { Brought::Never };
    }
    if named.is_empty() && !requirements.local && !files.iter().any(|(_, content)| leads_away(&text(content)))
    {
        return Brought::Never;
    }
    if let [(path, content)] = &files[..]
        && file_name(path) == "pyproject.toml"
    {
        let table = text(content).parse::<toml::Table>().unwrap_or_default();
        let project = table.get("project");
        // Elsewhere, or found out when the project is built.
        let is_told = project.is_some_and(|project| project.get("dependencies").is_some());
        return if is_told { Brought::Unnamed } else { Brought::Maybe };
    }
    if requirements.local || files.iter().any(|(_, content)| leads_away(&text(content))) {
        return Brought::Maybe;
    }
    let whole = |content: &[u8]| {
        let text = text(content);
        let head = text.lines().take_while(|line| line.starts_with('#'));
        head.into_iter().any(|line| COMPILED.iter().any(|tool| line.contains(tool))) || is_hashed(&text)
    };
    if files.iter().all(|(_, content)| whole(content)) { Brought::Never } else { Brought::Unnamed }
}

/// pip takes hashes only where every package that is installed has one.
fn is_hashed(text: &str) -> bool {
    text.contains("--hash=")
}

/// Whether a line names a list, an archive or a repository of another machine.
fn leads_away(text: &str) -> bool {
    logical_lines(text).iter().any(|(_, line)| match classify(line) {
        RequirementLine::Include(target) => is_remote(target),
        RequirementLine::Other => {
            !line.starts_with('-') || line.starts_with("-e") || line.starts_with("--editable")
        }
        RequirementLine::Local | RequirementLine::Package(_) => false,
    })
}

fn are_harmless(arguments: &[String]) -> bool {
    let mut values = 0;
    arguments.iter().all(|argument| {
        let name = argument.split('=').next().unwrap_or_default();
        if values > 0 && !argument.starts_with('-') {
            values = 0;
            return normal(argument) != "gunicorn";
        }
        values = usize::from(HARMLESS[1..6].contains(&name) && name.len() == argument.len());
        HARMLESS.contains(&name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::python::requirements;

    fn of(name: &str, text: &str) -> Brought {
        let mut read = |path: &str| match path {
            "pyproject.toml" if name == UV_LOCK => Some(b"[project]\nname = 'hello'\n".to_vec()),
            path => (path == name).then(|| text.as_bytes().to_vec()),
        };
        brings_gunicorn(&requirements(".", name, &mut read).unwrap(), &[])
    }

    #[test]
    fn only_what_is_certain_is_called_so() {
        let lock = |name: &str| format!("[[package]]\nname = '{name}'\nversion = '1'\n");
        for (file, text, expected) in [
            ("requirements.txt", "flask\nGunicorn[gthread]==23.0\n", Brought::Maybe),
            ("requirements.txt", "# nothing\n", Brought::Never),
            ("requirements.txt", "flask==3.1.3\nuvicorn-worker\n", Brought::Unnamed),
            (
                "requirements.txt",
                "# This file is autogenerated by pip-compile with Python 3.11\nflask==3.1.3\n    # via -r x\n",
                Brought::Never,
            ),
            ("requirements.txt", "flask==3.1.3 \\\n  --hash=sha256:aa\n", Brought::Never),
            ("requirements.txt", "flask\n-e .\n", Brought::Maybe),
            ("requirements.txt", "flask\n-r https://example.org/r.txt\n", Brought::Maybe),
            ("requirements.txt", "git+https://example.org/a/b\n", Brought::Maybe),
            ("pyproject.toml", "[project]\ndependencies = ['flask']\n", Brought::Unnamed),
            ("pyproject.toml", "[project]\ndynamic = ['dependencies']\n", Brought::Maybe),
            ("uv.lock", &lock("flask"), Brought::Never),
            ("uv.lock", &lock("gunicorn"), Brought::Maybe),
        ] {
            assert_eq!(of(file, text), expected, "{file}: {text}");
        }
    }

    #[test]
    fn an_include_and_an_argument_may_bring_it() {
        let mut read = |path: &str| match path {
            "requirements.txt" => Some(b"-r base.txt\nflask\n".to_vec()),
            _ => Some(b"gunicorn\n".to_vec()),
        };
        let found = requirements(".", "requirements.txt", &mut read).unwrap();
        assert_eq!(brings_gunicorn(&found, &[]), Brought::Maybe);
        let plain = requirements(".", "r.txt", &mut |_| Some(b"flask\n".to_vec())).unwrap();
        let with = |words: &[&str]| {
            let words: Vec<String> = words.iter().map(|word| (*word).to_owned()).collect();
            brings_gunicorn(&plain, &words)
        };
        assert_eq!(with(&["--no-index", "--find-links", "/srv/wheels"]), Brought::Unnamed);
        assert_eq!(with(&["--index-url=https://example.org/simple"]), Brought::Unnamed);
        for words in [&["gunicorn"][..], &["-r", "other.txt"], &["--extra", "web"]] {
            assert_eq!(with(words), Brought::Maybe, "{words:?}");
        }
    }
}
