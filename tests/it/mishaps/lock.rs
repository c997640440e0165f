//! One deployer at a time, whatever becomes of the one that holds the lock.

use std::fs;
use std::path::PathBuf;
use std::process::Child;
use std::time::Instant;

use crate::mishaps::common::{
    SOON, age, assert_live, assert_well, ended, expect, nginx, one_live_one_next, passed,
};
use crate::support::{APP, Ran, Site, alive, signal, until};

/// An application that is not ready as long as a file is there.
const SLUGGISH: &str = r#"
while os.path.exists(os.environ["SLUGGISH"]):
    time.sleep(0.02)
"#;

/// A site whose deploys can be held at their step `start`.
struct Held {
    site: Site,
    flag: PathBuf,
    live: String,
}

impl Held {
    fn new() -> Held {
        let mut site = Site::new();
        let flag = site.host.folder().join("sluggish");
        site.extra = format!("[env]\nSLUGGISH = {flag:?}\n");
        site.configure();
        site.write("app.py", &format!("{APP}{SLUGGISH}"));
        let live = site.commit("a long start");
        site.go_live();
        site.change();
        Held { site, flag, live }
    }

    /// A deploy that has come to its step `start` and stays there.
    fn hold(&self) -> Child {
        fs::write(&self.flag, "").unwrap();
        let child = self.site.start(&["prod", "deploy"]);
        until("the deploy starts gunicorn", SOON, || {
            self.site.step().as_deref() == Some("start") && self.site.path(".deployer/child").exists()
        });
        child
    }

    fn let_go(&self) {
        fs::remove_file(&self.flag).unwrap();
    }

    /// The number of the shell on the host that holds the lock.
    fn session(&self) -> u32 {
        let text = fs::read_to_string(self.site.path(".deployer/session")).unwrap();
        text.split(' ').next().unwrap().parse().unwrap()
    }

    /// The next run tells of the one before it, and mends what it left.
    #[track_caller]
    fn mended(&self) {
        let ran = self.site.deployer(&["prod", "deploy"]);
        ran.check(0, &["a deploy by ann@", "at its step \"start\""]);
        assert_well(&self.site, &self.live);
        assert!(!self.site.path(".deployer/interrupted").exists());
    }
}

#[test]
fn the_second_is_told_and_may_wait() {
    let held = Held::new();
    let site = &held.site;
    let first = held.hold();
    let commit = site.git(&["rev-parse", "--short=7", "HEAD"]);
    for verb in ["deploy", "cutover", "rollback", "stop"] {
        expect(
            site,
            &["prod", verb],
            4,
            &[
                "prod is locked by ann@",
                &format!("deploying {commit} for"),
                " s, at its step \"start\", alive",
                "--wait",
                "unlock --force",
            ],
        );
    }
    let status = assert_live(site, &held.live);
    assert_eq!(status["lock"]["doing"], "deploy");
    assert!(status["lock"]["by"].as_str().unwrap().starts_with("ann@"));
    assert!(status["lock"]["age_seconds"].is_u64());
    passed("lock: the second is told who, from where, since when, at which step, alive: exit 4");

    let began = Instant::now();
    expect(site, &["prod", "deploy", "--wait=1s"], 4, &["waiting", "is locked by"]);
    assert!(began.elapsed().as_secs() < 15);
    let waiting = site.start(&["prod", "deploy", "--wait=60s"]);
    // Both are on the host: two agents have the lock's file open.
    // Its first try follows at once, so that it has been told when it still has it open a while later.
    let mut seen = 0;
    until("the second waits", SOON, || {
        seen = if waits(site) { seen + 1 } else { 0 };
        seen > 20
    });
    held.let_go();
    ended(first).check(0, &[]);
    ended(waiting).check(0, &["the lock is held by ann@", "waiting"]);
    assert_well(site, &held.live);
    passed("lock: --wait gets it when it is free, and gives up when its time is over");
}

/// Whether somebody is blocked on the lock, as the kernel sees it.
fn waits(site: &Site) -> bool {
    let lock = site.path(".deployer/lock");
    let has_it = |process: fs::DirEntry| {
        let files = fs::read_dir(process.path().join("fd")).into_iter().flatten().flatten();
        files.into_iter().any(|file| fs::read_link(file.path()).is_ok_and(|file| file == lock))
    };
    fs::read_dir("/proc").unwrap().flatten().map(has_it).filter(|has_it| *has_it).count() > 1
}

#[test]
fn a_holder_that_is_killed_lets_go() {
    let held = Held::new();
    let site = &held.site;

    let child = held.hold();
    signal("KILL", &[held.session()]);
    let ran = ended(child).check(1, &["not affected"]);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    held.let_go();
    site.until_free(SOON);
    held.mended();
    passed("lock: the shell on the host killed: free, the next run says where it was cut off");

    let mut child = held.hold();
    child.kill().unwrap();
    child.wait().unwrap();
    site.until_free(SOON);
    let status = assert_live(site, &held.live);
    crate::mishaps::common::assert_problem(&status, "at its step \"start\"", Some("deployer prod deploy"));
    held.let_go();
    held.mended();
    passed("lock: the client killed: free, the next run says where it was cut off");
}

