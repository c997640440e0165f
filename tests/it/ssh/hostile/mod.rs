//! Peers that mean no good: bounded time, bounded memory, and the first Ctrl-C is obeyed.

mod client;

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use self::client::{Client, Ran};
use crate::ssh::host::{Host, eventually, keygen, user};

fn row(peer: &str, verb: &[&str], ran: &Ran) {
    let result = format!("ok {:.1} s, {} MB", ran.took.as_secs_f32(), ran.memory >> 20);
    crate::support::row("hostile", &format!("{peer}: {}", verb.join(" ")), result);
}

/// Does all of them, two at a time: they keep a processor busy.
fn in_lanes<T: Send>(lanes: usize, work: Vec<T>, each: impl Fn(T) + Sync) {
    let work = Mutex::new(work);
    thread::scope(|scope| {
        let lanes: Vec<_> = (0..lanes)
            .map(|_| {
                scope.spawn(|| {
                    loop {
                        let next = work.lock().expect("no lane panics here").pop();
                        match next {
                            Some(one) => each(one),
                            None => break,
                        }
                    }
                })
            })
            .collect();
        let results: Vec<_> = lanes.into_iter().map(|lane| lane.join()).collect();
        for result in results {
            if let Err(panic) = result {
                std::panic::resume_unwind(panic);
            }
        }
    });
}

/// One packet of SSH before there are keys: a type and what belongs to it.
fn packet(kind: u8, payload: usize) -> Vec<u8> {
    let padding = 4 + (8 - (4 + 1 + 1 + payload + 4) % 8) % 8;
    let length = u32::try_from(1 + 1 + payload + padding).expect("a short packet");
    let mut bytes = length.to_be_bytes().to_vec();
    bytes.push(u8::try_from(padding).expect("a short padding"));
    bytes.push(kind);
    bytes.resize(bytes.len() + payload + padding, 0);
    bytes
}

/// What is said first, and what is said again and again with what pause between.
#[derive(Clone)]
struct Babble {
    name: &'static str,
    first: &'static [u8],
    then: Vec<u8>,
    pause: Duration,
}

fn babblers() -> Vec<Babble> {
    let babble = |name, first: &'static str, then: &[u8], pause| Babble {
        name,
        first: first.as_bytes(),
        then: then.repeat(if pause == 0 { 32768 / then.len() + 1 } else { 1 }),
        pause: Duration::from_millis(pause),
    };
    let banner = "SSH-2.0-OpenSSH_9.2\r\n";
    vec![
        babble("says nothing", "", b"x", 100_000),
        babble("endless lines before the banner", "", b"hello\r\n", 0),
        babble("one endless line before the banner", "", b"x", 0),
        babble("drips lines before the banner", "", b"hello\r\n", 50),
        babble("drips a banner", "SSH-2.0-", b"x", 50),
        babble("nothing after the banner", banner, b"x", 100_000),
        babble("endless packets to ignore", banner, &packet(2, 4), 0),
        babble("endless packets to debug", banner, &packet(4, 400), 0),
        babble("endless packets of no meaning", banner, &packet(93, 4), 0),
        babble("endless signatures", banner, &packet(31, 30_000), 0),
        babble("drips packets to ignore", banner, &packet(2, 4), 50),
        babble("endless zeros", banner, b"\0", 0),
        babble("endless noise", banner, b"\x5a\xa5\x00\x31", 0),
    ]
}

/// Serves a babbler at a port until the test ends; the second value counts who came.
fn serve(babble: Babble) -> (u16, Arc<Mutex<usize>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = listener.local_addr().expect("a port").port();
    let came = Arc::new(Mutex::new(0));
    let count = Arc::clone(&came);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            *count.lock().expect("a count") += 1;
            let babble = babble.clone();
            thread::spawn(move || talk(stream, &babble));
        }
    });
    (port, came)
}

fn talk(mut stream: TcpStream, babble: &Babble) {
    let mut said = stream.write_all(babble.first);
    while said.is_ok() {
        if babble.pause > Duration::from_secs(1) {
            thread::sleep(babble.pause);
        }
        said = stream.write_all(&babble.then);
        thread::sleep(babble.pause);
    }
}

