//! Where Python finds the modules of a file.

use super::sources::{Sources, below, folder, join};

/// A file's module as seen from the application's folder, and the folder below it that must be on Python's path.
pub(super) fn module(sources: &Sources, path: &str, directory: &str) -> Option<(String, Option<String>)> {
    let inside = below(path, directory)?.strip_suffix(".py")?;
    let inside = inside.strip_suffix("/__init__").unwrap_or(inside);
    let is_layout = |top: &str| !sources.has(&join(&join(directory, top), "__init__.py"));
    let (path_entry, rest) = match inside.split_once('/') {
        Some(("src", rest)) if is_layout("src") => (Some("src".to_owned()), rest),
        _ => (None, inside),
    };
    let is_name = |part: &str| {
        part.starts_with(|c: char| c.is_alphabetic() || c == '_')
            && part.chars().all(|c| c.is_alphanumeric() || c == '_')
    };
    rest.split('/').all(is_name).then(|| (rest.replace('/', "."), path_entry))
}

/// The file of a module that is imported from `top`.
pub(super) fn file_of<'a>(sources: &'a Sources, top: &str, module: &str) -> Option<&'a str> {
    let base = join(top, &module.replace('.', "/"));
    sources
        .paths()
        .into_iter()
        .find(|path| *path == format!("{base}.py") || *path == format!("{base}/__init__.py"))
}

/// The files of a settings module and those beside it: a package's settings are spread over its files.
pub(super) fn settings_files<'a>(sources: &'a Sources, top: &str, module: &str) -> Vec<(&'a str, &'a str)> {
    let Some(own) = file_of(sources, top, module) else {
        return Vec::new();
    };
    let is_package = folder(own).ends_with("settings") || own.ends_with("__init__.py");
    let beside = |path: &str| path != own && is_package && folder(path) == folder(own);
    let mut files = vec![(own, sources.text(own).unwrap_or_default())];
    files.extend(sources.python().into_iter().filter(|(path, _)| beside(path)));
    files
}
