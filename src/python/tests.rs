use super::*;

/// Reads requirements.txt out of a few files.
fn of(files: &[(&str, &str)]) -> Result<Requirements, RequirementsError> {
    requirements(".", "requirements.txt", &mut |path| {
        let found = files.iter().find(|(name, _)| *name == path);
        found.map(|(_, text)| text.as_bytes().to_vec())
    })
}

fn one(text: &str) -> Requirements {
    of(&[("requirements.txt", text)]).unwrap()
}

fn paths(found: &Requirements) -> Vec<&str> {
    found.files.iter().map(|(path, _)| path.as_str()).collect()
}

#[test]
fn includes_are_followed_from_the_including_file() {
    let found = of(&[
        ("requirements.txt", "-r base/all.txt\n--constraint=pins.txt\n-c 'pins.txt'\n-rflat.txt\n"),
        ("base/all.txt", "--requirement ../more.txt\n# -r absent.txt\nflask # -r absent\n"),
        ("more.txt", "-r requirements.txt\n"),
        ("pins.txt", "flask==3"),
        ("flat.txt", ""),
    ])
    .unwrap();
    assert_eq!(paths(&found), ["requirements.txt", "base/all.txt", "more.txt", "pins.txt", "flat.txt"]);
    assert!(!found.local);
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    assert_eq!(of(&[]).unwrap_err().to_string(), "`requirements.txt` is not in the commit");
    let broken = of(&[("requirements.txt", "flask\n\n-r \\\n  dev.txt\n")]).unwrap_err();
    assert_eq!(broken.to_string(), "requirements.txt:3: `dev.txt` is not in the commit");
    for outside in ["-r ../x.txt", "-r /etc/x.txt"] {
        let error = of(&[("requirements.txt", outside)]).unwrap_err();
        assert!(matches!(error, RequirementsError::Outside { .. }), "{outside}");
    }
    assert_eq!(paths(&one("-r https://example.org/r.txt")), ["requirements.txt"]);
}

#[test]
fn local_paths() {
    for text in [
        "-e .",
        ".",
        "./lib",
        "../lib",
        "lib/thing",
        "--editable=./lib[extra]",
        "file:./lib",
        "file:///srv/lib",
        "thing @ file:./lib",
        "thing[extra]@./lib",
        "wheels/thing-1.0-py3-none-any.whl",
        "thing-1.0.tar.gz",
        "-f wheels",
        "--find-links ./wheels",
        "-e git+file:///srv/thing#egg=thing",
        "flask \\\n\n-e .",
    ] {
        assert!(one(text).local, "{text:?}");
    }
    for text in [
        "flask==3.1.3",
        "thing @ https://example.org/thing.whl",
        "-e git+https://example.org/a/b#egg=thing",
        "https://example.org/thing.tar.gz",
        "--index-url https://example.org/simple",
        "--find-links https://example.org/wheels",
        "thing; sys_platform == 'a/b'",
        "thing>=1 --hash=sha256:ab/cd",
        "# ./lib",
        "flask # -e .",
    ] {
        assert!(!one(text).local, "{text:?}");
    }
}

#[test]
fn a_project_is_local() {
    for text in ["[project]\ndependencies = ['flask', 'gunicorn>=23']\n", "not = [toml"] {
        let found = requirements("app", "./pyproject.toml", &mut |path| {
            (path == "app/pyproject.toml").then(|| text.as_bytes().to_vec())
        });
        assert!(found.unwrap().local, "{text}");
    }
}

#[test]
fn a_lock_is_read_with_its_project() {
    let lock = |source: &str| format!("[[package]]\nname = 'hello'\nsource = {{ {source} = '.' }}\n");
    let read = |lock: String| {
        requirements("app", "uv.lock", &mut |path| match path {
            "app/uv.lock" => Some(lock.clone().into_bytes()),
            "app/pyproject.toml" => Some(b"[project]\nname = 'hello'\n".to_vec()),
            _ => None,
        })
        .unwrap()
    };
    let found = read(lock("virtual"));
    assert_eq!(paths(&found), ["app/pyproject.toml", "app/uv.lock"]);
    assert!(!found.local);
    assert!(read(lock("editable")).local);
    let alone =
        requirements(".", "uv.lock", &mut |path| (path == "uv.lock").then(|| lock("virtual").into_bytes()));
    assert_eq!(alone.unwrap_err().to_string(), "uv.lock: `pyproject.toml` is not in the commit");
}

