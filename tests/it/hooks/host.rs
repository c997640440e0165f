//! The hooks that run on the host: release, smoke, warm.

use std::fs;
use std::time::{Duration, Instant};

use crate::hooks::passed;
use crate::support::{APP, Site, until};

/// A site with these lines in `[hooks]`; nothing is deployed.
pub(crate) fn hooked(lines: &str) -> Site {
    let mut site = Site::new();
    site.extra = format!("[hooks]\n{lines}\n");
    site.configure();
    site.commit("with hooks");
    site
}

pub(crate) fn toml(line: &str) -> String {
    serde_json::to_string(line).expect("a string")
}

fn lines(path: std::path::PathBuf) -> Vec<String> {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().map(str::to_string).collect()
}

#[test]
fn the_release_command_runs_once_in_the_new_slot_before_its_start() {
    let mut site = Site::new();
    let told = site.host.folder().join("told");
    let python = "python -c 'import gunicorn, os, sys; print(os.environ[\"GREETING\"], sys.prefix)'";
    let write = format!(
        "{{ echo \"$BLUEGREEN $DEPLOYER_COMMIT_SHORT $PWD\"; ss -Hltn | grep -c \":$OWN_PORT \"; {python}; }} >> {:?}",
        told
    );
    site.extra = format!("[hooks]\nrelease = [\"true\", {}]\n", toml(&write));
    site.environment =
        format!("env = {{ GREETING = \"it's $me\", OWN_PORT = {} }}", site.host.app_ports().blue);
    site.configure();
    let first = site.commit("with a release command");
    site.done(&["prod", "deploy"]);
    let status = site.status();
    assert_eq!(status["next"]["color"], "blue", "{status}");
    let shown = lines(told.clone());
    let slot = site.path("blue");
    assert_eq!(shown[0], format!("blue {} {}", &first[..7], slot.join("repo").display()));
    assert_eq!(shown[1], "0", "nothing listens yet");
    assert!(shown[2].starts_with("it's $me "), "{shown:?}");
    assert!(shown[2].contains("/virtualenvs/") || shown[2].contains("/env"), "{shown:?}");

    // A cutover and the ways back run it no more: they migrate nothing.
    site.done(&["prod", "cutover"]);
    site.change();
    site.go_live();
    site.done(&["prod", "rollback"]);
    assert_eq!(lines(told.clone()).len(), 6);
    site.change();
    site.go_live();
    assert_eq!(lines(told.clone()).len(), 9);
    site.done(&["prod", "rollback", &first[..7]]);
    assert!(site.get("/").1.contains(&first[..7]), "built again");
    assert_eq!(lines(told).len(), 9);
    passed("a release command runs in deploys alone, once, before the start");
}

#[test]
fn a_release_command_that_fails_stops_the_deploy() {
    let site = hooked(
        "release = [\"echo migrating\", \"[ ! -e broken ] || { echo no such table >&2; exit 31; }\", \"echo never\"]",
    );
    site.go_live();
    let (_, before) = site.get("/");
    site.write("broken", "");
    site.commit("broken");
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for word in [
        "could not run the release command",
        "exit 31",
        "no such table",
        "The live site is not affected.",
        "stays changed",
    ] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    assert!(!ran.stderr.contains("never"), "{ran:?}");
    assert_eq!(site.get("/").1, before);
    let refused = site.deployer(&["prod", "cutover"]);
    assert_eq!(refused.code, 1, "{refused:?}");
    assert_eq!(site.get("/").1, before);
    passed("a release command that fails stops the deploy, live untouched");
}

#[test]
fn a_release_command_that_takes_too_long_is_ended() {
    let site = hooked("release = \"echo $$ > ../pid; sleep 1000\"\ntimeout = \"1s\"");
    let began = Instant::now();
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("[hooks] timeout"), "{ran:?}");
    assert!(began.elapsed() < Duration::from_secs(60));
    let pid = fs::read_to_string(site.path("blue/pid")).expect("it ran");
    let gone = || !std::path::Path::new("/proc").join(pid.trim()).exists();
    until("it ends", Duration::from_secs(10), gone);
    passed("a release command that takes too long is ended");
}

