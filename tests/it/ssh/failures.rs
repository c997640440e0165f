//! Hosts that are not there, go away, or say nothing; and a user who wants to stop.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Socket, Type};

use deployer::model::{SshClient, Target};
use deployer::ssh::{ConnectError, ConnectOptions, Interrupt, NoPrompt, Received, RemoteError, Session};

use crate::ssh::host::{BOTH, Host, by_each, eventually};

fn connect(target: &Target, options: &ConnectOptions) -> ConnectError {
    match Session::connect(target, options, &mut NoPrompt, &Interrupt::never()) {
        Ok(_) => panic!("connected to {target:?}"),
        Err(error) => error,
    }
}

fn by(client: SshClient) -> ConnectOptions {
    ConnectOptions { client, ..ConnectOptions::default() }
}

fn at(port: u16) -> Target {
    Target { host: "127.0.0.1".into(), port: Some(port), user: Some("x".into()) }
}

/// Carries bytes to a host until it is told to be silent, as a network does that loses everything.
struct Relay {
    port: u16,
    silent: Arc<AtomicBool>,
}

impl Relay {
    fn to(port: u16) -> Relay {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let relay = Relay { port: listener.local_addr().expect("a port").port(), silent: Arc::default() };
        let silent = Arc::clone(&relay.silent);
        thread::spawn(move || {
            for near in listener.incoming().flatten() {
                let far = TcpStream::connect(("127.0.0.1", port)).expect("the host");
                carry(
                    near.try_clone().expect("a socket"),
                    far.try_clone().expect("a socket"),
                    Arc::clone(&silent),
                );
                carry(far, near, Arc::clone(&silent));
            }
        });
        relay
    }
}

fn carry(mut from: TcpStream, mut to: TcpStream, silent: Arc<AtomicBool>) {
    thread::spawn(move || {
        let mut piece = [0; 16384];
        while let Ok(count @ 1..) = from.read(&mut piece) {
            if !silent.load(Ordering::SeqCst) && to.write_all(&piece[..count]).is_err() {
                break;
            }
        }
        let _ = to.shutdown(Shutdown::Both);
    });
}

/// A host behind a relay, known under the relay's port.
fn relayed(patience: Duration, client: SshClient) -> (Host, Relay, Target, ConnectOptions) {
    let host = Host::start();
    let relay = Relay::to(host.port);
    host.know(&format!("[127.0.0.1]:{} {}", relay.port, host.public("host_ed25519")));
    let options = ConnectOptions { client, silence: patience, handshake_timeout: patience, ..host.options() };
    let target = Target { port: Some(relay.port), ..host.target() };
    (host, relay, target, options)
}

#[test]
fn nobody_listens() {
    for client in BOTH {
        // Bound and deaf, so that nobody else gets the port meanwhile.
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("a socket");
        socket.bind(&std::net::SocketAddr::from(([127, 0, 0, 1], 0)).into()).expect("a port");
        let port = socket.local_addr().expect("it is bound").as_socket().expect("an address").port();
        let error = connect(&at(port), &by(client));
        assert_eq!(error.code(), "host.refused");
        assert_eq!(error.to_string(), format!("127.0.0.1 refuses connections at port {port}"));
    }
}

#[test]
fn the_name_does_not_exist() {
    for client in BOTH {
        let target = Target { host: "no-such-host.invalid".into(), port: None, user: None };
        let error = connect(&target, &by(client));
        assert_eq!(error.code(), "host.name", "{error}");
        assert!(error.to_string().contains("no-such-host.invalid"), "{error}");
    }
}

#[test]
fn a_name_is_resolved() {
    for host in by_each(Host::start) {
        host.know(&format!("[localhost]:{} {}", host.port, host.public("host_ed25519")));
        let target = Target { host: "localhost".into(), ..host.target() };
        Session::connect(&target, &host.options(), &mut NoPrompt, &Interrupt::never()).expect("a session");
    }
}

#[test]
fn somebody_else_listens() {
    for client in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        thread::spawn(move || {
            let (mut client, _) = listener.accept().expect("a client");
            let _ = client.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n");
        });
        let error = connect(&at(port), &by(client));
        assert_eq!(error.code(), "host.not_ssh", "{error}");
    }
}

