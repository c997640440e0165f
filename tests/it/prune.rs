//! What `prune` removes and what it never does: chosen without a host, then on one.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::fs;

use crate::fixtures::{environment, states};
use crate::support::{Numbers, Site};
use deployer::model::{Color, HistoryEntry, HostState, Release};
use deployer::plan::{self, Action, Found, FoundKind};

fn commit(number: usize) -> String {
    format!("{number:040x}")
}

/// Releases that share virtualenvs, three each at most.
fn release(number: usize) -> Release {
    Release { virtualenv: format!("key{}", number / 3), ..Release::of(&commit(number)) }
}

/// A host after a history of its own: some releases came back, some were never live, some are in a slot by another's hand.
fn random_state(base: &HostState, numbers: &mut Numbers) -> HostState {
    let mut state = base.clone();
    state.history.clear();
    let mut live = None;
    for step in 0..numbers.below(30) {
        let now = release(1 + numbers.below(20));
        state.history.push(HistoryEntry {
            verb: ["cutover", "cutover", "rollback", "rolled back"][numbers.below(4)].to_string(),
            color: if step % 2 == 0 { Color::Blue } else { Color::Green },
            commit: now.commit.clone(),
            subject: String::new(),
            by: String::new(),
            // Clocks jump: the order is the file's.
            at: numbers.below(1000) as f64,
            seconds: 0.0,
            previous: live.replace(now.commit.clone()),
            why: None,
            release: (numbers.below(8) > 0).then_some(now),
        });
    }
    for color in Color::ALL {
        let slot = if color == Color::Blue { &mut state.blue } else { &mut state.green };
        if slot.release.is_some() {
            let wanted = state.history.len().checked_sub(1 + usize::from(state.live.color != Some(color)));
            let told = wanted.and_then(|index| state.history[index].release.clone());
            slot.release = Some(told.unwrap_or_else(|| release(1 + numbers.below(25))));
            slot.environment = slot.release.as_ref().map(|release| release.virtualenv.clone());
        }
        slot.refs = (1..25)
            .map(|number| (format!("refs/deployer/releases/{}", commit(number)), commit(number)))
            .collect::<BTreeMap<_, _>>();
    }
    state
}

fn everything() -> Vec<Found> {
    let mut found: Vec<Found> = (0..9)
        .map(|number| Found { kind: FoundKind::Virtualenv, name: format!("key{number}"), kilobytes: 1000 })
        .collect();
    found.push(Found { kind: FoundKind::Unfinished, name: "torn".to_string(), kilobytes: 10 });
    found.push(Found { kind: FoundKind::Leftover, name: "requirements.x1y2z3".to_string(), kilobytes: 1 });
    found
}

/// What is removed, by name.
fn removed(plan: &plan::Plan) -> BTreeSet<String> {
    let names = |action: &Action| match action {
        Action::Remove { paths, .. } => paths.clone(),
        Action::Pack { references, .. } => references.clone(),
        _ => Vec::new(),
    };
    plan.actions.iter().flat_map(names).collect()
}

/// The promise: whatever happened on a host, what live, next and each rollback to a kept release need is still there.
#[test]
fn nothing_that_is_needed_goes() {
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    let (mut planned, mut gone, mut back) = (0, 0, 0);
    for round in 0..40 {
        for (name, base) in states() {
            let state = random_state(&base, &mut numbers);
            let keep = numbers.below(7);
            let Ok(prune) = plan::prune(&state, &environment(), &everything(), keep, true) else {
                continue;
            };
            planned += 1;
            let gone_now = removed(&prune.plan);
            gone += gone_now.len();
            let stays = |release: &Release, why: &str| {
                let key = format!("virtualenvs/{}", release.virtualenv);
                assert!(!gone_now.contains(&key), "{name} {round}: {key}, {why}");
                let reference = format!("refs/deployer/releases/{}", release.commit);
                assert!(!gone_now.contains(&reference), "{name} {round}: {reference}, {why}");
            };
            for color in Color::ALL {
                if let Some(release) = &state.slot(color).release {
                    stays(release, "in a slot");
                }
            }
            if let Ok(rollback) = plan::rollback(&state, &environment(), &BTreeMap::new(), "ann@laptop", None)
            {
                stays(&rollback.release, "a rollback's");
                back += 1;
            }
            let mut last: Vec<&HistoryEntry> = Vec::new();
            for entry in state.history.iter().rev() {
                if !last.iter().any(|seen| seen.commit == entry.commit) {
                    last.push(entry);
                }
            }
            for release in last.iter().take(keep).filter_map(|entry| entry.release.as_ref()) {
                stays(release, "of the last");
            }
            // Touches nothing that runs, by its own word too.
            assert!(prune.plan.actions.iter().all(|action| action.touches() == plan::Touches::Nothing));
        }
    }
    assert!(planned > 200 && gone > 1000 && back > 50, "{planned} plans, {gone} gone, {back} rollbacks");
}

