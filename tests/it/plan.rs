//! Every decision, without a host: what is planned, refused and reported for each state that a host can be in.

use std::fmt::Write;

use serde_json::json;

use crate::fixtures::{LIVE, NEXT, environment, states};
use deployer::config::Environment;
use deployer::model::{
    Accepted, Color, CommitSummary, HistoryEntry, HostState, Relation, Release, Secrets, Served, ServedSlot,
};
use deployer::plan::{self, Action, DeployRequest, Failure, Plan, Touches, Virtualenv};

fn commit() -> CommitSummary {
    CommitSummary { id: "3ab9d42".repeat(5) + "00000", subject: "fix the header".to_string() }
}

fn deploy(state: &HostState, relation: Option<Relation>, force: bool) -> Result<Plan, Failure> {
    deploy_onto(state, relation, None, force)
}

fn deploy_onto(
    state: &HostState,
    relation: Option<Relation>,
    relation_to_live: Option<Relation>,
    force: bool,
) -> Result<Plan, Failure> {
    deploy_of(&environment(), state, relation, relation_to_live, force)
}

fn deploy_of(
    environment: &Environment,
    state: &HostState,
    relation: Option<Relation>,
    relation_to_live: Option<Relation>,
    force: bool,
) -> Result<Plan, Failure> {
    let virtualenv = Virtualenv {
        key: "c0ffee".to_string(),
        files: vec!["requirements.txt".to_string()],
        local: false,
        lines: None,
    };
    let request = DeployRequest {
        environment,
        secrets: &Secrets::new(),
        commit: &commit(),
        by: "ann@laptop",
        force,
        django: false,
        accept_migrations: false,
        relation,
        relation_to_live,
        virtualenv: Some(&virtualenv),
        modules: &[],
        new_key: "0123456789abcdef",
        now: 1_800_000_000,
    };
    plan::deploy(state, &request)
}

fn listing(plan: &Result<Plan, Failure>) -> String {
    let mut text = String::new();
    match plan {
        Ok(plan) => {
            for action in &plan.actions {
                let _ = writeln!(text, "  {:?}: {}", action.touches(), action.title());
            }
        }
        Err(failure) => {
            let _ = writeln!(text, "  REFUSED {} (exit {}): {failure}", failure.code, failure.exit as u8);
            for advice in &failure.advice {
                let _ = writeln!(text, "    try: {advice}");
            }
        }
    }
    text
}

#[test]
fn every_state_has_its_plans() {
    for (name, state) in states() {
        let mut text = String::from("deploy\n");
        text.push_str(&listing(&deploy(&state, Some(Relation::Ahead(2)), false)));
        text.push_str("cutover\n");
        text.push_str(&listing(
            &plan::cutover(&state, &environment(), "ann@laptop", false).map(|cutover| cutover.plan),
        ));
        text.push_str("status\n");
        let status = plan::assess(&state, &environment());
        for problem in &status.problems {
            let _ = writeln!(
                text,
                "  {}{}",
                problem.what,
                problem.run.as_ref().map_or(String::new(), |run| format!(" -> {run}"))
            );
        }
        insta::assert_snapshot!(name, text);
    }
}

/// Plans and refusals of one verb, each with the states that it is for.
fn in_every_state(verb: impl Fn(&HostState) -> Result<Plan, Failure>) -> String {
    let mut plans: Vec<(String, Vec<&str>)> = Vec::new();
    for (name, state) in states() {
        let listing = listing(&verb(&state));
        match plans.iter_mut().find(|(known, _)| *known == listing) {
            Some((_, names)) => names.push(name),
            None => plans.push((listing, vec![name])),
        }
    }
    plans
        .iter()
        .map(|(listing, names)| format!("{}\n{listing}", names.join(", ")))
        .collect::<Vec<_>>()
        .join("\n")
}

