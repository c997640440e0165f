use std::fmt::Write as _;
use std::path::Path;

use super::*;
use crate::config::{Config, Environment};
use crate::model::HostState;

const CONFIG: &str = "[gunicorn]\napp = \"app:app\"\n[environments.prod]\nhost = \"web1\"\nuser = \"deploy\"\n\
                      root = \"/home/deploy/hello\"\nports = { blue = 8888, green = 8889 }\nurl = \"http://web1.example\"\n";

/// What the script says on a host that has everything; the site is there, and nothing runs yet.
const WELL: &str = "\
N user deploy
N home /home/deploy
N clock 1000
N locale C.UTF-8
N system Linux
N init systemd
N tool setsid /usr/bin/setsid
N tool git /usr/bin/git
N tool sudo /usr/bin/sudo
N tool python3 /usr/bin/python3
N git git version 2.39.5
N python 3.11.2
N venv 0 
N writable yes
N space /dev/vda1 20000000 4000000 16000000 20% /
N inodes /dev/vda1 1000000 100000 900000 10% /
N folder 755 deploy deploy /home/deploy
N folder 755 root root /home
N folder 755 root root /
N listen 00000000:0050 0
N nginx /usr/sbin/nginx
N running yes
N account www-data www-data
N conf /etc/nginx/nginx.conf
N site /etc/nginx/sites-enabled/hello.conf:9:    location / { include /home/deploy/hello/live/etc/nginx.con[f]; }
N test 0
N tested nginx: the configuration file /etc/nginx/nginx.conf syntax is ok
N reload 0
N sudoers     (root) NOPASSWD: /usr/sbin/nginx -t
N sudoers     (root) NOPASSWD: /usr/sbin/nginx -s reload
N end
";

fn environment(more: &str) -> Environment {
    let config = Config::parse(&format!("{more}\n{CONFIG}"), Path::new("/code/hello/deployer.toml")).unwrap();
    config.environment("prod").unwrap()
}

/// The checks of a host whose reading begins with these words in place of a healthy one's.
fn seen(replace: &[(&str, &str)], more: &str) -> Diagnosis {
    seen_in(replace, &environment(more), None)
}

fn seen_in(replace: &[(&str, &str)], environment: &Environment, state: Option<&HostState>) -> Diagnosis {
    let mut text = String::new();
    for line in WELL.lines() {
        let other = replace.iter().find(|(start, _)| line[2..].starts_with(start));
        match other {
            Some((_, "")) => {}
            Some((_, instead)) => _ = writeln!(text, "N {instead}"),
            None => _ = writeln!(text, "{line}"),
        }
    }
    let reading = Reading::parse(&format!("Welcome to Debian\n{text}"), "N");
    assert!(reading.whole);
    let seen = DoctorInput {
        reading: &reading,
        state,
        connection: "deploy, host key ssh-ed25519 SHA256:…, by ~/.ssh/id_ed25519",
        host: "web1",
        now: 1000,
    };
    diagnose(seen, environment)
}

/// A host with a release in blue that is live and runs, and these words in place of those that the script prints.
fn state(words: &str) -> HostState {
    let mut state = serde_json::json!({
        "now": 1000.0, "user": "deploy", "name": "web1", "tools": {}, "python": "", "key": "c0ffee", "virtualenvs": [],
        "root": {"ancestor": "/home/deploy/hello", "writable": true},
        "live": {"target": "blue", "color": "blue", "exists": true},
        "next": {"target": "green", "color": "green", "exists": true},
        "blue": {"exists": true, "unit": "enabled", "process": {"pid": 4, "started": 900.0}}, "green": {"exists": true},
        "systemd": {"scope": "user", "lingers": true},
        "served": {"color": "blue", "commit": "3ab9d4226a9d0a3d6c0b6a0f0bba9a5de1d40c11"},
    });
    let words: serde_json::Value = serde_json::from_str(words).unwrap();
    state.as_object_mut().unwrap().extend(words.as_object().unwrap().clone());
    serde_json::from_value(state).unwrap()
}

/// What is not good, as it is told.
fn told(diagnosis: &Diagnosis) -> String {
    let mut text = String::new();
    for check in diagnosis.checks.iter().filter(|check| check.level != Level::Good) {
        let _ = writeln!(text, "{:?} {}: {}", check.level, check.name, check.says);
        for mend in &check.mends {
            let _ = writeln!(text, "  {:?}: {}", mend.by, mend.command);
        }
    }
    text
}

#[test]
fn nothing_stands_in_the_way_of_a_host_that_has_everything() {
    let diagnosis = seen(&[], "");
    assert_eq!(told(&diagnosis), "");
    assert_eq!(diagnosis.bad(), 0);
    insta::assert_snapshot!(
        "well",
        diagnosis.checks.iter().map(|check| format!("{}: {}\n", check.name, check.says)).collect::<String>()
    );
}

#[test]
fn a_bare_host_is_told_all_at_once() {
    let bare = [
        ("locale", "locale "),
        ("tool git", ""),
        ("tool sudo", ""),
        ("tool setsid", ""),
        ("tool python3", ""),
        ("git ", ""),
        ("python", ""),
        ("venv", ""),
        ("listen", ""),
        ("nginx", ""),
        ("running", ""),
        ("conf", ""),
        ("site", ""),
        ("test 0", "test 127"),
        ("tested", "tested sh: 1: sudo: not found"),
        ("reload", "reload 127"),
        ("sudoers", ""),
    ];
    insta::assert_snapshot!("bare", told(&seen(&bare, "")));
}

