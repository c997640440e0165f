//! Every kind of traffic through everything that changes what is live.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{Site, busy, http, row, until};
use crate::traffic::crowd::{Crowd, Turn};
use crate::traffic::stage::{Mode, plain, short, versatile};

fn turn<T>(turns: &mut Vec<Turn>, name: &'static str, work: impl FnOnce() -> T) -> T {
    let began = Instant::now();
    let result = work();
    turns.push(Turn { name, began, ended: Instant::now() });
    result
}

/// A cutover that has to fail after the links have moved, and to put them back; a file is changed while it runs.
#[track_caller]
fn failed_cutover(site: &Site, file: &Path, change: impl FnOnce(&str) -> String) {
    let right = fs::read_to_string(file).expect("a file to change");
    let wrong = change(&right);
    assert_ne!(wrong, right);
    fs::write(file, wrong).expect("a changed file");
    let ran = site.deployer(&["prod", "cutover"]);
    fs::write(file, right).expect("the file as it was");
    assert_eq!(ran.code, 3, "{}", ran.stderr);
}

/// Cutovers whose reload is refused; is said to be done, and is not; is done, but does not bring the release.
fn failed_reloads(site: &Site, turns: &mut Vec<Turn>) {
    let config = site.repo.path().join("deployer.toml");
    for (name, command) in [
        ("failed cutover, reload refused", "/bin/false"),
        ("failed cutover, reload not applied", "/bin/true"),
    ] {
        let change = |text: &str| text.replace("reload = [", &format!("reload = [{command:?}, "));
        turn(turns, name, || failed_cutover(site, &config, change));
    }
    let snippet = site.path("next/etc/nginx.conf");
    let change = |text: &str| text.replace("\"deployer ", "\"nobody ");
    turn(turns, "failed cutover, not proven", || {
        failed_cutover(site, &snippet, change);
    });
}

/// The socket cutover does not reload: what nginx tells of the next slot is not its release.
fn failed_socket_cutover(site: &Site, turns: &mut Vec<Turn>) {
    let served = site.path("next/etc/served");
    let change = |_: &str| "nobody\n".to_string();
    turn(turns, "failed cutover, not proven", || {
        failed_cutover(site, &served, change);
    });
}

fn run_through(mode: Mode) {
    let _turn = busy();
    let site = versatile(mode);
    site.go_live();
    let first = site.get("/").1;
    let crowd = Crowd::start(&site);
    let mut turns = Vec::new();
    site.change();
    turn(&mut turns, "deploy", || site.done(&["prod", "deploy"]));
    assert_eq!(site.get("/").1, first);
    turn(&mut turns, "cutover", || site.done(&["prod", "cutover"]));
    let second = site.get("/").1;
    assert_ne!(second, first);
    turn(&mut turns, "rollback", || site.done(&["prod", "rollback"]));
    assert_eq!(site.get("/").1, first);
    match mode {
        Mode::Reload => failed_reloads(&site, &mut turns),
        Mode::Socket => failed_socket_cutover(&site, &mut turns),
    }
    assert_eq!(site.get("/").1, first);
    site.change();
    // What still runs in next may still be serving requests from before the rollback.
    turn(&mut turns, "deploy over a warm release", || site.done(&["prod", "deploy"]));
    turn(&mut turns, "cutover --stop-old", || site.done(&["prod", "cutover", "--stop-old"]));
    let third = site.get("/").1;
    assert!(third != first && third != second, "{third}");
    assert_eq!(site.status()["next"]["process"]["state"], "stopped");
    turn(&mut turns, "rollback to a stopped release", || site.done(&["prod", "rollback"]));
    turn(&mut turns, "cutover", || site.done(&["prod", "cutover"]));
    turn(&mut turns, "stop", || site.done(&["prod", "stop"]));
    let tallies = crowd.stop();

    let suite = format!("traffic, {} cutover", mode.name());
    let mut lost = Vec::new();
    for tally in &tallies {
        let lost_here = tally.lost(&turns);
        let closed = match tally.idle_closed() {
            0 => String::new(),
            closed => format!(
                ", {closed} idle connections closed ({:.3} %)",
                closed as f64 * 100.0 / tally.count() as f64
            ),
        };
        row(&suite, tally.name, format!("{} requests, {} lost{closed}", tally.count(), lost_here.len()));
        lost.extend(lost_here);
        for turn in &turns {
            assert!(tally.spans(turn), "no {} during {}", tally.name, turn.name);
        }
        match (mode, tally.name) {
            (Mode::Reload, "keep-alive, never asking again") => {
                // Each reload closes what is idle: a connection of each client at the most, and once more where it raced.
                assert!(tally.idle_closed() <= 4 * turns.len(), "{}", tally.idle_closed());
            }
            _ => assert_eq!(tally.idle_closed(), 0, "{}", tally.name),
        }
    }
    for turn in &turns {
        row(&suite, turn.name, format!("{:.2} s", (turn.ended - turn.began).as_secs_f64()));
    }
    assert!(lost.is_empty(), "{} lost:\n{}", lost.len(), lost.join("\n"));
    let posts = tallies.last().expect("posts are the last kind");
    let (missing, doubled) = posts.miscounted(&site);
    row(&suite, "POSTs lost or carried out twice", format!("{} and {}", missing.len(), doubled.len()));
    assert!(missing.is_empty() && doubled.is_empty(), "missing {missing:?}, doubled {doubled:?}");
}

#[test]
fn nothing_is_lost_by_reloading() {
    run_through(Mode::Reload);
}

#[test]
fn nothing_is_lost_by_the_socket_cutover() {
    run_through(Mode::Socket);
}

/// A release that was live for a moment and did not prove itself has requests too.
#[test]
fn what_a_failed_release_began_it_may_finish() {
    let _turn = busy();
    let mut site = plain(Mode::Reload);
    site.extra =
        "[nginx]\ntimeout = \"4s\"\n\n[environments.prod.gunicorn]\ngraceful_timeout = \"1s\"\n".into();
    site.configure();
    site.commit("impatient");
    site.go_live();
    let new = short(&site.change());
    site.done(&["prod", "deploy"]);
    let (door, name) = (site.door(), site.host.server_name().to_string());
    let slow = thread::scope(|scope| {
        let slow = scope.spawn(|| {
            // Just after a reload the workers from before it may still answer, too.
            until("only the new release is served", Duration::from_secs(30), || {
                (0..10).all(|_| site.get("/").1.contains(&new))
            });
            let (name, began) = (name.clone(), Instant::now());
            thread::spawn(move || (http(door, &name, "/slow?seconds=10"), began.elapsed()))
        });
        let snippet = site.path("next/etc/nginx.conf");
        failed_cutover(&site, &snippet, |text| text.replace("\"deployer ", "\"nobody "));
        slow.join().expect("a client does not panic")
    });
    assert!(!slow.is_finished());
    site.done(&["prod", "stop"]);
    let ((status, body), took) = slow.join().expect("a client does not panic");
    assert!(status == 200 && body.contains(&new), "{status} {body} after {took:?}");
    row("a request of 10 s", "begun on a release that is put back and stopped", "answered whole");
}
