use std::collections::BTreeMap;

use super::{RequirementLine, Requirements, classify, file_name, lock, logical_lines, normal};
use crate::config::UV_LOCK;

/// The packages that requirement and lock files name, by their normal names, with the version that is asked for.
pub(crate) fn packages(requirements: &Requirements) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    if let Some(lines) = &requirements.lines {
        logical_lines(lines).iter().for_each(|(_, line)| from_line(line, &mut found));
        return found;
    }
    let folder = requirements.member.as_deref().unwrap_or(".");
    let files = &requirements.files;
    let is_locked = files.iter().any(|(path, _)| file_name(path) == UV_LOCK);
    for (path, content) in files {
        let text = String::from_utf8_lossy(content);
        match file_name(path) {
            // A workspace has many, and its lock knows what is installed of them.
            "pyproject.toml" if is_locked => {}
            "pyproject.toml" => from_project(&text, &mut found),
            // The lists of uv and poetry know better than the project what is installed.
            name if name.ends_with(".lock") => {
                let locked = lock::installed(&text, folder).into_iter();
                found.extend(locked.map(|(name, version)| (name, format!("=={version}"))));
            }
            _ => {
                for (_, line) in logical_lines(&text) {
                    from_line(&line, &mut found);
                }
            }
        }
    }
    found
}

/// `Flask[async]==3.0 ; python_version > "3.8" --hash=…`: its name, and what stands behind it but the hashes.
fn from_line(line: &str, found: &mut BTreeMap<String, String>) {
    let line = line.split(" --").next().unwrap_or(line).trim();
    if let RequirementLine::Package(name) = classify(line)
        && !name.is_empty()
    {
        let version = line[name.len()..].trim();
        found.insert(normal(name), version.to_owned());
    }
}

fn from_project(text: &str, found: &mut BTreeMap<String, String>) {
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let named = table.get("project").and_then(|project| project.get("dependencies"));
    for line in named.and_then(toml::Value::as_array).into_iter().flatten() {
        from_line(line.as_str().unwrap_or_default(), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(path: &str, text: &str) -> Vec<String> {
        let requirements = Requirements {
            files: vec![(path.to_owned(), text.as_bytes().to_vec())],
            ..Requirements::default()
        };
        packages(&requirements).into_iter().map(|(name, version)| format!("{name} {version}")).collect()
    }

    #[test]
    fn every_kind_of_file_names_its_packages() {
        let text = "Flask[async]==3.0 \\\n  --hash=sha256:aa\n# x\n-r other.txt\n./lib\ngunicorn>=22 ; python_version > '3.8'\nzope.interface\n";
        assert_eq!(
            of("requirements.txt", text),
            ["flask [async]==3.0", "gunicorn >=22 ; python_version > '3.8'", "zope-interface "]
        );
        let text = "[[package]]\nname = \"Flask\"\nversion = \"3.0.1\"\n[[package]]\nname = \"own\"\nsource = { virtual = \".\" }\n";
        assert_eq!(of("app/uv.lock", text), ["flask ==3.0.1"]);
        assert_eq!(of("pyproject.toml", "[project]\ndependencies = [\"flask>=3\"]\n"), ["flask >=3"]);
        assert_eq!(of("uv.lock", "["), Vec::<String>::new());
    }
}