#[test]
fn the_listener_says_nothing() {
    for client in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let port = listener.local_addr().expect("a port").port();
        let options = ConnectOptions { handshake_timeout: Duration::from_millis(300), ..by(client) };
        let began = Instant::now();
        let error = connect(&at(port), &options);
        assert!(matches!(error, ConnectError::TimedOut { stage: "key exchange", .. }), "{error}");
        assert!(began.elapsed() < Duration::from_secs(3));
    }
}

#[test]
fn no_algorithm_in_common() {
    let host = Host::with("KexAlgorithms sntrup761x25519-sha512@openssh.com");
    let error = host.try_connect().err().expect("no session");
    assert_eq!(error.code(), "host.key_exchange", "{error}");
}

/// Its signs of life arrive at once where it is near and the machine is busy, and count all the same.
#[test]
fn a_near_host_that_works_in_silence_is_waited_for() {
    let host = Host::start();
    let options = ConnectOptions { silence: Duration::from_secs(6), ..host.options() };
    let over = Arc::new(AtomicBool::new(false));
    let busy: Vec<_> = (0..4)
        .map(|_| {
            let over = Arc::clone(&over);
            thread::spawn(move || while !over.load(Ordering::Relaxed) {})
        })
        .collect();
    let ran: Vec<_> = (0..4)
        .map(|_| {
            let (target, options) = (host.target(), options.clone());
            thread::spawn(move || {
                let mut session = Session::connect(&target, &options, &mut NoPrompt, &Interrupt::never())
                    .expect("a session");
                session.run("sleep 13", b"", Some(Instant::now() + Duration::from_secs(60)))
            })
        })
        .collect();
    let ran: Vec<_> = ran.into_iter().map(|session| session.join().expect("no panic")).collect();
    over.store(true, Ordering::Relaxed);
    for burner in busy {
        burner.join().expect("no panic");
    }
    for output in ran {
        assert_eq!(output.expect("a session that lives").exit.status, Some(0));
    }
}

#[test]
fn the_network_dies_during_a_command() {
    for client in BOTH {
        let (_host, relay, target, options) = relayed(Duration::from_secs(2), client);
        let mut session =
            Session::connect(&target, &options, &mut NoPrompt, &Interrupt::never()).expect("a session");
        let mut channel = session.exec("echo up; cat").expect("a command");
        assert_eq!(channel.receive(Duration::from_secs(10)).expect("up"), Received::Stdout(b"up\n".to_vec()));
        relay.silent.store(true, Ordering::SeqCst);
        let began = Instant::now();
        let error = loop {
            match channel.receive(Duration::from_millis(300)) {
                Ok(came) => assert_eq!(came, Received::Nothing),
                Err(error) => break error,
            }
        };
        assert!(matches!(error, RemoteError::Dead { .. }), "{error}");
        assert!(
            (Duration::from_millis(1500)..Duration::from_secs(4)).contains(&began.elapsed()),
            "{:?}",
            began.elapsed()
        );
        drop(channel);
        drop(session);
        assert!(began.elapsed() < Duration::from_secs(4), "nothing waits for the dead");
    }
}

/// A host that has nothing to say is not dead, as long as it answers when asked.
#[test]
fn a_long_silence_of_a_living_host_is_no_failure() {
    for client in BOTH {
        let (_host, _relay, target, options) = relayed(Duration::from_secs(5), client);
        let mut session =
            Session::connect(&target, &options, &mut NoPrompt, &Interrupt::never()).expect("a session");
        let output = session.run("sleep 8; echo done", b"", None).expect("alive");
        assert_eq!(output.stdout, b"done\n");
    }
}

#[test]
fn the_network_dies_while_sending() {
    for client in BOTH {
        let (_host, relay, target, options) = relayed(Duration::from_secs(2), client);
        let mut session =
            Session::connect(&target, &options, &mut NoPrompt, &Interrupt::never()).expect("a session");
        let mut channel = session.exec("cat > /dev/null").expect("a command");
        channel.send(b"begin").expect("sent");
        relay.silent.store(true, Ordering::SeqCst);
        let error = channel.send(&vec![0; 64_000_000]).expect_err("nobody takes it");
        assert!(matches!(error, RemoteError::Dead { .. }), "{error}");
    }
}