#[test]
fn a_peer_that_babbles_before_the_login_is_given_up() {
    in_lanes(babblers().len(), babblers(), |babble| {
        let name = babble.name;
        let (port, _) = serve(babble);
        let client = Client::new(port, "", "");
        let verb = ["prod", "rollback"];
        let ran = client.start(&verb).within(Duration::from_secs(26));
        assert_eq!(ran.code, 1, "{name}: {}", ran.said);
        assert!(ran.said.contains("cannot connect to prod"), "{name}: {}", ran.said);
        row(name, &verb, &ran);
    });
}

#[test]
fn the_first_press_ends_the_wait_for_a_peer_that_babbles() {
    let slow = babblers().into_iter().filter(|babble| {
        // The others are given up in less time than it takes to press.
        let name = babble.name;
        name.contains("drips")
            || name.contains("nothing")
            || name.contains("ignore")
            || name.contains("lines")
    });
    in_lanes(4, slow.collect(), |babble| {
        let name = babble.name;
        let (port, came) = serve(babble);
        let client = Client::new(port, "", "");
        let verb = ["prod", "rollback"];
        let running = client.start(&verb);
        eventually("the client", || (*came.lock().expect("a count") > 0).then_some(()));
        running.press();
        let ran = running.within(Duration::from_secs(5));
        assert!([1, 130].contains(&ran.code), "{name}: {}", ran.said);
        row(&format!("{name}, Ctrl-C"), &verb, &ran);
    });
}

/// A host whose sshd is as it should be, and whose shell is not: each client has a key of its own, and what it meets.
struct Hostile {
    host: Host,
    count: AtomicUsize,
}

impl Hostile {
    fn new() -> Hostile {
        let host = Host::start();
        fs::write(host.path("host.py"), include_str!("host.py")).expect("a script");
        fs::write(host.path("state.json"), crate::fixtures::base().to_string()).expect("a state");
        let count = AtomicUsize::new(0);
        Hostile { host, count }
    }

    /// A client, and the file that is there once the host has begun to be what it is.
    fn client(&self, kind: &str) -> (Client, PathBuf) {
        let key = format!("key{}", self.count.fetch_add(1, Ordering::SeqCst));
        keygen(&self.host.path(""), &key, "ed25519", "");
        let reached = self.host.path(&format!("{key}.reached"));
        let line = format!(
            "command=\"python3 {} '{kind}' {}\" {}\n",
            self.host.path("host.py").display(),
            reached.display(),
            self.host.public(&key)
        );
        let keys = OpenOptions::new().append(true).open(self.host.path("authorized_keys"));
        let written = keys.and_then(|mut keys| keys.write_all(line.as_bytes()));
        written.expect("authorized_keys");
        let config = format!(" User {}\n IdentityFile {}\n", user(), self.host.path(&key).display());
        let client = Client::new(self.host.port, &config, &self.host.line_for("host_ed25519"));
        (client, reached)
    }
}

const FLOODS: [&str; 12] = [
    "endless line",
    "endless word",
    "endless wanted",
    "endless notes",
    "endless greeting",
    "foreign nonces",
    "broken JSON",
    "unknown word",
    "escapes",
    "endless errors",
    "endless error",
    "huge state",
];
const QUIET: [&str; 7] = [
    "mute",
    "mute after wanted",
    "dripping",
    "dripping word",
    "dripping notes",
    "foreign nonces, dripping",
    "dripping errors",
];

/// It says all that it should, and then nothing more.
const DEAF: &str = "deaf after its state";

/// It says that all went well up to the switch, which a press alone does not end.
const MUTE: &str = "mute in its switch";

const VERBS: [&[&str]; 14] = [
    &["status"],
    &["prod", "deploy"],
    &["prod", "cutover"],
    &["prod", "rollback"],
    &["prod", "plan"],
    &["prod", "stop"],
    &["prod", "prune"],
    &["prod", "history"],
    &["prod", "lock", "-m", "x"],
    &["prod", "env"],
    &["prod", "doctor"],
    &["prod", "setup"],
    &["prod", "run", "--", "true"],
    &["prod", "open"],
];

