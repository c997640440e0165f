//! Processes that will not go, that are not ours, or that are gone.

use std::fs;
use std::process::{Command, Stdio};

use crate::mishaps::common::{
    assert_live, assert_problem, assert_well, expect, link, master, one_live_one_next, passed,
};
use crate::support::{HostControl, Site, alive, kill_family, signal};

#[test]
fn an_old_process_that_ignores_term_is_killed() {
    let mut site = Site::new();
    site.environment = "gunicorn.graceful_timeout = \"1s\"".to_string();
    site.configure();
    site.write(
        "gunicorn.conf.py",
        "import signal\n\n\ndef when_ready(server):\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n\n\n\
         def post_worker_init(worker):\n    signal.signal(signal.SIGTERM, signal.SIG_IGN)\n",
    );
    site.commit("ignore TERM");
    let (first, _) = one_live_one_next(&site);
    let next = link(&site, "next");
    let pid = master(&site, &next);
    signal("TERM", &[pid]);
    site.change();
    let ran = site.done(&["prod", "deploy"]);
    ran.check(0, &["did not end within 6 s of TERM: killed"]);
    assert!(!alive(pid));
    assert_well(&site, &first);
    assert_ne!(master(&site, &next), pid);
    passed("the old process ignores TERM: killed after the grace");
    // The throwaway host's own end must not wait for them.
    kill_family(master(&site, &next));
    kill_family(master(&site, &link(&site, "live")));
}

#[test]
fn a_pid_file_proves_nothing() {
    let site = Site::new();
    let (first, _) = one_live_one_next(&site);
    let next = link(&site, "next");
    let file = site.path(&format!("{next}/etc/app.pid"));
    let gunicorn = master(&site, &next);

    fs::write(&file, "not a number\n").unwrap();
    assert_problem(&assert_live(&site, &first), "holds no process number", None);
    let ran = site.done(&["prod", "deploy"]);
    ran.check(0, &["removed a pid file that named no process"]);
    assert!(!alive(gunicorn), "it was found by its port");
    assert_well(&site, &first);
    passed("pid file with garbage: removed, the process found by its port");

    // A stranger whose command line looks like a gunicorn's, and who would end by any signal.
    let mut stranger =
        Command::new("sleep").arg("300").current_dir("/").stdin(Stdio::null()).spawn().unwrap();
    kill_family(master(&site, &next));
    fs::write(&file, format!("{}\n", stranger.id())).unwrap();
    assert_problem(&assert_live(&site, &first), "names a process that is not the slot's", None);
    expect(&site, &["prod", "cutover"], 1, &["does not run"]);
    let ran = site.done(&["prod", "deploy"]);
    ran.check(0, &["which is not ours"]);
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was signalled");
    site.done(&["prod", "stop"]);
    fs::write(&file, format!("{}\n", stranger.id())).unwrap();
    site.done(&["prod", "stop"]);
    assert!(stranger.try_wait().unwrap().is_none(), "a stranger was signalled");
    assert_well(&site, &first);
    // Even the live slot's own gunicorn, named by next's pid file, is a stranger to next.
    let live = link(&site, "live");
    fs::write(&file, format!("{}\n", master(&site, &live))).unwrap();
    site.done(&["prod", "stop"]);
    assert_live(&site, &first);
    stranger.kill().unwrap();
    stranger.wait().unwrap();
    passed("pid file with a reused pid: the stranger, and live, are left alone");
}

#[test]
fn a_host_that_was_switched_off_between_deploy_and_cutover() {
    let site = Site::new();
    let (first, second) = one_live_one_next(&site);
    let (live, next) = (link(&site, "live"), link(&site, "next"));
    for color in [&live, &next] {
        kill_family(master(&site, color));
    }
    kill_family(site.host.nginx_pid());
    site.host.start_nginx();
    assert_eq!(site.get("/").0, 502);
    let status = site.status();
    assert_problem(&status, &format!("live ({live}) does not run"), Some("deployer prod deploy --cutover"));
    assert_eq!(status["served"]["color"], *live);
    for role in ["live", "next"] {
        assert_eq!(status[role]["process"]["state"], "stopped", "{status}");
    }
    assert_eq!(status["live"]["commit"]["id"], *first);
    expect(&site, &["prod", "cutover"], 1, &["does not run", "deploy"]);
    site.done(&["prod", "deploy", "--cutover"]);
    assert_live(&site, &second);
    // The way back is there too: it starts what was stopped.
    site.done(&["prod", "rollback"]);
    assert_well(&site, &first);
    passed("reboot between deploy and cutover: status true, cutover refuses, deploy mends");
}
