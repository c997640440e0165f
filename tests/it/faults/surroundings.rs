//! Hosts that are awkward but right: everything must work there, and say what it says anywhere else.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

use deployer::rehearsal::HostOptions;

use crate::faults::fixture::{live, live_with, meet};
use crate::support::{APP, Site};

/// Deploys and cuts over twice, so that both slots were live.
#[track_caller]
fn works(site: &Site, case: &str) {
    for case in [case.to_string(), format!("{case}_again")] {
        let commit = site.change();
        let met = meet(site, &case, &["prod", "deploy"], 0);
        assert_eq!(met.next()["commit"]["id"], *commit);
        site.done(&["prod", "cutover"]);
        assert!(site.get("/").1.contains(&commit[..7]), "{case}");
        let status = site.status();
        assert_eq!(status["served"]["commit"]["id"], *commit, "{case}");
        assert_eq!(status["problems"], serde_json::json!([]), "{case}");
    }
}

#[test]
fn a_locale_without_letters() {
    for (case, lang) in [("locale_c", Some("C".to_string())), ("no_locale", None)] {
        let site = live_with(|options: &mut HostOptions| options.lang = lang, "");
        let noise = "import sys\nsys.stderr.buffer.write(b'caf\\xe9 \\xff\\xfe\\n')\nsys.stderr.flush()\n";
        site.write("app.py", &format!("{noise}print('naïve – ✓', flush=True)\n{APP}"));
        site.commit("grüße – naïve ✓ 日本");
        let met = meet(&site, case, &["prod", "deploy"], 0);
        assert_eq!(met.next()["commit"]["subject"], "grüße – naïve ✓ 日本");
        site.done(&["prod", "cutover"]);
        site.write("app.py", &format!("{noise}raise ValueError('schöner Fehler')\n"));
        site.commit("bräche");
        let met = meet(&site, &format!("{case}_and_an_error"), &["-v", "prod", "deploy"], 1);
        assert!(met.ran.stderr.contains("caf\u{fffd} \u{fffd}\u{fffd}"), "{}", met.ran.stderr);
        assert!(met.ran.stderr.contains("schöner Fehler"), "{}", met.ran.stderr);
    }
}

#[test]
fn a_root_of_spaces_and_quotes() {
    let root = "it's a \"root\" $HOME";
    let site = live_with(|options| options.root = root.to_string(), "");
    works(&site, "awkward_root");
    site.write("app.py", "import there_is_no_such_module\n");
    site.commit("break the import");
    meet(&site, "awkward_root_and_an_error", &["prod", "deploy"], 1);
}

#[test]
fn an_ordinary_users_session() {
    let site = live();
    let text = fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    let absolute = &site.host.nginx_test_command()[0];
    assert!(absolute.contains("/sbin/"), "{absolute}");
    site.write("deployer.toml", &text.replace(&format!("[\"{absolute}\""), "[\"nginx\""));
    site.commit("nginx by its name");
    works(&site, "sbin_not_on_the_path");

    fs::set_permissions(site.host.home(), fs::Permissions::from_mode(0o750)).unwrap();
    works(&site, "home_of_mode_0750");

    talk(&site);
    works(&site, "noisy_start_up_files");
}

/// Start-up files that print, the last words without a line feed.
fn talk(site: &Site) {
    let noise = "echo 'Welcome to the host!'\nprintf 'no line feed: '\necho 'noise on stderr' >&2\n";
    for file in [".bashrc", ".profile", ".bash_profile"] {
        fs::write(site.host.home().join(file), noise).unwrap();
    }
    let said = Command::new("ssh")
        .arg("-F")
        .arg(site.host.ssh_config())
        .args([site.host.alias(), "true"])
        .output()
        .expect("ssh runs");
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    // Debian's bash reads ~/.bashrc under sshd; other shells do not, and then there is nothing to test.
    let bash = std::env::var("SHELL").is_ok_and(|shell| shell.ends_with("/bash"));
    assert!(said.contains("Welcome") || !bash, "{said:?}");
}
