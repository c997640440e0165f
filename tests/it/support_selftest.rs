//! The tests' own instruments, measured before anything is measured with them.

use std::collections::VecDeque;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use crate::support::{DelayProxy, Load, Outcome, Replies};

const DELAY: Duration = Duration::from_millis(40);

/// A server that hands each connection to `serve`, for as long as the test process lives.
fn server(serve: impl Fn(TcpStream) + Send + Sync + Clone + 'static) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let address = listener.local_addr().unwrap();
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
    address
}

fn echo(mut stream: TcpStream) {
    let mut buffer = [0; 4096];
    while let Ok(count @ 1..) = stream.read(&mut buffer) {
        if stream.write_all(&buffer[..count]).is_err() {
            return;
        }
    }
}

fn connect(proxy: &DelayProxy) -> TcpStream {
    let stream = TcpStream::connect((Ipv4Addr::LOCALHOST, proxy.port())).unwrap();
    stream.set_nodelay(true).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream
}

fn exchange(stream: &mut TcpStream, word: &[u8]) {
    stream.write_all(word).unwrap();
    let mut answer = vec![0; word.len()];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(answer, word);
}

#[test]
fn the_proxy_delays_and_counts() {
    let proxy = DelayProxy::start(server(echo), DELAY);
    let begun = Instant::now();
    let mut stream = connect(&proxy);
    for word in [&b"one"[..], b"two", b"three"] {
        exchange(&mut stream, word);
    }
    // One for the connect and three exchanges, each there and back.
    let least = DELAY * 8;
    let took = begun.elapsed();
    assert!(took >= least && took < least * 3, "{took:?}");
    assert_eq!(proxy.round_trips(), 4);
    assert_eq!(proxy.connections(), 1);
    assert_eq!((proxy.bytes_up(), proxy.bytes_down()), (11, 11));
}

#[test]
fn what_is_sent_together_is_one_round_trip() {
    let proxy = DelayProxy::start(server(echo), DELAY);
    let mut stream = connect(&proxy);
    for _ in 0..20 {
        stream.write_all(b"word").unwrap();
    }
    let mut answer = [0; 80];
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(proxy.round_trips(), 2);
}

/// One way in the test below: long enough that a machine which does other things is told from a further round trip.
const FAR: Duration = Duration::from_millis(150);

/// How many round trips pass until a server has all of so many bytes, counted from the first that arrive.
fn round_trips_of(stream: &mut TcpStream, arrived: &Receiver<Instant>, bytes: usize) -> f64 {
    stream.write_all(&vec![b'.'; bytes - 1]).unwrap();
    stream.write_all(b"!").unwrap();
    let begun = arrived.recv().unwrap();
    let took = arrived.recv().unwrap() - begun;
    took.as_secs_f64() / (2.0 * FAR.as_secs_f64())
}

#[test]
fn the_proxy_starts_slowly() {
    let (sender, arrived) = mpsc::channel();
    // Tells when the first bytes of a burst came, and its last.
    let sink = server(move |mut stream| {
        let (mut buffer, mut first) = ([0; 4096], true);
        while let Ok(count @ 1..) = stream.read(&mut buffer) {
            let last = buffer[count - 1] == b'!';
            for _ in 0..u32::from(first) + u32::from(last) {
                sender.send(Instant::now()).unwrap();
            }
            first = last;
        }
    });
    let proxy = DelayProxy::start(sink, FAR);
    let mut stream = connect(&proxy);
    // Ten packets, then twenty, then forty: 14,600 bytes, 43,800, 102,200.
    for (bytes, trips) in [(10_000, 0), (30_000, 1), (100_000, 2)] {
        let mut stream = connect(&proxy);
        let took = round_trips_of(&mut stream, &arrived, bytes);
        assert!((f64::from(trips) - 0.1..f64::from(trips) + 0.9).contains(&took), "{bytes}: {took:.2}");
    }
    assert!(round_trips_of(&mut stream, &arrived, 100_000) > 1.9);
    // What was just used is wide; what was idle for long is not.
    assert!(round_trips_of(&mut stream, &arrived, 50_000) < 0.9);
    thread::sleep(Duration::from_secs(2));
    assert!(round_trips_of(&mut stream, &arrived, 100_000) > 1.9);
}

#[test]
fn the_end_of_a_stream_passes_through_one_way_at_a_time() {
    let proxy = DelayProxy::start(server(echo), Duration::ZERO);
    let mut stream = connect(&proxy);
    stream.write_all(b"last words").unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "last words");
}

