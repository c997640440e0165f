//! What `plan` says a deploy would bring: for every state without a host, then on one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;

use crate::fixtures::{environment, states};
use crate::support::Site;
use deployer::config::Difference;
use deployer::model::{ChangeKind, CommitSummary, FileChange, HostState, LoggedCommit, Secrets};
use deployer::plan::{self, Commits, DeployRequest, Found, FoundKind, Preview, PreviewInput, Virtualenv};
use serde_json::json;

fn commit() -> CommitSummary {
    CommitSummary { id: "3ab9d42".repeat(5) + "00000", subject: "fix the header".to_string() }
}

fn reading<'a>(
    state: &'a HostState,
    environment: &'a deployer::config::Environment,
    commit: &'a CommitSummary,
) -> PreviewInput<'a> {
    let virtualenv = Virtualenv { key: "c0ffee".to_string(), files: Vec::new(), local: false, lines: None };
    let request = DeployRequest {
        environment,
        secrets: &Secrets::new(),
        commit,
        by: "ann@laptop",
        force: false,
        accept_migrations: false,
        django: false,
        relation: None,
        relation_to_live: None,
        virtualenv: Some(&virtualenv),
        modules: &[],
        new_key: "0123456789abcdef",
        now: 1_800_000_000,
    };
    let change = |path: &str, kind| FileChange { path: path.to_string(), kind, bytes: 100 };
    let differs = |key: &str, from: Option<&str>, to: Option<&str>| Difference {
        key: key.to_string(),
        from: from.map(str::to_string),
        to: to.map(str::to_string),
    };
    let packages = |list: &[(&str, &str)]| -> BTreeMap<String, String> {
        list.iter().map(|(name, version)| (name.to_string(), version.to_string())).collect()
    };
    PreviewInput {
        environment,
        state,
        by: "ann@laptop",
        commit,
        commits: Commits {
            out: vec![LoggedCommit {
                id: commit.id.clone(),
                subject: commit.subject.clone(),
                author: "Ann".to_string(),
                at: 1_800_000_000,
            }],
            out_count: 1,
            ..Commits::default()
        },
        migrations: vec![
            change("shop/migrations/0002_price.py", ChangeKind::Added),
            change("shop/migrations/0001_initial.py", ChangeKind::Modified),
            change("migrations/versions/a1b2.py", ChangeKind::Added),
        ],
        packages: (
            packages(&[("django", "==5.0"), ("gone", ""), ("same", "==1")]),
            packages(&[("django", "==5.1"), ("same", "==1"), ("celery", ">=5")]),
        ),
        config: vec![
            differs("env.DEBUG", Some("…"), Some("…")),
            differs("environments.prod.env.NEW", None, Some("…")),
            differs("gunicorn.workers", Some("2"), Some("4")),
            differs("secrets.KEY", None, Some("…")),
        ],
        new_bytes: 50_000,
        deploy: plan::deploy(state, &request),
        judged: None,
        unjudged: None,
        found: vec![Found { kind: FoundKind::Virtualenv, name: "old".to_string(), kilobytes: 60_000 }],
        now: 0,
    }
}

fn told(preview: &Preview) -> String {
    let mut text = String::new();
    let value = serde_json::to_value(preview).expect("JSON");
    for (key, value) in value.as_object().expect("an object") {
        let _ = writeln!(text, "{key}: {value}");
    }
    text
}

#[test]
fn what_lies_beside_migrations_is_none() {
    for (path, is_one) in [
        ("shop/migrations/0001_initial.py", true),
        ("migrations/versions/a1b2.py", true),
        ("db/versions/a1b2.py", true),
        ("shop/migrations/__init__.py", false),
        ("shop/migrations/_helpers.py", false),
        ("migrations/script.py.mako", false),
        ("not_migrations/x.py", false),
        ("x.py", false),
    ] {
        assert_eq!(plan::may_migrate(path), is_one, "{path}");
    }
    let django = "from django.db import migrations\n\nclass Migration(migrations.Migration):\n    pass\n";
    let alembic = "revision: str = 'a1b2'\ndown_revision: Union[str, None] = None\n";
    let env = "from alembic import context\n\ndef run_migrations_online():\n    pass\n";
    for (text, is_one) in [(django, true), (alembic, true), (env, false), ("", false)] {
        assert_eq!(plan::migrates(text), is_one, "{text}");
    }
}