#[test]
fn rights_that_are_missing_get_one_file_that_is_checked_before_it_counts() {
    let refused = [
        ("test 0", "test 1"),
        ("tested", "tested sudo: a password is required"),
        ("reload", "reload 1"),
        ("sudoers", ""),
    ];
    insta::assert_snapshot!("rights", told(&seen(&refused, "")));
    // Who may do everything, but with a password, is told the same for the reload.
    assert_eq!(seen(&[("sudoers", "")], "").bad(), 1);
    assert_eq!(seen(&[("sudoers", "sudoers (ALL) NOPASSWD: ALL")], "").bad(), 0);
}

/// Its name, what is said in place of a healthy host's words, and what stands before the configuration.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static str);

#[test]
fn each_thing_that_can_be_wrong_is_named() {
    let cases: [Case; 12] = [
        (
            "venv",
            &[(
                "venv",
                "venv 1 The virtual environment was not created successfully because ensurepip is not available.",
            )],
            "",
        ),
        ("an old Python", &[("python", "python 3.5.3")], ""),
        ("a broken Python", &[("python", "python Segmentation fault")], ""),
        ("a full disk", &[("space", "space /dev/vda1 20000000 19900000 100000 99% /")], ""),
        ("no inodes", &[("inodes", "inodes /dev/vda1 1000000 999000 1000 100% /")], ""),
        (
            "somebody else's folder",
            &[("writable", ""), ("folder 755 deploy", "folder 755 root root /home/deploy")],
            "",
        ),
        ("a home of 0750", &[("folder 755 deploy", "folder 750 deploy deploy /home/deploy")], ""),
        (
            "a home of 0750, by socket",
            &[("folder 755 deploy", "folder 750 deploy deploy /home/deploy")],
            "cutover = \"socket\"",
        ),
        (
            "another site",
            &[
                ("test 0", "test 1"),
                (
                    "tested",
                    "tested nginx: [emerg] unknown directive \"oops\" in /etc/nginx/sites-enabled/b:1",
                ),
            ],
            "",
        ),
        ("a port that is held", &[("listen", "listen 00000000:22B8 1001")], ""),
        (
            "a site that is not enabled",
            &[(
                "site",
                "site /etc/nginx/sites-available/hello:9: include /home/deploy/hello/live/etc/nginx.con[f];",
            )],
            "",
        ),
        ("a clock that is wrong", &[("clock", "clock 4600")], ""),
    ];
    let mut all = String::new();
    for (name, replace, more) in cases {
        let _ = writeln!(all, "# {name}\n{}", told(&seen(replace, more)));
    }
    insta::assert_snapshot!("wrong", all);
}

#[test]
fn what_comes_back_after_a_reboot_is_what_systemd_or_cron_can_start() {
    let cases = [
        ("all is well", "{}"),
        ("no lingering", r#"{"systemd": {"scope": "user", "lingers": false, "writable": true}}"#),
        ("a home of root's", r#"{"systemd": {"scope": "user", "lingers": true, "writable": false}}"#),
        ("neither", r#"{"systemd": {"scope": "user", "lingers": false, "writable": false}}"#),
        (
            "neither, and a login that is none",
            r#"{"systemd": {"scope": "user", "lingers": false, "writable": false}, "user": "a; reboot"}"#,
        ),
        (
            "what is live runs plainly",
            r#"{"blue": {"exists": true, "process": {"pid": 4, "started": 900.0}}}"#,
        ),
        ("cron", r#"{"systemd": null, "crontab": "starts"}"#),
        ("no cron", r#"{"systemd": null, "crontab": "missing"}"#),
    ];
    let mut all = String::new();
    for (name, words) in cases {
        let _ = writeln!(all, "# {name}\n{}", told(&seen_in(&[], &environment(""), Some(&state(words)))));
    }
    insta::assert_snapshot!("reboot", all);
}

#[test]
fn an_https_site_without_its_server_is_set_up_and_not_looked_for_elsewhere() {
    let text = CONFIG.replace("http://", "https://");
    let config = Config::parse(&text, Path::new("/code/hello/deployer.toml")).unwrap();
    let environment = config.environment("prod").unwrap();
    let refused = r#"{"served": {"error": "cannot connect to 127.0.0.1:443: Connection refused"}}"#;
    let no_tls = r#"{"served": {"error": "127.0.0.1:443 broke off: [SSL: WRONG_VERSION_NUMBER]"}}"#;
    let fresh = r#"{"live": {"target": null, "color": null, "exists": false}, "key": null, "served": {"unknown": "nothing"}}"#;
    let well = ("listen", "listen 00000000:0050 0");
    let cases = [
        ("nothing is live, no certificate", ("conf", "certificate no"), fresh),
        ("nothing is live, a certificate", ("conf", "certificate yes"), fresh),
        ("nothing is live, root alone can see", well, fresh),
        ("live, no certificate", ("conf", "certificate no"), refused),
        ("live, a certificate", ("conf", "certificate yes"), refused),
        ("live, root alone can see", well, refused),
        ("another server at 443", ("listen", "listen 00000000:01BB 0"), no_tls),
    ];
    let mut all = String::new();
    for (name, word, state_words) in cases {
        let diagnosis = seen_in(&[word], &environment, Some(&state(state_words)));
        let _ = writeln!(all, "# {name}\n{}", told(&diagnosis));
    }
    insta::assert_snapshot!("https", all);
}

#[test]
fn no_word_of_the_hosts_is_a_command_for_root() {
    let odd = [
        ("user", "user deploy; chmod u+s /bin/sh #"),
        ("test 0", "test 1"),
        ("tested", "tested sudo: a password is required"),
        ("reload", "reload 1"),
        ("sudoers", ""),
        ("writable", ""),
        ("venv", "scratch /etc"),
        ("folder 755 deploy", "folder 750 deploy deploy /root/$(reboot)"),
    ];
    insta::assert_snapshot!("odd", told(&seen(&odd, "cutover = \"socket\"")));
}
