//! Every reason for which an action can fail, explained: what, why, whether the site is affected, what to do.

use std::collections::BTreeSet;
use std::fmt::Write;

use deployer::model::{Color, CommitSummary, Secrets};
use deployer::plan::{self, Action, ActionFailure, DeployRequest, Migrations, Reason, Virtualenv};
use serde_json::{Value, json};

use crate::fixtures::{environment, states};

/// The actions of a deploy and its cutover, and those that `deployer.toml` or another verb brings.
fn actions() -> Vec<Action> {
    let (mut environment, color) = (environment(), Color::Green);
    environment.hooks.release = vec!["python manage.py migrate".to_string()];
    let (_, state) = states().into_iter().find(|(name, _)| *name == "both_healthy").expect("a healthy host");
    let switch =
        plan::cutover(&state, &environment, "ann@laptop", false).expect("next is healthy").plan.actions;
    let request = DeployRequest {
        environment: &environment,
        secrets: &Secrets::new(),
        commit: &CommitSummary { id: "3ab9d42".repeat(5) + "00000", subject: "fix the header".to_string() },
        by: "ann@laptop",
        force: false,
        django: true,
        accept_migrations: false,
        relation: None,
        relation_to_live: None,
        virtualenv: Some(&Virtualenv {
            key: "c0ffee".to_string(),
            files: vec!["requirements.txt".to_string()],
            local: false,
            lines: None,
        }),
        modules: &[],
        new_key: "0123456789abcdef",
        now: 1_800_000_000,
    };
    let deploy = plan::deploy(&state, &request).expect("next may be rebuilt").actions;
    let line = "make".to_string();
    let others = vec![
        Action::Build { color, line: line.clone() },
        Action::Collect { color, folder: "public".to_string(), line: line.clone() },
        Action::Release { color, lines: vec![line.clone()] },
        Action::Smoke { color, lines: vec![line] },
        Action::Remove { virtualenvs: 1, leftovers: 0, paths: Vec::new(), lenient: false },
    ];
    [deploy, switch, others].concat()
}

/// Where each reason is met, by the beginning of the action's title; what the host says of it, and what was printed.
fn met() -> Vec<(&'static str, Value, &'static str)> {
    let at_door = json!({"color": "green", "commit": "3ab9d42", "health": {"ok": false, "status": 500, "passed": true}});
    let switch = |changes: Value| {
        let mut said = json!({
            "reason": "switch_failed", "accepted": true, "said": "", "answer": {"error": "cannot connect to 127.0.0.1:80: Connection refused"},
            "restored": true, "now": {"color": "blue", "commit": "a1b2c3d"},
        });
        for (key, value) in changes.as_object().expect("an object") {
            said[key] = value.clone();
        }
        said
    };
    let named = |reason: &str| json!({"reason": reason});
    vec![
        (
            "seed",
            json!({"reason": "tool_failed", "tool": "git", "status": 128}),
            "fatal: not a git repository",
        ),
        (
            "build",
            json!({"reason": "tool_failed", "tool": "pip", "status": 1}),
            "ERROR: No matching distribution found for flask==9",
        ),
        (
            "test nginx",
            json!({"reason": "tool_failed", "tool": "nginx", "status": 1}),
            "sudo: a password is required",
        ),
        (
            "check out",
            json!({"reason": "tool_failed", "tool": "git", "status": 128}),
            "fatal: write error: No space left on device",
        ),
        ("run make", json!({"reason": "command_failed", "status": 127}), "sh: 1: make: not found"),
        ("run the release", json!({"reason": "command_failed", "status": 1}), "no such table"),
        ("run the smoke", json!({"reason": "command_failed", "status": 1}), "wrong"),
        ("collect", json!({"reason": "command_failed", "status": 1}), "no such folder"),
        ("build", json!({"reason": "killed", "signal": 9}), ""),
        ("switch", json!({"reason": "killed", "signal": 9}), ""),
        ("build", named("stopped"), ""),
        ("write", named("not_written"), "/srv/hello/green/etc/env: Read-only file system"),
        ("record", named("broken"), "NameError: name 'x' is not defined"),
        ("check out", named("git_busy"), "git (process 812) is at work in /srv/hello/green/repo"),
        ("seed", named("not_lent"), "fatal: unable to access"),
        ("check out", named("no_submodule"), "fatal: transport 'file' not allowed"),
        (
            "check out",
            named("shared_tracked"),
            "the commit has files in uploads, which is to be a link to shared/uploads",
        ),
        (
            "build",
            named("virtualenv_live"),
            "live runs from c0ffee, though its Python does not start: it is left as it is",
        ),
        ("build", named("no_uv"), "no uv on the host's PATH"),
        ("build", named("no_gunicorn"), ""),
        ("stop", named("still_running"), "process 81 lives on after KILL"),
        (
            "start",
            named("port_taken"),
            "port 8889 is held by process 77 (node server.js) of user bob, which is not this slot's",
        ),
        ("start", json!({"reason": "died", "status": 3}), "ModuleNotFoundError: No module named 'app'"),
        ("start", json!({"reason": "unhealthy", "health": {"ok": false, "status": 500}}), ""),
        ("start", named("no_systemd"), "Failed to connect to bus"),
        ("collect", named("no_folder"), "it left no folder public"),
        ("look", named("migrations_stop"), ""),
        ("look", named("migrations_unread"), "django.core.exceptions.ImproperlyConfigured"),
        ("remove", named("not_ours"), ""),
        ("remove", named("in_use"), "green uses virtualenvs/c0ffee"),
        ("switch", named("processes_died"), "beat ended with status 1 within 0.4 s of its start"),
        ("switch", named("switch_not_written"), "/srv/hello/live: Permission denied"),
        ("switch", switch(json!({})), ""),
        ("switch", switch(json!({"accepted": false, "said": "sudo: a password is required"})), ""),
        (
            "switch",
            switch(json!({"answer": {"unknown": "the front door answered 404, not from a slot's snippet"}})),
            "",
        ),
        ("switch", switch(json!({"answer": at_door})), ""),
        ("switch", switch(json!({"answer": at_door, "restored": false, "now": at_door})), ""),
        ("switch", switch(json!({"watched": "the front door answered 500"})), ""),
        ("switch", switch(json!({"watched": "the front door answered 500", "restored": false})), ""),
        ("switch", switch(json!({"reason": "recalled"})), ""),
        ("switch", switch(json!({"reason": "recalled", "restored": false})), ""),
        ("switch", named("not_recorded"), "/srv/hello/.deployer/history.jsonl: No space left on device"),
        ("switch", named("not_handed_over"), "worker (process 81) lives on after KILL"),
    ]
}

