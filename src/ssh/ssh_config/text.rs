//! The small grammars inside ssh_config: words, paths with tokens, file patterns, jumps.

use std::fs;
use std::path::{Path, PathBuf};

use crate::model::Target;
use crate::ssh::options::ConnectOptions;
use crate::ssh::pattern::fits;

/// What `%` stands for in paths.
pub(super) struct Tokens<'t> {
    pub(super) alias: &'t str,
    pub(super) host: &'t str,
    pub(super) port: u16,
    pub(super) user: &'t str,
    pub(super) options: &'t ConnectOptions,
}

impl Tokens<'_> {
    pub(super) fn path(&self, value: &str) -> PathBuf {
        let home = self.options.home.as_deref();
        let mut path = String::new();
        let value = tilde(value, home);
        let mut rest = value.chars();
        while let Some(c) = rest.next() {
            if c != '%' {
                path.push(c);
                continue;
            }
            match rest.next() {
                Some('%') | None => path.push('%'),
                Some('d') => path.push_str(&home.unwrap_or(Path::new("")).to_string_lossy()),
                Some('h') => path.push_str(self.host),
                Some('n') => path.push_str(self.alias),
                Some('p') => path.push_str(&self.port.to_string()),
                Some('r') => path.push_str(self.user),
                Some('u') => path.push_str(&self.options.local_user),
                Some(other) => path.extend(['%', other]),
            }
        }
        PathBuf::from(path)
    }
}

pub(super) fn tilde(value: &str, home: Option<&Path>) -> String {
    match (value.strip_prefix('~'), home) {
        (Some(rest), Some(home)) if rest.is_empty() || rest.starts_with('/') => {
            format!("{}{rest}", home.display())
        }
        _ => value.to_owned(),
    }
}

/// `[user@]host[:port]`, also with `ssh://` before it and brackets around an IPv6 address.
pub(super) fn parse_hop(hop: &str) -> Option<Target> {
    let hop = hop.strip_prefix("ssh://").unwrap_or(hop).trim_end_matches('/');
    let (user, place) =
        hop.rsplit_once('@').map_or((None, hop), |(user, place)| (Some(user.to_owned()), place));
    let (host, port) = match place.strip_prefix('[') {
        Some(bracketed) => {
            let (host, rest) = bracketed.split_once(']')?;
            (host, rest.strip_prefix(':').or_else(|| rest.is_empty().then_some(""))?)
        }
        None if place.matches(':').count() == 1 => place.split_once(':')?,
        None => (place, ""),
    };
    let port = if port.is_empty() { None } else { Some(port.parse().ok().filter(|port| *port > 0)?) };
    (!host.is_empty()).then(|| Target { host: host.to_owned(), port, user })
}

/// The words of a line: split at blanks and at the first `=`, with double quotes around what holds blanks. `None` for a
/// quote that is not closed.
pub(super) fn words(line: &str) -> Option<Vec<String>> {
    let mut words: Vec<String> = Vec::new();
    let mut word: Option<String> = None;
    let mut quoted = false;
    let mut after_equals = false;
    for c in line.trim().chars() {
        match c {
            '"' => {
                quoted = !quoted;
                word.get_or_insert_default();
            }
            '#' if !quoted && word.is_none() => break,
            '=' if !quoted && !after_equals && words.len() + usize::from(word.is_some()) == 1 => {
                words.extend(word.take());
                after_equals = true;
            }
            c if c.is_whitespace() && !quoted => words.extend(word.take()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    (!quoted).then_some(words)
}

/// The files that fit a path whose parts may hold `*` and `?`, in order.
pub(super) fn glob(pattern: &Path) -> Vec<PathBuf> {
    let mut found = vec![PathBuf::new()];
    for part in pattern.components() {
        let text = part.as_os_str().to_string_lossy();
        if !text.contains(['*', '?']) {
            found.iter_mut().for_each(|path| path.push(part));
            continue;
        }
        found = found.iter().flat_map(|folder| children(folder, &text)).collect();
    }
    found.retain(|path| path.is_file());
    found
}

fn children(folder: &Path, pattern: &str) -> Vec<PathBuf> {
    let names = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.file_name());
    let fits = |name: &std::ffi::OsString| {
        let name = name.to_string_lossy();
        name.starts_with('.') == pattern.starts_with('.') && fits(pattern, &name)
    };
    let mut fitting: Vec<PathBuf> = names.filter(fits).map(|name| folder.join(name)).collect();
    fitting.sort();
    fitting
}
