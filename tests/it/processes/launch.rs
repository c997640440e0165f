//! The launcher: one way to start what a slot runs, whoever starts it.

use std::fs;
use std::io::Write;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use std::time::Duration;

use crate::processes::passed;
use crate::support::{Ran, Site, ran, until};

/// What the launcher becomes where somebody else starts it, with next to no variables: systemd, say, or cron.
fn launched(site: &Site, color: &str, words: &[&str]) -> Ran {
    let output = Command::new("sh")
        .arg(site.path(".deployer/launch"))
        .arg(site.path(""))
        .args([&[color, "-"], words].concat())
        .env_clear()
        .env("PATH", "/usr/bin:/bin")
        .env("LC_ALL", "C")
        .current_dir("/")
        .output()
        .expect("sh runs");
    ran(output)
}

#[test]
fn it_gives_a_command_the_slots_surroundings() {
    let mut site = Site::new();
    site.extra = "[env]\nGREETING = \"it's $HOME;\\ntwo\"\n".to_string();
    let folder = "it's a $folder";
    site.write(&format!("{folder}/app.py"), crate::support::APP);
    site.write(&format!("{folder}/requirements.txt"), &crate::support::gunicorn());
    site.configure();
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).expect("deployer.toml");
    let text = text.replace("name = \"hello\"\n", &format!("name = \"hello\"\ndirectory = {folder:?}\n"));
    fs::write(&path, text).expect("deployer.toml");
    let commit = site.commit("in a folder");
    site.go_live();
    assert_eq!(site.get("/").0, 200);

    let mode = |path: &str| {
        let data = fs::metadata(site.path(path)).unwrap_or_else(|error| panic!("{path}: {error}"));
        data.permissions().mode() & 0o777
    };
    assert_eq!(mode(".deployer/launch"), 0o755);
    let live = fs::canonicalize(site.path("live")).expect("live");
    let color = live.file_name().and_then(|name| name.to_str()).expect("a color");
    assert_eq!(mode(&format!("{color}/etc/env")), 0o600);

    let shown = launched(
        &site,
        color,
        &[
            "python",
            "-c",
            "import os, sys; print(os.getcwd(), sys.prefix, sep='\\n'); print(*('%s=%r' % (n, os.environ.get(n)) for n in sys.argv[1:]), sep='\\n')",
            "GREETING",
            "BLUEGREEN",
            "DEPLOYER_COMMIT",
            "LANG",
            "LC_ALL",
            "PYTHONUNBUFFERED",
            "PYTHONDONTWRITEBYTECODE",
        ],
    );
    let virtualenv = fs::canonicalize(live.join("env")).expect("a virtualenv");
    let expected = format!(
        "{}\n{}\nGREETING=\"it's $HOME;\\ntwo\"\nBLUEGREEN='{color}'\nDEPLOYER_COMMIT='{commit}'\nLANG='C.UTF-8'\n\
         LC_ALL=None\nPYTHONUNBUFFERED='1'\nPYTHONDONTWRITEBYTECODE='1'\n",
        live.join("repo").join(folder).display(),
        virtualenv.display(),
    );
    let prefix = fs::canonicalize(live.join("env")).expect("env");
    let said = shown.stdout.replace(&live.join("env").display().to_string(), &prefix.display().to_string());
    assert_eq!(said, expected, "{}", shown.stderr);
    passed("the launcher: the slot's folder, variables and virtualenv for any command");

    let failed = launched(&site, color, &["sh", "-c", "exit 7"]);
    assert_eq!(failed.code, 7, "{}", failed.stderr);
    let failed = launched(&site, "red", &["true"]);
    assert_ne!(failed.code, 0, "no such slot");
    passed("the launcher: a command's status is its own");
}