fn unsafe_migrations() -> Migrations {
    serde_json::from_value(json!({"pending": [{"name": "shop.0002_drop", "operations": [
        {"what": "Remove field price from item", "verdict": "stop", "why": "live reads it"},
    ]}]}))
    .expect("migrations")
}

#[test]
fn every_reason_is_explained() {
    let (actions, mut text) = (actions(), String::new());
    for (title, said, printed) in met() {
        let action = actions.iter().find(|action| action.title().starts_with(title)).expect(title);
        let reason: Reason = serde_json::from_value(said.clone()).expect("a reason");
        let failed = ActionFailure {
            migrations: (reason == Reason::MigrationsStop).then(unsafe_migrations),
            reason: Some(reason),
            output: if printed.is_empty() { Vec::new() } else { vec![printed.to_string()] },
            ..ActionFailure::default()
        };
        let failure = plan::explain(action, &failed, &environment(), "web1.example", "deploy");
        assert!(failure.why.is_some() || !failure.output.is_empty() || !failure.advice.is_empty(), "{said}");
        let name = said["reason"].as_str().expect("a name");
        let _ = writeln!(
            text,
            "{name}: {} (exit {}, site {})",
            failure.code,
            failure.exit as u8,
            failure.site.word()
        );
        let _ = writeln!(text, "  {}", failure.what);
        for line in &failure.output {
            let _ = writeln!(text, "  | {line}");
        }
        for line in failure.why.iter() {
            let _ = writeln!(text, "  why: {line}");
        }
        for line in &failure.advice {
            let _ = writeln!(text, "  try: {line}");
        }
    }
    insta::assert_snapshot!(text);
}

#[test]
fn no_reason_is_left_out() {
    let error =
        serde_json::from_value::<Reason>(json!({"reason": "?"})).expect_err("no such reason").to_string();
    let all: BTreeSet<&str> = error.split('`').skip(3).step_by(2).collect();
    let shown = met();
    let shown: BTreeSet<&str> = shown.iter().filter_map(|(_, said, _)| said["reason"].as_str()).collect();
    assert!(all.len() > 20, "{error}");
    assert_eq!(all, shown, "each has a row above");
}