#[test]
fn a_release_command_ends_with_its_client() {
    let site = hooked("release = \"echo $$ > ../pid; sleep 1000\"");
    let mut client = site.start(&["prod", "deploy"]);
    let pid = || fs::read_to_string(site.path("blue/pid")).ok().filter(|pid| pid.ends_with('\n'));
    until("it runs", Duration::from_secs(60), || pid().is_some());
    let process = std::path::Path::new("/proc").join(pid().expect("it ran").trim());
    client.kill().expect("the client is ours");
    client.wait().expect("it ends");
    until("it ends too", Duration::from_secs(30), || !process.exists());
    let status = site.deployer(&["status"]);
    assert!(status.stdout.contains("it may have changed what live uses too"), "{status:?}");
    passed("a release command ends with its client, and that is told");
}

#[test]
fn migrations_that_cannot_be_looked_at_stop_the_deploy_unless_it_is_told_otherwise() {
    let site = hooked("release = \"echo migrated > ../migrated\"");
    // No Django in its requirements.
    site.write("manage.py", "os.environ.setdefault('DJANGO_SETTINGS_MODULE', 'shop.settings')\n");
    site.commit("half a Django");
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    for word in ["could not look at the migrations", "No module named 'django'", "--accept-migrations"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    assert!(!site.path("blue/migrated").exists());
    let ran = site.done(&["prod", "deploy", "--accept-migrations"]);
    assert!(ran.stderr.contains("the migrations could not be looked at"), "{ran:?}");
    assert!(site.path("blue/migrated").exists());
    passed("migrations that cannot be looked at stop the deploy unless it is told otherwise");
}

#[test]
fn a_smoke_test_judges_next_before_it_counts_as_a_release() {
    let site = hooked(
        "smoke = [\"test \\\"$URL\\\" = {url} && test \\\"${URL##*:}\\\" = \\\"$PORT\\\"\", \"curl -fsS {url}/ | grep -q hello\"]",
    );
    site.go_live();
    let (_, before) = site.get("/");
    site.write("app.py", &APP.replace("hello from", "goodbye from"));
    site.commit("say goodbye");
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("could not run the smoke test"), "{ran:?}");
    assert_eq!(site.status()["next"]["process"]["state"], "stopped");
    assert_eq!(site.deployer(&["prod", "cutover"]).code, 1);
    assert_eq!(site.get("/").1, before);
    site.write("app.py", APP);
    site.commit("say hello again");
    site.go_live();
    passed("a smoke test that fails leaves nothing to cut over to");
}

#[test]
fn pages_are_warm_before_the_cutover() {
    let mut site = Site::new();
    let asked = site.host.folder().join("asked");
    site.write(
        "app.py",
        &format!(
            "{APP}\nplain = app\ndef app(environ, start_response):\n    \
             open({:?}, 'a').write('%s %s\\n' % (os.environ['BLUEGREEN'], environ['PATH_INFO']))\n    \
             if environ['PATH_INFO'] == '/gone':\n        start_response('404 Not Found', [('Content-Length', '0')])\n        return []\n    \
             return plain(environ, start_response)\n",
            asked.display().to_string()
        ),
    );
    site.extra = "[hooks]\nwarm = [\"/pricing\", \"/gone\"]\n".to_string();
    site.configure();
    site.commit("count");
    site.done(&["prod", "deploy"]);
    let count = |path: &str| {
        let wanted = format!("blue {path}");
        lines(asked.clone()).iter().filter(|line| **line == wanted).count()
    };
    assert_eq!(count("/pricing"), 0);
    let ran = site.done(&["prod", "cutover"]);
    assert_eq!(count("/pricing"), 2, "once for each worker");
    assert!(ran.stderr.contains("could not warm /gone: status 404"), "{ran:?}");
    assert!(ran.stderr.contains("warm blue up"), "{ran:?}");
    passed("pages are warm before the cutover; one that fails is a warning");
}
