//! Workers and singletons: real processes that write down when they run, over cutovers, rollbacks and mishaps.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use crate::processes::passed;
use crate::support::{Site, alive, until};

const SOON: Duration = Duration::from_secs(20);

/// A worker: it does the jobs that stand in a folder, one at a time, each for as long as a file is there, and ends at TERM
/// when it has none. Every line goes to one file by one write each: word, color, number, name.
const WORKER: &str = r#"
import os, signal, sys, time
name, journal, jobs = sys.argv[1], os.environ["JOURNAL"], os.environ["JOBS"]
out = os.open(journal, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
def say(word):
    os.write(out, ("%s %s %d %s\n" % (word, os.environ["BLUEGREEN"], os.getpid(), name)).encode())
ending = []
signal.signal(signal.SIGTERM, lambda *_: ending.append(1))
say("begin")
beat = 0
while not ending:
    if name == "worker":
        for job in sorted(os.listdir(jobs)):
            try:
                os.rename(jobs + "/" + job, jobs + "/../taken-" + job)
            except OSError:
                continue
            say("take-" + job)
            while os.path.exists(jobs + "/../hold-" + job):
                time.sleep(0.01)
            say("done-" + job)
    else:
        say("tick")
    time.sleep(0.02)
say("end")
"#;

/// The two kinds, as short as they can be written.
const BOTH: &str = "[processes]\nworker = { command = \"python worker.py worker\", settle = \"300ms\" }\n\
    beat = { command = \"python worker.py beat\", singleton = true, settle = \"300ms\" }\n";

struct Stage {
    site: Site,
    folder: tempfile::TempDir,
}

#[derive(Debug, Clone)]
struct Line {
    word: String,
    color: String,
    pid: u32,
    name: String,
}

impl Stage {
    fn new(tables: &str) -> Stage {
        let folder = tempfile::tempdir().expect("a folder");
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).expect("a mode");
        fs::create_dir(folder.path().join("jobs")).expect("a folder");
        let mut site = Site::new();
        site.write("worker.py", WORKER);
        let path = folder.path().display();
        site.extra = format!("{tables}\n[env]\nJOURNAL = \"{path}/journal\"\nJOBS = \"{path}/jobs\"\n");
        site.configure();
        site.commit("with workers");
        Stage { site, folder }
    }

    fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn journal(&self) -> Vec<Line> {
        let text = fs::read_to_string(self.file("journal")).unwrap_or_default();
        text.lines()
            .map(|line| {
                let words: Vec<&str> = line.split(' ').collect();
                Line {
                    word: words[0].to_string(),
                    color: words[1].to_string(),
                    pid: words[2].parse().expect("a number"),
                    name: words[3].to_string(),
                }
            })
            .collect()
    }

    /// Who began under a name and has not ended.
    fn alive(&self, name: &str) -> Vec<(String, u32)> {
        let journal = self.journal();
        let began = journal.iter().filter(|line| line.word == "begin" && line.name == name);
        began.filter(|line| alive(line.pid)).map(|line| (line.color.clone(), line.pid)).collect()
    }

    fn live(&self) -> String {
        let live = fs::read_link(self.site.path("live")).expect("live");
        live.file_name().expect("a color").to_string_lossy().into_owned()
    }

    /// Live has one of each, next has none, and `status` knows nothing to complain of.
    #[track_caller]
    fn assert_well(&self) {
        let live = self.live();
        for name in ["worker", "beat"] {
            let alive = self.alive(name);
            assert_eq!(alive.len(), 1, "{name}: {alive:?}");
            assert_eq!(alive[0].0, live, "{name}");
        }
        let status = self.site.status();
        assert_eq!(status["problems"], serde_json::json!([]));
        assert_eq!(status["live"]["processes"].as_array().map(Vec::len), Some(2), "{status}");
        assert_eq!(status["next"]["processes"].as_array().map(Vec::len), Some(0), "{status}");
        self.assert_single();
    }

    /// No two of the singleton overlap: each ends its work before the next begins.
    #[track_caller]
    fn assert_single(&self) {
        let beats: Vec<Line> = self.journal().into_iter().filter(|line| line.name == "beat").collect();
        let mut seen: Vec<u32> = Vec::new();
        for line in &beats {
            if seen.last() != Some(&line.pid) {
                assert!(!seen.contains(&line.pid), "two of it at once: {beats:?}");
                seen.push(line.pid);
            }
        }
    }

    #[track_caller]
    fn problems(&self) -> String {
        self.site.status()["problems"].to_string()
    }
}

