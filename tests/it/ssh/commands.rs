//! Running commands: both outputs, input, ends, big and interleaved.

use std::time::{Duration, Instant};

use deployer::model::SshClient;
use deployer::ssh::{Exit, Received, RemoteError, Session};

use crate::ssh::host::{Host, by_each};

fn soon() -> Option<Instant> {
    Some(Instant::now() + Duration::from_secs(20))
}

fn run(session: &mut Session, command: &str, input: &[u8]) -> (String, String, Exit) {
    let output = session.run(command, input, soon()).unwrap_or_else(|error| panic!("{command}: {error}"));
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (text(&output.stdout), text(&output.stderr), output.exit)
}

fn status(code: i32) -> Exit {
    Exit { status: Some(code), signal: None }
}

#[test]
fn a_command_has_input_two_outputs_and_an_end() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        assert_eq!(
            run(&mut session, "cat; echo oops >&2; exit 3", b"hello"),
            ("hello".into(), "oops\n".into(), status(3))
        );
        assert_eq!(run(&mut session, "true", b""), (String::new(), String::new(), status(0)));
        let (_, _, exit) = run(&mut session, "kill -TERM $$", b"");
        // OpenSSH keeps to itself which signal it was.
        let signal = (host.client == SshClient::Libssh2).then(|| "TERM".into());
        assert_eq!(exit, Exit { status: None, signal });
        assert!(!exit.success());
    }
}

#[test]
fn several_megabytes_on_both_outputs_at_once_lose_nothing() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let command = "head -c 8000000 /dev/zero & head -c 5000000 /dev/zero >&2; wait";
        let (out, err, exit) = run(&mut session, command, b"");
        assert_eq!((out.len(), err.len(), exit), (8_000_000, 5_000_000, status(0)));
    }
}

#[test]
fn errors_alone_may_fill_every_window() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let (out, err, _) = run(&mut session, "head -c 9000000 /dev/zero >&2; echo end", b"");
        let further = err.trim_matches('\0');
        assert_eq!((out.as_str(), further, err.len()), ("end\n", "", 9_000_000));
    }
}

/// Both sides write more than all buffers hold before either would read by itself.
#[test]
fn what_comes_while_sending_is_kept() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let input: Vec<u8> = (0..12_000_000_u32).map(|i| (i % 251) as u8).collect();
        let output = session.run("tee /dev/stderr", &input, soon()).expect("an echo");
        assert!(
            output.stdout == input && output.stderr == input,
            "{} {}",
            output.stdout.len(),
            output.stderr.len()
        );
    }
}

#[test]
fn a_conversation_goes_back_and_forth() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let mut channel = session.exec("while read word; do echo \"got $word\"; done").expect("a loop");
        for word in ["one", "two"] {
            channel.send(format!("{word}\n").as_bytes()).expect("sent");
            let came = channel.receive(Duration::from_secs(10)).expect("an answer");
            assert_eq!(came, Received::Stdout(format!("got {word}\n").into_bytes()));
        }
        assert_eq!(channel.receive(Duration::from_millis(1)).expect("silence"), Received::Nothing);
        channel.close_input().expect("closed");
        assert_eq!(channel.receive(Duration::from_secs(10)).expect("the end"), Received::End(status(0)));
        assert_eq!(channel.receive(Duration::ZERO).expect("still the end"), Received::End(status(0)));
        drop(channel);
        assert_eq!(run(&mut session, "echo again", b"").0, "again\n");
    }
}

/// Looking at one output may take bytes of the other off the socket. They must not lie unseen until something else
/// happens there: so one answer after the other is awaited, each a moment later than the one before.
#[test]
fn neither_output_waits_for_the_other() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let mut channel = session.exec("while read word; do echo a; done").expect("a loop");
        let mut slowest = Duration::ZERO;
        for round in 0..3000 {
            channel.send(b"word\n").expect("sent");
            let mut came = Received::Nothing;
            for _ in 0..round % 300 {
                came = channel.receive(Duration::ZERO).expect("a look");
                if came != Received::Nothing {
                    break;
                }
            }
            let began = Instant::now();
            if came == Received::Nothing {
                came = channel.receive(Duration::from_secs(10)).expect("an answer");
            }
            slowest = slowest.max(began.elapsed());
            assert_eq!(came, Received::Stdout(b"a\n".to_vec()));
        }
        assert!(slowest < Duration::from_millis(900), "{slowest:?}");
        channel.close_input().expect("closed");
        assert_eq!(channel.receive(Duration::from_secs(10)).expect("the end"), Received::End(status(0)));
    }
}

#[test]
fn a_command_that_does_not_read_its_input_still_ends() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let (out, _, exit) = run(&mut session, "exec <&-; echo done; exit 5", &vec![b'x'; 6_000_000]);
        assert_eq!((out.as_str(), exit), ("done\n", status(5)));
        assert_eq!(run(&mut session, "echo again", b"").0, "again\n");
    }
}

#[test]
fn an_output_closed_early_does_not_end_the_command() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let mut channel = session.exec("exec >&- 2>&-; read word; exit 7").expect("a command");
        let began = Instant::now();
        assert_eq!(channel.receive(Duration::from_millis(300)).expect("nothing"), Received::Nothing);
        assert!(began.elapsed() >= Duration::from_millis(250), "it waits, and does not spin");
        channel.send(b"go\n").expect("sent");
        assert_eq!(channel.receive(Duration::from_secs(10)).expect("the end"), Received::End(status(7)));
    }
}

/// New keys in the middle of everything, in both directions.
#[test]
fn the_keys_may_be_renewed_on_the_way() {
    for host in by_each(|| Host::with("RekeyLimit 1M")) {
        let input = vec![b'r'; 10_000_000];
        // On a busy machine libssh2 waits for ever in about one of a hundred renewals, where both sides have begun one. sshd
        // asks for one after a gigabyte, and the deadline ends it: so one run of several must pass, and the others be ended.
        let passed = (0..4).any(|_| match host.connect().run("cat", &input, soon()) {
            Ok(output) => output.stdout.len() == input.len(),
            Err(error) => {
                assert!(matches!(error, RemoteError::TimedOut { .. }), "{error}\n{}", host.log());
                false
            }
        });
        assert!(passed, "{}", host.log());
    }
}

#[test]
fn a_deadline_ends_the_wait_and_the_connection() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let began = Instant::now();
        let error =
            session.run("sleep 15", b"", Some(began + Duration::from_millis(300))).expect_err("too slow");
        assert!(matches!(error, RemoteError::TimedOut { .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(5));
        let error = session.run("true", b"", soon()).expect_err("the session is closed");
        assert_eq!(error.code(), "host.lost", "{error}");
    }
}

#[test]
fn a_command_too_long_for_the_library_is_refused_by_name() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let error = session.run(&format!(": {}", "x".repeat(40_000)), b"", soon()).expect_err("too long");
        assert_eq!(error.code(), "host.command_too_long");
        let (out, ..) = run(&mut session, &format!("echo {}", "x".repeat(31_000)), b"");
        assert_eq!(out.len(), 31_001, "nearly as long goes");
    }
}
