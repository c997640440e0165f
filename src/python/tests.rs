use super::*;

/// Reads requirements.txt out of a few files.
fn of(files: &[(&str, &str)]) -> Result<Requirements, RequirementsError> {
    requirements("requirements.txt", &mut |path| {
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
        (
            "requirements.txt",
            "-r base/all.txt\n--constraint=pins.txt\n-c 'pins.txt'\n-rflat.txt\n",
        ),
        (
            "base/all.txt",
            "--requirement ../more.txt\n# -r absent.txt\nflask # -r absent\n",
        ),
        ("more.txt", "-r requirements.txt\n"),
        ("pins.txt", "flask==3"),
        ("flat.txt", ""),
    ])
    .unwrap();
    assert_eq!(
        paths(&found),
        [
            "requirements.txt",
            "base/all.txt",
            "more.txt",
            "pins.txt",
            "flat.txt"
        ]
    );
    assert!(!found.local && !found.names_gunicorn);
}

#[test]
fn what_is_missing_is_named_with_its_place() {
    assert_eq!(
        of(&[]).unwrap_err().to_string(),
        "`requirements.txt` is not in the commit"
    );
    let broken = of(&[("requirements.txt", "flask\n\n-r \\\n  dev.txt\n")]).unwrap_err();
    assert_eq!(
        broken.to_string(),
        "requirements.txt:3: `dev.txt` is not in the commit"
    );
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
fn gunicorn_is_recognised_by_its_name() {
    for text in [
        "gunicorn",
        "Gunicorn==23.0.0",
        "gunicorn[gevent]>=20,<24",
        "gunicorn @ https://example.org/gunicorn.whl",
        "flask\ngunicorn~=23.0 ; python_version > '3'  # server\n",
    ] {
        assert!(one(text).names_gunicorn, "{text:?}");
    }
    for text in [
        "gunicorn-extras",
        "# gunicorn",
        "flask",
        "--gunicorn",
        "-e ./gunicorn",
    ] {
        assert!(!one(text).names_gunicorn, "{text:?}");
    }
    let constrained = [
        ("requirements.txt", "-c pins.txt"),
        ("pins.txt", "gunicorn==23.0.0"),
    ];
    assert!(!of(&constrained).unwrap().names_gunicorn);
    let both = [("requirements.txt", "-c pins.txt\n-r pins.txt"), constrained[1]];
    assert!(of(&both).unwrap().names_gunicorn);
}

#[test]
fn a_project_is_local() {
    let read = |text: &str| {
        let text = text.as_bytes().to_vec();
        requirements("./app/pyproject.toml", &mut |path| {
            (path == "app/pyproject.toml").then(|| text.clone())
        })
        .unwrap()
    };
    let found = read("[project]\ndependencies = ['flask', 'gunicorn>=23']\n");
    assert!(found.local && found.names_gunicorn);
    assert!(read("[tool.poetry.dependencies]\ngunicorn = '^23'\n").names_gunicorn);
    let found = read("[project]\noptional-dependencies.x = ['gunicorn']\n");
    assert!(found.local && !found.names_gunicorn);
    assert!(read("not = [toml").local);
}

#[test]
fn bytes_that_are_no_utf8_are_kept() {
    let found = requirements("r.txt", &mut |_| Some(b"flask # caf\xe9\r\n-e .\r\n".to_vec())).unwrap();
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
    let same = [
        base,
        Ingredients { tree: "bbbb", ..base },
        Ingredients {
            color: Color::Green,
            ..base
        },
    ];
    assert!(same.iter().all(|it| key(it) == key(&base)));

    let at_home = Ingredients {
        requirements: &local,
        ..base
    };
    let renamed = requirements("r.txt", &mut |_| Some(b"flask\n".to_vec())).unwrap();
    let different = [
        base,
        Ingredients {
            interpreter: "3.12.1 x86_64-linux-gnu /usr/bin/python3.12",
            ..base
        },
        Ingredients {
            requirements: &renamed,
            ..base
        },
        Ingredients {
            install_args: &args,
            ..base
        },
        Ingredients {
            gunicorn: Some("--no-deps"),
            ..base
        },
        at_home,
        Ingredients {
            tree: "bbbb",
            ..at_home
        },
        Ingredients {
            color: Color::Green,
            ..at_home
        },
    ];
    let keys: BTreeSet<String> = different.iter().map(key).collect();
    assert_eq!(keys.len(), different.len());
    for key in &keys {
        assert!(key.len() == 20 && key.bytes().all(|digit| digit.is_ascii_hexdigit()));
    }
    // Hosts keep virtualenvs by this key: should it ever change, all of them are built anew.
    assert_eq!(key(&base), "0c7b0096fbd054fd9d69");
}