/// An older deployer wrote no launcher and no words; what it stopped can be started all the same.
#[test]
fn a_stopped_release_of_an_older_deployer_starts_again() {
    let site = Site::new();
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();
    site.change();
    site.done(&["prod", "deploy", "--cutover"]);
    site.done(&["prod", "stop"]);
    for color in ["blue", "green"] {
        fs::remove_dir_all(site.path(color).join("etc/run")).expect("etc/run");
    }
    fs::remove_file(site.path(".deployer/launch")).expect("the launcher");

    site.done(&["prod", "rollback"]);
    let (status, body) = site.get("/");
    assert_eq!(status, 200);
    assert!(body.contains(&first[..7]), "{body}");
    passed("a stopped release of an older deployer: started by a rollback");

    // What a newer one built starts with the words that it was built with, whatever deployer.toml has become.
    let words = site.path("live/etc/run/web");
    let before = fs::read_to_string(&words).expect("etc/run/web");
    site.done(&["prod", "cutover"]);
    site.done(&["prod", "stop"]);
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).expect("deployer.toml");
    fs::write(&path, text.replace("app = \"app:app\"", "app = \"gone:app\"")).expect("deployer.toml");
    site.done(&["prod", "rollback"]);
    assert_eq!(fs::read_to_string(&words).expect("etc/run/web"), before);
    assert_eq!(site.get("/").0, 200);
    passed("a stopped release starts with the words that it was built with");
}

#[test]
fn a_log_is_cut_where_it_stands_while_its_process_lives() {
    let site = Site::new();
    site.go_live();
    let live = site.link("live").expect("live");
    let number = fs::read_to_string(site.path(&format!("{live}/etc/app.pid"))).expect("a number");
    let bounds = |pid: &str| {
        let lines = fs::read_dir("/proc").expect("/proc").flatten();
        lines
            .filter_map(|entry| fs::read(entry.path().join("cmdline")).ok())
            .filter(|line| String::from_utf8_lossy(line).ends_with(&format!("\0-bound\0{pid}\0")))
            .count()
    };
    assert_eq!(bounds(number.trim()), 1, "gunicorn's log has one that keeps it short");

    // The same for a log that is long, by a clock that is fast.
    let folder = tempfile::tempdir().expect("a folder");
    let (sleep, log) = (folder.path().join("sleep"), folder.path().join("long.log"));
    fs::write(&sleep, "#!/bin/sh\nexec /bin/sleep 0.05\n").expect("a program");
    fs::set_permissions(&sleep, fs::Permissions::from_mode(0o755)).expect("its mode");
    let mut end = fs::OpenOptions::new().create(true).append(true).open(&log).expect("a log");
    for number in 1..=70 {
        end.write_all(&vec![number; 1 << 20]).expect("a MiB");
    }
    let mut process =
        Command::new("sleep").arg("600").stdout(end.try_clone().expect("a log")).spawn().expect("sleep");
    let mut bound = Command::new("sh")
        .arg(site.path(".deployer/launch"))
        .args(["-bound", &process.id().to_string()])
        .env("PATH", format!("{}:/usr/bin:/bin", folder.path().display()))
        .spawn()
        .expect("sh");
    let blocks = || fs::metadata(&log).expect("a log").blocks();
    until("the log is cut", Duration::from_secs(20), || blocks() < 50 << 11);
    end.write_all(b"the last\n").expect("a line");
    process.kill().and_then(|()| process.wait()).expect("it ends");
    assert!(bound.wait().expect("it ends with the process").success());
    let text = fs::read(&log).expect("a log");
    let (kept, last) = text.split_at(text.len() - b"the last\n".len());
    assert_eq!(last, b"the last\n");
    // All of it, or no more than that has room where the file system takes nothing away.
    let kept: Vec<u8> = kept.chunks(1 << 20).map(|chunk| chunk[0]).filter(|first| *first != 0).collect();
    let newest: Vec<u8> = (71 - kept.len() as u8..=70).collect();
    assert!((32..=38).contains(&kept.len()) && kept == newest, "{kept:?}");
    passed("a log of 70 MiB: cut to its newest half in place, nothing lost at its end");
}
