//! A site with a live release, and one command that meets a fault there.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use deployer::rehearsal::HostOptions;
use serde_json::Value;

use crate::faults::filter::{filter, message};
use crate::support::{Ran, Site, row};

const SUITE: &str = "faults";

/// Short bounds: a test of a fault waits for them. Long enough for a machine that is busy.
pub(crate) const SHORT: &str = "[health]\ntimeout = \"2s\"\nstart_timeout = \"10s\"\n";

/// A site whose first release is live.
pub(crate) fn live() -> Site {
    live_with(|_| {}, "")
}

/// The same, with the host and the application's tables changed.
pub(crate) fn live_with(change: impl FnOnce(&mut HostOptions), extra: &str) -> Site {
    let mut site = Site::with(change);
    site.extra = extra.to_string();
    site.configure();
    site.commit("the release that is live");
    site.go_live();
    site
}

/// What a command that met a fault came to.
pub(crate) struct Met {
    pub(crate) ran: Ran,
    /// The environment as `status --json` has it right after.
    pub(crate) after: Value,
}

impl Met {
    pub(crate) fn next(&self) -> &Value {
        &self.after["next"]
    }
}

/// Runs a command, expects its exit code and an untouched live slot, and compares message and status to the snapshot.
#[track_caller]
pub(crate) fn meet(site: &Site, case: &str, arguments: &[&str], exit: i32) -> Met {
    meet_showing(site, case, arguments, exit, false)
}

/// The same, where the output in the message is our own and belongs to it.
#[track_caller]
pub(crate) fn meet_showing(site: &Site, case: &str, arguments: &[&str], exit: i32, output: bool) -> Met {
    let live = Live::of(site);
    let before = site.status();
    let ran = site.deployer(arguments);
    let after = site.until_free(Duration::from_secs(20));
    assert_eq!(ran.code, exit, "{case}: {}{}", ran.stdout, ran.stderr);
    live.unchanged(site, case);
    if before["state"] == "reached" && after["state"] == "reached" {
        assert_eq!(who(&before["live"]), who(&after["live"]), "{case}");
        for key in ["state", "color", "commit"] {
            assert_eq!(before["served"][key], after["served"][key], "{case}: served");
        }
    }
    let said = match exit {
        0 => String::new(),
        _ => format!("{}\n\n", message(site, &ran.stderr, output)),
    };
    let text = format!(
        "deployer {} -> {exit}\n\n{said}status before:\n{}status after:\n{}",
        arguments.join(" "),
        in_words(&before),
        in_words(&after),
    );
    insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true, snapshot_path => "snapshots" }, {
        insta::assert_snapshot!(case, filter(site, &text));
    });
    row(SUITE, case, format!("exit {exit}, live untouched, status true"));
    Met { ran, after }
}

/// Who is in a slot, whatever the time.
fn who(slot: &Value) -> Value {
    serde_json::json!([
        slot["color"],
        slot["commit"],
        slot["port"],
        slot["process"]["pid"],
        slot["health"]["state"]
    ])
}

/// The status in few words.
fn in_words(status: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_string();
    if status["state"] == "unreachable" {
        return format!("  unreachable: {}\n", text(&status["error"]));
    }
    let mut words = format!(
        "  served: {} {}{}\n",
        text(&status["served"]["color"]),
        text(&status["served"]["commit"]["subject"]),
        status["served"]["why"].as_str().map(|why| format!(" ({why})")).unwrap_or_default(),
    );
    for role in ["live", "next"] {
        let slot = &status[role];
        let because = |value: &Value| {
            let why = value["why"].as_str().or(value["what"].as_str());
            why.map(|why| format!(" ({why})")).unwrap_or_default()
        };
        words.push_str(&format!(
            "  {role}: {} {}, {}{}, {}{}\n",
            text(&slot["color"]),
            text(&slot["commit"]["subject"]),
            text(&slot["process"]["state"]),
            because(&slot["process"]),
            text(&slot["health"]["state"]),
            because(&slot["health"]),
        ));
    }
    // Whether a disk is still full after a failure is up to the tool that failed; the tests of disks look by themselves.
    let of_disk = |problem: &&Value| text(&problem["what"]).starts_with("the disk that holds");
    let problems = status["problems"].as_array().into_iter().flatten();
    for problem in problems.filter(|problem| !of_disk(problem)) {
        words.push_str(&format!("  problem: {}, run: {}\n", text(&problem["what"]), text(&problem["run"])));
    }
    words
}

/// What must not change: both links, what the front door answers, and every file of the live slot.
pub(crate) struct Live {
    links: Vec<Option<std::path::PathBuf>>,
    door: (u16, String),
    files: BTreeMap<std::path::PathBuf, (u64, SystemTime)>,
}

impl Live {
    pub(crate) fn of(site: &Site) -> Live {
        let mut files = BTreeMap::new();
        if let Ok(slot) = site.path("live").canonicalize() {
            list(&slot, &mut files);
        }
        Live {
            links: ["live", "next"].map(|name| fs::read_link(site.path(name)).ok()).into(),
            door: site.get("/"),
            files,
        }
    }

    #[track_caller]
    pub(crate) fn unchanged(&self, site: &Site, case: &str) {
        let now = Live::of(site);
        assert_eq!(self.door, now.door, "{case}: the front door");
        assert_eq!(self.links, now.links, "{case}: the links");
        let changed: Vec<_> =
            self.files.iter().filter(|(path, file)| now.files.get(*path) != Some(*file)).collect();
        assert!(changed.is_empty(), "{case}: changed in the live slot: {changed:?}");
        // A host that was built by hand lacks this one.
        let new =
            |path: &&std::path::PathBuf| !self.files.contains_key(*path) && !path.ends_with("etc/served");
        let new: Vec<_> = now.files.keys().filter(new).collect();
        assert!(new.is_empty(), "{case}: new in the live slot: {new:?}");
    }
}

fn list(folder: &Path, files: &mut BTreeMap<std::path::PathBuf, (u64, SystemTime)>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(data) = entry.metadata() else { continue };
        let name = entry.file_name();
        if data.is_dir() {
            list(&entry.path(), files);
        } else if name != "gunicorn.log" {
            let changed = data.modified().expect("a file's time");
            files.insert(entry.path(), (data.len(), changed));
        }
    }
}
