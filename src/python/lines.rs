//! Requirement files, line by line, as pip reads them.

pub(super) enum RequirementLine<'a> {
    /// `-r` and `-c`: another file.
    Include(&'a str),
    /// Something in the application's tree.
    Local,
    Package(&'a str),
    Other,
}

pub(super) fn classify(line: &str) -> RequirementLine<'_> {
    let other =
        option(line, &["-r"], &["--requirement"]).or_else(|| option(line, &["-c"], &["--constraint"]));
    if let Some(target) = other {
        return RequirementLine::Include(target);
    }
    let (line, editable) = match option(line, &["-e"], &["--editable"]) {
        Some(target) => (target, true),
        None => (line, false),
    };
    // Wheels that are found in the tree are installed from it like a package that lies there.
    if let Some(place) = option(line, &["-f"], &["--find-links"]) {
        return if is_remote(place) { RequirementLine::Other } else { RequirementLine::Local };
    }
    if line.starts_with('-') {
        return RequirementLine::Other;
    }
    let name_ends = line
        .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.')))
        .unwrap_or(line.len());
    let (name, rest) = line.split_at(name_ends);
    let rest = without_extras(rest.trim_start());
    if let Some(place) = rest.strip_prefix('@') {
        return if is_remote(place.trim_start()) { RequirementLine::Other } else { RequirementLine::Local };
    }
    if is_remote(line) {
        return RequirementLine::Other;
    }
    let target = line.split_whitespace().next().unwrap_or_default();
    if editable || is_path(target) { RequirementLine::Local } else { RequirementLine::Package(name) }
}

/// The value of an option that stands at the line's start: `-r x`, `-rx`, `--requirement x`, `--requirement=x`.
fn option<'a>(line: &'a str, short: &[&str], long: &[&str]) -> Option<&'a str> {
    let value = short
        .iter()
        .find_map(|name| line.strip_prefix(name))
        .or_else(|| {
            long.iter().find_map(|name| {
                let rest = line.strip_prefix(name)?;
                rest.strip_prefix('=').or_else(|| rest.starts_with(char::is_whitespace).then_some(rest))
            })
        })?
        .trim();
    let unquoted = ['"', '\''].iter().find_map(|quote| value.strip_prefix(*quote)?.strip_suffix(*quote));
    Some(unquoted.unwrap_or(value)).filter(|value| !value.is_empty())
}

fn without_extras(text: &str) -> &str {
    match text.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    }
}

/// An address of another machine: `https://…`, `git+ssh://…`. `file:` is none.
pub(super) fn is_remote(text: &str) -> bool {
    let Some((scheme, _)) = text.split_once("://") else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    !scheme.is_empty() && scheme.chars().all(plain) && scheme != "file" && !scheme.ends_with("+file")
}

/// As pip decides it: `.`, anything with a slash, a `file:` address, an archive.
fn is_path(text: &str) -> bool {
    let target = text.split('[').next().unwrap_or(text);
    let lower = target.to_ascii_lowercase();
    let archive =
        [".whl", ".zip", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz"].iter().any(|end| lower.ends_with(end));
    target.starts_with('.') || target.contains('/') || lower.starts_with("file:") || archive
}

/// Lines as pip joins them: a backslash at the end continues a line, ` #` begins a comment. With the number of
/// the first physical line of each.
pub(super) fn logical_lines(text: &str) -> Vec<(usize, String)> {
    let mut lines = Vec::new();
    let mut open: Option<(usize, String)> = None;
    for (index, physical) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let (number, mut line) = open.take().unwrap_or((index + 1, String::new()));
        // A comment's line is never continued, and ends what was.
        let comment = physical.trim_start().starts_with('#');
        match physical.strip_suffix('\\') {
            Some(part) if !comment => {
                line.push_str(part);
                open = Some((number, line));
            }
            _ => {
                if comment && !line.is_empty() {
                    line.push(' ');
                }
                line.push_str(physical);
                lines.push((number, line));
            }
        }
    }
    lines.extend(open);
    lines
        .into_iter()
        .map(|(number, line)| (number, without_comment(&line).trim().to_owned()))
        .filter(|(_, line)| !line.is_empty())
        .collect()
}

/// A `#` begins a comment only at the start or behind a blank: `…#egg=name` is none.
fn without_comment(line: &str) -> &str {
    let mut blank = true;
    for (at, letter) in line.char_indices() {
        if letter == '#' && blank {
            return &line[..at];
        }
        blank = letter.is_whitespace();
    }
    line
}

/// A package's name as PyPI compares it.
pub(super) fn normal(name: &str) -> String {
    name.to_ascii_lowercase().replace(['_', '.'], "-")
}

/// The package that a requirement names, such as `Flask[async]>=3`, as PyPI compares it.
pub(crate) fn package_name(requirement: &str) -> String {
    let end = requirement.find(|c: char| !(c.is_ascii_alphanumeric() || "-_.".contains(c)));
    normal(&requirement[..end.unwrap_or(requirement.len())])
}