/// The other verbs that plan; what they do differs less from state to state.
#[test]
fn every_verb_has_its_plan_in_every_state() {
    let (environment, secrets) = (environment(), Secrets::new());
    let release = |commit: &str| json!({"commit": commit, "subject": "fix", "files": [], "virtualenv": "c0ffee", "at": 1_799_990_000});
    let rollback = |state: &HostState| {
        let mut state = state.clone();
        state.history = serde_json::from_value(json!([
            {"verb": "cutover", "color": "green", "commit": NEXT, "release": release(NEXT), "at": 1_799_990_000.0},
            {"verb": "cutover", "color": "blue", "commit": LIVE, "previous": NEXT, "release": release(LIVE),
                "at": 1_799_995_000.0},
        ]))
        .unwrap();
        plan::rollback(&state, &environment, &secrets, "ann@laptop", None).map(|rollback| rollback.plan)
    };
    insta::assert_snapshot!("rollback_in_every_state", in_every_state(rollback));
    let stop = |state: &HostState| plan::stop(state, &environment).map(|(plan, _)| plan);
    insta::assert_snapshot!("stop_in_every_state", in_every_state(stop));
    let setup = |state: &HostState| plan::setup(state, &environment, "0123456789abcdef");
    insta::assert_snapshot!("setup_in_every_state", in_every_state(setup));
    let prune = |state: &HostState| plan::prune(state, &environment, &[], 5, true).map(|prune| prune.plan);
    insta::assert_snapshot!("prune_in_every_state", in_every_state(prune));
}

