//! The command line as a user sees it: every help text and every usage error of the real binary.

use std::process::Command;

use insta::assert_snapshot;

/// Runs the binary and returns its exit code and whatever it printed, by stream.
fn deployer(line: &str) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_deployer"))
        .args(line.split_whitespace())
        // Where no deployer.toml is found.
        .current_dir("/")
        // Help is wrapped to the terminal's width.
        .env_remove("COLUMNS")
        .output()
        .expect("the binary runs");
    let mut shown = format!("exit code {}", output.status.code().expect("an exit code"));
    for (stream, bytes) in [("stdout", output.stdout), ("stderr", output.stderr)] {
        let text = String::from_utf8(bytes).expect("text");
        if !text.is_empty() {
            shown += &format!("\n--- {stream}\n{}", text.trim_end());
        }
    }
    shown
}

#[test]
fn help() {
    for (name, line) in [
        ("help_top", "--help"),
        ("help_environment", "prod --help"),
        ("help_deploy", "prod deploy --help"),
        ("help_cutover", "prod cutover --help"),
        ("help_rollback", "prod rollback --help"),
        ("help_status", "status --help"),
        ("help_history", "prod history --help"),
        ("help_stop", "prod stop --help"),
        ("help_lock", "prod lock --help"),
        ("help_unlock", "prod unlock --help"),
        ("help_prune", "prod prune --help"),
        ("help_plan", "prod plan --help"),
        ("help_open", "prod open --help"),
        ("help_rehearse", "rehearse --help"),
        ("help_completions", "completions --help"),
        ("help_man", "man --help"),
        ("help_init", "init --help"),
        ("help_env", "prod env --help"),
        ("help_doctor", "prod doctor --help"),
        ("help_run", "prod run --help"),
        ("help_setup", "prod setup --help"),
        ("help_logs", "prod logs --help"),
    ] {
        assert_snapshot!(name, deployer(line));
    }
    assert_eq!(deployer("help deploy"), deployer("prod deploy --help"));
}

#[test]
fn usage_errors() {
    for (name, line) in [
        ("usage_environment_alone", "prod"),
        ("usage_typo_of_a_command", "prod depoly"),
        ("usage_typo_alone", "statsu"),
        ("usage_unknown_option", "prod deploy --froce"),
        ("usage_bad_duration", "prod cutover --watch soon"),
        ("usage_no_configuration", "prod deploy"),
        ("usage_lock_without_a_reason", "prod lock"),
    ] {
        let shown = deployer(line);
        assert!(shown.starts_with("exit code 2"), "{line}: {shown}");
        assert_snapshot!(name, shown);
    }
}
