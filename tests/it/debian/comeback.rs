use std::time::{Duration, Instant};

use super::stage::Stage;
use crate::support::{row, until};

const BOUND: Duration = Duration::from_secs(30);
const SUITE: &str = "a Debian host";

/// The process that the pid file of a slot names; nothing while one is started anew.
fn pid(stage: &Stage, color: &str) -> String {
    stage.host.done("deploy", &format!("cat hello/{color}/etc/app.pid || :"))
}

#[track_caller]
pub fn serves_again(stage: &Stage, commit: &str) {
    let deadline = Instant::now() + BOUND;
    while !stage.serves(commit) {
        if Instant::now() > deadline {
            let look = "systemctl --failed; nginx -t; tail -n 20 /var/log/nginx/error.log; cd /home/deploy/hello; \
                        ls -lR live/etc next/etc live/log; tail -n 20 live/log/gunicorn.log";
            let found = stage.host.ssh("root", look);
            panic!("live does not serve {commit}: {:?}\n{}{}", stage.get("/"), found.stdout, found.stderr);
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The state that `status` tells, and nothing to complain of.
#[track_caller]
pub fn is_well(stage: &Stage, commit: &str) {
    let status = stage.status();
    assert_eq!(status["problems"], serde_json::json!([]), "{status}");
    assert!(status["live"]["commit"]["id"].as_str().is_some_and(|id| id.starts_with(commit)));
    assert_eq!(status["live"]["health"]["state"], "healthy");
    assert_eq!(status["live"]["survives_reboot"], true);
    assert_eq!(status["served"]["color"], status["live"]["color"]);
}

#[test]
fn live_comes_back_by_itself() {
    let case = "live serves again after a power loss";
    let Some(mut stage) = Stage::new(case) else { return };
    let first = stage.go_live();
    stage.lose_power();
    serves_again(&stage, &first);
    is_well(&stage, &first);
    row(SUITE, case, "ok");

    let master = pid(&stage, "blue");
    stage.host.done("deploy", &format!("kill -9 {master}"));
    let killed = Instant::now();
    until("another master", BOUND, || {
        stage.serves(&first) && ![master.as_str(), ""].contains(&pid(&stage, "blue").as_str())
    });
    let took = killed.elapsed().as_secs_f64();
    is_well(&stage, &first);
    row(SUITE, "a master that is killed is started again", format!("ok, after {took:.1} s"));
    // The first one's ended with it.
    let bounds = stage.host.done("deploy", "pgrep -u deploy -a -f 'launch [-]bound'");
    assert!(bounds.lines().count() == 1 && bounds.ends_with(&pid(&stage, "blue")), "{bounds}");

    // One that ends whenever it is started is given time to think, and not given up.
    let restarts = || -> u64 {
        let look = "XDG_RUNTIME_DIR=/run/user/$(id -u) systemctl --user show --property=NRestarts --value \
                    deployer-home-deploy-hello-blue-web.service";
        stage.host.done("deploy", look).parse().expect("a number")
    };
    let master = pid(&stage, "blue");
    stage.host.done("deploy", &format!("mv hello/blue/repo/app.py hello/app.py; kill -9 {master}"));
    until("it ends again and again", BOUND, || restarts() > 3);
    let (count, began) = (restarts(), Instant::now());
    until("and a few times more", BOUND, || restarts() > count + 3);
    assert!(began.elapsed() > Duration::from_secs(6), "{:?}", began.elapsed());
    stage.host.done("deploy", "mv hello/app.py hello/blue/repo/app.py");
    serves_again(&stage, &first);
    is_well(&stage, &first);
    row(SUITE, "a master that ends at every start is started again with pauses", "ok");

    stage.write("note.txt", "second");
    stage.commit("second");
    let second = stage.go_live();
    // Such a number is some other process's after a boot.
    stage.host.done("deploy", "echo 1 >hello/green/etc/app.pid; sync");
    stage.lose_power();
    serves_again(&stage, &second);
    is_well(&stage, &second);
    stage.done(&["prod", "rollback"]);
    assert!(stage.serves(&first));
    is_well(&stage, &first);
    row(SUITE, "rollback after a power loss", "ok");

    stage.done(&["prod", "stop"]);
    stage.lose_power();
    serves_again(&stage, &first);
    let status = stage.status();
    assert_eq!(status["next"]["process"]["state"], "stopped", "{status}");
    stage.done(&["prod", "rollback", &second]);
    assert!(stage.serves(&second));
    is_well(&stage, &second);
    row(SUITE, "what was stopped stays so, and is started by a rollback", "ok");
}

/// What `deploy` called done is on the disk before any cutover; what it was in the middle of harms nothing.
#[test]
fn next_survives_and_a_torn_deploy_is_mended() {
    let case = "next is whole after a power loss right after its deploy";
    let Some(mut stage) = Stage::new(case) else { return };
    let first = stage.go_live();
    stage.write("templates.txt", &"many lines\n".repeat(1000));
    let second = stage.commit("second");
    stage.done(&["prod", "deploy"]);
    stage.lose_power();
    serves_again(&stage, &first);
    until("next runs", BOUND, || stage.status()["next"]["health"]["state"] == "healthy");
    stage.host.done("deploy", "grep -q many hello/green/repo/templates.txt");
    stage.done(&["prod", "cutover"]);
    assert!(stage.serves(&second));
    row(SUITE, case, "ok");

    // The next one is cut off with all of it written and nothing proven.
    let app = std::fs::read_to_string(stage.repo.path().join("app.py")).expect("app.py");
    let held = "import os.path, time\nwhile os.path.exists('/srv/hold'):\n    open('/srv/held', 'w')\n    time.sleep(0.1)\n";
    stage.write("app.py", &format!("{held}{app}"));
    for number in 0..50 {
        stage.write(&format!("many{number}.txt"), &format!("{number}\n"));
    }
    let third = stage.commit("third");
    stage.host.done("root", "touch /srv/hold && chmod 777 /srv && sync");
    let mut deploy = stage.command(&["prod", "deploy"]).spawn().expect("the binary starts");
    until("its import", Duration::from_secs(90), || stage.host.root().join("srv/held").exists());
    // Somebody else's file goes to the disk, and with it what was renamed so far, but not what was written into it.
    stage.host.done("root", "touch /srv/other && sync /srv/other");
    stage.host.power_loss();
    let _ = deploy.kill();
    let _ = deploy.wait();
    stage.host.boot();
    serves_again(&stage, &second);
    stage.host.done("root", "rm -f /srv/hold");
    stage.done(&["prod", "deploy"]);
    stage.done(&["prod", "cutover"]);
    assert!(stage.serves(&third));
    is_well(&stage, &third);
    stage.host.done(
        "deploy",
        "cd hello/live/repo && git fsck --strict && git status --porcelain | wc -l | grep -qx 0",
    );
    row(SUITE, "a deploy that a power loss cut off is done by the next", "ok");
}

/// Without the right to linger it is a plain process, and status says what that means.
#[test]
fn without_lingering_status_says_so() {
    let case = "status names the command that lets live survive a reboot";
    let Some(mut stage) = Stage::new(case) else { return };
    stage.host.done("root", "systemctl mask --now polkit");
    let ran = stage.done(&["prod", "deploy"]);
    assert!(ran.stderr.contains("not by systemd: user deploy may not run without a login"), "{}", ran.stderr);
    stage.done(&["prod", "cutover"]);
    let status = stage.status();
    assert_eq!(status["live"]["survives_reboot"], false, "{status}");
    let run = status["problems"][0]["run"].as_str().expect("a command").to_string();
    assert_eq!(run, "sudo loginctl enable-linger deploy");
    assert!(stage.deployer(&["prod", "status"]).stdout.contains("will not survive a reboot"));
    stage.host.done("root", run.trim_start_matches("sudo "));
    row(SUITE, case, "ok");

    let status = stage.status();
    assert_eq!(status["problems"][0]["run"], "deployer prod deploy --cutover", "{status}");
    stage.write("note.txt", "second");
    stage.commit("second");
    let second = stage.go_live();
    is_well(&stage, &second);
    // The first one runs plainly still, and would not come back.
    stage.done(&["prod", "stop"]);
    stage.lose_power();
    serves_again(&stage, &second);
    is_well(&stage, &second);
    row(SUITE, "what runs plainly is taken over by systemd", "ok");
}

/// A home that its user may not write to, and no right to nginx: each line that is told for root does what it says.
#[test]
fn what_is_told_for_root_mends_a_home_and_the_rights() {
    let case = "root's lines of status, doctor and a failed cutover do what they say";
    let Some(mut stage) = Stage::new(case) else { return };
    stage.host.done(
        "root",
        "install -d -o deploy /home/deploy/hello && rm -rf /home/deploy/.config && chown root /home/deploy && \
         rm /etc/sudoers.d/deploy",
    );
    let ran = stage.done(&["prod", "deploy"]);
    assert!(ran.stderr.contains("not by systemd"), "{}", ran.stderr);
    let ran = stage.deployer(&["prod", "cutover"]);
    assert_eq!(ran.code, 1, "{}", ran.stderr);
    let told = "on the host, as root: ";
    let line = ran.stderr.lines().find_map(|line| line.split_once(told));
    let (_, rights) = line.unwrap_or_else(|| panic!("no line for root: {}", ran.stderr));
    let doctor = || {
        let ran = stage.deployer(&["prod", "doctor", "--json"]);
        serde_json::from_str::<serde_json::Value>(&ran.stdout)
            .unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    };
    let check = |name: &str| {
        let report = doctor();
        let checks = report["checks"].as_array().expect("checks");
        checks.iter().find(|check| check["name"] == name).expect(name).clone()
    };
    assert_eq!(check("nginx test")["mends"][0]["command"], rights);
    stage.host.done("root", rights);
    assert_eq!(check("nginx test")["level"], "good");
    assert_eq!(check("nginx reload")["level"], "good");
    stage.done(&["prod", "cutover"]);

    let reboot = check("reboot");
    assert_eq!(reboot["level"], "note", "{reboot}");
    let status = stage.status();
    assert_eq!(status["live"]["survives_reboot"], false, "{status}");
    let run = status["problems"][0]["run"].as_str().expect("a command");
    assert_eq!(Some(run.trim_start_matches("sudo ")), reboot["mends"][0]["command"].as_str());
    stage.host.done("root", run);
    assert_eq!(check("reboot")["mends"][0]["command"], "deployer prod deploy --cutover");
    stage.write("note.txt", "second");
    stage.commit("second");
    let second = stage.go_live();
    is_well(&stage, &second);
    assert_eq!(check("reboot")["says"], "systemd starts it");
    stage.done(&["prod", "stop"]);
    stage.lose_power();
    serves_again(&stage, &second);
    is_well(&stage, &second);
    row(SUITE, case, "ok");
}

/// Root has the system's own systemd.
#[test]
fn root_deploys_to_system_units() {
    let case = "a system unit, where the deploy user is root";
    let Some(mut stage) = Stage::new(case) else { return };
    stage.user = "user = \"root\"\n".to_string();
    stage.configure();
    let first = stage.go_live();
    let unit = "deployer-home-deploy-hello-blue-web.service";
    stage.host.done("root", &format!("systemctl is-enabled {unit} && systemctl is-active {unit}"));
    is_well(&stage, &first);
    stage.lose_power();
    serves_again(&stage, &first);
    is_well(&stage, &first);
    row(SUITE, case, "ok");
}

/// Where systemd is out of reach, cron can do it: status prints the line, and sees when it is there.
#[test]
fn without_systemd_cron_starts_it() {
    let case = "status names the crontab's line where there is no systemd";
    let Some(mut stage) = Stage::new(case) else { return };
    stage.host.done("root", "chmod 700 /usr/bin/systemctl");
    let first = stage.go_live();
    let status = stage.status();
    assert_eq!(status["live"]["survives_reboot"], false, "{status}");
    let run = status["problems"][0]["run"].as_str().expect("a command").to_string();
    assert!(run.contains("@reboot sh /home/deploy/hello/.deployer/boot"), "{run}");
    stage.host.done("deploy", &format!("{run}; sync"));
    is_well(&stage, &first);
    row(SUITE, case, "ok");

    // Such a number is some other process's after a boot.
    stage.host.done("deploy", "echo 1 >hello/blue/etc/app.pid; sync");
    stage.lose_power();
    serves_again(&stage, &first);
    is_well(&stage, &first);
    row(SUITE, "cron starts live after a power loss", "ok");

    stage.write("note.txt", "second");
    stage.commit("second");
    stage.go_live();
    stage.done(&["prod", "rollback"]);
    assert!(stage.serves(&first));
}
