//! What a build prints: as much as it likes, in bounded memory and with a bounded log.

use std::fs;
use std::process::Child;
use std::time::{Duration, Instant};

use crate::support::{Ran, Site, peak, ran, row, until};

const MOST_MEMORY: u64 = 64 << 20;
const MOST_LOG: u64 = 20 << 20;

/// Waits for the end of a client; the second value is the most memory that it took.
fn watched(mut child: Child) -> (Ran, u64) {
    let mut memory = 0;
    while child.try_wait().expect("a child").is_none() {
        memory = memory.max(peak(child.id()));
        std::thread::sleep(Duration::from_millis(20));
    }
    (ran(child.wait_with_output().expect("its output")), memory)
}

fn site(build: &str) -> Site {
    let mut site = Site::new();
    site.extra = format!("[build]\ncommands = [{build:?}]");
    site.configure();
    site.commit("print much");
    site
}

fn log(site: &Site) -> String {
    let folder = site.host.client_home().join(".local/state/deployer");
    let mut logs: Vec<_> = fs::read_dir(folder).expect("logs").flatten().map(|log| log.path()).collect();
    logs.sort();
    fs::read_to_string(logs.last().expect("a log")).expect("a log")
}

#[test]
fn six_hundred_megabytes_are_no_reason_to_fail() {
    let line =
        "it is as it was before, and will be so for as long as anybody asks, which nobody does; ".repeat(5);
    let site = site(&format!("echo first; yes '{line}' | head -c 600000000; echo; echo last"));
    let began = Instant::now();
    let (ran, memory) = watched(site.start(&["prod", "deploy"]));
    assert_eq!(ran.code, 0, "{}", ran.stderr);
    assert!(memory < MOST_MEMORY, "{} MB", memory >> 20);
    let log = log(&site);
    assert!((log.len() as u64) < MOST_LOG, "a log of {} bytes", log.len());
    for part in ["│ first\n", "│ last\n", "lines left out"] {
        assert!(log.contains(part), "{part}");
    }
    row(
        "hostile",
        "an honest build that prints 600 MB: prod deploy",
        format!("ok {:.1} s, {} MB", began.elapsed().as_secs_f32(), memory >> 20),
    );
}

#[test]
fn the_first_press_ends_a_build_that_never_stops_talking() {
    let site = site("yes");
    let child = site.start(&["prod", "deploy"]);
    until("the build begins", Duration::from_secs(60), || {
        let folder = site.host.client_home().join(".local/state/deployer");
        let logs = fs::read_dir(folder).into_iter().flatten().flatten();
        logs.map(|log| fs::read(log.path()).unwrap_or_default()).any(|text| text.len() > 1 << 20)
    });
    let pressed = Instant::now();
    let done = std::process::Command::new("kill").arg("-INT").arg(child.id().to_string()).status();
    assert!(done.expect("kill").success());
    let (ran, memory) = watched(child);
    assert_eq!(ran.code, 130, "{}", ran.stderr);
    assert!(ran.stderr.contains("interrupted while it was to run yes"), "{}", ran.stderr);
    assert!(pressed.elapsed() < Duration::from_secs(20), "{:?}", pressed.elapsed());
    assert!(memory < MOST_MEMORY, "{} MB", memory >> 20);
    site.until_free(Duration::from_secs(20));
    row(
        "hostile",
        "a build without end, Ctrl-C: prod deploy",
        format!("ok {:.1} s, {} MB", pressed.elapsed().as_secs_f32(), memory >> 20),
    );
}
