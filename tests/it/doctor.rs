//! `deployer prod doctor` on real hosts, some of whose parts are missing.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use crate::support::{HostControl, Ran, Site};

/// Everything that a session on Debian has, and that the scripts call.
const TOOLS: [&str; 24] = [
    "sh", "bash", "env", "id", "date", "uname", "cat", "mktemp", "rm", "sed", "tail", "head", "grep", "df",
    "dirname", "stat", "setsid", "git", "mkdir", "mv", "ln", "chmod", "sleep", "readlink",
];

/// Gives the sessions of a host a PATH on which there is nothing but these.
fn only(site: &Site, tools: impl Iterator<Item = &'static str>) {
    let folder = site.host.folder().join("only");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    for tool in tools {
        let real =
            ["/usr/bin", "/bin"].iter().map(|place| Path::new(place).join(tool)).find(|path| path.exists());
        symlink(real.unwrap_or_else(|| panic!("this machine has no {tool}")), folder.join(tool)).unwrap();
    }
    // Nobody has to build a virtualenv here.
    program(site, "uv", "exit 0");
    let session = site.host.folder().join("ssh/session");
    let text = fs::read_to_string(&session).unwrap();
    let text = text.replacen('\n', &format!("\nPATH={}; export PATH\n", folder.display()), 1);
    fs::write(&session, text).unwrap();
}

fn check<'a>(report: &'a serde_json::Value, name: &str) -> &'a serde_json::Value {
    let checks = report["checks"].as_array().expect("checks");
    checks.iter().find(|check| check["name"] == name).unwrap_or_else(|| panic!("no {name}: {report:#}"))
}

#[track_caller]
fn doctor(site: &Site, code: i32) -> serde_json::Value {
    let ran = site.deployer(&["prod", "doctor", "--json"]);
    assert_eq!(ran.code, code, "{}{}", ran.stdout, ran.stderr);
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("{error}: {}", ran.stdout))
}

#[test]
fn a_host_that_is_ready_before_and_after_the_first_release() {
    let site = Site::new();
    let report = doctor(&site, 0);
    assert_eq!(check(&report, "virtualenv")["level"], "good");
    assert_eq!(check(&report, "site")["level"], "good");
    assert_eq!(check(&report, "nginx test")["level"], "good");
    assert!(!site.host.root().exists(), "doctor made the root");
    site.go_live();
    let report = doctor(&site, 0);
    let door = check(&report, "front door")["says"].as_str().unwrap().to_string();
    assert!(door.starts_with("answers from blue "), "{door}");
    assert_eq!(
        check(&report, "blue's port")["says"],
        format!("{}, the slot's own", site.host.app_ports().blue)
    );
    let Ran { stdout, code, .. } = site.deployer(&["prod", "doctor"]);
    assert_eq!(code, 0);
    assert!(
        stdout.contains("  ✓ ssh            ") && stdout.contains("host key ssh-ed25519 SHA256:"),
        "{stdout}"
    );
    assert!(stdout.ends_with("nothing stands in the way — run: deployer prod deploy\n"), "{stdout}");
}

#[test]
fn a_host_without_python_says_so_first() {
    let site = Site::new();
    site.write(
        "deployer.toml",
        &fs::read_to_string(site.repo.path().join("deployer.toml"))
            .unwrap()
            .replace("/usr/bin/python3", "python3"),
    );
    only(&site, TOOLS.into_iter().filter(|tool| *tool != "git"));
    let report = doctor(&site, 1);
    assert_eq!(report["checks"][1]["name"], "python");
    assert_eq!(report["checks"][1]["level"], "bad");
    assert_eq!(report["checks"][1]["mends"][0]["command"], "apt-get install -y python3 python3-venv");
    assert_eq!(check(&report, "git")["level"], "bad");
    assert_eq!(check(&report, "tools")["level"], "good");
    let told = site.deployer(&["prod", "doctor"]);
    assert!(told.stdout.contains("as root on the host: apt-get install -y git"), "{}", told.stdout);
    assert!(
        told.stdout.contains("2 things stand in the way — then again: deployer prod doctor"),
        "{}",
        told.stdout
    );
}