#[test]
fn the_lock_of_a_workspace_is_read_with_its_members() {
    let lock = "[[package]]\nname = 'backend'\nsource = { virtual = 'backend' }\ndependencies = [{ name = 'flask' }]\n\
                [package.metadata]\nrequires-dist = [{ name = 'flask' }]\n\
                [[package]]\nname = 'job'\nsource = { virtual = 'tools/job' }\ndependencies = [{ name = 'six' }]\n\
                [[package]]\nname = 'flask'\nversion = '3'\n[[package]]\nname = 'six'\nversion = '1'\n";
    let read = |backend: &str| {
        requirements("backend", "../uv.lock", &mut |path| match path {
            "uv.lock" => Some(lock.as_bytes().to_vec()),
            "pyproject.toml" => Some(b"[tool.uv.workspace]\nmembers = ['backend', 'tools/*']\n".to_vec()),
            "backend/pyproject.toml" => Some(backend.as_bytes().to_vec()),
            "tools/job/pyproject.toml" => Some(b"[project]\nname = 'job'\n".to_vec()),
            _ => None,
        })
    };
    let found = read("[project]\nname = 'backend'\ndependencies = ['flask']\n").unwrap();
    assert_eq!(
        paths(&found),
        ["pyproject.toml", "backend/pyproject.toml", "tools/job/pyproject.toml", "uv.lock"]
    );
    assert!(!found.local, "what is no package is not installed");
    assert_eq!(packages(&found).keys().collect::<Vec<_>>(), ["flask"]);
    let files: Vec<String> = found.files.iter().map(|(path, _)| path.clone()).collect();
    assert_eq!(told("backend", "../uv.lock", &files), "uv.lock");
    assert_eq!(told("frontend", "../uv.lock", &files), "../uv.lock");
    assert_eq!(
        read("[project]\nname = 'backend'\ndependencies = ['flask', 'six']\n").unwrap_err().to_string(),
        "`uv.lock` does not know `six`, which backend/pyproject.toml asks for: run uv lock"
    );
}

#[test]
fn bytes_that_are_no_utf8_are_kept() {
    let found = requirements(".", "r.txt", &mut |_| Some(b"flask # caf\xe9\r\n-e .\r\n".to_vec())).unwrap();
    assert!(found.local);
    assert_eq!(found.files[0].1, b"flask # caf\xe9\r\n-e .\r\n");
}

#[test]
fn the_key_changes_with_every_ingredient_and_with_nothing_else() {
    let plain = one("flask\n");
    let local = one("-e .\n");
    let args = ["--no-deps".to_owned()];
    let base = Ingredients {
        interpreter: "3.11.2 x86_64-linux-gnu /usr/bin/python3.11",
        requirements: &plain,
        install_args: &[],
        gunicorn: None,
        tree: "aaaa",
        color: Color::Blue,
    };
    let same = [base, Ingredients { tree: "bbbb", ..base }, Ingredients { color: Color::Green, ..base }];
    assert!(same.iter().all(|it| key(it) == key(&base)));

    let at_home = Ingredients { requirements: &local, ..base };
    let renamed = requirements(".", "r.txt", &mut |_| Some(b"flask\n".to_vec())).unwrap();
    let different = [
        base,
        Ingredients { interpreter: "3.12.1 x86_64-linux-gnu /usr/bin/python3.12", ..base },
        Ingredients { requirements: &renamed, ..base },
        Ingredients { install_args: &args, ..base },
        Ingredients { gunicorn: Some("--no-deps"), ..base },
        at_home,
        Ingredients { tree: "bbbb", ..at_home },
        Ingredients { color: Color::Green, ..at_home },
    ];
    let keys: BTreeSet<String> = different.iter().map(key).collect();
    assert_eq!(keys.len(), different.len());
    for key in &keys {
        assert!(key.len() == 20 && key.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
    // Hosts keep virtualenvs by this key: should it ever change, all of them are built anew.
    assert_eq!(key(&base), "0c7b0096fbd054fd9d69");
}