#[test]
fn they_run_in_live_alone_and_move_with_it() {
    let stage = Stage::new(BOTH);
    let site = &stage.site;
    site.done(&["prod", "deploy"]);
    assert!(stage.journal().is_empty(), "{:?}", stage.journal());
    passed("nothing of next runs before the cutover");

    let cutover = site.done(&["prod", "cutover"]);
    cutover.check(0, &["hand beat, worker over"]);
    stage.assert_well();
    let shown = site.done(&["status"]).stdout;
    assert!(shown.contains("worker  pid ") && shown.contains("beat  pid "), "{shown}");
    passed("the cutover starts what live runs; status shows it");

    // A job in progress outlives the switch in the old worker, and a new job goes to the new one.
    let first = stage.alive("worker")[0].clone();
    fs::write(stage.file("hold-long"), "").expect("a file");
    fs::write(stage.file("jobs/long"), "").expect("a job");
    until("the job is taken", SOON, || stage.file("taken-long").exists());
    site.change();
    site.done(&["prod", "deploy"]);
    let mut cutover = site.start(&["prod", "cutover"]);
    until("the new beat runs", SOON, || {
        stage.alive("beat").first().is_some_and(|(color, _)| *color != first.0)
    });
    assert!(cutover.try_wait().expect("a child").is_none(), "it waits for the job");
    fs::write(stage.file("jobs/short"), "").expect("a job");
    until("the new worker does the new job", SOON, || {
        let journal = stage.journal();
        journal.iter().any(|line| line.word == "done-short" && line.color != first.0)
    });
    fs::remove_file(stage.file("hold-long")).expect("the hold");
    assert!(cutover.wait().expect("an end").success());
    stage.assert_well();
    let journal = stage.journal();
    let done: Vec<&Line> = journal.iter().filter(|line| line.word == "done-long").collect();
    assert_eq!(done.len(), 1);
    assert_eq!((&done[0].color, done[0].pid), (&first.0, first.1));
    assert_eq!(journal.iter().filter(|line| line.word.starts_with("take-")).count(), 2);
    passed("a job in progress is finished by the old worker, and none is done twice");
    passed("a singleton moves once, and no two of it ever overlap");

    site.done(&["prod", "rollback"]);
    stage.assert_well();
    assert_eq!(stage.live(), first.0);
    passed("a rollback moves them back");

    // What is stopped is stopped whole, and a rollback to it starts it again.
    site.done(&["prod", "cutover"]);
    site.done(&["prod", "stop"]);
    stage.assert_well();
    site.done(&["prod", "rollback"]);
    stage.assert_well();
    assert_eq!(stage.live(), first.0);
    passed("a rollback to a stopped release starts its processes too");
}

#[test]
fn one_that_dies_leaves_live_untouched() {
    let stage = Stage::new(BOTH);
    let site = &stage.site;
    site.go_live();
    let (worker, beat) = (stage.alive("worker"), stage.alive("beat"));
    site.write("worker.py", "import sys\nprint('no broker to be found')\nsys.exit(3)\n");
    site.commit("a worker that dies");
    site.done(&["prod", "deploy"]);
    let failed = site.deployer(&["prod", "cutover"]);
    failed.check(1, &["worker ended with status 3", "no broker to be found", "not affected"]);
    assert_eq!((stage.alive("worker"), stage.alive("beat")), (worker, beat));
    stage.assert_well();
    passed("a worker that dies within its settle: exit 1, its log, live untouched");

    // A singleton is tried after the switch only: it must not run beside the old one.
    let dies = "import sys\nif sys.argv[1] == 'beat': sys.exit('no schedule')\n";
    site.write("worker.py", &format!("{dies}{WORKER}"));
    site.commit("a beat that dies");
    site.done(&["prod", "deploy"]);
    let failed = site.deployer(&["prod", "cutover"]);
    failed.check(3, &["beat ended with status 1", "no schedule", "is live and proven", "prod rollback"]);
    assert!(stage.problems().contains("beat of live"), "{}", stage.problems());
    site.done(&["prod", "rollback"]);
    stage.assert_well();
    passed("a singleton that dies after the switch: said, and a rollback has it again");
}

#[test]
fn the_guard_goes_back_and_the_singleton_never_moved() {
    let stage = Stage::new(BOTH);
    let site = &stage.site;
    site.go_live();
    let beat = stage.alive("beat");
    let dies = "\nimport threading, os, signal\nthreading.Timer(6, lambda: os.kill(os.getppid(), signal.SIGKILL)).start()\n";
    let app = fs::read_to_string(site.repo.path().join("app.py")).expect("app.py");
    site.write("app.py", &format!("{app}{dies}quick = app\nimport time\nborn = time.time()\ndef app(e, s):\n    if time.time() - born > 5:\n        s('500 Oh', [])\n        return [b'']\n    return quick(e, s)\n"));
    site.commit("it breaks after five seconds");
    site.done(&["prod", "deploy"]);
    let back = site.deployer(&["prod", "cutover", "--watch", "30s"]);
    back.check(5, &["rolled back"]);
    assert_eq!(stage.alive("beat"), beat, "it never moved");
    let began: Vec<Line> = stage.journal().into_iter().filter(|line| line.word == "begin").collect();
    assert_eq!(began.iter().filter(|line| line.name == "worker").count(), 2, "{began:?}");
    assert_eq!(began.iter().filter(|line| line.name == "beat").count(), 1, "{began:?}");
    assert_eq!(stage.alive("worker").len(), 1);
    stage.assert_single();
    passed("the guard goes back: new processes are stopped, the singleton never moved");
}

