//! Several hosts of one environment: what one does all do, or none.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::time::Duration;

use deployer::rehearsal::ThrowawayHost;

use crate::support::{Load, Ran, Replies, Running, Site, http, until};

/// Within which all reachable hosts serve one release, whatever happened.
const BOUND: Duration = Duration::from_secs(60);

/// A site on three hosts; the first is that of `site`, whose client knows the way to all of them.
struct Fleet {
    site: Site,
    others: Vec<ThrowawayHost>,
    /// What one host does in place of nginx's reload.
    reload: Option<(&'static str, Vec<String>)>,
}

impl Fleet {
    fn new() -> Fleet {
        let site = Site::with(|options| options.alias = "web1".into());
        let others: Vec<ThrowawayHost> =
            ["web2", "web3"].iter().map(|alias| site.another_host(alias)).collect();
        let fleet = Fleet { site, others, reload: None };
        fleet.configure();
        fleet.site.commit("a fleet");
        fleet
    }

    fn hosts(&self) -> impl Iterator<Item = &ThrowawayHost> {
        [&self.site.host].into_iter().chain(&self.others)
    }

    /// Writes `deployer.toml` anew: the fleet, and its first host alone.
    fn configure(&self) {
        let entries = self.hosts().fold(String::new(), |mut text, host| {
            let ports = host.app_ports();
            let words = |words: Vec<String>| serde_json::to_string(&words).expect("words");
            let odd = self.reload.as_ref().filter(|(name, _)| *name == host.alias());
            let reload = odd.map_or_else(|| host.nginx_reload_command(), |(_, words)| words.clone());
            let _ = writeln!(
                text,
                "{{ host = {:?}, root = {:?}, ports = {{ blue = {}, green = {} }}, url = \"http://{}:{}\", \
                 nginx = {{ test = {}, reload = {} }} }},",
                host.alias(),
                host.root().to_str().expect("a UTF-8 path"),
                ports.blue,
                ports.green,
                host.server_name(),
                host.http_port(),
                words(host.nginx_test_command()),
                words(reload),
            );
            text
        });
        let text = format!(
            "{}{}\n[environments.prod]\nhosts = [\n{entries}]\n\n[environments.alone]\nhosts = [\n{}]\n",
            self.site.common(),
            self.site.extra,
            entries.lines().next().expect("a host"),
        );
        self.site.write("deployer.toml", &text);
    }

    /// The live commit of each host, as `status` has it.
    fn lives(&self) -> Vec<String> {
        let report: serde_json::Value =
            serde_json::from_str(&self.site.deployer(&["prod", "status", "--json"]).stdout).expect("JSON");
        let environments = report["environments"].as_array().expect("hosts").clone();
        environments.iter().map(|one| one["live"]["commit"]["id"].as_str().unwrap_or("").to_owned()).collect()
    }

    /// Load on each host's front door.
    fn load(&self) -> Vec<Running> {
        let load = |host: &ThrowawayHost| {
            let door = SocketAddr::from((Ipv4Addr::LOCALHOST, host.http_port()));
            Load::new(door, host.server_name()).start()
        };
        self.hosts().map(load).collect()
    }

