//! Inside every long step, made long by what makes it long for people.

use std::io::{Read, Write};
use std::net::TcpStream;

use super::client::{Client, Death};
use super::places::{CUTOVER, DEPLOY, ROLLBACK, Verb, Way, die};
use super::stage::{BOUND, Place, Stage};
use crate::support::until;

const DEATHS: [Death; 2] = [Death::Killed, Death::Silence];

fn inside(stage: &Stage, verb: &Verb, step: &str, where_: &str, prepare: &dyn Fn(usize), way: &Way) {
    for (index, death) in DEATHS.into_iter().enumerate() {
        prepare(index);
        die(stage, verb, death, step, &format!("{} {death:?} {where_}", verb.name), way);
    }
}

#[test]
fn a_deploy_that_uploads() {
    let stage = Stage::new();
    let prepare = |_: usize| {
        // What does not get smaller travels whole, and is more than any buffer on the way takes.
        let mut bytes = vec![0; 12 << 20];
        let mut random = std::fs::File::open("/dev/urandom").expect("random bytes");
        random.read_exact(&mut bytes).expect("random bytes");
        std::fs::write(stage.site.repo.path().join("data"), bytes).expect("a large file");
        stage.site.commit("a large file");
    };
    let way = Way {
        arrange: Box::new(|_| {}),
        reached: Box::new(|_, client| {
            client.events().iter().any(|event| {
                let (done, total) = (event["done"].as_u64(), event["total"].as_u64());
                event["event"] == "progress"
                    && event["unit"] == "bytes"
                    && done > Some(1 << 20)
                    && done < total
                    && done < Some(8 << 20)
                    && total > Some(10 << 20)
                    && has_upload(&stage)
            })
        }),
    };
    inside(&stage, &DEPLOY, "seed", "while it uploads", &prepare, &way);
}

fn has_upload(stage: &Stage) -> bool {
    let Ok(entries) = std::fs::read_dir(stage.home("")) else {
        return false;
    };
    entries.flatten().any(|entry| entry.file_name().to_string_lossy().starts_with("upload."))
}

#[test]
fn a_deploy_that_installs() {
    let stage = Stage::new();
    let requirements =
        std::fs::read_to_string(stage.site.repo.path().join("requirements.txt")).expect("a file");
    let prepare = |index: usize| {
        stage.site.write("requirements.txt", &format!("{requirements}# {index}\n"));
        (DEPLOY.prepare)(&stage);
    };
    inside(&stage, &DEPLOY, "virtualenv", "while uv installs", &prepare, &Way::hold(&Place::Installing));
}

#[test]
fn a_deploy_that_imports() {
    let stage = Stage::new();
    let prepare = |_: usize| (DEPLOY.prepare)(&stage);
    inside(
        &stage,
        &DEPLOY,
        "start",
        "while the application is imported",
        &prepare,
        &Way::hold(&Place::Importing),
    );
}

#[test]
fn a_deploy_that_waits_for_the_last_requests() {
    let stage = Stage::new();
    let prepare = |_: usize| (DEPLOY.prepare)(&stage);
    let way = Way {
        arrange: Box::new(|stage| {
            let ports = stage.site.host.app_ports();
            let port =
                if stage.site.link("next").as_deref() == Some("blue") { ports.blue } else { ports.green };
            let mut visitor = TcpStream::connect(("127.0.0.1", port)).expect("next listens");
            visitor.write_all(b"GET /slow?seconds=3 HTTP/1.0\r\n\r\n").expect("a request");
            std::thread::spawn(move || visitor.read_to_end(&mut Vec::new()));
        }),
        reached: Box::new(|_, client| {
            client.events().iter().any(|event| {
                let title = event["title"].as_str().unwrap_or("");
                event["event"] == "step_started" && title.starts_with("stop what runs")
            })
        }),
    };
    inside(&stage, &DEPLOY, "stop", "while the last requests are served", &prepare, &way);
}

#[test]
fn a_cutover_between_swap_and_reload() {
    let stage = Stage::new();
    let prepare = |_: usize| (CUTOVER.prepare)(&stage);
    inside(&stage, &CUTOVER, "switch", "between swap and reload", &prepare, &Way::hold(&Place::Reloading));
}

#[test]
fn a_rollback_between_swap_and_reload() {
    let stage = Stage::new();
    let prepare = |_: usize| (ROLLBACK.prepare)(&stage);
    inside(&stage, &ROLLBACK, "switch", "between swap and reload", &prepare, &Way::hold(&Place::Reloading));
}

#[test]
fn a_rollback_that_imports() {
    let stage = Stage::new();
    let prepare = |_: usize| {
        (ROLLBACK.prepare)(&stage);
        stage.site.done(&["prod", "stop"]);
    };
    inside(
        &stage,
        &ROLLBACK,
        "start",
        "while the application is imported",
        &prepare,
        &Way::hold(&Place::Importing),
    );
}

/// The status in the middle of a switch, which the client did not live to see.
#[test]
fn the_status_between_swap_and_reload_is_true() {
    let stage = Stage::new();
    (CUTOVER.prepare)(&stage);
    let live = stage.site.link("live");
    stage.hold_at(&Place::Reloading);
    let mut client = Client::start(&stage, CUTOVER.arguments, None);
    until("between swap and reload", BOUND, || stage.is_reached());
    client.kill();
    let problems = super::truth::check_status(&stage, "between swap and reload");
    assert_ne!(stage.site.link("live"), live, "the links have moved");
    assert!(problems.iter().any(|problem| problem.contains("nginx serves")), "{problems:?}");
    // Somebody else who comes now waits, or is told.
    let refused = stage.site.deployer(&["prod", "cutover"]);
    assert_eq!(refused.code, 4, "{refused:?}");
    stage.release();
    until("the switch ends", BOUND, || stage.is_free());
    super::truth::check_whole(&stage, "between swap and reload");
}
