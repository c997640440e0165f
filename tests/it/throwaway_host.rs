//! The throwaway host, tried with the system's own ssh and with plain HTTP.

use std::fs;
use std::net::TcpStream;
use std::path::Path;
use std::process::{Command, Output};

use crate::support::HostControl;
use deployer::rehearsal::{HostOptions, ThrowawayHost};

use crate::support::answer;

fn start(options: HostOptions) -> ThrowawayHost {
    ThrowawayHost::start(options).expect("a throwaway host")
}

fn ssh(host: &ThrowawayHost, command: &str) -> Output {
    Command::new("ssh")
        .arg("-F")
        .arg(host.ssh_config())
        .args(["-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes", host.alias(), command])
        .output()
        .expect("ssh runs")
}

#[track_caller]
fn said(host: &ThrowawayHost, command: &str) -> String {
    let output = ssh(host, command);
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command}: {errors}");
    String::from_utf8(output.stdout).unwrap().trim_end().to_string()
}

/// The status line and the body that the front door answers with.
fn get(host: &ThrowawayHost, name: &str) -> String {
    let door = ([127, 0, 0, 1], host.http_port()).into();
    answer(door, &["GET / HTTP/1.0", &format!("Host: {name}")])
}

/// The living processes that mention the folder in their arguments or variables.
fn processes_of(folder: &Path) -> Vec<String> {
    let needle = folder.to_str().unwrap();
    let mentions =
        |file: &Path| fs::read(file).is_ok_and(|bytes| String::from_utf8_lossy(&bytes).contains(needle));
    fs::read_dir("/proc")
        .unwrap()
        .flatten()
        .map(|entry| entry.path())
        .filter(|process| mentions(&process.join("cmdline")) || mentions(&process.join("environ")))
        .map(|process| process.display().to_string())
        .collect()
}

fn write_snippet(host: &ThrowawayHost, role: &str, line: &str) {
    let etc = host.root().join(role).join("etc");
    fs::create_dir_all(&etc).unwrap();
    fs::write(etc.join("nginx.conf"), line).unwrap();
}

