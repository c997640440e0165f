//! Faults of the application itself.

use std::time::{Duration, Instant};

use crate::faults::fixture::{SHORT, live, live_with, meet};
use crate::support::{APP, Site, until};

const DIES: &str = "import os, threading\nthreading.Timer(3, lambda: os._exit(3)).start()\n";

fn breaks(site: &Site, subject: &str, code: &str) {
    site.write("app.py", code);
    site.commit(subject);
}

fn answers(status: &str, headers: &str) -> String {
    format!(
        "def app(environ, start_response):\n    start_response({status:?}, {headers})\n    return [b'no']\n"
    )
}

/// What is rehearsed is often the mend of the commit before.
#[test]
fn a_mend_can_be_rehearsed() {
    let site = Site::new();
    breaks(&site, "break the import", "import there_is_no_such_module\n");
    let broken = site.deployer(&["rehearse"]);
    assert_eq!(broken.code, 1, "{broken:?}");
    assert!(broken.stderr.contains("and run: deployer rehearse"), "{broken:?}");
    breaks(&site, "mend it", APP);
    let mended = site.done(&["rehearse"]);
    for said in ["the commit before could not be released", ", 0 lost"] {
        assert!(mended.stderr.contains(said), "{said}: {mended:?}");
    }
    assert!(!mended.stderr.contains("deployer prod"), "{mended:?}");
}

#[test]
fn it_cannot_be_imported() {
    let site = live();
    breaks(&site, "break the import", "import there_is_no_such_module\n");
    let met = meet(&site, "import_error", &["prod", "deploy"], 1);
    assert!(met.ran.stderr.contains("No module named 'there_is_no_such_module'"));
    assert_eq!(met.next()["process"]["state"], "stopped");
    let met = meet(&site, "cutover_after_import_error", &["prod", "cutover"], 1);
    assert_eq!(met.next()["process"]["state"], "stopped");

    breaks(&site, "break the syntax", "def app(:\n");
    meet(&site, "syntax_error", &["prod", "deploy"], 1);
    breaks(&site, "rename the callable", "def application(): pass\n");
    meet(&site, "no_such_callable", &["prod", "deploy"], 1);

    breaks(&site, "mend it", APP);
    site.go_live();
}

#[test]
fn it_hangs() {
    let site = live_with(|_| {}, SHORT);
    breaks(&site, "sleep at import", "import time\ntime.sleep(600)\n");
    let met = meet(&site, "hangs_at_import", &["prod", "deploy"], 1);
    assert_eq!(met.next()["process"]["state"], "stopped");
    breaks(&site, "sleep in every request", "import time\ndef app(e, s):\n    time.sleep(600)\n");
    let met = meet(&site, "hangs_in_requests", &["prod", "deploy"], 1);
    assert_eq!(met.next()["process"]["state"], "stopped");
}

#[test]
fn it_dies_after_three_seconds_and_settle_sees_it() {
    let site = live_with(|_| {}, &format!("{SHORT}settle = \"20s\"\n").replace("10s", "60s"));
    breaks(&site, "die soon", &format!("{DIES}{APP}"));
    let met = meet(&site, "dies_while_it_settles", &["prod", "deploy"], 1);
    assert_eq!(met.next()["process"]["state"], "stopped");
}

#[test]
fn it_dies_after_three_seconds_and_cutover_sees_it() {
    let site = live();
    breaks(&site, "die soon", &format!("{DIES}{APP}"));
    site.done(&["prod", "deploy"]);
    until("the end of gunicorn", Duration::from_secs(20), || {
        site.status()["next"]["process"]["state"] == "stopped"
    });
    meet(&site, "died_before_the_cutover", &["prod", "cutover"], 1);
}

#[test]
fn it_answers_with_a_wrong_status() {
    let site = live_with(|_| {}, SHORT);
    for (case, status, headers) in [
        ("answers_500", "500 Internal Server Error", "[]"),
        ("answers_400", "400 Bad Request", "[]"),
        ("answers_301", "301 Moved Permanently", "[('Location', 'https://app.localhost/')]"),
    ] {
        breaks(&site, case, &answers(status, headers));
        let met = meet(&site, case, &["prod", "deploy"], 1);
        assert_eq!(met.next()["process"]["state"], "stopped");
    }
}

/// Warm only after a while, as the first request tells it; until then it answers with `before`.
fn warms_up(before: &str, seconds: u32) -> String {
    format!(
        "import time\nFIRST = []\ndef app(environ, start_response):\n    FIRST.append(time.monotonic())\n    \
         warm = time.monotonic() - FIRST[0] > {seconds}\n    \
         start_response('200 OK' if warm else {before:?}, [])\n    return [b'x']\n"
    )
}

/// Where a path is served is decided once an application answers at all: there is no minute to wait for.
#[test]
fn a_wrong_answer_that_stays_ends_the_wait() {
    let site = live_with(|_| {}, "[health]\npath = \"/health\"\nstart_timeout = \"5m\"\n");
    for (case, status, headers) in [
        (
            "leads_to_a_login",
            "302 Found",
            "[('Location', '/accounts/login/?next=/health&n=%d' % id(environ))]",
        ),
        ("leads_to_a_slash", "301 Moved Permanently", "[('Location', '/health/')]"),
        ("answers_404", "404 Not Found", "[]"),
    ] {
        breaks(&site, case, &answers(status, headers));
        let began = Instant::now();
        let met = meet(&site, case, &["prod", "deploy"], 1);
        assert!(began.elapsed() < Duration::from_secs(60), "{case}: {:?}", began.elapsed());
        let shown = met.ran.stderr.lines().find(|line| line.starts_with("note: waiting: /health"));
        let status = &status[..3];
        assert!(shown.is_some_and(|line| line.contains(status)), "{case}: {}", met.ran.stderr);
        assert_eq!(met.next()["process"]["state"], "stopped");
    }
}

#[test]
fn an_application_that_warms_up_is_waited_for() {
    let mut site = live();
    // Each worker warms up by itself, and a probe meets any of them.
    site.environment = "[environments.prod.gunicorn]\nworkers = 1\n".to_string();
    site.configure();
    for (before, seconds) in [("503 Service Unavailable", 7), ("404 Not Found", 2)] {
        breaks(&site, before, &warms_up(before, seconds));
        let ran = site.done(&["prod", "deploy"]);
        assert!(ran.stderr.contains(&format!("answered {}", &before[..3])), "{before}: {ran:?}");
        assert_eq!(site.status()["next"]["health"]["state"], "healthy");
    }
}
