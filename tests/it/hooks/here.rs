//! The hooks that run on the machine of whoever deploys.

use std::collections::BTreeMap;
use std::fs;
use std::time::{Duration, Instant};

use crate::hooks::host::toml;
use crate::hooks::passed;
use crate::support::{Ran, Site};

/// A site whose local hooks write their variables down; a failure's file is `failed`, a cutover's `cut`.
fn listening() -> Site {
    let mut site = Site::new();
    let folder = site.host.folder().display().to_string();
    let env = |file: &str| toml(&format!("env -0 > '{folder}/{file}'; echo told"));
    site.extra = format!("[hooks]\nafter_cutover = {}\non_failure = {}\n", env("cut"), env("failed"));
    site.configure();
    site.commit("it's a \"subject\" with $HOME");
    site
}

fn told(site: &Site, file: &str) -> Option<BTreeMap<String, String>> {
    let path = site.host.folder().join(file);
    let text = fs::read_to_string(&path).ok()?;
    fs::remove_file(path).expect("it was there");
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    Some(
        pairs
            .filter(|(name, _)| name.starts_with("DEPLOYER_"))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
    )
}

#[test]
fn a_cutover_and_a_rollback_are_told() {
    let site = listening();
    let first = site.git(&["rev-parse", "HEAD"]);
    site.done(&["prod", "deploy"]);
    assert_eq!(told(&site, "cut"), None, "a deploy alone changes nothing for the public");
    site.done(&["prod", "cutover", "--dry-run"]);
    assert_eq!(told(&site, "cut"), None);
    let ran = site.done(&["prod", "cutover"]);
    let last = ran.stderr.lines().last().unwrap_or_default().to_string();
    assert!(last.contains("live:") || ran.stdout.contains("live:"), "the world comes last: {ran:?}");
    let said = told(&site, "cut").expect("after_cutover ran");
    assert_eq!(said["DEPLOYER_VERB"], "cutover");
    assert_eq!(said["DEPLOYER_ENVIRONMENT"], "prod");
    assert_eq!(said["DEPLOYER_COMMIT"], first);
    assert_eq!(said["DEPLOYER_SUBJECT"], "it's a \"subject\" with $HOME");
    assert_eq!((&*said["DEPLOYER_FROM"], &*said["DEPLOYER_TO"]), ("green", "blue"));
    assert!(said["DEPLOYER_BY"].starts_with("ann@"), "{said:?}");
    let second = site.change();
    site.done(&["prod", "deploy", "--cutover"]);
    let said = told(&site, "cut").expect("after_cutover ran");
    assert_eq!(said["DEPLOYER_VERB"], "deploy");
    assert_eq!(said["DEPLOYER_COMMIT"], second);
    assert_eq!(said["DEPLOYER_PREVIOUS"], first);
    site.done(&["prod", "rollback"]);
    let said = told(&site, "cut").expect("after_cutover ran");
    assert_eq!((&*said["DEPLOYER_VERB"], &*said["DEPLOYER_COMMIT"]), ("rollback", &*first));
    assert_eq!(told(&site, "failed"), None);
    passed("after_cutover is told of cutovers and rollbacks");
}

#[test]
fn a_failure_is_told_with_its_reason() {
    let site = listening();
    site.go_live();
    told(&site, "cut");
    site.write("app.py", "import nosuch\n");
    let commit = site.commit("broken");
    assert_eq!(site.deployer(&["prod", "deploy"]).code, 1);
    let said = told(&site, "failed").expect("on_failure ran");
    assert_eq!(said["DEPLOYER_VERB"], "deploy");
    assert_eq!(said["DEPLOYER_COMMIT"], commit);
    assert_eq!(said["DEPLOYER_ERROR_CODE"], "release.died");
    assert_eq!((&*said["DEPLOYER_EXIT"], &*said["DEPLOYER_SITE"]), ("1", "untouched"));
    assert!(said["DEPLOYER_ERROR"].contains("nosuch"), "{said:?}");
    assert_eq!(site.deployer(&["prod", "cutover"]).code, 1);
    let said = told(&site, "failed").expect("on_failure ran");
    assert_eq!((&*said["DEPLOYER_VERB"], &*said["DEPLOYER_ERROR_CODE"]), ("cutover", "next.empty"));
    assert_eq!(told(&site, "cut"), None);
    passed("on_failure is told of the failure");
}

#[test]
fn a_rehearsal_reaches_no_database_and_tells_nobody() {
    let mut site = listening();
    site.extra.push_str("release = \"exit 1\"\nsmoke = \"curl -fsS {url}/\"\nwarm = [\"/\"]\n");
    site.configure();
    site.change();
    let ran = site.done(&["rehearse"]);
    assert!(ran.stderr.contains("leaves out [hooks] release"), "{ran:?}");
    assert!(ran.stderr.contains("run the smoke test"), "{ran:?}");
    assert_eq!((told(&site, "cut"), told(&site, "failed")), (None, None));
    passed("a rehearsal leaves out what reaches beyond it");
}

#[test]
fn a_hook_here_that_fails_changes_nothing() {
    let mut site = Site::new();
    // What it leaves running ends with the test's folder.
    let folder = site.repo.path().display();
    let left = format!("(while [ -e {folder} ]; do sleep 0.2; done &) ; echo second");
    site.extra = format!(
        "[hooks]\nafter_cutover = [\"echo no chat; exit 3\", {left:?}, \"sleep 1000\"]\non_failure = \"exit 4\"\n\
         timeout = \"2s\"\n"
    );
    site.configure();
    site.commit("with hooks");
    site.done(&["prod", "deploy"]);
    let began = Instant::now();
    let ran: Ran = site.done(&["prod", "cutover", "--verbose"]);
    assert!(began.elapsed() < Duration::from_secs(60), "what a hook leaves running is not waited for");
    for word in ["no chat", "after_cutover failed (exit 3)", "second", "it took longer than 2 s"] {
        assert!(ran.stderr.contains(word), "{word}: {ran:?}");
    }
    site.write("app.py", "import nosuch\n");
    site.commit("broken");
    let ran = site.deployer(&["prod", "deploy"]);
    assert_eq!(ran.code, 1, "{ran:?}");
    assert!(ran.stderr.contains("on_failure failed (exit 4)"), "{ran:?}");
    passed("a local hook that fails is a warning");
}