#[test]
fn the_network_dies_during_the_key_exchange() {
    for client in BOTH {
        let (_host, relay, target, options) = relayed(Duration::from_secs(1), client);
        relay.silent.store(true, Ordering::SeqCst);
        assert_eq!(connect(&target, &options).code(), "host.timeout");
    }
}

/// libssh2 says exit status 0 of a command whose connection died.
#[test]
fn a_session_killed_on_the_host_is_never_a_success() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        for command in ["kill -9 $PPID; sleep 15", "echo out; echo err >&2; kill -9 $PPID"] {
            let error = session.run(command, b"", None).expect_err("a lost connection");
            assert_eq!(error.code(), "host.lost", "{error}");
        }
    }
}

#[test]
fn dropping_a_running_command_does_not_wait_for_it() {
    for host in by_each(Host::start) {
        let mut session = host.connect();
        let mut channel = session.exec("echo up; cat").expect("a command");
        assert_eq!(channel.receive(Duration::from_secs(10)).expect("up"), Received::Stdout(b"up\n".to_vec()));
        let began = Instant::now();
        drop(channel);
        drop(session);
        assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    }
}

#[test]
fn dropping_in_the_middle_of_a_send_does_not_wait() {
    for host in by_each(Host::start) {
        let interrupt = Interrupt::never();
        let connected = Session::connect(&host.target(), &host.options(), &mut NoPrompt, &interrupt);
        let mut session = connected.expect("a session");
        let mut channel = session.exec("sleep 15").expect("a command");
        let pressing = thread::spawn(move || {
            thread::sleep(Duration::from_millis(300));
            interrupt.press();
            interrupt.press();
        });
        let began = Instant::now();
        let error = channel.send(&vec![0; 64_000_000]).expect_err("nobody reads");
        assert!(matches!(error, RemoteError::Interrupted), "{error}");
        drop(channel);
        drop(session);
        assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
        pressing.join().expect("pressed");
    }
}

#[test]
fn one_press_wakes_the_caller_and_two_end_everything() {
    for host in by_each(Host::start) {
        let interrupt = Interrupt::never();
        let connected = Session::connect(&host.target(), &host.options(), &mut NoPrompt, &interrupt);
        let mut session = connected.expect("a session");
        let mut channel = session.exec("cat; echo end of input; sleep 15").expect("a command");
        for press in 1..=2 {
            let (pressed, began) = (interrupt.clone(), Instant::now());
            let pressing = thread::spawn(move || {
                thread::sleep(Duration::from_millis(200));
                pressed.press();
            });
            let came = channel.receive(Duration::from_secs(60));
            assert!(began.elapsed() < Duration::from_secs(2), "{:?}", began.elapsed());
            pressing.join().expect("pressed");
            assert_eq!(interrupt.count(), press);
            if press == 1 {
                assert_eq!(came.expect("only a hint"), Received::Nothing);
                channel.close_input().expect("the session still works");
                let came = channel.receive(Duration::from_secs(10)).expect("an answer");
                assert_eq!(came, Received::Stdout(b"end of input\n".to_vec()));
            } else {
                assert!(matches!(came, Err(RemoteError::Interrupted)), "{came:?}");
            }
        }
        drop(channel);
        let error = session.run("true", b"", None).expect_err("closed");
        assert_eq!(error.code(), "host.lost", "{error}");
    }
}

#[test]
fn one_press_gives_up_connecting() {
    for client in BOTH {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let target = at(listener.local_addr().expect("a port").port());
        let interrupt = Interrupt::never();
        let pressed = interrupt.clone();
        let pressing = thread::spawn(move || {
            let silent_client = listener.accept().expect("a client");
            pressed.press();
            silent_client
        });
        let began = Instant::now();
        let error = Session::connect(&target, &by(client), &mut NoPrompt, &interrupt).err();
        assert!(matches!(error, Some(ConnectError::Interrupted { .. })), "{error:?}");
        assert!(began.elapsed() < Duration::from_secs(2));
        pressing.join().expect("pressed");
    }
}

#[test]
fn a_signal_is_a_press() {
    let interrupt = Interrupt::install().expect("signals");
    signal_hook::low_level::raise(signal_hook::consts::SIGHUP).expect("a signal");
    eventually("the press", || (interrupt.count() == 1).then_some(()));
}