#[test]
fn a_client_that_is_killed_in_the_hand_over_changes_nothing() {
    let stage = Stage::new(BOTH);
    let site = &stage.site;
    site.go_live();
    let old = stage.live();
    fs::write(stage.file("hold-long"), "").expect("a file");
    fs::write(stage.file("jobs/long"), "").expect("a job");
    until("the job is taken", SOON, || stage.file("taken-long").exists());
    site.change();
    site.done(&["prod", "deploy"]);
    let mut cutover = site.start(&["prod", "cutover"]);
    // The old worker keeps the hand-over open.
    until("the hand-over has begun", SOON, || stage.live() != old && stage.alive("worker").len() == 2);
    cutover.kill().expect("a kill");
    let _ = cutover.wait();
    fs::remove_file(stage.file("hold-long")).expect("the hold");
    until("the hand-over is complete", SOON, || {
        let (workers, beats) = (stage.alive("worker"), stage.alive("beat"));
        workers.len() == 1 && beats.len() == 1 && workers[0].0 != old && beats[0].0 != old
    });
    site.until_free(SOON);
    assert_ne!(stage.live(), old);
    site.done(&["prod", "rollback"]);
    stage.assert_well();
    let done = stage.journal().iter().filter(|line| line.word == "done-long").count();
    assert_eq!(done, 1);
    passed("a client killed in the hand-over: it is completed all the same");
}

#[test]
fn what_is_in_the_wrong_place_is_said_and_one_cutover_mends_it() {
    let stage = Stage::new(BOTH);
    let site = &stage.site;
    site.go_live();
    site.change();
    site.done(&["prod", "deploy", "--cutover"]);
    let (live, commit) = (stage.live(), site.get("/").1);

    let worker = stage.alive("worker")[0].1;
    let kill = |pid: u32| {
        let status = std::process::Command::new("kill").args(["-KILL", &pid.to_string()]).status();
        assert!(status.expect("kill runs").success());
        until("it is gone", SOON, || !alive(pid));
    };
    kill(worker);
    assert!(stage.problems().contains("worker of live"), "{}", stage.problems());
    assert!(stage.problems().contains("deployer prod cutover"), "{}", stage.problems());
    site.done(&["prod", "cutover"]);
    assert_eq!((stage.live(), site.get("/").1), (live.clone(), commit.clone()), "no switch");
    stage.assert_well();
    passed("a worker of live that died: said, and a cutover starts it, without a switch");

    // Somebody starts the singleton in next by hand: two of it run.
    let other = if live == "blue" { "green" } else { "blue" };
    let mut doubled = std::process::Command::new("setsid")
        .arg("sh")
        .arg(site.path(".deployer/launch"))
        .arg(site.path(""))
        .args([other, "beat"])
        .spawn()
        .expect("the launcher runs");
    until("there are two", SOON, || stage.alive("beat").len() == 2);
    assert!(stage.problems().contains("the singleton beat runs in next"), "{}", stage.problems());
    site.done(&["prod", "cutover"]);
    let _ = doubled.wait();
    assert_eq!(site.get("/").1, commit, "no switch");
    assert_eq!(stage.alive("beat").len(), 1);
    assert_eq!(stage.problems(), "[]");
    passed("a singleton that runs in next too: said, and a cutover ends it");
}

#[test]
fn a_deploy_ends_what_next_still_runs_and_gives_it_its_time() {
    let slow = "[processes]\nworker = { command = \"python worker.py worker; true\", stop_timeout = \"700ms\", settle = \"0s\" }\n";
    let stage = Stage::new(slow);
    let site = &stage.site;
    site.go_live();
    site.change();
    // It holds its job for longer than it may.
    fs::write(stage.file("hold-long"), "").expect("a file");
    fs::write(stage.file("jobs/long"), "").expect("a job");
    until("the job is taken", SOON, || stage.file("taken-long").exists());
    let old = stage.alive("worker");
    site.done(&["prod", "deploy", "--cutover"]);
    assert_eq!(stage.alive("worker").len(), 1);
    assert_ne!(stage.alive("worker"), old);
    passed("a worker that takes too long is killed after stop_timeout, a shell before it or not");

    // Without [processes] nothing of it is left.
    let text = fs::read_to_string(site.repo.path().join("deployer.toml")).expect("deployer.toml");
    let text = text.replace("worker = {", "# worker = {");
    fs::write(site.repo.path().join("deployer.toml"), text).expect("deployer.toml");
    site.commit("no workers");
    site.done(&["prod", "deploy", "--cutover"]);
    assert_eq!(stage.alive("worker"), Vec::new());
    assert_eq!(stage.problems(), "[]");
    passed("a release without processes ends those of the one before");
}
