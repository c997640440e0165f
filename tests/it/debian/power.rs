//! A power loss after each step of `deploy --cutover`, at once and seconds later, on a harsh disk and on an ordinary one.

use std::io::{BufRead, BufReader};
use std::time::{Duration, Instant};

use super::comeback::{is_well, serves_again};
use super::host::{DEFAULT, HARSH};
use super::stage::Stage;
use crate::support::{row, until};

const SUITE: &str = "power";

/// The steps of a `deploy --cutover`, by the names that `status` has for them.
const STEPS: [&str; 9] =
    ["seed", "virtualenv", "stop", "check out", "configure", "start", "record", "test nginx", "switch"];

/// Those after which seconds may pass: a disk has then taken a part of what they wrote.
const SLOW: [&str; 4] = ["seed", "check out", "start", "switch"];

/// How long.
const WHILE: Duration = Duration::from_secs(3);

/// Runs `deploy --cutover` until a step has ended, and then cuts the power; returns whether the command had come to its end.
fn cut_after(stage: &mut Stage, title: &str, wait: Duration) -> bool {
    let mut client =
        stage.command(&["prod", "deploy", "--cutover", "--json"]).spawn().expect("the binary starts");
    let out = BufReader::new(client.stdout.take().expect("its output"));
    let mut seen = Vec::new();
    for line in out.lines().map_while(Result::ok) {
        let event: serde_json::Value = serde_json::from_str(&line).unwrap_or_default();
        let reached = event["event"] == "step_finished"
            && event["title"].as_str().is_some_and(|text| text.starts_with(title));
        seen.push(line);
        if reached {
            stage.host.freeze();
            break;
        }
    }
    let ended = client.try_wait().expect("a child").is_some();
    assert!(!ended || seen.iter().any(|line| line.contains("step_finished")), "{title}: {seen:?}");
    // Its time is what is tested.
    std::thread::sleep(wait);
    stage.host.power_loss();
    let _ = client.kill();
    let _ = client.wait();
    stage.host.boot();
    ended
}

/// Cuts the power while a git writes the work tree, with its lock file on the disk or on the way there.
fn cut_inside_check_out(stage: &mut Stage) {
    for number in 0..3000 {
        stage.write(&format!("many{number}.txt"), &format!("{number}\n"));
    }
    stage.commit("many files");
    let next = if stage
        .host
        .root()
        .join("home/deploy/hello/next")
        .read_link()
        .is_ok_and(|to| to.ends_with("blue"))
    {
        "blue"
    } else {
        "green"
    };
    let lock = stage.host.root().join(format!("home/deploy/hello/{next}/repo/.git/index.lock"));
    let mut client = stage.command(&["prod", "deploy", "--cutover"]).spawn().expect("the binary starts");
    until("git checks out", Duration::from_secs(30), || lock.exists());
    stage.host.freeze();
    // An ordinary disk has taken it by then.
    std::thread::sleep(2 * WHILE);
    stage.host.power_loss();
    let _ = client.kill();
    let _ = client.wait();
    stage.host.boot();
}

/// What a step's title begins with.
fn title(step: &str) -> &str {
    match step {
        "virtualenv" => "build the virtualenv",
        "stop" => "stop what runs",
        "configure" => "write the snippet",
        "record" => "record the release",
        "test nginx" => "test nginx",
        other => other,
    }
}

fn every_step(name: &str, mount: &'static str) {
    let case = format!("{name}: a power loss after each step");
    let Some(mut stage) = Stage::on(&case, mount) else {
        return;
    };
    // Nothing was ever deployed there: what is laid out is new, and half of it is gone.
    for (step, wait) in [("lay out", Duration::ZERO), ("check out", WHILE)] {
        cut_after(&mut stage, step, wait);
        named(&stage, &case, &["lay out", "link", "seed", "virtualenv", "stop", "check out", "configure"]);
    }
    stage.go_live();
    row(SUITE, &format!("{name}: a first deploy"), "ok, 2 cuts, named, done by the next");
    stage.write("note.txt", "both slots are warm");
    stage.commit("second");
    let mut live = stage.go_live();

    for (index, step) in STEPS.into_iter().enumerate() {
        let waits = if SLOW.contains(&step) { &[Duration::ZERO, WHILE][..] } else { &[Duration::ZERO] };
        for wait in waits {
            let case = format!("{name}: {step}, {} s", wait.as_secs());
            let began = Instant::now();
            stage.write("note.txt", &case);
            let new = stage.commit(&case);
            let ended = cut_after(&mut stage, title(step), *wait);
            // The switch begins while we hear of the end of the step before it.
            let served = match step {
                "switch" => new.clone(),
                "test nginx" if !stage.linked_to(&live) => new.clone(),
                _ => live.clone(),
            };
            serves_again(&stage, &served);
            // Of a step of milliseconds the journal may not have heard yet.
            if step != "switch" {
                named(&stage, &case, &STEPS[index.saturating_sub(1)..]);
            } else if !ended {
                let _ = stage.status();
            }
            stage.done(&["prod", "deploy", "--cutover"]);
            serves_again(&stage, &new);
            is_well(&stage, &new);
            live = new;
            row(SUITE, &case, format!("ok, {served} served, {:.0} s", began.elapsed().as_secs_f64()));
        }
    }
    cut_inside_check_out(&mut stage);
    serves_again(&stage, &live);
    named(&stage, name, &["check out"]);
    stage.done(&["prod", "deploy", "--cutover"]);
    live = stage.git(&["rev-parse", "HEAD"])[..7].to_string();
    serves_again(&stage, &live);
    is_well(&stage, &live);
    row(SUITE, &format!("{name}: inside check out"), "ok");
    stage.host.done(
        "deploy",
        "cd hello && for slot in blue green; do git -C $slot/repo fsck --strict || exit; done; \
         find . -name '*.lock' -path '*/.git/*' | grep . && exit 1; exit 0",
    );
}

/// `status` names the command that was cut off, and one of these steps.
#[track_caller]
fn named(stage: &Stage, case: &str, steps: &[&str]) {
    let status = stage.status();
    let problems = status["problems"].as_array().cloned().unwrap_or_default();
    let told = problems
        .iter()
        .filter_map(|problem| problem["what"].as_str())
        .find(|what| what.starts_with("a deploy by ann@") && what.contains(" was cut off "));
    let told = told.unwrap_or_else(|| panic!("{case}: nothing is said of what was cut off: {status}"));
    assert!(steps.iter().any(|step| told.contains(&format!("at its step {step:?}"))), "{case}: {told}");
}

#[test]
fn after_each_step_on_a_harsh_disk() {
    every_step("harsh", HARSH);
}

#[test]
fn after_each_step_on_an_ordinary_disk() {
    every_step("default", DEFAULT);
}