#[test]
fn a_frozen_proxy_is_silent_and_a_thawed_one_loses_nothing() {
    let proxy = DelayProxy::start(server(echo), Duration::from_millis(1));
    let mut stream = connect(&proxy);
    exchange(&mut stream, b"before");
    proxy.freeze();
    stream.write_all(b"after").unwrap();
    stream.set_read_timeout(Some(Duration::from_millis(200))).unwrap();
    let mut answer = [0; 5];
    let error = stream.read_exact(&mut answer).unwrap_err();
    assert!(matches!(error.kind(), std::io::ErrorKind::WouldBlock), "{error}");
    proxy.thaw();
    stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    stream.read_exact(&mut answer).unwrap();
    assert_eq!(&answer, b"after");
}

#[test]
fn a_cut_connection_ends_and_a_new_one_is_served() {
    let proxy = DelayProxy::start(server(echo), Duration::ZERO);
    let mut stream = connect(&proxy);
    exchange(&mut stream, b"before");
    proxy.cut();
    assert_eq!(stream.read(&mut [0; 1]).unwrap_or(0), 0);
    exchange(&mut connect(&proxy), b"again");
    assert_eq!(proxy.connections(), 2);
}

/// Answers each request on a connection in turn with the next of these, then closes it.
fn scripted(answers: &'static [&'static str]) -> SocketAddr {
    server(move |mut stream| {
        for answer in answers {
            let mut request = Vec::new();
            let mut byte = [0];
            while !request.ends_with(b"\r\n\r\n") {
                if stream.read(&mut byte).unwrap_or(0) == 0 {
                    return;
                }
                request.push(byte[0]);
            }
            if stream.write_all(answer.as_bytes()).is_err() {
                return;
            }
        }
        if answers.is_empty() {
            let _ = stream.read(&mut [0; 4096]);
        }
    })
}

fn load(address: SocketAddr, requests: usize) -> Load {
    Load {
        clients: 1,
        requests,
        markers: vec!["blue".into(), "green".into()],
        ..Load::new(address, "app.localhost")
    }
}

const BLUE: &str = "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfrom blue\n";
const ERROR: &str = "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\n\r\n";
const CUT_SHORT: &str = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nfrom blue\n";

#[test]
fn each_connection_carries_one_request_unless_kept_alive() {
    let report = load(scripted(&[BLUE, ERROR]), 3).start().wait();
    assert_eq!(report.count(Outcome::Status(200)), 3);
    assert_eq!(report.with_marker("blue"), 3);
    assert_eq!(report.with_marker("green"), 0);
    assert!(report.failures().is_empty());
    assert!(report.latency(0.99) > Duration::ZERO);
}

#[test]
fn a_kept_connection_that_closes_is_told_from_a_broken_answer() {
    let kept = Load { keep_alive: true, ..load(scripted(&[BLUE, ERROR]), 4) };
    let outcomes: Vec<Outcome> = kept.start().wait().answers.iter().map(|answer| answer.outcome).collect();
    let expected = [Outcome::Status(200), Outcome::Status(502), Outcome::IdleClosed, Outcome::Status(200)];
    assert_eq!(outcomes, expected);

    assert_eq!(load(scripted(&[CUT_SHORT]), 1).start().wait().count(Outcome::Broken), 1);
    assert_eq!(load(scripted(&[]), 1).start().wait().count(Outcome::Broken), 1);
}

/// The tests start and end processes while a load runs, and each end may interrupt a read that has a time-out.
#[test]
fn an_interrupted_read_is_no_broken_answer() {
    let running = load(
        server(|mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            thread::sleep(Duration::from_millis(5));
            let _ = stream.write_all(BLUE.as_bytes());
        }),
        200,
    )
    .start();
    // Only a child that ends while the next one is being started reaches another thread.
    let mut children = VecDeque::new();
    for _ in 0..2000 {
        children.push_back(Command::new("true").spawn().unwrap());
        if children.len() > 20 {
            children.pop_front().unwrap().wait().unwrap();
        }
    }
    for mut child in children {
        child.wait().unwrap();
    }
    let report = running.wait();
    assert_eq!(report.with_marker("blue"), 200, "{:?}", report.failures());
}

#[test]
fn refusals_and_time_outs_are_counted() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let silent = Load { timeout: Duration::from_millis(100), ..load(listener.local_addr().unwrap(), 1) };
    assert_eq!(silent.start().wait().count(Outcome::TimedOut), 1);

    // Port 1 is below what any listener of a test would get.
    let nobody = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
    assert_eq!(load(nobody, 1).start().wait().failures()[0].outcome, Outcome::ConnectFailed);
}

#[test]
fn a_load_can_be_stopped() {
    let running = load(scripted(&[BLUE]), usize::MAX).start();
    thread::sleep(Duration::from_millis(50));
    let report = running.stop();
    assert!(!report.answers.is_empty());
    assert!(report.failures().is_empty());
}