/// Its record is the last thing that a deploy writes: without it, what runs there was never proven.
#[test]
fn a_rollback_builds_again_what_was_cut_off_before_its_record() {
    let (_, mut state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let recorded = state.green.release.take().unwrap();
    let entry = |verb: &str, commit: &str, previous: &str, release: &Release| {
        serde_json::from_value::<HistoryEntry>(serde_json::json!({
            "verb": verb, "color": "blue", "commit": commit, "previous": previous, "release": release, "at": 1.0,
        }))
        .unwrap()
    };
    let live = state.blue.release.clone().unwrap();
    state.history = vec![
        entry("cutover", &recorded.commit, "", &recorded),
        entry("rollback", &recorded.commit, "", &Release::of(&recorded.commit)),
        entry("cutover", &live.commit, &recorded.commit, &live),
    ];
    let plan = plan::rollback(&state, &environment(), &Secrets::new(), "ann@laptop", None).unwrap();
    let built = plan
        .plan
        .actions
        .iter()
        .any(|action| matches!(action, Action::Virtualenv(build) if build.key == recorded.virtualenv));
    assert!(built, "{}", listing(&Ok(plan.plan)));
    state.history.remove(0);
    let adopted = plan::rollback(&state, &environment(), &Secrets::new(), "ann@laptop", None);
    let adopted = adopted.unwrap().plan.actions.remove(0);
    assert!(matches!(adopted, Action::Introduce { .. }), "{adopted:?}");
}

#[test]
fn a_database_in_the_work_tree_is_told_with_its_mend() {
    let (_, mut state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let mut environment = environment();
    environment.app.directory = "web".to_string();
    environment.shared = vec!["media".to_string()];
    let mut text = String::new();
    for paths in [
        &["web/users.db", "web/more.db"][..],
        &["web/instance/x/users.db"],
        &["web/media/users.db"],
        &["web/media.db"],
        &["elsewhere/users.db"],
        &["web/celerybeat-schedule"],
        &[],
    ] {
        state.blue.databases = paths.iter().map(ToString::to_string).collect();
        let told = plan::left_behind(&state, &environment, None);
        let _ = writeln!(text, "{paths:?}: {}", told.as_deref().unwrap_or("nothing"));
        assert_eq!(plan::assess(&state, &environment).problems.len(), usize::from(told.is_some()));
    }
    state.green.databases = vec!["web/users.db".to_string()];
    assert_eq!(plan::left_behind(&state, &environment, None), None);
    assert!(plan::left_behind(&state, &environment, Some(Color::Green)).is_some());
    insta::assert_snapshot!(text);
}

/// Before there is any such file.
#[test]
fn a_variable_that_names_a_database_of_each_slot_is_told_of() {
    let (_, state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let mut environment = environment();
    environment.shared = vec!["data".to_string()];
    let mut told = |value: &str| {
        environment.env = [("DATABASE_URL".to_string(), value.to_string())].into();
        plan::left_behind(&state, &environment, None)
    };
    let shop = told("sqlite:///./shop.db?timeout=5").unwrap();
    assert!(shop.starts_with("[env] DATABASE_URL names the SQLite file shop.db by a path"), "{shop}");
    assert!(told("sqlite+aiosqlite:///var/shop.db").is_some() && told("sqlite://shop.db").is_some());
    for other in [
        "sqlite:///data/shop.db",
        "sqlite:////srv/shop.db",
        "sqlite://",
        "sqlite:///:memory:",
        "postgresql:///shop",
    ] {
        assert_eq!(told(other), None, "{other}");
    }
}

/// What is asked for is the oldest that will do: uv brings it only where the host's own is older.
#[test]
fn uv_brings_a_python_that_the_host_lacks() {
    let (_, mut state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let built = |state: &HostState, version: &str| {
        let mut environment = environment();
        environment.python.version = Some(version.to_string());
        deploy_of(&environment, state, None, None, false).map(|plan| {
            let virtualenv = plan.actions.into_iter().find_map(|action| match action {
                Action::Virtualenv(virtualenv) => Some(virtualenv),
                _ => None,
            });
            let virtualenv = virtualenv.expect("it builds one");
            let identity = environment.python.identity(&state.python);
            format!("{} by {}: {identity}", virtualenv.interpreter, virtualenv.installer)
        })
    };
    state.tools.insert("uv".to_string(), Some("/usr/bin/uv".to_string()));
    let own = "python3 by auto: 3.11.2 cpython /usr/bin/python3.11";
    assert_eq!(built(&state, "3.11").unwrap(), own);
    assert_eq!(built(&state, "3.9").unwrap(), own);
    let brought = "3.13 by uv: uv 3.13 on 3.11.2 cpython /usr/bin/python3.11";
    assert_eq!(built(&state, "3.13").unwrap(), brought);
    state.tools.insert("uv".to_string(), None);
    let refused = built(&state, "3.13").unwrap_err();
    assert_eq!(refused.code, "host.tool");
    assert!(refused.why.as_deref().is_some_and(|why| why.contains("older than 3.13")), "{refused:?}");
}

/// Such a lock is turned into lines where the commit is read.
#[test]
fn a_rollback_does_not_build_again_what_only_a_deploy_can_read() {
    let (_, mut state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let release = state.green.release.take().unwrap();
    let built =
        Release { virtualenv: "gone".to_string(), files: vec!["poetry.lock".to_string()], ..release.clone() };
    let entry =
        json!({"verb": "cutover", "color": "green", "commit": release.commit, "at": 1.0, "release": built});
    state.history.push(serde_json::from_value(entry).unwrap());
    let roll_back = |state: &HostState| {
        plan::rollback(state, &environment(), &Secrets::new(), "ann@laptop", Some(&release.commit))
    };
    let refused = roll_back(&state).unwrap_err();
    assert_eq!(refused.code, "rollback.nothing");
    assert!(refused.advice.iter().any(|advice| advice.contains("deploy")), "{refused:?}");
    state.virtualenvs.push("gone".to_string());
    assert!(roll_back(&state).is_ok());
}

/// Records of an older deployer say nothing of migrations: they know none.
#[test]
fn a_rollback_behind_accepted_migrations_is_refused() {
    let (_, mut state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let accepted = |number: u64, commit: &str| {
        serde_json::from_value::<Accepted>(serde_json::json!({
            "number": number, "commit": commit, "by": "bob@desk", "at": 1_799_990_000.0, "operations": [
                {"migration": format!("shop.000{number}_drop"), "what": "Remove field note", "why": "it is read"}],
        }))
        .unwrap()
    };
    let live = state.blue.release.clone().unwrap();
    let old = state.green.release.clone().unwrap();
    state.history = vec![
        serde_json::from_value(serde_json::json!({
            "verb": "cutover", "color": "blue", "commit": live.commit, "previous": old.commit, "release": live, "at": 1.0,
        }))
        .unwrap(),
    ];
    let back = plan::rollback(&state, &environment(), &Secrets::new(), "ann@laptop", None).unwrap();
    let check = |state: &HostState| plan::check_rollback(state, &back, "deployer prod rollback");
    assert_eq!(check(&state), Ok(()));
    state.accepted = vec![accepted(1, "f".repeat(40).as_str()), accepted(2, &live.commit)];
    let refused = check(&state).unwrap_err();
    let text = format!("{}{}\n", listing(&Err(refused.clone())), refused.output.join("\n"));
    insta::assert_snapshot!(text);
    // Built when the first had been accepted, it is behind the second alone; and a commit knows its own.
    state.green.release.as_mut().unwrap().accepted = 1;
    assert_eq!(check(&state).unwrap_err().output.len(), 1);
    // Whoever builds it again does not make it younger.
    state.history[0].release = Some(old);
    assert_eq!(check(&state).unwrap_err().output.len(), 2);
    state.history.clear();
    state.accepted[1].commit = back.release.commit.clone();
    assert_eq!(check(&state), Ok(()));
}

#[test]
fn what_is_configured_goes_on_around_a_release() {
    let (_, state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let mut environment = environment();
    let line = |text: &str| vec![text.to_string()];
    environment.hooks.release = line("python manage.py migrate");
    environment.hooks.smoke = line("curl -fsS {url}/");
    environment.hooks.warm = line("/");
    environment.shared = line("media");
    environment.static_files = Some(deployer::config::StaticFiles {
        url: "/static/".to_string(),
        directory: "staticfiles".to_string(),
        collect: Some("python manage.py collectstatic --noinput".to_string()),
        keep: std::time::Duration::from_secs(60),
    });
    let virtualenv = Virtualenv {
        key: "c0ffee".to_string(),
        files: vec!["requirements.txt".to_string()],
        local: false,
        lines: None,
    };
    let (commit, secrets) = (commit(), Secrets::new());
    let request = |django| DeployRequest {
        environment: &environment,
        secrets: &secrets,
        commit: &commit,
        by: "ann@laptop",
        force: false,
        django,
        accept_migrations: false,
        relation: None,
        relation_to_live: None,
        virtualenv: Some(&virtualenv),
        modules: &[],
        new_key: "0123456789abcdef",
        now: 1_800_000_000,
    };
    let mut text = String::new();
    for (name, plan) in [
        ("deploy of a Django application", plan::deploy(&state, &request(true))),
        ("deploy of another", plan::deploy(&state, &request(false))),
        ("cutover", plan::cutover(&state, &environment, "ann@laptop", false).map(|cutover| cutover.plan)),
    ] {
        let _ = writeln!(text, "{name}");
        text.push_str(&listing(&plan));
        for action in plan.iter().flat_map(|plan| &plan.actions) {
            let is_configured = matches!(
                action,
                Action::KeepStatic { .. }
                    | Action::CheckOut { .. }
                    | Action::Collect { .. }
                    | Action::Migrations(_)
                    | Action::Build { .. }
                    | Action::Release { .. }
                    | Action::Smoke { .. }
                    | Action::Warm { .. }
            );
            if is_configured {
                let _ = writeln!(text, "    {action:?}");
            }
        }
    }
    insta::assert_snapshot!(text);
}

/// What comes of a deploy for each way in which its commit can stand to what is held; by force it goes.
fn by_relation(deploy: impl Fn(&HostState, Option<Relation>, bool) -> Result<Plan, Failure>) -> String {
    let (_, state) = states().into_iter().find(|(name, _)| *name == "both_healthy").unwrap();
    let mut text = String::new();
    for relation in [
        Relation::Same,
        Relation::Ahead(1),
        Relation::Behind(3),
        Relation::Diverged { ahead: 1, behind: 2 },
        Relation::HeldUnknown,
    ] {
        let refusal = deploy(&state, Some(relation), false).err();
        let _ = writeln!(
            text,
            "{relation:?}: {}",
            refusal.map_or("goes".to_string(), |failure| listing(&Err(failure)))
        );
        assert!(deploy(&state, Some(relation), true).is_ok());
    }
    text
}

/// Next may well hold what live had before.
#[test]
fn what_is_live_is_not_lost_unless_forced() {
    let text = by_relation(|state, relation, force| {
        let to_next = Some(Relation::Ahead(1)).filter(|_| !force);
        deploy_onto(state, to_next, relation, force)
    });
    insta::assert_snapshot!(text);
}

#[test]
fn history_is_not_lost_unless_forced() {
    let text = by_relation(deploy);
    insta::assert_snapshot!(text);
}

/// The promise of `deploy`: for every state, no step can harm what is live, or what nginx serves.
#[test]
fn nothing_in_a_deploy_touches_live() {
    let mut planned = 0;
    for (name, mut state) in states() {
        for served in [None, Some(Color::Blue), Some(Color::Green)] {
            if let Some(color) = served {
                let commit = "none".to_string();
                state.served =
                    Some(Served::Slot(ServedSlot { color, commit, by_socket: false, health: None }));
            }
            let Ok(plan) = deploy(&state, None, true) else {
                continue;
            };
            planned += 1;
            let live = state.live.color;
            for action in &plan.actions {
                assert!(action.touches() < Touches::Live, "{name}: {}", action.title());
                let at_work = match action {
                    Action::Stop { color, .. }
                    | Action::CheckOut { color, .. }
                    | Action::Configure { color, .. }
                    | Action::Start { color, .. }
                    | Action::Record { color, .. } => Some(*color),
                    _ => None,
                };
                if let Some(color) = at_work {
                    assert_ne!(Some(color), live, "{name}: {} is live", action.title());
                    let served = state.served_color();
                    assert_ne!(Some(color), served, "{name}: {} is served", action.title());
                }
            }
        }
    }
    assert!(planned > 10, "the states give {planned} plans");
}
