//! The command line as a user sees it: every help text and every usage error of the real binary.

use std::process::Command;

use deployer::commands::names;
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
    assert_snapshot!("help_top", deployer("--help"));
    assert_snapshot!("help_environment", deployer("prod --help"));
    for verb in names().into_iter().filter(|verb| *verb != "help") {
        assert_snapshot!(format!("help_{verb}"), deployer(&format!("{verb} --help")));
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
