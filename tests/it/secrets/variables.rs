//! `env`: what differs between live, next and the local side, without a value.

use serde_json::{Value, json};

use crate::secrets::hunt::{Watch, token};
use crate::support::{Site, row};

const SUITE: &str = "secrets";

#[test]
fn names_are_compared_and_no_secret_is_shown() {
    let token = token();
    let mut site = Site::new();
    let env = |values: &str| {
        format!(
            "[env]\n{values}\n[secrets]\nAWKWARD = {{ file = \".env.prod\" }}\nOTHER = {{ file = \".env.prod\" }}\n"
        )
    };
    site.extra = env("GREETING = \"it's $HOME\\nüber\"\nOLD = \"1\"\n");
    site.configure();
    site.write(".gitignore", ".env.prod\n");
    site.commit("variables");
    let values = |other: &str| {
        let text = format!("AWKWARD='{token} \"`x` $y\\ \n# a\tb'\nOTHER=\"{other}-{token}'\"\n");
        site.write(".env.prod", &text);
    };
    values("one");
    site.done(&["prod", "deploy", "--allow-dirty"]);
    let table = site.done(&["prod", "env"]);
    assert!(table.stdout.contains("AWKWARD   secret  -"), "{}", table.stdout);
    site.done(&["prod", "cutover"]);
    values("two");
    let second = Site { extra: env("GREETING = \"hello\"\n").replace("OTHER", "LATER"), ..site };
    second.configure();
    let site = &second;
    site.write(
        ".env.prod",
        &std::fs::read_to_string(site.repo.path().join(".env.prod")).unwrap().replace("OTHER", "LATER"),
    );
    site.done(&["prod", "deploy", "--allow-dirty"]);
    let table = site.done(&["prod", "env"]);
    assert!(table.stdout.contains("AWKWARD   secret  same         same          set"), "{}", table.stdout);
    site.write(".env.prod", &format!("AWKWARD=short-{token}\n"));

    let watch = Watch::start(&token);
    let table = site.done(&["-v", "prod", "env"]);
    insta::assert_snapshot!(table.stdout.trim_end());
    assert!(table.stderr.contains("warning: LATER: "), "{}", table.stderr);
    let with_values = site.done(&["prod", "env", "--values"]);
    insta::assert_snapshot!("with_values", with_values.stdout.trim_end());
    let ran = site.done(&["prod", "env", "--json", "--values"]);
    watch.end();
    let report: Value = serde_json::from_str(&ran.stdout).expect("a single object");
    assert_eq!(report["live"], "blue");
    assert_eq!(
        report["variables"][0],
        json!({"name": "AWKWARD", "kind": "secret", "live": "differs", "next": "differs", "local": "set"})
    );
    assert_eq!(
        report["variables"][1]["values"],
        json!({"live": "it's $HOME\nüber", "next": "hello", "local": "hello"})
    );
    for said in [&table, &with_values, &ran] {
        assert!(!said.stdout.contains(&token) && !said.stderr.contains(&token), "{said:?}");
    }
    row(SUITE, "env", "ok: same, differs, missing; no value shown");
}
