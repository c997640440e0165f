//! `history --all`: what was done on a host, by whom, and how it ended.

use serde_json::Value;

use crate::support::Site;

#[test]
fn every_command_that_holds_the_lock_or_runs_something_is_recorded() {
    let site = Site::new();
    assert!(site.done(&["prod", "history", "--all"]).stdout.contains("no command is recorded yet"));
    site.go_live();
    let live = site.git(&["rev-parse", "HEAD"]);
    site.done(&["prod", "lock", "-m", "what nobody need know"]);
    // Refused under the lock; and nothing was done.
    assert_eq!(site.deployer(&["prod", "deploy"]).code, 4);
    site.done(&["prod", "unlock"]);
    assert_eq!(site.deployer(&["prod", "run", "--", "sh", "-c", "exit 7"]).code, 7);
    site.write("app.py", "nonsense(\n");
    let broken = site.commit("broken");
    assert_eq!(site.deployer(&["prod", "deploy"]).code, 1);
    site.done(&["prod", "status"]);
    site.done(&["prod", "deploy", "--cutover", "--force", &live]);

    let shown = site.done(&["prod", "history", "--all", "--json"]).stdout;
    assert!(!shown.contains("exit 7") && !shown.contains("nobody need"), "{shown}");
    let report: Value = serde_json::from_str(&shown).unwrap();
    let commands = report["commands"].as_array().unwrap();
    let told: Vec<String> = commands
        .iter()
        .map(|command| {
            let word = |key: &str| command[key].as_str().unwrap_or("-").to_string();
            assert!(command["seconds"].as_f64().is_some_and(|seconds| seconds > 0.0), "{command}");
            assert!(word("by").contains('@'), "{command}");
            let commit = match word("commit") {
                commit if commit == live => "live".to_string(),
                commit if commit == broken => "broken".to_string(),
                other => other,
            };
            format!("{} {commit} {} {} {}", word("verb"), word("end"), word("step"), command["switched"])
        })
        .collect();
    assert_eq!(
        told,
        [
            "deploy live done - null",
            "cutover live done - true",
            "lock - done - null",
            "deploy live unchanged - null",
            "unlock - done - null",
            "run - failed - null",
            "deploy broken failed start null",
            "deploy live done - true",
        ],
        "{shown}"
    );
    assert_eq!((&commands[5]["command"], &commands[5]["exit"]), (&Value::from("sh"), &Value::from(7)));
    let lines = site.done(&["prod", "history", "--all"]).stdout;
    let first = lines.lines().next().unwrap();
    assert!(first.contains("deploy") && first.contains("done, and live"), "{lines}");
}
