//! Takes out of a text what differs from run to run, so that a snapshot holds the words alone.

use crate::support::Site;

/// The words of a text: paths, ports, hashes, process numbers and durations by name.
pub(crate) fn filter(site: &Site, text: &str) -> String {
    let host = &site.host;
    let ports = host.app_ports();
    let path = |path: &std::path::Path| path.display().to_string();
    let mut text = text.to_string();
    for (value, name) in [
        (own_command(), "<this test>"),
        (path(&host.root()), "<root>"),
        (path(&host.home()), "<home>"),
        (path(host.folder()), "<host>"),
        (path(site.repo.path()), "<repository>"),
    ] {
        text = text.replace(&value, name);
    }
    for (port, name) in [
        (host.ssh_port(), "<ssh port>"),
        (host.http_port(), "<http port>"),
        (ports.blue, "<blue port>"),
        (ports.green, "<green port>"),
    ] {
        text = replace_words(&text, |word| (word == port.to_string()).then_some(name));
    }
    text = replace_words(&text, |word| match word.len() {
        7 | 40 if is_hash(word) && word != "ed25519" => Some("<hash>"),
        _ => None,
    });
    let machine = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    text = text.replace(&format!("@{}", machine.trim()), "@<machine>");
    let user = host.user();
    for (left, right) in [
        ("user ", ""),
        ("~", "/"),
        ("sudoers.d/deployer-", ""),
        ("of ", " ("),
        ("'", " ALL="),
        ("why:   ", " may not"),
        ("", "@127"),
    ] {
        text = text.replace(&format!("{left}{user}{right}"), &format!("{left}<user>{right}"));
    }
    text = after(&text, "(pid ", "<pid>");
    for status in ["(exit 1)", "(exit 2)"] {
        let build = "could not build the virtualenv on rehearsal ";
        text = text.replace(&format!("{build}{status}"), &format!("{build}(exit <n>)"));
    }
    text = after(&text, "process ", "<pid>");
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

/// A failure's block alone, without what ran before it; output of tools differs by their versions and stays out.
pub(crate) fn message(site: &Site, stderr: &str, with_output: bool) -> String {
    let block: Vec<&str> = stderr
        .lines()
        .skip_while(|line| !line.starts_with("error:"))
        .filter(|line| with_output || !line.trim_start().starts_with('│'))
        .collect();
    filter(site, &block.join("\n"))
}

fn line(line: &str) -> String {
    if line.starts_with("log: ") {
        return "log:   <log>".to_string();
    }
    // What only uv says, whose version is whatever the machine has.
    if line.starts_with("why:   Because ") || line.starts_with("why:   Couldn't parse ") {
        return "why:   <what uv says>".to_string();
    }
    let line = line.trim_end();
    // `… (0.3 s)` and `after 2.9 s`
    let words: Vec<&str> = line.split(' ').collect();
    let mut shown: Vec<String> = Vec::new();
    for (index, word) in words.iter().enumerate() {
        let bare = word.trim_start_matches('(');
        let unit = words.get(index + 1).map_or("", |word| word.trim_end_matches([',', ')', ';']));
        let timed = unit == "s" && bare.contains('.') && bare.parse::<f64>().is_ok();
        let ago = words.get(index + 2).is_some_and(|word| word.starts_with("ago"));
        shown.push(if timed || ago && word.parse::<u32>().is_ok() {
            word.replace(bare, "<time>")
        } else {
            (*word).to_string()
        });
    }
    shown.join(" ")
}

fn is_hash(word: &str) -> bool {
    word.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// Replaces whole runs of letters and digits; fingerprints of keys by themselves.
fn replace_words(text: &str, name: impl Fn(&str) -> Option<&'static str>) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        let of_word = |c: char| c.is_alphanumeric();
        let of_fingerprint = |c: char| c.is_ascii_alphanumeric() || c == '+' || c == '/';
        if let Some(fingerprint) = rest.strip_prefix("SHA256:") {
            shown.push_str("SHA256:<fingerprint>");
            rest = fingerprint.trim_start_matches(['<', '>']).trim_start_matches(of_fingerprint);
            rest = rest.strip_prefix('>').unwrap_or(rest);
        } else if of_word(character) {
            let end = rest.find(|c| !of_word(c)).unwrap_or(rest.len());
            let word = &rest[..end];
            shown.push_str(name(word).unwrap_or(word));
            rest = &rest[end..];
        } else {
            shown.push(character);
            rest = &rest[character.len_utf8()..];
        }
    }
    shown
}

/// Replaces the digits that follow a word.
fn after(text: &str, mark: &str, name: &str) -> String {
    let mut parts = text.split(mark);
    let mut shown = parts.next().unwrap_or_default().to_string();
    for part in parts {
        shown.push_str(mark);
        let rest = part.trim_start_matches(|character: char| character.is_ascii_digit());
        if rest.len() < part.len() {
            shown.push_str(name);
        }
        shown.push_str(rest);
    }
    shown
}

/// How this process shows in a list of processes, as far as the product shows it.
fn own_command() -> String {
    let words = std::fs::read("/proc/self/cmdline").unwrap_or_default();
    let text = String::from_utf8_lossy(&words).replace('\0', " ");
    text.trim().chars().take(200).collect()
}