#[test]
fn who_looks_while_another_deploys_is_not_shown_what_is_half_made() {
    let (_, state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let alone = plan::prune(&state, &environment(), &everything(), 5, true).unwrap();
    let not_alone = plan::prune(&state, &environment(), &everything(), 5, false).unwrap();
    assert!(removed(&alone.plan).contains("virtualenvs/torn"));
    assert!(!removed(&not_alone.plan).iter().any(|name| name.contains("torn") || name.contains("x1y2z3")));
    assert_eq!(alone.kilobytes, not_alone.kilobytes + 11);
    let mut text = String::new();
    for action in &alone.plan.actions {
        let _ = writeln!(text, "{:?}: {}", action.touches(), action.title());
    }
    insta::assert_snapshot!(text);
}

/// A deploy removes a little by itself, and never what it is about to use.
#[test]
fn a_deploy_tidies_up() {
    let (_, mut state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    state.virtualenvs = ["old1", "old2", "old3", "new"].map(str::to_string).to_vec();
    let virtualenv =
        plan::Virtualenv { key: "new".to_string(), files: Vec::new(), local: false, lines: None };
    let request = plan::DeployRequest {
        environment: &environment(),
        commit: &deployer::model::CommitSummary { id: commit(7), subject: String::new() },
        by: "ann@laptop",
        django: false,
        accept_migrations: false,
        force: true,
        relation: None,
        relation_to_live: None,
        virtualenv: Some(&virtualenv),
        modules: &[],
        secrets: &BTreeMap::new(),
        new_key: "0123456789abcdef",
        now: 0,
    };
    let plan = plan::deploy(&state, &request).unwrap();
    let paths = ["virtualenvs/old1", "virtualenvs/old2"].map(str::to_string).to_vec();
    assert_eq!(
        plan.actions.last(),
        Some(&Action::Remove { virtualenvs: 2, leftovers: 0, paths, lenient: true })
    );
}

/// A commit whose requirements differ from all others, live; its full name.
fn with_packages(site: &Site, number: usize) -> String {
    site.write("requirements.txt", &format!("{}\n# set {number}\n", crate::support::gunicorn()));
    let commit = site.commit(&format!("set {number}"));
    site.done(&["prod", "deploy", "--cutover"]);
    commit
}

fn virtualenvs(site: &Site) -> usize {
    fs::read_dir(site.path(".deployer/virtualenvs")).unwrap().count()
}

fn serves(site: &Site, commit: &str) {
    let (code, body) = site.get("/");
    assert_eq!(code, 200, "{body}");
    assert!(body.contains(&commit[..7]), "{body}");
}

#[test]
fn a_host_is_pruned_and_goes_back_all_the_same() {
    let site = Site::new();
    let commits: Vec<String> = (0..4).map(|number| with_packages(&site, number)).collect();
    assert_eq!(virtualenvs(&site), 4);
    // What a killed deploy leaves.
    fs::create_dir(site.path(".deployer/requirements.a1b2c3")).unwrap();
    fs::create_dir(site.path(".deployer/virtualenvs/torn")).unwrap();
    // Not ours to touch: a link that leads away.
    let outside = tempfile::tempdir().unwrap();
    fs::write(outside.path().join("precious"), "x").unwrap();
    std::os::unix::fs::symlink(outside.path(), site.path(".deployer/virtualenvs/link")).unwrap();

    let ran = site.done(&["prod", "prune", "--keep", "1", "--dry-run"]);
    assert!(ran.stderr.contains("remove 2 virtualenv(s), 2 leftover(s)"), "{}", ran.stderr);
    assert!(ran.stderr.contains("would be freed"), "{}", ran.stderr);
    assert_eq!(virtualenvs(&site), 6);

    let ran = site.done(&["prod", "prune", "--keep", "1"]);
    assert!(ran.stderr.contains(" freed; "), "{}", ran.stderr);
    assert_eq!(virtualenvs(&site), 3);
    assert!(outside.path().join("precious").exists());
    assert!(!site.path(".deployer/requirements.a1b2c3").exists());
    let status = site.status();
    assert_eq!(status["problems"], serde_json::json!([]), "{status}");
    assert_eq!(status["lock"], serde_json::Value::Null);
    for color in ["blue", "green"] {
        let repo = site.path(color).join("repo");
        let refs =
            crate::support::git(&repo, &["for-each-ref", "--format=%(refname)", "refs/deployer/releases"]);
        assert!(refs.lines().count() <= 2, "{refs}");
        crate::support::git(&repo, &["fsck", "--connectivity-only", "--no-dangling"]);
    }
    serves(&site, &commits[3]);
    site.done(&["prod", "rollback"]);
    serves(&site, &commits[2]);
    // What nobody needed is known no more, and is told as such; it can be deployed again.
    site.done(&["prod", "deploy", &commits[0], "--force", "--cutover"]);
    serves(&site, &commits[0]);
    // Nothing to do is no failure.
    site.done(&["prod", "prune"]);
    site.done(&["prod", "prune"]);
    serves(&site, &commits[0]);
}
