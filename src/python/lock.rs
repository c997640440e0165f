use super::is_remote;

/// Whether what a `uv.lock` brings is made of the repository's own files: a project that is a package, a member of its
/// workspace, a folder of wheels. A project that is none (`virtual`) is not installed, only what it asks for.
pub(super) fn installs_own_tree(text: &str) -> bool {
    let table = text.parse::<toml::Table>().unwrap_or_default();
    let packages = table.get("package").and_then(toml::Value::as_array);
    packages.into_iter().flatten().any(|package| {
        let source = package.get("source").and_then(toml::Value::as_table);
        source
            .into_iter()
            .flatten()
            .any(|(kind, place)| match (kind.as_str(), place.as_str()) {
                ("virtual", Some(".")) => false,
                ("virtual" | "editable" | "directory" | "path", _) => true,
                ("registry", Some(place)) => !is_remote(place) && !place.starts_with('/'),
                _ => false,
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(source: &str) -> bool {
        installs_own_tree(&format!(
            "version = 1\n[[package]]\nname = \"flask\"\nversion = \"3.1\"\nsource = {{ registry = \"https://example.org/simple\" }}\n\
             [[package]]\nname = \"hello\"\nsource = {{ {source} }}\n"
        ))
    }

    #[test]
    fn what_lies_in_the_repository_is_its_own() {
        for own in [
            "editable = \".\"",
            "editable = \"members/api\"",
            "virtual = \"members/api\"",
            "directory = \"lib\"",
            "path = \"wheels/x-1-py3-none-any.whl\"",
            "registry = \"wheels\"",
        ] {
            assert!(of(own), "{own}");
        }
        for other in [
            "virtual = \".\"",
            "registry = \"/srv/wheels\"",
            "git = \"https://example.org/x?rev=main#aa\"",
            "url = \"https://example.org/x.whl\"",
        ] {
            assert!(!of(other), "{other}");
        }
        assert!(!installs_own_tree("not = [toml"));
    }
}