#[test]
fn a_silent_holder_is_taken_over() {
    let held = Held::new();
    let site = &held.site;
    let child = held.hold();
    let session = held.session();
    signal("STOP", &[child.id()]);
    // It is not enough that it hangs for a moment.
    expect(site, &["prod", "stop"], 4, &["is locked by"]);
    age(&site.path(".deployer/beat"), "2 minutes ago");
    let second = site.start(&["prod", "deploy"]);
    until("the first is ended", SOON, || !alive(session));
    held.let_go();
    ended(second).check(0, &["took over from ann@", "silent for 12", "at its step \"start\""]);
    assert_well(site, &held.live);
    // The old client finds that it has lost the host.
    signal("CONT", &[child.id()]);
    let ran = ended(child).check(1, &["error:", "not affected"]);
    assert!(!ran.stderr.contains("panicked"), "{}", ran.stderr);
    assert_well(site, &held.live);
    passed("lock: a silent holder is taken over; its client fails when it comes back");

    let child = held.hold();
    expect(site, &["prod", "unlock"], 4, &["is locked by", "unlock --force"]);
    site.deployer(&["prod", "unlock", "--force"]).check(0, &["is unlocked"]);
    ended(child).check(1, &["error:", "not affected"]);
    held.let_go();
    let ran = site.deployer(&["prod", "deploy"]);
    ran.check(0, &["at its step \"start\""]);
    assert_well(site, &held.live);
    passed("lock: unlock --force ends a holder that lives");
}

/// What only asks has no lock, and so no say in whose it is.
#[test]
fn who_only_looks_leaves_the_holder_alone() {
    let held = Held::new();
    let site = &held.site;
    let child = held.hold();
    let session = held.session();
    let files = || {
        ["holder", "session", "journal", "child"].map(|name| fs::read(site.path(".deployer").join(name)).ok())
    };
    let before = files();
    assert!(before.iter().all(Option::is_some), "{before:?}");

    // Next is being rebuilt: there is nothing to cut over to.
    expect(site, &["prod", "cutover", "--dry-run"], 1, &["error:"]);
    assert_eq!(files(), before);
    passed("lock: a refused dry run leaves the holder's files alone");

    for arguments in
        [&["prod", "unlock", "--force", "--dry-run"][..], &["prod", "lock", "-m", "x", "--dry-run"]]
    {
        site.done(arguments);
        assert!(alive(session));
        assert_eq!(files(), before);
    }
    assert!(!site.path(".deployer/freeze").exists());
    held.let_go();
    ended(child).check(0, &["healthy"]);
    passed("lock: unlock --force --dry-run ends nobody");
}

#[test]
fn people_may_ask_for_a_pause() {
    let site = Site::new();
    let first = site.git(&["rev-parse", "HEAD"]);
    site.go_live();
    let second = site.change();
    site.done(&["prod", "deploy", "--cutover"]);
    site.done(&["prod", "lock", "-m", "freeze until Monday; it's \"quiet\" $HOME"]);
    for arguments in [&["prod", "deploy"][..], &["prod", "cutover"], &["prod", "deploy", "--cutover"]] {
        expect(
            &site,
            arguments,
            4,
            &["prod was locked by ann@", "freeze until Monday; it's", "$HOME", "deployer prod unlock"],
        );
    }
    let status = assert_live(&site, &second);
    crate::mishaps::common::assert_problem(&status, "locked by ann@", Some("deployer prod unlock"));
    passed("lock -m: deploy and cutover are refused with its message, exit 4");
    site.done(&["prod", "rollback"]);
    assert_live(&site, &first);
    passed("lock -m: rollback is still allowed");
    site.done(&["prod", "unlock"]);
    site.done(&["prod", "cutover"]);
    assert_well(&site, &second);
    assert!(!site.path(".deployer/freeze").exists());
    passed("unlock: all goes on");
}

#[test]
fn a_hundred_races_have_one_winner_each() {
    const RACES: usize = 100;
    let site = Site::new();
    let (live, _) = one_live_one_next(&site);
    let go = site.host.folder().join("go");
    // Whoever has the lock stays in its first step until the other is done, then is refused by nginx's test.
    let script = format!("until [ -e '{0}' ]; do sleep 0.01; done; echo held; exit 1", go.display());
    site.configure();
    let path = site.repo.path().join("deployer.toml");
    let text = fs::read_to_string(&path).unwrap();
    let (head, tail) = text.split_once("\ntest = ").unwrap();
    let tail = tail.split_once('\n').unwrap().1;
    let test = serde_json::to_string(&["/bin/sh", "-c", &script]).unwrap();
    fs::write(&path, format!("{head}\ntest = {test}\n{tail}")).unwrap();
    let mut codes = Vec::new();
    for number in 0..RACES {
        let _ = fs::remove_file(&go);
        let mut runners = [site.start(&["prod", "cutover"]), site.start(&["prod", "cutover"])];
        let mut loser = 0;
        until("one of the two is refused", SOON, || {
            let done = |child: &mut Child| child.try_wait().unwrap().is_some();
            let found = runners.iter_mut().position(done);
            loser = found.unwrap_or(0);
            found.is_some()
        });
        fs::write(&go, "").unwrap();
        let [first, second] = runners.map(ended);
        let (lost, won) = if loser == 0 { (first, second) } else { (second, first) };
        check_race(number, &lost, &won);
        codes.push((lost.code, won.code));
    }
    nginx(&site, &[], "");
    assert!(codes.iter().all(|codes| *codes == (4, 1)));
    // Nothing of them is left.
    let mut left: Vec<_> = fs::read_dir(site.path(".deployer"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    left.sort();
    println!("{left:?}");
    assert_well(&site, &live);
    site.done(&["prod", "stop"]);
    crate::support::row("faults", "lock: races between two deployers", format!("{RACES}, one winner each"));
}

#[track_caller]
fn check_race(number: usize, lost: &Ran, won: &Ran) {
    assert_eq!(lost.code, 4, "race {number}: {}\n{}", lost.stderr, won.stderr);
    assert_eq!(won.code, 1, "race {number}: {}\n{}", won.stderr, lost.stderr);
    assert!(won.stderr.contains("held"), "race {number}: {}", won.stderr);
    assert!(lost.stderr.contains("is locked by"), "race {number}: {}", lost.stderr);
}