    fn go_live(&self) -> Ran {
        self.site.done(&["prod", "deploy", "--cutover"])
    }
}

fn lost(loads: Vec<Running>) -> Vec<String> {
    let lost = loads.into_iter().flat_map(|load| {
        load.stop().failures().iter().map(|failure| format!("{failure:?}")).collect::<Vec<_>>()
    });
    lost.collect()
}

#[test]
fn a_release_goes_to_all_hosts_and_back() {
    let fleet = Fleet::new();
    let first = fleet.site.git(&["rev-parse", "HEAD"]);
    fleet.go_live();
    assert_eq!(fleet.lives(), vec![first.clone(); 3]);

    let loads = fleet.load();
    let second = fleet.site.change();
    let ran = fleet.site.done(&["prod", "deploy"]);
    // One line a step, whatever the number of hosts.
    assert_eq!(ran.stderr.matches("check out").count(), 1, "{}", ran.stderr);
    assert_eq!(fleet.lives(), vec![first.clone(); 3]);
    fleet.site.done(&["prod", "cutover"]);
    assert_eq!(fleet.lives(), vec![second.clone(); 3]);
    fleet.site.done(&["prod", "rollback"]);
    assert_eq!(fleet.lives(), vec![first.clone(); 3]);
    assert_eq!(lost(loads), [""; 0]);

    // One host alone gone astray: it is named, and the next cutover takes the others along.
    fleet.site.done(&["alone", "cutover"]);
    assert_eq!(fleet.lives(), [second.clone(), first.clone(), first]);
    let status = fleet.site.deployer(&["prod", "status"]).stdout;
    assert!(status.contains("the fleet is split: live is"), "{status}");
    fleet.site.done(&["prod", "cutover"]);
    assert_eq!(fleet.lives(), vec![second; 3]);

    // What is about all hosts is done on all, what is about one asks which.
    fleet.site.done(&["prod", "lock", "-m", "a sale"]);
    for host in ["web1", "web2", "web3"] {
        let refused = fleet.site.deployer(&["prod", "stop", "--host", host]);
        assert_eq!(refused.code, 0, "a pause keeps nobody from stopping next: {refused:?}");
        let refused = fleet.site.deployer(&["prod", "cutover", "--host", host]);
        assert_eq!(refused.code, 4, "{refused:?}");
    }
    fleet.site.done(&["prod", "unlock"]);
    fleet.site.done(&["prod", "deploy"]);
    fleet.site.done(&["prod", "stop"]);
    let refused = fleet.site.deployer(&["prod", "history"]);
    assert_eq!(refused.code, 2, "{refused:?}");
    assert!(refused.stderr.contains("deployer prod history --host web1"), "{}", refused.stderr);
    let history = fleet.site.done(&["prod", "history", "--host", "web2"]).stdout;
    assert_eq!(history.matches("cutover").count(), 3, "{history}");
    let unknown = fleet.site.deployer(&["prod", "history", "--host", "web4"]);
    assert!(unknown.stderr.contains("prod has no host web4: it has web1, web2, web3"), "{}", unknown.stderr);
}

#[test]
fn the_release_command_runs_once_and_before_anything_starts() {
    let mut fleet = Fleet::new();
    let notes = fleet.site.repo.path().join(".git/notes");
    let line = format!("echo $DEPLOYER_COMMIT >> {}; sleep 0.5", notes.display());
    fleet.site.extra = format!("[hooks]\nrelease = [{line:?}]\n");
    fleet.configure();
    let commit = fleet.site.commit("a release command");
    let ran = fleet.go_live();
    assert_eq!(std::fs::read_to_string(notes).expect("it ran"), format!("{commit}\n"));
    let at = |what: &str| ran.stderr.find(what).unwrap_or_else(|| panic!("no {what}: {}", ran.stderr));
    assert!(at("release command") < at("start gunicorn"), "{}", ran.stderr);
}

#[test]
fn where_one_host_fails_none_switches_or_all_go_back() {
    let mut fleet = Fleet::new();
    let first = fleet.site.git(&["rev-parse", "HEAD"]);
    fleet.go_live();
    let loads = fleet.load();

    // Its port is taken: the others are not switched either.
    let second = fleet.site.change();
    let ports = fleet.others[0].app_ports();
    let taken: Vec<_> = [ports.blue, ports.green]
        .iter()
        .filter_map(|port| TcpListener::bind(("127.0.0.1", *port)).ok())
        .collect();
    let failed = fleet.site.deployer(&["prod", "deploy", "--cutover"]);
    assert_eq!(failed.code, 1, "{failed:?}");
    assert!(failed.stderr.contains("web2"), "{}", failed.stderr);
    drop(taken);
    assert_eq!(fleet.lives(), vec![first.clone(); 3]);

    // nginx refuses the reload in the switch: what the others have done is taken back.
    fleet.site.done(&["prod", "deploy"]);
    fleet.reload = Some(("web2", vec!["false".into()]));
    fleet.configure();
    let failed = fleet.site.deployer(&["prod", "cutover"]);
    assert_eq!(failed.code, 3, "{failed:?}");
    assert!(failed.stderr.contains("web2") && failed.stderr.contains("the old release"), "{}", failed.stderr);
    assert_eq!(fleet.lives(), vec![first.clone(); 3]);

    // The client dies while two hosts wait for the third: nobody has decided, so all go back.
    let slow = [
        vec!["sh".into(), "-c".into(), "sleep 8; exec \"$@\"".into(), "sh".into()],
        fleet.others[0].nginx_reload_command(),
    ];
    fleet.reload = Some(("web2", slow.concat()));
    fleet.configure();
    let mut client = fleet.site.start(&["prod", "cutover"]);
    let door = |host: &ThrowawayHost| {
        let door = SocketAddr::from((Ipv4Addr::LOCALHOST, host.http_port()));
        http(door, host.server_name(), "/").1
    };
    let is_new = |body: String| body.contains(&second[..7]);
    until("web1 and web3 have switched", BOUND, || {
        is_new(door(&fleet.site.host)) && is_new(door(&fleet.others[1]))
    });
    client.kill().expect("it is killed");
    client.wait().expect("it has ended");
    until("all hosts serve the old release", BOUND, || !fleet.hosts().any(|host| is_new(door(host))));
    until("all leases are free", BOUND, || fleet.lives() == vec![first.clone(); 3]);
    assert_eq!(lost(loads), [""; 0]);

    // The next run converges.
    fleet.reload = None;
    fleet.configure();
    fleet.site.done(&["prod", "cutover", "--wait=60s"]);
    assert_eq!(fleet.lives(), vec![second; 3]);
}