fn is_refused(kind: &str, verb: &[&str], ran: &Ran) {
    assert!((1..=4).contains(&ran.code), "{kind} {verb:?}: {} {}", ran.code, ran.said);
    let words = ["without end", "not answer", "did not tell", "not understand", "longer than allowed"];
    let named = words.iter().any(|word| ran.said.contains(word));
    assert!(named, "{kind} {verb:?}: {}", ran.said);
    assert!(!ran.said.contains(['\x1b', '\x07']), "{kind} {verb:?}: {:?}", ran.said);
    assert!(ran.log < 1 << 20, "{kind} {verb:?}: a log of {} bytes", ran.log);
    row(kind, verb, ran);
}

#[test]
fn a_host_that_floods_is_given_up_by_every_verb() {
    let hostile = Hostile::new();
    let all = FLOODS.iter().flat_map(|kind| VERBS.map(|verb| (*kind, verb)));
    in_lanes(3, all.collect(), |(kind, verb)| {
        let (client, _) = hostile.client(kind);
        let ran = client.start(verb).within(Duration::from_secs(30));
        is_refused(kind, verb, &ran);
    });
}

#[test]
fn a_host_that_says_nothing_is_given_up() {
    let hostile = Hostile::new();
    let verbs: [&[&str]; 4] = [&["status"], &["prod", "deploy"], &["prod", "logs"], &["prod", "env"]];
    let mut all: Vec<_> = QUIET.iter().flat_map(|kind| verbs.map(|verb| (*kind, verb))).collect();
    all.push((DEAF, &["prod", "deploy", "--force"]));
    in_lanes(all.len(), all, |(kind, verb)| {
        if verb.contains(&"logs") && kind != "mute" {
            // What drips is the log.
            return;
        }
        let (client, _) = hostile.client(kind);
        let ran = client.start(verb).within(Duration::from_secs(75));
        is_refused(kind, verb, &ran);
    });
}

#[test]
fn the_first_press_ends_every_verb_at_every_host() {
    let logs: [&[&str]; 2] = [&["prod", "logs"], &["prod", "logs", "-f"]];
    let kinds: Vec<&str> = FLOODS.iter().chain(&QUIET).copied().collect();
    let hostile = Hostile::new();
    let mut all: Vec<(&str, &[&str])> = vec![(DEAF, &["prod", "deploy", "--force"])];
    for kind in &kinds {
        all.extend(logs.map(|verb| (*kind, verb)));
        if QUIET.contains(kind) {
            all.extend(VERBS.map(|verb| (*kind, verb)));
        }
    }
    in_lanes(4, all, |(kind, verb)| {
        let (client, reached) = hostile.client(kind);
        let running = client.start(verb);
        eventually("the host", || reached.exists().then_some(()));
        running.press();
        let ran = running.within(Duration::from_secs(6));
        let what = format!("{kind}, Ctrl-C");
        assert!([1, 130].contains(&ran.code), "{kind} {verb:?}: {} {}", ran.code, ran.said);
        assert!(
            ran.code == 130 || !QUIET.contains(&kind) || verb == ["status"],
            "{kind} {verb:?}: {}",
            ran.said
        );
        row(&what, verb, &ran);
    });
}

#[test]
fn the_second_press_leaves_a_switch_that_never_ends() {
    let hostile = Hostile::new();
    in_lanes(2, vec![MUTE, "one step for ever"], |kind| {
        let (client, _) = hostile.client(kind);
        let verb = ["prod", "cutover"];
        let running = client.start(&verb);
        running.says("the switch is at work");
        running.press();
        running.says("interrupt again to leave at once");
        running.press();
        let ran = running.within(Duration::from_secs(3));
        // Nobody can tell any more what nginx serves.
        assert_eq!(ran.code, 3, "{kind}: {}", ran.said);
        row(&format!("{kind}, Ctrl-C twice"), &verb, &ran);
    });
}