#[test]
fn a_host_with_nothing_but_sh_is_told_all_of_it() {
    let site = Site::new();
    only(&site, TOOLS.into_iter().filter(|tool| !["git", "setsid"].contains(tool)));
    let report = doctor(&site, 1);
    assert_eq!(check(&report, "tools")["says"], "not on the PATH: setsid");
}

#[test]
fn sudo_that_is_missing_or_refuses_gets_the_line_that_allows_it() {
    let site = Site::new();
    // The environment's own table wins over what the fixture writes.
    let text = fs::read_to_string(site.repo.path().join("deployer.toml")).unwrap();
    let (before, _) = text.split_once("[environments.prod.nginx]").unwrap();
    site.write("deployer.toml", before);
    let tools = TOOLS.into_iter().chain(["python3"]);
    only(&site, tools);
    let report = doctor(&site, 1);
    let test = check(&report, "nginx test");
    assert_eq!(test["level"], "bad", "{report:#}");
    let fake = site.host.folder().join("only/sudo");
    fs::write(&fake, "#!/bin/sh\necho 'sudo: a password is required' >&2\nexit 1\n").unwrap();
    fs::set_permissions(&fake, fs::Permissions::from_mode(0o755)).unwrap();
    let report = doctor(&site, 1);
    let mend = check(&report, "nginx test")["mends"][0]["command"].as_str().unwrap().to_string();
    assert!(mend.contains("NOPASSWD: /usr/sbin/nginx -s reload") && mend.contains("visudo -cf"), "{mend}");
    site.host.stop_nginx();
    let report = doctor(&site, 1);
    assert_eq!(check(&report, "front door")["level"], "bad");
}

#[test]
fn two_applications_that_chose_the_same_port_are_noticed() {
    let site = Site::new();
    let port = site.host.app_ports().green;
    let _listener = std::net::TcpListener::bind(("0.0.0.0", port)).unwrap();
    let report = doctor(&site, 1);
    let green = check(&report, "green's port");
    assert_eq!(green["level"], "bad");
    assert!(green["says"].as_str().unwrap().contains("is held by a process of user"), "{green}");
}

#[test]
fn another_sites_mistake_is_named() {
    let site = Site::new();
    fs::write(site.host.nginx_sites().join("other.conf"), "oops;\n").unwrap();
    let report = doctor(&site, 1);
    let says = check(&report, "nginx test")["says"].as_str().unwrap().to_string();
    assert!(says.contains("unknown directive \"oops\""), "{says}");
}

/// Puts a program of the test's own on the host.
fn program(site: &Site, name: &str, text: &str) {
    let file = site.host.folder().join("only").join(name);
    fs::write(&file, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn what_the_user_may_mend_is_mended_on_demand() {
    let site = Site::new();
    only(&site, TOOLS.into_iter().filter(|tool| *tool != "git").chain(["python3"]));
    // sudo that allows everything, and an apt-get that knows one package.
    program(
        &site,
        "sudo",
        "[ \"$1 $2\" != '-n -l' ] || { echo '(ALL) NOPASSWD: ALL'; exit; }; shift; exec \"$@\"",
    );
    program(&site, "apt-get", "[ \"$*\" = 'install -y git' ] && ln -s /usr/bin/git \"${0%/*}/git\"");
    assert_eq!(check(&doctor(&site, 1), "git")["level"], "bad");
    let planned = site.deployer(&["prod", "doctor", "--fix", "--dry-run"]);
    assert!(planned.stderr.contains("1. apt-get install -y git"), "{}", planned.stderr);
    assert_eq!(planned.code, 1);
    let ran = site.deployer(&["prod", "doctor", "--fix"]);
    assert_eq!(ran.code, 0, "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stderr.contains("✓ apt-get install -y git"), "{}", ran.stderr);
    let ran = site.deployer(&["prod", "doctor", "--fix"]);
    assert!(ran.stderr.contains("there is nothing that"), "{}", ran.stderr);
}
