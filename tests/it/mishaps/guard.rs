//! `cutover --watch`: the guard goes back by itself.

use std::fs;
use std::path::PathBuf;
use std::process::Child;

use crate::mishaps::common::{SOON, assert_live, assert_well, ended, history, last, nginx, passed};
use crate::support::{APP, HostControl, Site, until};

/// An application whose health is bad where a file named for its commit exists.
const SICK: &str = r#"
well = app
def app(environ, start_response):
    flag = os.environ["FLAGS"] + "/" + os.environ["DEPLOYER_COMMIT_SHORT"]
    path = environ["PATH_INFO"]
    if path == "/fail" or path == "/health" and os.path.exists(flag):
        start_response("500 Sick", [("Content-Length", "4")])
        return [b"sick"]
    return well(environ, start_response)
"#;

struct Guarded {
    site: Site,
    flags: PathBuf,
    old: String,
    new: String,
}

impl Guarded {
    fn new() -> Guarded {
        let mut site = Site::new();
        let flags = site.host.folder().join("flags");
        fs::create_dir(&flags).unwrap();
        site.extra = format!("[env]\nFLAGS = {flags:?}\n\n[health]\npath = \"/health\"\n");
        site.write("app.py", &format!("{APP}{SICK}"));
        nginx(&site, &[], &format!("access_log = {:?}", site.host.nginx_access_log()));
        let old = site.commit("a health path");
        site.go_live();
        let new = site.change();
        site.done(&["prod", "deploy"]);
        Guarded { site, flags, old, new }
    }

    /// Starts a cutover, and returns when the new release is live and watched.
    fn watched(&self, time: &str) -> Child {
        let child = self.site.start(&["prod", "cutover", "--watch", time]);
        until("the new release is live", SOON, || self.site.get("/").1.contains(&self.new[..7]));
        // The switch is proven, and only then watched.
        until("the switch is recorded", SOON, || last(&self.site).1 == self.new);
        child
    }

    fn assert_back(&self) {
        let status = assert_well(&self.site, &self.old);
        assert_eq!(last(&self.site), ("rolled back".to_string(), self.old.clone()));
        assert_eq!(status["next"]["commit"]["id"], *self.new);
    }
}

#[test]
fn it_goes_back_by_itself() {
    let guarded = Guarded::new();
    let site = &guarded.site;
    let flag = guarded.flags.join(&guarded.new[..7]);

    let child = guarded.watched("60s");
    fs::write(&flag, "").unwrap();
    ended(child).check(5, &["did not hold", "500", "serves the old release again"]);
    guarded.assert_back();
    let why = history(site).pop().unwrap()["why"].to_string();
    assert!(why.contains("500"), "{why}");
    passed("--watch: sick after the switch, swapped back, exit 5");

    // Without its client.
    fs::remove_file(&flag).unwrap();
    let mut child = guarded.watched("60s");
    child.kill().unwrap();
    child.wait().unwrap();
    fs::write(&flag, "").unwrap();
    until("the guard goes back by itself", SOON, || {
        last(site) == ("rolled back".to_string(), guarded.old.clone())
    });
    site.until_free(SOON);
    let (_, body) = site.get("/");
    assert!(body.contains(&guarded.old[..7]), "{body}");
    fs::remove_file(&flag).unwrap();
    // The next run tells of it, and all is well.
    site.done(&["prod", "stop"]);
    assert_live(site, &guarded.old);
    passed("--watch: client killed, swapped back all the same");
}

#[test]
fn it_counts_what_nginx_answers() {
    let guarded = Guarded::new();
    let site = &guarded.site;
    let child = guarded.watched("60s");
    until("the guard goes back", SOON, || {
        for _ in 0..10 {
            site.get("/fail");
            site.get("/");
        }
        last(site).0 == "rolled back"
    });
    ended(child).check(5, &["with a 5xx status", "did not hold"]);
    guarded.assert_back();
    passed("--watch: the error rate in nginx's access log, exit 5");

    let ran = site.done(&["prod", "cutover", "--watch", "1s"]);
    assert_well(site, &guarded.new);
    assert_eq!(last(site), ("cutover".to_string(), guarded.new.clone()), "{}", ran.stderr);
    passed("--watch: a sound release stays, exit 0");
}

#[test]
fn it_goes_back_though_nothing_can_be_written() {
    let guarded = Guarded::new();
    let site = &guarded.site;
    let child = guarded.watched("60s");
    // The notes of what is done: folders in their places, since root may write to any file.
    let file = site.path(".deployer/history.jsonl");
    let kept = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    fs::create_dir(&file).unwrap();
    fs::create_dir(site.path(".deployer/switch.new")).unwrap();
    fs::write(guarded.flags.join(&guarded.new[..7]), "").unwrap();
    ended(child).check(5, &["did not hold", "history.jsonl"]);
    fs::remove_dir(&file).unwrap();
    fs::remove_dir(site.path(".deployer/switch.new")).unwrap();
    fs::write(&file, kept).unwrap();
    assert_well(site, &guarded.old);
    passed("--watch: swapped back though neither note nor history can be written");
}