fn reload(host: &ThrowawayHost) {
    for words in [host.nginx_test_command(), host.nginx_reload_command()] {
        let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

/// nginx answers a reload before its new workers serve.
fn wait_for(what: &str, condition: impl Fn() -> bool) {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(10);
    while !condition() {
        assert!(std::time::Instant::now() < deadline, "{what} did not happen");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_session_is_at_home_in_the_folder() {
    let host = start(HostOptions {
        lang: Some("POSIX".into()),
        environment: vec![("GREETING".into(), "it's \"here\" $HOME".into())],
        ..HostOptions::default()
    });
    let home = host.home().display().to_string();
    assert_eq!(said(&host, "pwd; echo \"$HOME\""), format!("{home}\n{home}"));
    assert_eq!(said(&host, "echo \"$PATH $LANG\""), "/usr/local/bin:/usr/bin:/bin POSIX");
    assert_eq!(said(&host, "printf %s \"$GREETING\""), "it's \"here\" $HOME");
    assert_eq!(said(&host, "id -un"), host.user());
    assert_eq!(ssh(&host, "exit 7").status.code(), Some(7));
}

#[test]
fn nginx_serves_what_the_links_name_even_under_an_awkward_root() {
    let host = start(HostOptions { root: "it's a \"root\" [1]".into(), ..HostOptions::default() });
    assert!(get(&host, host.server_name()).starts_with("HTTP/1.1 404"));

    write_snippet(&host, "live", "return 200 'from live';");
    write_snippet(&host, "next", &format!("proxy_pass http://127.0.0.1:{};", host.app_ports().green));
    reload(&host);
    wait_for("the reload", || get(&host, host.server_name()).ends_with("from live"));
    wait_for("the old workers' end", || get(&host, "next.app.localhost").starts_with("HTTP/1.1 502"));
    assert!(get(&host, "127.0.0.1").ends_with("from live"), "the front door is the default site");
}

#[test]
fn another_site_can_break_the_configuration() {
    let host = start(HostOptions::default());
    fs::write(host.nginx_sites().join("other.conf"), "nonsense on;\n").unwrap();
    let words = host.nginx_test_command();
    let output = Command::new(&words[0]).args(&words[1..]).output().unwrap();
    assert!(!output.status.success());
    assert!(String::from_utf8_lossy(&output.stderr).contains("unknown directive \"nonsense\""));
}

#[test]
fn nothing_is_left_behind_by_a_session_that_went_to_the_background() {
    let host = start(HostOptions::default());
    let folder = host.folder().to_path_buf();
    let started =
        "setsid sh -c 'trap \"\" TERM; while :; do sleep 1; done' </dev/null >/dev/null 2>&1 & echo up";
    assert_eq!(said(&host, started), "up");
    // This one sheds its variables, as a service manager would; only its pid file tells whose it is.
    let etc = host.root().join("blue/etc");
    fs::create_dir_all(&etc).unwrap();
    let bare = format!(
        "cd '{}' && {{ env -i setsid sh -c 'echo $$ > app.pid; exec sleep 600' </dev/null >/dev/null 2>&1 & }}; echo up",
        etc.display()
    );
    assert_eq!(said(&host, &bare), "up");
    wait_for("the pid file", || fs::read_to_string(etc.join("app.pid")).is_ok_and(|pid| pid.ends_with('\n')));
    let pid = fs::read_to_string(etc.join("app.pid")).unwrap();
    let bare_process = Path::new("/proc").join(pid.trim());
    assert!(bare_process.exists());
    assert!(processes_of(&folder).len() >= 3, "{:?}", processes_of(&folder));

    host.stop().unwrap();
    assert!(!folder.exists());
    assert_eq!(processes_of(&folder), Vec::<String>::new());
    let state = fs::read_to_string(bare_process.join("stat")).unwrap_or_default();
    assert!(state.is_empty() || state.contains(") Z "), "{state}");
}

#[test]
fn a_panic_leaves_nothing_behind() {
    let folder = std::thread::spawn(|| {
        let host = start(HostOptions::default());
        said(&host, "sleep 600 </dev/null >/dev/null 2>&1 &");
        let folder = host.folder().to_path_buf();
        std::panic::panic_any(folder);
    })
    .join()
    .unwrap_err()
    .downcast::<std::path::PathBuf>()
    .unwrap();
    assert!(!folder.exists());
    assert_eq!(processes_of(&folder), Vec::<String>::new());
}

#[test]
fn two_hosts_stand_side_by_side() {
    let (one, two) = (start(HostOptions::default()), start(HostOptions::default()));
    let ports = [&one, &two]
        .map(|host| [host.ssh_port(), host.http_port(), host.app_ports().blue, host.app_ports().green]);
    let distinct: std::collections::HashSet<u16> = ports.iter().flatten().copied().collect();
    assert_eq!(distinct.len(), 8);
    assert_ne!(said(&one, "pwd"), said(&two, "pwd"));
    drop(one);
    assert_eq!(said(&two, "echo still here"), "still here");
}

#[test]
fn the_listener_can_refuse_and_accept_again() {
    let host = start(HostOptions::default());
    host.refuse_ssh();
    assert_eq!(ssh(&host, "true").status.code(), Some(255));
    host.accept_ssh();
    assert_eq!(said(&host, "echo back"), "back");
}

#[test]
fn a_changed_host_key_is_one_that_the_client_does_not_know() {
    let host = start(HostOptions::default());
    host.change_host_key();
    let output = ssh(&host, "true");
    assert_eq!(output.status.code(), Some(255));
    assert!(String::from_utf8_lossy(&output.stderr).contains("IDENTIFICATION HAS CHANGED"));
}

#[test]
fn nginx_can_be_stopped_and_started() {
    let host = start(HostOptions::default());
    host.stop_nginx();
    assert!(TcpStream::connect(("127.0.0.1", host.http_port())).is_err());
    host.start_nginx();
    assert!(get(&host, host.server_name()).starts_with("HTTP/1.1 404"));
}

#[test]
fn files_can_be_copied_with_sftp() {
    let host = start(HostOptions::default());
    let source = host.folder().join("note");
    fs::write(&source, "hello").unwrap();
    let status = Command::new("scp")
        .arg("-q")
        .arg("-F")
        .arg(host.ssh_config())
        .arg(&source)
        .arg(format!("{}:copied", host.alias()))
        .status()
        .unwrap();
    assert!(status.success());
    assert_eq!(fs::read_to_string(host.home().join("copied")).unwrap(), "hello");
}