/// Of a first release nobody knows how large its virtualenv will be: it is guessed, and said to be.
#[test]
fn the_space_for_a_first_release_is_of_the_right_order() {
    let environment = environment();
    let commit = commit();
    let (_, state) = states().into_iter().find(|(name, _)| *name == "fresh_host").unwrap();
    let mut first = reading(&state, &environment, &commit);
    first.found.clear();
    first.packages.1 = (0..12).map(|number| (format!("p{number}"), String::new())).collect();
    let space = plan::preview(first).space;
    assert!((50_000_000..500_000_000).contains(&space.needed), "{space:?}");
    assert!(space.guessed);
    let (_, state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let space = plan::preview(reading(&state, &environment, &commit)).space;
    assert!(!space.guessed, "{space:?}");
}

#[test]
fn everything_that_changes_is_told() {
    let environment = environment();
    let commit = commit();
    let (_, state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let preview = plan::preview(reading(&state, &environment, &commit));
    insta::assert_snapshot!(told(&preview));
}

/// The promise: the steps it shows are those that the deploy takes; a refusal is told, and never hidden by steps.
#[test]
fn it_shows_the_steps_of_the_deploy_or_why_there_are_none() {
    let environment = environment();
    let commit = commit();
    let (mut with_steps, mut refused) = (0, 0);
    for (name, state) in states() {
        let reading = reading(&state, &environment, &commit);
        let deploy = reading.deploy.clone();
        let preview = plan::preview(reading);
        match deploy {
            Ok(deploy) => {
                let titles: Vec<String> = deploy.actions.iter().map(|action| action.title()).collect();
                let shown: Vec<&str> = preview.deploy.iter().map(|step| &*step.title).collect();
                assert_eq!(shown, titles, "{name}");
                assert!(preview.deploy.iter().all(|step| step.touches != "live"), "{name}");
                // A deploy that goes can be cut over to, and that is what touches live.
                assert_eq!(preview.cutover.last().expect("a switch").touches, "live", "{name}");
                assert_eq!(preview.refused, None);
                with_steps += 1;
            }
            Err(failure) => {
                assert_eq!(preview.refused, Some(failure), "{name}");
                assert!(preview.deploy.is_empty() && preview.cutover.is_empty(), "{name}");
                refused += 1;
            }
        }
    }
    assert!(with_steps > 5 && refused > 2, "{with_steps} {refused}");
}

#[test]
fn on_a_host_it_tells_and_touches_nothing() {
    let mut site = Site::new();
    site.extra = "[env]\nMODE = \"hush-1\"\n".to_string();
    site.configure();
    site.commit("with a variable");

    // Nothing is live.
    let ran = site.done(&["prod", "plan"]);
    assert!(ran.stdout.contains("the first release"), "{}", ran.stdout);
    assert!(ran.stdout.contains("MB needed (a guess"), "{}", ran.stdout);
    assert!(!site.path(".deployer").exists(), "it wrote something");

    site.go_live();
    let live = site.git(&["rev-parse", "HEAD"]);
    let ran = site.done(&["prod", "plan"]);
    assert!(ran.stdout.contains("no new commits"), "{}", ran.stdout);
    assert!(ran.stdout.contains("the virtualenv is there"), "{}", ran.stdout);

    site.write("shop/migrations/0002_price.py", "class Migration:\n    pass\n");
    site.write("migrations/env.py", "from alembic import context\n");
    let requirements = fs::read_to_string(site.repo.path().join("requirements.txt")).unwrap();
    site.write("requirements.txt", &format!("{requirements}# the same packages\nlonely==1.0\n"));
    site.extra = "[env]\nMODE = \"hush-2\"\nMORE = \"hush-3\"\n".to_string();
    site.configure();
    site.commit("add a price");
    let before = snapshot(&site);
    let ran = site.done(&["prod", "plan"]);
    for text in [
        "1 commit out",
        "Ann",
        "add a price",
        "  + lonely ==1.0",
        "a new virtualenv is built",
        "  shop/migrations/0002_price.py",
        "  + MORE",
        "  ~ MODE",
        "deploy would",
        "cutover would",
        "touches live",
        "needed",
    ] {
        assert!(ran.stdout.contains(text), "{text:?} is not in:\n{}", ran.stdout);
    }
    assert!(!ran.stdout.contains("hush-"), "{}", ran.stdout);
    println!("{}", ran.stdout);
    let ran = site.done(&["prod", "plan", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&ran.stdout).expect("one object");
    assert_eq!(value["commits"]["out_count"], 1);
    assert_eq!(value["live"]["id"], *live);
    assert_eq!(value["variables"], json!({"added": ["MORE"], "removed": [], "changed": ["MODE"]}));
    assert_eq!(value["migrations"], json!(["shop/migrations/0002_price.py"]));
    assert_eq!(value["builds_virtualenv"], true);
    assert!(value["space"]["needed"].as_u64().unwrap() > 100_000, "{value}");
    assert_eq!(value["space"]["short"], false);
    assert_eq!(value["refused"], serde_json::Value::Null);
    assert_eq!(snapshot(&site), before, "it wrote something");

    // What would be lost is told, and that it would be refused.
    site.git(&["checkout", "--quiet", "-b", "other", &live]);
    site.git(&["commit", "--quiet", "--allow-empty", "--message", "apart"]);
    site.done(&["prod", "deploy", "other", "--cutover"]);
    site.done(&["prod", "deploy", "other", "--force"]);
    let ran = site.deployer(&["prod", "plan", "main"]);
    assert_eq!(ran.code, 1, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("1 commit LOST") && ran.stdout.contains("apart"), "{}", ran.stdout);
    assert!(ran.stderr.contains("would lose"), "{}", ran.stderr);
}

/// What is live, and everything below the root by name.
fn snapshot(site: &Site) -> (String, Vec<String>) {
    let status = site.status();
    let mut names: Vec<String> = fs::read_dir(site.path(".deployer"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    names.sort();
    (status["live"]["commit"]["id"].as_str().unwrap().to_string(), names)
}
